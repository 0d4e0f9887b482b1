// The tables of pollux.db, as the list of steps that made them.
#pragma once

#include <SQLiteCpp/Database.h>

#include <span>
#include <string_view>

#include "base/result.h"

namespace pollux {

// Step N brings a database from version N - 1 to N. Steps that were released never change.
std::span<const char* const> schema_steps();

// Brings the database to the last step's version, each step in a transaction of its own. A database from a
// newer program is an error. Throws SQLite::Exception.
Result<void> migrate(SQLite::Database& database, std::span<const char* const> steps);

// The tables that must be whole for Pollux to start.
std::span<const std::string_view> checked_tables();

}  // namespace pollux
