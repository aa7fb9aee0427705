#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "check.h"
#include "fake_queue.h"
#include "runtime/memory/block.h"
#include "runtime/base/error.h"
#include "runtime/memory/boundary_pool.h"

using namespace hologram;

namespace {
int first_of(Block* b) { return class_range(*b).first; }
bool aligned(const Block* b) { return reinterpret_cast<uintptr_t>(b->data) % 64 == 0; }
void release_all(std::vector<Block*>& blocks) {
  for (Block* b : blocks) b->release();
  blocks.clear();
}
}  // namespace

TEST(small_blocks_share_a_class) {
  Queue& queue = new_queue();
  std::vector<Block*> blocks;
  std::set<char*> addresses;
  for (int i = 0; i < 192; ++i) {
    blocks.push_back(allocate_block(queue, i % 64 + 1));
    CHECK(aligned(blocks.back()) && blocks.back()->pool == Block::Pool::Boundary);
    CHECK(first_of(blocks.back()) == first_of(blocks[0]));
    addresses.insert(blocks.back()->data);
  }
  CHECK(addresses.size() == 192);
  CHECK(boundary_info(queue).free_classes == 95);
  Block* next = allocate_block(queue, 64);
  CHECK(first_of(next) != first_of(blocks[0]));
  next->release();
  release_all(blocks);
  CHECK(boundary_info(queue).free_classes == 96);
}

TEST(every_size_fits_its_slot) {
  Queue& queue = new_queue();
  for (size_t bytes = 0; bytes <= kMaxBoundaryBytes; bytes += bytes < 7000 ? 1 : 997) {
    Block* b = allocate_block(queue, bytes);
    CHECK(b->bytes == bytes && b->capacity >= bytes && aligned(b) && b->pool == Block::Pool::Boundary);
    const BoundaryInfo info = boundary_info(queue);
    CHECK(b->data >= info.base && b->data + b->capacity <= info.base + kArenaBytes);
    b->release();
  }
}

TEST(freed_last_is_given_first) {
  Queue& queue = new_queue();
  for (size_t bytes : {size_t(64), size_t(5000), size_t(12288), size_t(30000), size_t(500000)}) {
    Block* a = allocate_block(queue, bytes);
    Block* b = allocate_block(queue, bytes);
    char* const last = a->data;
    b->release();
    a->release();
    Block* again = allocate_block(queue, bytes);
    CHECK(again->data == last);
    again->release();
  }
}

TEST(runs_span_up_to_48_classes) {
  Queue& queue = new_queue();
  Block* longest = allocate_block(queue, 48 * kClassBytes);
  CHECK(longest->pool == Block::Pool::Boundary && class_range(*longest).count == 48);
  Block* too_long = allocate_block(queue, 48 * kClassBytes + 1);
  CHECK(too_long->pool == Block::Pool::Linear && class_range(*too_long).first == -1);
  Block* second = allocate_block(queue, 47 * kClassBytes + 1);
  CHECK(second->pool == Block::Pool::Boundary && boundary_info(queue).free_classes == 0);
  for (Block* b : {longest, too_long, second}) b->release();
}

TEST(a_full_pool_spills) {
  Queue& queue = new_queue();
  std::vector<Block*> blocks;
  for (int i = 0; i < 300; ++i) blocks.push_back(allocate_block(queue, kClassBytes));   // the 97th must not fail
  int inside = 0;
  for (Block* b : blocks) inside += b->pool == Block::Pool::Boundary;
  CHECK(inside == 96);
  release_all(blocks);
  CHECK(boundary_info(queue).free_classes == 96);
  CHECK(memory_stats(queue).allocated_bytes.current == 0);
}

TEST(classes_can_be_reserved) {
  Queue& queue = new_queue();
  Block* a = reserve_classes(queue, 21, 3);
  CHECK(a && a->data == boundary_info(queue).base + 21 * kClassBytes && a->capacity == 3 * kClassBytes);
  CHECK(!reserve_classes(queue, 23, 1) && !reserve_classes(queue, 20, 2) && !reserve_classes(queue, 95, 2));
  CHECK(!reserve_classes(queue, -1, 1) && !reserve_classes(queue, 0, 0) && !reserve_classes(queue, 0, 97));
  Block* b = reserve_classes(queue, 24, 1);
  CHECK(b);
  a->release();
  Block* c = reserve_classes(queue, 21, 3);
  CHECK(c);
  b->release();
  c->release();
  Block* all = reserve_classes(queue, 0, 96);
  CHECK(all);
  all->release();
}

TEST(emptied_classes_are_taken_back) {
  Queue& queue = new_queue();
  for (size_t bytes = 64; bytes <= 6144; bytes *= 2) allocate_block(queue, bytes)->release();   // each keeps a class ready
  CHECK(boundary_info(queue).free_classes == 96);
  Block* a = allocate_block(queue, 48 * kClassBytes);
  Block* b = allocate_block(queue, 48 * kClassBytes);
  CHECK(a->pool == Block::Pool::Boundary && b->pool == Block::Pool::Boundary);
  a->release();
  b->release();
}

TEST(random_blocks_never_overlap) {
  Queue& queue = new_queue();
  std::vector<Block*> live;
  uint32_t seed = 1;
  auto next = [&] { return seed = seed * 1664525u + 1013904223u, seed >> 8; };
  for (int step = 0; step < 60000; ++step) {
    if (live.size() < 150 && next() % 5 < 3) {
      const size_t bytes = next() % 4 ? next() % 3000 : next() % 4 ? next() % 100000 : next() % 3000000;
      Block* b = allocate_block(queue, bytes);
      std::memset(b->data, static_cast<int>(reinterpret_cast<uintptr_t>(b) >> 4 & 0xFF), std::min<size_t>(bytes, 4096));
      live.push_back(b);
    } else if (!live.empty()) {
      const size_t at = next() % live.size();
      Block* b = live[at];
      const char mark = static_cast<char>(reinterpret_cast<uintptr_t>(b) >> 4 & 0xFF);
      for (size_t i = 0; i < std::min<size_t>(b->bytes, 4096); i += 61) CHECK(b->data[i] == mark);
      b->release();
      live[at] = live.back();
      live.pop_back();
    }
  }
  release_all(live);
  CHECK(boundary_info(queue).free_classes == 96);
  const MemoryStats stats = memory_stats(queue);
  CHECK(stats.allocated_bytes.current == 0 && stats.active_blocks.current == 0 && stats.boundary_bytes.current == 0);
  CHECK(stats.allocated_bytes.allocated == stats.allocated_bytes.freed);
}
