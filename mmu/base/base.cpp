#include "mmu/base/error.hpp"

namespace pagoda {

std::string_view message(Error error) {
  switch (error) {
  case Error::OutOfMemory: return "no free frame of the wanted kind and order";
  case Error::NoSpace: return "no gap of that length in the address space";
  case Error::Exists: return "something is already mapped there";
  case Error::NotMapped: return "nothing is mapped there";
  case Error::Invalid: return "an argument is out of range, misaligned or contradictory";
  case Error::Denied: return "the permission or limit does not allow it";
  case Error::Io: return "reading or writing the backing store failed";
  case Error::PastEnd: return "the file ends before that page";
  case Error::Busy: return "in use; try again after it is released";
  case Error::Unsupported: return "this host or format cannot do it";
  }
  return "unknown error";
}

} // namespace pagoda
