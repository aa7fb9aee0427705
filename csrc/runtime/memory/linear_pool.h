// The linear pool: a caching allocator over segments of backend memory.
//
// A segment is a row of chunks, each in use or free; a free chunk never has a free neighbour. Free chunks hang in bins by
// size (four per power of two), the one freed last first. A request takes the best fit it finds; what is left over becomes
// a free chunk again, so no block is much larger than asked. Requests of more than kSmallBytes have segments of their own
// kind: small blocks that live long do not cut large segments to pieces.
//
// Memory is kept near what the program needs by one rule: before a new segment is taken, idle memory is given back,
// longest unused first, down to a small share of what is in use (Memory::grow). So the pool never holds more than the
// largest sum of live blocks so far plus that share. A program that has become smaller gets its memory back by age: what
// lay idle for a whole epoch of kEpoch releases is given back (counted, not timed: a rerun does the same).
//
// Not thread-safe: Memory holds its lock around every call. No call here enters the system.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hologram {

struct Segment;

struct Chunk {
  char* data;
  size_t bytes;
  size_t resident;          // free chunks: bytes of it that still cost memory (less than `bytes` after a discard)
  Segment* segment;
  Chunk *left, *right;      // neighbours in the segment
  Chunk *previous, *next;   // the bin
  Chunk *older, *newer;     // the idle list
  uint32_t epoch;           // free chunks: when it became idle
  bool free;
};

struct Segment {
  char* data;
  size_t bytes;
  bool small;
};

/// Memory on its way back to the system.
struct Victim {
  Chunk* chunk;
  bool whole;        // the whole segment, to be deallocated; otherwise pages [data, data + bytes), to be discarded
  char* data;
  size_t bytes;
  bool discarded;    // set by the caller that did it: false when the backend cannot discard
};

class LinearPool {
 public:
  static constexpr size_t kSmallBytes = 512 << 10;
  static constexpr size_t kHugePage = 2 << 20;
  static constexpr uint32_t kEpoch = 1 << 16;

  static size_t rounded(size_t bytes);
  /// The segment to take for a (rounded) request: alone in it if large.
  static size_t segment_bytes(size_t bytes);

  /// A chunk from the cache, or nullptr. May throw std::bad_alloc.
  Chunk* allocate(size_t bytes);
  /// True at the end of an epoch: the caller collects what has aged.
  bool release(Chunk* chunk);
  /// Makes a segment of backend memory available. May throw std::bad_alloc.
  void add_segment(char* data, size_t bytes, bool small);

  /// Takes idle memory out of the pool, longest unused first, until at most `keep` bytes are cached, or with `aged` all
  /// that was idle during the last epoch. At most `limit` victims; the caller returns their memory to the system and then calls `gone`.
  int collect(size_t keep, bool aged, bool may_discard, Victim* victims, int limit);
  void gone(const Victim& victim);

  size_t cached() const { return cached_; }        // bytes of free chunks that cost memory
  size_t reserved() const { return reserved_; }    // cached plus in use
  int64_t segments() const { return segments_; }

 private:
  static constexpr int kBins = 192;
  static constexpr int kScan = 16;                 // chunks looked at for a better fit
  static constexpr size_t kMinDiscard = 256 << 10;

  struct Bins {
    uint64_t used[kBins / 64] = {};
    Chunk* first[kBins] = {};
    int next_used(int bin) const;
  };

  Bins& bins(const Chunk* c) { return c->segment->small ? small_ : large_; }
  Chunk* best_fit(Bins& bins, size_t bytes);
  void insert(Chunk* chunk);
  void remove(Chunk* chunk);
  void split(Chunk* chunk, size_t bytes);
  void join(Chunk* chunk);   // with its free neighbours, into a bin
  Chunk* merge(Chunk* left, Chunk* right);
  static bool fills_segment(const Chunk* c) { return c->bytes == c->segment->bytes; }
  static bool idles(const Chunk* c) { return !c->segment->small || fills_segment(c); }

  void refill();             // at least one spare chunk; may throw std::bad_alloc
  Chunk* new_chunk();        // a spare one
  void free_chunk(Chunk* chunk) {
    chunk->next = spare_;
    spare_ = chunk;
  }

  Bins small_, large_;
  Chunk *oldest_ = nullptr, *newest_ = nullptr;
  Chunk* spare_ = nullptr;
  size_t cached_ = 0, reserved_ = 0;
  int64_t segments_ = 0;
  uint32_t releases_ = 0;
};

}  // namespace hologram
