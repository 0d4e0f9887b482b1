// Settings as the administration shows them.
#pragma once

#include "admin/admin_call.h"
#include "admin/settings_service.h"

namespace pollux {

Json setting_json(const SettingFacts& facts);

}  // namespace pollux
