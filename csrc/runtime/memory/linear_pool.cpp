#include "runtime/memory/linear_pool.h"

#include <algorithm>

#include "runtime/memory/boundary_pool.h"

namespace hologram {
namespace {

constexpr size_t kPage = 16 << 10;         // a multiple of every page size we meet
constexpr size_t kExactBytes = 16 << 20;   // segments from here on are not rounded to huge pages: the excess would show

constexpr size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

/// Four bins per power of two, counted in units of the alignment.
int bin_of(size_t bytes) {
  const uint64_t units = bytes / kAlignment;
  if (units < 4) return static_cast<int>(units);
  const int top = 63 - __builtin_clzll(units);
  return top * 4 + static_cast<int>(units >> (top - 2) & 3);
}

}  // namespace

size_t LinearPool::rounded(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return bytes;   // refused by the system anyway; must not wrap around
  return round_up(std::max<size_t>(bytes, 1), bytes > kSmallBytes ? 4096 : kAlignment);
}

size_t LinearPool::segment_bytes(size_t bytes) {
  if (bytes <= kSmallBytes) return kHugePage;
  return bytes < kExactBytes ? round_up(bytes, kHugePage) : bytes;
}

int LinearPool::Bins::next_used(int bin) const {
  for (int word = bin / 64, shift = bin % 64; word < kBins / 64; ++word, shift = 0)
    if (const uint64_t bits = used[word] >> shift << shift) return word * 64 + __builtin_ctzll(bits);
  return -1;
}

Chunk* LinearPool::best_fit(Bins& bins, size_t bytes) {
  for (int bin = bins.next_used(bin_of(bytes)); bin >= 0; bin = bins.next_used(bin + 1)) {
    Chunk* best = nullptr;
    int left = kScan;
    for (Chunk* c = bins.first[bin]; c && left--; c = c->next) {
      if (c->bytes < bytes || (best && c->bytes >= best->bytes)) continue;
      best = c;
      if (c->bytes == bytes) break;
    }
    if (best) return best;
  }
  return nullptr;
}

Chunk* LinearPool::allocate(size_t bytes) {
  refill();   // here, so that nothing can throw half-way
  const bool small = bytes <= kSmallBytes;
  Chunk* chunk = best_fit(small ? small_ : large_, bytes);
  if (!chunk) return nullptr;
  remove(chunk);
  if (chunk->bytes - bytes >= (small ? kAlignment : kSmallBytes / 8)) split(chunk, bytes);
  reserved_ += chunk->bytes - chunk->resident;   // discarded pages come back
  chunk->resident = chunk->bytes;
  return chunk;
}

/// Cuts `chunk` (in no bin) after `bytes`; the rest becomes a free chunk.
void LinearPool::split(Chunk* chunk, size_t bytes) {
  Chunk* rest = new_chunk();
  rest->data = chunk->data + bytes;
  rest->bytes = chunk->bytes - bytes;
  rest->resident = std::min(chunk->resident, rest->bytes);
  rest->segment = chunk->segment;
  rest->left = chunk;
  rest->right = chunk->right;
  if (rest->right) rest->right->left = rest;
  chunk->right = rest;
  chunk->bytes = bytes;
  chunk->resident -= rest->resident;
  insert(rest);
}

Chunk* LinearPool::merge(Chunk* left, Chunk* right) {
  left->bytes += right->bytes;
  left->resident += right->resident;
  left->right = right->right;
  if (left->right) left->right->left = left;
  free_chunk(right);
  return left;
}

bool LinearPool::release(Chunk* chunk) {
  join(chunk);
  return ++releases_ % kEpoch == 0;
}

void LinearPool::join(Chunk* chunk) {
  if (Chunk* right = chunk->right; right && right->free) {
    remove(right);
    merge(chunk, right);
  }
  if (Chunk* left = chunk->left; left && left->free) {
    remove(left);
    chunk = merge(left, chunk);
  }
  insert(chunk);
}

void LinearPool::insert(Chunk* chunk) {
  Bins& list = bins(chunk);
  const int bin = bin_of(chunk->bytes);
  chunk->free = true;
  chunk->previous = nullptr;
  chunk->next = list.first[bin];
  if (chunk->next) chunk->next->previous = chunk;
  list.first[bin] = chunk;
  list.used[bin / 64] |= 1ull << bin % 64;
  cached_ += chunk->resident;
  if (!idles(chunk)) return;
  chunk->epoch = releases_ / kEpoch;
  chunk->newer = nullptr;
  chunk->older = newest_;
  (newest_ ? newest_->newer : oldest_) = chunk;
  newest_ = chunk;
}

void LinearPool::remove(Chunk* chunk) {
  Bins& list = bins(chunk);
  const int bin = bin_of(chunk->bytes);
  chunk->free = false;
  if (chunk->next) chunk->next->previous = chunk->previous;
  if (chunk->previous) chunk->previous->next = chunk->next;
  else if (!(list.first[bin] = chunk->next)) list.used[bin / 64] &= ~(1ull << bin % 64);
  cached_ -= chunk->resident;
  if (!idles(chunk)) return;
  (chunk->older ? chunk->older->newer : oldest_) = chunk->newer;
  (chunk->newer ? chunk->newer->older : newest_) = chunk->older;
}

void LinearPool::add_segment(char* data, size_t bytes, bool small) {
  refill();
  Segment* segment = new Segment{data, bytes, small};
  Chunk* chunk = new_chunk();
  *chunk = Chunk{};
  chunk->data = data;
  chunk->bytes = chunk->resident = bytes;
  chunk->segment = segment;
  reserved_ += bytes;
  ++segments_;
  insert(chunk);
}

int LinearPool::collect(size_t keep, bool aged, bool may_discard, Victim* victims, int limit) {
  int found = 0;
  const uint32_t now = releases_ / kEpoch;
  for (Chunk* chunk = oldest_; chunk && found < limit && cached_ > keep;) {
    if (aged && now - chunk->epoch < 2) break;
    Chunk* const newer = chunk->newer;
    if (fills_segment(chunk)) {
      remove(chunk);
      victims[found++] = {chunk, true, chunk->data, chunk->bytes, false};
    } else if (may_discard && chunk->resident >= kMinDiscard) {
      char* const begin = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(chunk->data), kPage));
      char* const end = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(chunk->data + chunk->bytes) / kPage * kPage);
      remove(chunk);
      victims[found++] = {chunk, false, begin, static_cast<size_t>(end - begin), false};
    }
    chunk = newer;
  }
  return found;
}

void LinearPool::gone(const Victim& victim) {
  if (victim.whole || victim.discarded) {
    reserved_ -= victim.chunk->resident;
    victim.chunk->resident = 0;
  }
  if (!victim.whole) return join(victim.chunk);
  --segments_;
  delete victim.chunk->segment;
  free_chunk(victim.chunk);
}

void LinearPool::refill() {
  if (spare_) return;
  constexpr int kSlab = 64;
  Chunk* slab = new Chunk[kSlab];   // never given back: chunks are reused
  for (int i = 0; i < kSlab; ++i) free_chunk(&slab[i]);
}

Chunk* LinearPool::new_chunk() {
  Chunk* chunk = spare_;
  spare_ = chunk->next;
  return chunk;
}

}  // namespace hologram
