// The boundary pool: one arena of 96 classes x 12,288 bytes that stays in the cache.
//
// A class is free, part of a run of consecutive classes (one block of more than half a class), or divided into slots of
// one size (blocks of up to half a class, so that 96 small parameters do not exhaust the pool).
//
// Invariants
//  * A class is in `free_` exactly when it belongs to no run and no slots live in it, except the one emptied class per slot
//    size that is kept ready; that one is taken back before a search is given up.
//  * The block freed last is the first to be given out again: runs by `recent_`, slots by the stack of their class.
//  * Not thread-safe: Memory holds its lock around every call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hologram {

constexpr int kClasses = 96;
constexpr size_t kPageBytes = 256;
constexpr size_t kPagesPerClass = 48;
constexpr size_t kClassBytes = kPageBytes * kPagesPerClass;   // 12,288
constexpr size_t kArenaBytes = kClasses * kClassBytes;        // 1,179,648 = 1.125 MiB
constexpr int kMaxRun = 48;
constexpr size_t kMaxBoundaryBytes = kMaxRun * kClassBytes;
constexpr size_t kAlignment = 64;

class BoundaryPool {
 public:
  struct Extent {
    char* data = nullptr;     // nullptr: the pool is full
    size_t bytes = 0;
    uint16_t tag = 0;         // to be handed back to release
  };

  BoundaryPool();
  /// `arena`: kArenaBytes of memory.
  void open(char* arena) { arena_ = arena; }
  char* arena() const { return arena_; }

  Extent allocate(size_t bytes);
  /// Exactly the classes [first, first + count).
  Extent reserve(int first, int count);
  void release(char* data, size_t bytes, uint16_t tag);

  int free_classes() const;
  int class_of(const char* data) const { return static_cast<int>((data - arena_) / static_cast<ptrdiff_t>(kClassBytes)); }

 private:
  static constexpr size_t kMaxSlotBytes = kClassBytes / 2;
  static constexpr int kSlotSizes = 13;
  static constexpr int kMaxSlots = kClassBytes / kAlignment;
  static constexpr uint16_t kRun = 0xFFFF;      // tag of runs; slots carry their size's number
  static constexpr int kRecent = 4;

  // A class divided into slots. Slots [fresh, count) were never given out; freed ones are on the stack.
  struct Slots {
    uint8_t fresh, freed, live;
    int8_t prev, next;              // classes of the same slot size that have a free slot
    uint8_t stack[kMaxSlots];
  };
  // Bits of free classes, class 0 lowest.
  struct Bits { uint64_t low, high; };

  bool is_free(int first, int count) const;
  void mark(int first, int count, bool free);
  int find_run(int count) const;
  int take_run(int count);
  Extent take_slot(int size);
  int open_class(int size);
  bool reclaim();
  void link(int size, int cls);
  void unlink(int size, int cls);
  Extent run_extent(int first, int count) { return {arena_ + first * kClassBytes, count * kClassBytes, kRun}; }

  char* arena_ = nullptr;
  Bits free_{~0ull, (1ull << (kClasses - 64)) - 1};
  int8_t partial_[kSlotSizes];      // first class with a free slot
  int8_t empty_[kSlotSizes];        // its kept, emptied class
  struct { int8_t first[kRecent]; uint8_t count; } recent_[kMaxRun + 1] = {};               // freed runs by length
  Slots slots_[kClasses];
};

}  // namespace hologram
