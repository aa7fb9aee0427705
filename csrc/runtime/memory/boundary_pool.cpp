#include "runtime/memory/boundary_pool.h"

#include <algorithm>

namespace hologram {
namespace {

using Mask = unsigned __int128;

// Slot sizes divide a class, and are multiples of the alignment.
constexpr uint16_t kSlotBytes[] = {64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144};

/// Slot size number by (bytes + 63) / 64.
struct SlotIndex {
  uint8_t of[kClassBytes / 2 / kAlignment + 1];
  constexpr SlotIndex() : of() {
    for (size_t units = 0, size = 0; units < sizeof(of); ++units) {
      while (kSlotBytes[size] < units * kAlignment) ++size;
      of[units] = static_cast<uint8_t>(size);
    }
  }
};
constexpr SlotIndex kSlotIndex;

constexpr int slots_per_class(int size) { return static_cast<int>(kClassBytes / kSlotBytes[size]); }

Mask run_mask(int first, int count) { return ((Mask(1) << count) - 1) << first; }

int lowest(Mask m) {
  const uint64_t low = static_cast<uint64_t>(m);
  return low ? __builtin_ctzll(low) : 64 + __builtin_ctzll(static_cast<uint64_t>(m >> 64));
}

}  // namespace

BoundaryPool::BoundaryPool() {
  std::fill_n(partial_, kSlotSizes, int8_t(-1));
  std::fill_n(empty_, kSlotSizes, int8_t(-1));
}

bool BoundaryPool::is_free(int first, int count) const {
  const Mask free = Mask(free_.high) << 64 | free_.low, wanted = run_mask(first, count);
  return (free & wanted) == wanted;
}

void BoundaryPool::mark(int first, int count, bool free) {
  const Mask m = run_mask(first, count);
  const uint64_t low = static_cast<uint64_t>(m), high = static_cast<uint64_t>(m >> 64);
  free_.low = free ? free_.low | low : free_.low & ~low;
  free_.high = free ? free_.high | high : free_.high & ~high;
}

int BoundaryPool::free_classes() const {
  int kept = 0;
  for (int8_t cls : empty_) kept += cls >= 0;
  return __builtin_popcountll(free_.low) + __builtin_popcountll(free_.high) + kept;
}

/// The lowest run of `count` free classes, or -1. Shifting by doubling amounts leaves a bit where a whole run begins.
int BoundaryPool::find_run(int count) const {
  Mask starts = Mask(free_.high) << 64 | free_.low;
  for (int have = 1; have < count && starts;) {
    const int more = std::min(have, count - have);
    starts &= starts >> more;
    have += more;
  }
  return starts ? lowest(starts) : -1;
}

int BoundaryPool::take_run(int count) {
  auto& recent = recent_[count];
  while (recent.count) {
    const int first = recent.first[--recent.count];
    if (is_free(first, count)) {
      mark(first, count, false);
      return first;
    }
  }
  int first = find_run(count);
  if (first < 0 && reclaim()) first = find_run(count);
  if (first >= 0) mark(first, count, false);
  return first;
}

/// Gives the emptied classes that are kept ready back. False when there were none.
bool BoundaryPool::reclaim() {
  bool any = false;
  for (int size = 0; size < kSlotSizes; ++size) {
    if (empty_[size] < 0) continue;
    unlink(size, empty_[size]);
    mark(empty_[size], 1, true);
    empty_[size] = -1;
    any = true;
  }
  return any;
}

void BoundaryPool::link(int size, int cls) {
  const int8_t head = partial_[size];
  slots_[cls].prev = -1;
  slots_[cls].next = head;
  if (head >= 0) slots_[head].prev = static_cast<int8_t>(cls);
  partial_[size] = static_cast<int8_t>(cls);
}

void BoundaryPool::unlink(int size, int cls) {
  const Slots& s = slots_[cls];
  if (s.prev >= 0) slots_[s.prev].next = s.next;
  else partial_[size] = s.next;
  if (s.next >= 0) slots_[s.next].prev = s.prev;
}

/// Divides one more class. It is the highest free one, which leaves long runs whole at the low end.
int BoundaryPool::open_class(int size) {
  int cls;
  if (free_.high) cls = 127 - __builtin_clzll(free_.high);
  else if (free_.low) cls = 63 - __builtin_clzll(free_.low);
  else if (reclaim()) return open_class(size);
  else return -1;
  mark(cls, 1, false);
  slots_[cls].fresh = slots_[cls].freed = slots_[cls].live = 0;
  link(size, cls);
  return cls;
}

BoundaryPool::Extent BoundaryPool::take_slot(int size) {
  int cls = partial_[size];
  if (cls < 0 && (cls = open_class(size)) < 0) return {};
  Slots& s = slots_[cls];
  const int slot = s.freed ? s.stack[--s.freed] : s.fresh++;
  if (s.live++ == 0 && empty_[size] == cls) empty_[size] = -1;
  if (!s.freed && s.fresh == slots_per_class(size)) unlink(size, cls);
  return {arena_ + cls * kClassBytes + static_cast<size_t>(slot) * kSlotBytes[size], kSlotBytes[size],
          static_cast<uint16_t>(size)};
}

BoundaryPool::Extent BoundaryPool::allocate(size_t bytes) {
  if (!arena_ || bytes > kMaxBoundaryBytes) return {};
  if (bytes <= kMaxSlotBytes) return take_slot(kSlotIndex.of[(bytes + kAlignment - 1) / kAlignment]);
  const int count = static_cast<int>((bytes + kClassBytes - 1) / kClassBytes);
  const int first = take_run(count);
  return first < 0 ? Extent{} : run_extent(first, count);
}

BoundaryPool::Extent BoundaryPool::reserve(int first, int count) {
  if (!arena_ || first < 0 || count < 1 || first + count > kClasses) return {};
  if (!is_free(first, count)) reclaim();
  if (!is_free(first, count)) return {};
  mark(first, count, false);
  return run_extent(first, count);
}

void BoundaryPool::release(char* data, size_t bytes, uint16_t tag) {
  const int cls = class_of(data);
  if (tag == kRun) {
    const int count = static_cast<int>(bytes / kClassBytes);
    mark(cls, count, true);
    if (count > kMaxRun) return;   // only reserve() makes such runs
    auto& recent = recent_[count];
    if (recent.count == kRecent) {
      std::copy(recent.first + 1, recent.first + kRecent, recent.first);
      --recent.count;
    }
    recent.first[recent.count++] = static_cast<int8_t>(cls);
    return;
  }
  const int size = tag;
  Slots& s = slots_[cls];
  const bool was_full = !s.freed && s.fresh == slots_per_class(size);
  s.stack[s.freed++] = static_cast<uint8_t>((data - arena_ - cls * static_cast<ptrdiff_t>(kClassBytes)) / kSlotBytes[size]);
  if (was_full) link(size, cls);
  if (--s.live) return;
  if (empty_[size] < 0) {
    empty_[size] = static_cast<int8_t>(cls);   // kept: a lone temporary would open and close its class at every op
  } else {
    unlink(size, cls);
    mark(cls, 1, true);
  }
}

}  // namespace hologram
