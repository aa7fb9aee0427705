// What is lost when a kernel cannot be made or started, or memory is refused: the values that need it, and no others.
#include <vector>

#include "allocations.h"
#include "check.h"
#include "circuits.h"
#include "fake_queue.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/trace/history.h"
#include "runtime/trace/poison.h"
#include "runtime/trace/stream.h"

using namespace hologram;

namespace {

int until_refusal = -1;   // so many kernels are made, then one is refused; negative: all are made

Kernel* compile_counted(const Key& key) {
  if (until_refusal-- == 0) fail(Error::Kind::Runtime, "hologram.compile: refused");
  return compile_nothing(key);
}
Kernel* compile_never(const Key&) { fail(Error::Kind::Runtime, "hologram.compile: refused"); }

/// A kernel cache of its own, so that every kernel is made once per backend.
struct Device {
  FakeQueue& queue = new_queue();
  KernelCache& cache = *new KernelCache;   // like its backend, never destroyed
  std::vector<View> views;
  Device() { queue.use_kernels(cache); }
  ~Device() {
    queue.until_failure = until_refusal = -1;
    queue.capacity = SIZE_MAX;
    try {
      queue.only.flush(Reason::Synchronize);
    } catch (const std::exception&) {   // the test has asked what it wanted to know
    }
    for (const View& v : views) v.block->release();
    CHECK(memory_stats(queue).active_blocks.current == 0 && !any_poisoned());
  }
  View make(std::vector<int64_t> sizes) { return views.emplace_back(tensor(queue, std::move(sizes))); }
  void submit(Circuit c) { queue.only.submit(c); }
  bool lost(const View& v) {
    try {
      queue.only.before_read(v.block);
      return false;
    } catch (const std::exception&) {   // an Error, or no memory
      return true;
    }
  }
};

View turned(const View& v) { return {v.block, {v.sizes[1], v.sizes[0]}, {v.strides[1], v.strides[0]}, v.offset}; }

}  // namespace

TEST(a_failure_takes_what_needs_it_and_nothing_else) {
  Device d;
  const View x = d.make({4, 6}), y = d.make({4, 6}), z = d.make({6, 4}), a = d.make({5}), b = d.make({5});
  set_compiler(&compile_counted);
  until_refusal = 0;                                  // the first kernel, that of y
  d.submit(elementwise(Op::neg, {x}, y));
  d.submit(elementwise(Op::exp, {turned(y)}, z));     // reads y from memory
  d.submit(elementwise(Op::add, {a, a}, a));
  d.submit(row_sum({a.block, {1, 5}, {5, 1}}, {b.block, {1}, {1}}));
  const uint64_t launched = read_counters()[Counter::launched];
  CHECK(!d.lost(a));                                  // runs the window
  CHECK(read_counters()[Counter::launched] > launched && !d.lost(b) && !d.lost(x));
  for (int again = 0; again < 3; ++again) {
    CHECK_THROWS(d.queue.only.before_read(y.block), Runtime, "refused (in the circuit neg over 24 elements)");
    CHECK_THROWS(d.queue.only.before_read(z.block), Runtime, "refused (in the circuit neg over 24 elements)");
    CHECK_THROWS(d.submit(elementwise(Op::neg, {y}, x)), Runtime, "refused");       // an op that reads it, at the call
    CHECK_THROWS(d.queue.only.before_write(y.block), Runtime, "refused");         // a library that writes no one knows where
  }
  d.queue.only.flush(Reason::Synchronize);          // told already
}

TEST(who_waits_for_everything_is_told_once) {
  Device d;
  const View x = d.make({3, 5}), y = d.make({3, 5});
  set_compiler(&compile_never);
  d.submit(elementwise(Op::neg, {x}, y));
  CHECK_THROWS(d.queue.only.flush(Reason::Synchronize), Runtime, "refused (in the circuit neg over 15 elements)");
  d.queue.only.flush(Reason::Synchronize);
  CHECK(d.lost(y) && d.lost(y));
}

TEST(what_is_written_over_is_well_again) {
  Device d;
  const View x = d.make({4, 6}), y = d.make({4, 6}), part{y.block, {2, 6}, {6, 1}}, half{x.block, {2, 6}, {6, 1}};
  set_compiler(&compile_never);
  d.submit(elementwise(Op::neg, {x}, y));
  CHECK(d.lost(y));
  set_compiler(&compile_nothing);
  CHECK_THROWS(d.submit(elementwise(Op::neg, {half}, part)), Runtime, "refused");   // the rest stays unknown
  CHECK_THROWS(d.submit(elementwise(Op::add, {x, y}, y)), Runtime, "refused");      // in place: a read
  CHECK(d.lost(y));
  d.submit(elementwise(Op::neg, {x}, y));
  CHECK(!d.lost(y) && !any_poisoned());
}

TEST(in_one_window_a_lost_input_takes_the_output) {
  Device d;
  const View x = d.make({4, 6}), y = d.make({4, 6}), z = d.make({6, 4});
  set_compiler(&compile_counted);
  until_refusal = 0;
  d.submit(elementwise(Op::neg, {x}, y));
  d.submit(elementwise(Op::exp, {turned(y)}, z));                 // lost with y
  d.submit(elementwise(Op::abs, {turned(z)}, {y.block, {4, 6}, {6, 1}}));      // needs z
  CHECK(d.lost(y) && d.lost(z));
}

TEST(in_one_window_a_write_over_all_makes_well) {
  Device e;
  const View u = e.make({4, 6}), v = e.make({4, 6}), w = e.make({6, 4}), t = e.make({6, 4});
  set_compiler(&compile_counted);
  until_refusal = 0;
  e.submit(elementwise(Op::neg, {u}, v));
  e.submit(elementwise(Op::exp, {turned(v)}, w));
  e.submit(elementwise(Op::abs, {turned(t)}, v));                 // all of v, from something else
  CHECK(!e.lost(v) && e.lost(w));
}

TEST(a_freed_block_is_forgotten) {
  Device d;
  const View x = d.make({8});
  const View y = tensor(d.queue, {8});
  set_compiler(&compile_never);
  d.submit(elementwise(Op::neg, {x}, y));
  CHECK(d.lost(y) && any_poisoned());
  y.block->release();
  CHECK(!any_poisoned());
  const View again = d.make({8});                     // the same memory
  CHECK(!d.lost(again));
}

TEST(a_value_that_nobody_has_is_not_kept) {
  Device d;
  const View x = d.make({4, 6}), z = d.make({6, 4});
  const View y = tensor(d.queue, {4, 6});
  set_compiler(&compile_never);
  d.submit(elementwise(Op::neg, {x}, y));
  d.submit(elementwise(Op::exp, {turned(y)}, z));
  y.block->release();
  CHECK(d.lost(z));
}

namespace {

/// Eight groups in three stages, one of them a fold in two launches; results[i] needs the groups in needs[i].
struct Program {
  Device d;
  View x = d.make({8, 40000}), long_row = d.make({2, 80000}), a = d.make({8, 40000}), b = d.make({40000, 8}), sum = d.make({2}), c = d.make({3}), e = d.make({7}),
       f = d.make({7}), g = d.make({1, 7});
  std::vector<View> results = {a, b, sum, c, e, g};
  Program() {
    d.submit(elementwise(Op::neg, {x}, a));
    d.submit(elementwise(Op::exp, {turned(a)}, b));
    d.submit(row_sum(long_row, sum));
    d.submit(elementwise(Op::abs, {c}, c));
    d.submit(elementwise(Op::sqrt, {f}, e));
    d.submit(elementwise(Op::mul, {{e.block, {1, 7}, {7, 1}}, {e.block, {1, 7}, {7, 1}}}, g));
  }
};

/// Fails once at each number until nothing is left to fail. `counter`: what counts down to the failure, below 0 after it.
template <class Counter>
int each_failure(Counter counter) {
  for (int n = 0, total = 0;; ++n) {
    Program p;
    counter(p) = n;
    int lost = 0;
    for (const View& v : p.results) lost += p.d.lost(v);
    CHECK(p.d.lost(p.b) >= p.d.lost(p.a));            // what reads a lost value is lost
    for (const View& v : p.results) CHECK(p.d.lost(v) == p.d.lost(v));
    if (counter(p) >= 0) {
      CHECK(lost == 0);
      return total;
    }
    CHECK(lost <= 2);                                 // the others ran
    total += lost;
  }
}

}  // namespace

TEST(each_kernel_fails_to_be_made) {
  set_compiler(&compile_counted);
  CHECK(each_failure([](Program&) -> int& { return until_refusal; }) >= 5);
}

TEST(each_launch_fails) {
  set_compiler(&compile_nothing);
  CHECK(each_failure([](Program& p) -> std::atomic<int>& { return p.d.queue.until_failure; }) >= 5);
}

TEST(each_allocation_of_the_recorder_fails) {
  set_compiler(&compile_nothing);
  for (int n = 0;; ++n) {
    Program p;
    until_refused_allocation = n;
    try {
      p.d.queue.only.run(Reason::Read);
    } catch (const std::bad_alloc&) {   // before anything ran: it runs when it is asked for
    }
    const bool refused = until_refused_allocation < 0;
    until_refused_allocation = -1;
    int lost = 0;
    for (const View& v : p.results) lost += p.d.lost(v);
    for (const View& v : p.results) CHECK(p.d.lost(v) == p.d.lost(v));
    CHECK(p.d.lost(p.b) >= p.d.lost(p.a));
    const View fresh = p.d.make({7});
    p.d.submit(elementwise(Op::neg, {p.f}, fresh));
    CHECK(!p.d.lost(fresh));            // the stream goes on
    if (refused) continue;
    CHECK(lost == 0 && n >= 10);
    break;
  }
}

TEST(scratch_memory_is_refused) {
  set_compiler(&compile_nothing);
  Program p;
  FakeQueue& queue = p.d.queue;
  std::vector<Block*> all;                            // nothing is left for the partial sums
  queue.capacity = static_cast<size_t>(queue.held);
  for (size_t bytes = 1 << 20; bytes >= 64; bytes /= 2) try {
    for (;;) all.push_back(allocate_block(queue, bytes));
  } catch (const Error&) {
  }
  CHECK(p.d.lost(p.sum));
  for (const View& v : {p.a, p.b, p.c, p.e, p.g}) CHECK(!p.d.lost(v));
  for (Block* block : all) block->release();
}

namespace {

/// Refuses kernels with more than one output, and those of exp.
Kernel* compile_single(const Key& key) {
  int outputs = 0;
  bool exp = false;
  const uint8_t* p = key.bytes + 8;
  for (int n = 0; n < key.bytes[4]; ++n, p += 5 + p[4]) exp |= (p[0] | p[1] << 8) == static_cast<int>(Op::exp);
  for (int i = 0; i < key.bytes[5]; ++i, p += 4) outputs += p[2];
  if (outputs > 1 || exp) fail(Error::Kind::Runtime, "hologram.compile: refused");
  return compile_nothing(key);
}

}  // namespace

TEST(outputs_that_can_be_had_alone_are_had) {
  Device d;
  const View x = d.make({8}), y = d.make({8}), z = d.make({8}), w = d.make({8});
  set_compiler(&compile_single);
  d.submit(elementwise(Op::neg, {x}, y));
  d.submit(elementwise(Op::exp, {y}, z));
  d.submit(elementwise(Op::abs, {y}, w));
  d.submit(elementwise(Op::neg, {x}, x));             // after those that read it: three launches of their own
  const uint64_t launched = read_counters()[Counter::launched];
  CHECK(!d.lost(y) && !d.lost(w) && !d.lost(x) && d.lost(z));
  CHECK(read_counters()[Counter::launched] == launched + 3);
  d.queue.only.flush(Reason::Synchronize);          // the read of z was thrown it
}

TEST(outputs_that_overwrite_what_others_read_are_lost_together) {
  Device d;
  const View x = d.make({8}), y = d.make({8});
  set_compiler(&compile_single);
  const View t = tensor(d.queue, {8});
  d.submit(elementwise(Op::neg, {x}, t));             // x and y change places
  d.submit(elementwise(Op::neg, {y}, x));
  d.submit(elementwise(Op::neg, {t}, y));
  t.block->release();
  CHECK(d.lost(x) == d.lost(y));
}
