#include "store/sqlite_trouble.h"

#include <sqlite3.h>

namespace pollux {

Trouble trouble_of(const SQLite::Exception& failure) {
  switch (failure.getErrorCode()) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Trouble::damaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Trouble::locked;
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return Trouble::not_writable;
    default:
      return Trouble::other;
  }
}

std::string in_words(const SQLite::Exception& failure) {
  switch (failure.getErrorCode()) {
    case SQLITE_FULL:
      return "disk is full";
    case SQLITE_READONLY:
      return "read-only";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "locked by another program";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "damaged, a restart begins a new one with what can be saved";
    case SQLITE_IOERR:
      return std::string("the disk fails (") + failure.what() + ")";
    case SQLITE_CANTOPEN:
      return "cannot be opened";
    default:
      return failure.what();
  }
}

}  // namespace pollux
