#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "fake_queue.h"
#include "runtime/backends/cpu/queue.h"
#include "runtime/memory/block.h"
#include "runtime/base/config.h"
#include "runtime/base/error.h"
#include "runtime/memory/linear_pool.h"
#include "runtime/base/threads.h"

using namespace hologram;

namespace {
constexpr size_t MiB = 1 << 20;
}

TEST(large_blocks_are_reused) {
  Queue& queue = new_queue();
  Block* a = allocate_block(queue, 40 * MiB);
  char* const data = a->data;
  a->release();
  Block* b = allocate_block(queue, 40 * MiB);
  CHECK(b->data == data && memory_stats(queue).segments.allocated == 1);
  b->release();
}

TEST(smaller_requests_share_a_large_segment) {
  Queue& queue = new_queue();
  allocate_block(queue, 40 * MiB)->release();
  Block* a = allocate_block(queue, 10 * MiB);
  Block* b = allocate_block(queue, 30 * MiB);
  CHECK(memory_stats(queue).reserved_bytes.current == 40 * static_cast<int64_t>(MiB));
  CHECK(a->capacity == 10 * MiB && b->capacity == 30 * MiB);
  a->release();
  b->release();
  Block* whole = allocate_block(queue, 40 * MiB);   // the two have become one again
  CHECK(memory_stats(queue).reserved_bytes.peak == 40 * static_cast<int64_t>(MiB));
  whole->release();
}

TEST(empty_cache_gives_back_what_is_idle) {
  FakeQueue& queue = new_queue();
  Block* held = allocate_block(queue, 5 * MiB);
  allocate_block(queue, 50 * MiB)->release();
  CHECK(queue.held == 56 * MiB);
  empty_cache(queue);
  CHECK(queue.held == 6 * MiB);
  held->release();
  empty_cache(queue);
  CHECK(queue.held == 0 && memory_stats(queue).reserved_bytes.current == 0);
}

TEST(growing_gives_idle_memory_back_first) {
  FakeQueue& queue = new_queue();
  size_t most = 0;
  for (size_t n = 20; n <= 200; n += 7) {   // every block is too large for what is cached
    Block* b = allocate_block(queue, n * MiB);
    most = std::max(most, queue.held.load());
    b->release();
  }
  CHECK(most <= (195 + 17) * MiB);
}

TEST(a_training_like_pattern_stays_near_its_live_bytes) {
  FakeQueue& queue = new_queue();
  uint32_t seed = 7;
  auto next = [&] { return seed = seed * 1664525u + 1013904223u, seed >> 8; };
  size_t live = 0, most = 0;
  for (int step = 0; step < 30; ++step) {
    std::vector<Block*> activations;
    for (int layer = 0; layer < 40; ++layer) {
      Block* a = allocate_block(queue, (layer % 5 + 1) * 700000 + next() % 64 * 4096);
      live += a->capacity;
      activations.push_back(a);
      Block* temporary = allocate_block(queue, (layer % 3 + 1) * 900000);
      most = std::max(most, live + temporary->capacity);
      temporary->release();
    }
    while (!activations.empty()) {
      Block* gradient = allocate_block(queue, activations.back()->bytes);
      most = std::max(most, live + gradient->capacity);
      live -= activations.back()->capacity;
      activations.back()->release();
      activations.pop_back();
      gradient->release();
    }
  }
  const MemoryStats stats = memory_stats(queue);
  CHECK(static_cast<size_t>(stats.reserved_bytes.peak) <= most + most / 8 + 16 * MiB);
  CHECK(stats.segments.allocated < 500);   // it settles: segments are not taken anew in every step
}

TEST(memory_that_stays_idle_is_given_back) {
  FakeQueue& queue = new_queue();
  Block* kept = allocate_block(queue, MiB);                      // half of a segment of 2 MiB
  allocate_block(queue, 100 * MiB)->release();
  for (uint32_t i = 0; i < LinearPool::kEpoch; ++i) allocate_block(queue, MiB)->release();   // the other half
  CHECK(queue.held == 102 * MiB);
  for (uint32_t i = 0; i < 2 * LinearPool::kEpoch; ++i) allocate_block(queue, MiB)->release();
  CHECK(queue.held == 2 * MiB);
  kept->release();
}

TEST(refusal_is_retried_once_after_giving_back) {
  FakeQueue& queue = new_queue();
  queue.capacity = 30 * MiB;
  allocate_block(queue, 10 * MiB)->release();
  Block* b = allocate_block(queue, 25 * MiB);   // fits only once the cached segment has gone
  CHECK(memory_stats(queue).num_alloc_retries == 1 && memory_stats(queue).num_ooms == 0);
  CHECK_THROWS(allocate_block(queue, 20 * MiB), OutOfMemory, "20.000 MiB");
  CHECK(memory_stats(queue).num_ooms == 1);
  CHECK_THROWS(allocate_block(queue, SIZE_MAX - 5), OutOfMemory, "out of memory");
  Block* small = allocate_block(queue, 100);    // still works
  small->release();
  b->release();
}

TEST(the_limit_is_kept) {
  FakeQueue& queue = new_queue();
  config().memory_limit = 8 * MiB;
  Block* a = allocate_block(queue, 5 * MiB);
  CHECK_THROWS(allocate_block(queue, 4 * MiB), OutOfMemory, "HOLOGRAM_MEMORY_LIMIT");
  a->release();
  Block* b = allocate_block(queue, 7 * MiB);
  CHECK(queue.held <= 8 * MiB);
  b->release();
  config().memory_limit = 0;
}

TEST(a_backend_without_memory_still_serves_small_blocks_or_says_so) {
  FakeQueue& queue = new_queue();
  queue.capacity = 0;
  CHECK_THROWS(allocate_block(queue, 10), OutOfMemory, "10 bytes");
  queue.capacity = 100 << 10;   // not even the arena fits
  Block* b = allocate_block(queue, 10);
  CHECK(b->pool == Block::Pool::Linear);
  b->release();
}

TEST(deleters_run_once_and_may_allocate) {
  Queue& queue = cpu_queue();
  static int freed;
  freed = 0;
  char memory[100];
  Block* b = adopt_block(queue, memory, sizeof memory, &freed, [](void* p) {
    ++*static_cast<int*>(p);
    allocate_block(cpu_queue(), 64)->release();   // would hang if a lock were held
  });
  b->retain();
  b->release();
  CHECK(freed == 0);
  release_block(b);
  CHECK(freed == 1);
  release_block(nullptr);
}

TEST(threads_share_the_pools) {
  Queue& queue = cpu_queue();
  constexpr int kThreads = 4;
  std::vector<Block*> handed[kThreads];
  auto work = [&](int me) {
    uint32_t seed = static_cast<uint32_t>(me) + 1;
    auto next = [&] { return seed = seed * 1664525u + 1013904223u, seed >> 8; };
    std::vector<Block*> mine;
    for (int step = 0; step < 4000; ++step) {
      const size_t bytes = next() % 3 ? next() % 2000 : next() % 900000;
      Block* b = allocate_block(queue, bytes);
      std::memset(b->data, me, std::min<size_t>(bytes, 256));
      mine.push_back(b);
      if (mine.size() > 20) {
        Block* old = mine[next() % mine.size()];
        for (size_t i = 0; i < std::min<size_t>(old->bytes, 256); ++i) CHECK(old->data[i] == me);
        std::swap(*std::find(mine.begin(), mine.end(), old), mine.back());
        mine.pop_back();
        old->release();
      }
      if (step % 1000 == 999) empty_cache(queue);
    }
    handed[me] = std::move(mine);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (auto& t : threads) t.join();
  for (auto& list : handed)   // blocks die on another thread than they were made on
    for (Block* b : list) b->release();
}

TEST(a_forked_child_can_allocate_and_run) {
  Queue& queue = cpu_queue();
  set_num_threads(3);
  std::atomic<bool> stop{false};
  std::thread busy([&] {   // likely holds the lock at the moment of the fork
    while (!stop) allocate_block(queue, 500)->release();
  });
  std::atomic<int> sum{0};
  parallel_run(3, [](void* c, int task) { *static_cast<std::atomic<int>*>(c) += task; }, &sum);
  CHECK(sum == 3);
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      for (size_t bytes : {size_t(64), size_t(100000), 3 * MiB}) allocate_block(queue, bytes)->release();
#ifndef __SANITIZE_THREAD__   // which cannot follow threads that a forked child starts
      sum = 0;
      parallel_run(3, [](void* c, int task) { *static_cast<std::atomic<int>*>(c) += task; }, &sum);
#endif
      _exit(sum == 3 ? 0 : 1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  busy.join();
  set_num_threads(0);
}

TEST(guarded_blocks_fault) {
  Queue& queue = cpu_queue();
  config().guard = true;
  Block* b = allocate_block(queue, 1000);
  b->data[0] = b->data[999] = 1;
  CHECK(reinterpret_cast<uintptr_t>(b->data) % 64 == 0);
  auto faults = [&](volatile char* address) {
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGSEGV, SIG_DFL);
      signal(SIGBUS, SIG_DFL);
      *address = 1;
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status);
  };
  char* const data = b->data;
  CHECK(!faults(data + 1023) && faults(data + 1024));
  b->release();
  CHECK(faults(data));
  config().guard = false;
}
