// What SQLite's errors mean for Pollux.
#pragma once

#include <SQLiteCpp/Exception.h>

#include <string>

namespace pollux {

enum class Trouble { damaged, locked, not_writable, other };

Trouble trouble_of(const SQLite::Exception& failure);
// "disk is full", "read-only", ...: behind the name of the database.
std::string in_words(const SQLite::Exception& failure);

}  // namespace pollux
