#include "allocations.h"
#include "check.h"
#include "fake_queue.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/device/executor.h"

using namespace hologram;

namespace {

void add_flat(void* const* operands, const int64_t* args, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float*>(operands[2])[i] = static_cast<const float*>(operands[0])[i] + static_cast<const float*>(operands[1])[i];
}

Kernel* compile(const Key& key) { return make_kernel(key, &add_flat, 0.01f, "add"); }

struct Buffers {
  explicit Buffers(Executor& executor, int64_t n) : executor(executor) {
    for (Array& a : arrays) {
      a.block = executor.allocate(static_cast<size_t>(n) * 4);
      a.data = a.block->data;
      a.length = n;
      for (int64_t i = 0; i < n; ++i) at(a, i) = static_cast<float>(i);
    }
  }
  ~Buffers() {
    executor.stream().flush(Reason::Read);
    for (Array& a : arrays) a.block->release();
  }
  static float& at(Array& a, int64_t i) { return reinterpret_cast<float*>(a.data)[i]; }
  void expose() {
    for (Array& a : arrays) a.block->exposed = true;
  }
  void run(const FlatOp& op, int64_t n = -1) {
    const FlatArg args[2] = {{&arrays[0], {}}, {&arrays[1], {}}};
    const Array* results[1] = {&arrays[2]};
    executor.run(op, args, results, n);
  }

  Executor& executor;
  Array arrays[3];
};

}  // namespace

namespace {

struct Add {
  FlatOp op;
  Add() {
    op.op = Op::add;
    op.num_args = 2;
    op.types = FlatOp::kFloat;
    op.kinds[0] = op.kinds[1] = 'v';
  }
};

}  // namespace

TEST(an_executor_records_and_runs) {
  set_compiler(&compile);
  Executor executor(new_queue());
  Buffers b(executor, 1024);
  static Add add;
  b.run(add.op);
  CHECK(Buffers::at(b.arrays[2], 7) == 7.0f);      // still waiting
  executor.stream().flush(Reason::Read);
  CHECK(Buffers::at(b.arrays[2], 7) == 14.0f);
}

TEST(exposed_arrays_are_computed_at_once) {
  set_compiler(&compile);
  Executor executor(new_queue());
  Buffers b(executor, 1000);
  static Add add;
  b.run(add.op, 10);
  b.expose();
  b.run(add.op, 20);      // what is recorded on the same arrays comes first
  for (int i = 0; i < 3; ++i) {
    Buffers::at(b.arrays[0], 5) = static_cast<float>(100 * i);
    b.run(add.op);
    CHECK(Buffers::at(b.arrays[2], 5) == static_cast<float>(100 * i + 5));
    CHECK(Buffers::at(b.arrays[2], 999) == 1998.0f);
  }
}

TEST(a_warm_call_allocates_and_compiles_nothing) {
  set_compiler(&compile);
  Executor executor(new_queue());
  Buffers b(executor, 1024);
  static Add add;
  for (bool exposed : {false, true}) {
    if (exposed) b.expose();
    for (int i = 0; i < 3000; ++i) b.run(add.op);      // windows have run several times
    const uint64_t missed = read_counters()[Counter::cache_misses];
    const int64_t before = allocations;
    for (int i = 0; i < 3000; ++i) b.run(add.op);
    CHECK(allocations == before);
    CHECK(read_counters()[Counter::cache_misses] == missed);
  }
}

TEST(wrong_calls_of_an_executor) {
  set_compiler(&compile);
  Executor executor(new_queue());
  Buffers b(executor, 10);
  static Add add;
  CHECK_THROWS(b.run(add.op, 11), Value, "11 are needed");
  CHECK_THROWS(b.run(add.op, -2), Value, "negative");
  b.arrays[1].dtype = DType::F64;
  CHECK_THROWS(b.run(add.op), Value, "float32 and float64");
  b.arrays[1].dtype = DType::F32;
  b.arrays[1].length = 9;
  CHECK_THROWS(b.run(add.op), Value, "10 and 9");
  b.arrays[1].length = 10;
  const Array result = b.arrays[2];
  b.arrays[2].data = b.arrays[0].data + 4;
  CHECK_THROWS(b.run(add.op, 9), Value, "overlaps argument 0");
  b.arrays[2] = result;
}

TEST(an_executor_without_memory_says_so) {
  set_compiler(&compile);
  FakeQueue& queue = new_queue();
  Executor executor(queue);
  static Add add;
  {
    Buffers b(executor, 1 << 20);
    b.run(add.op);
    queue.capacity = static_cast<size_t>(queue.held);
    CHECK_THROWS(executor.allocate(64 << 20), OutOfMemory, "out of memory");
    queue.capacity = SIZE_MAX;
  }
  executor.allocate(64 << 20)->release();
}
