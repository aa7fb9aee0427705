// How often this thread has called operator new, and which call is to fail.
#pragma once

#include <cstdint>

extern thread_local int64_t allocations;
extern thread_local int64_t until_refused_allocation;   // so many go well, then one fails; negative: all go well
