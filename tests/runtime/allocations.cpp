// In a file of its own: where the compiler sees both ends it warns that memory of `new` is given to `free`.
#include "allocations.h"

#include <cstdlib>
#include <new>

thread_local int64_t allocations = 0, until_refused_allocation = -1;

void* operator new(size_t bytes) {
  ++allocations;
  const bool refused = until_refused_allocation >= 0 && until_refused_allocation-- == 0;
  if (void* p = refused ? nullptr : std::malloc(bytes ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
