// Exchanges as lines of CSV (RFC 4180).
#pragma once

#include <string>
#include <string_view>

#include "store/exchange_record.h"

namespace pollux {

// The names of the columns, with the line's end.
std::string_view csv_head();
// A text that a spreadsheet would take for a formula gets a ' in front: clients choose some of them.
std::string csv_line(const ExchangeRecord& record);

}  // namespace pollux
