// How often this thread has called operator new.
#pragma once

#include <cstdint>

extern thread_local int64_t allocations;
