// Nanoseconds of the warm paths (best of many short rounds: the machine may be shared).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "runtime/backends/cpu/queue.h"
#include "runtime/device/queue.h"
#include "runtime/memory/block.h"
#include "runtime/kernels/kernel.h"
#include "runtime/trace/stream.h"

using namespace hologram;

namespace {

template <class F>
void time(const char* what, F f) {
  constexpr int kTimes = 1000;
  double best = 1e30;
  for (int round = 0; round < 500; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kTimes; ++i) f();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / kTimes);
  }
  std::printf("%-46s %7.1f ns\n", what, best);
}

void nothing(void* const*, const int64_t*, int64_t, int64_t) {}

Kernel* compile(const Key& key) { return make_kernel(key, &nothing, 0.01f, "nothing"); }

void fill_add(Circuit& c, float* data, int rank) {
  c.rank = static_cast<uint8_t>(rank);
  for (int d = 0; d < rank; ++d) c.sizes[d] = 16;
  const Ref x = c.add_operand(nullptr, data, DType::F32);
  const Ref y = c.add_operand(nullptr, data, DType::F32);
  const Ref z = c.add_output(nullptr, data, DType::F32, c.add_node(Op::add, DType::F32, DType::F32, {x, y}));
  for (Ref r : {x, y, z})
    for (int64_t d = rank, step = 4; d--; step *= 16) c.strides(r)[d] = step;
}

}  // namespace

void run_benchmarks() {
  Queue& queue = cpu_queue();
  set_compiler(&compile);
  for (size_t bytes : {size_t(64), size_t(40000)})
    time(bytes == 64 ? "allocate + release, 64 B (slot)" : "allocate + release, 40 KB (run)",
         [&] { allocate_block(queue, bytes)->release(); });
  std::vector<Block*> fill;
  while (fill.empty() || fill.back()->pool == Block::Pool::Boundary) fill.push_back(allocate_block(queue, 64));
  time("allocate + release, 64 B, boundary pool full", [&] { allocate_block(queue, 64)->release(); });
  time("allocate + release, 40 KB, boundary pool full", [&] { allocate_block(queue, 40000)->release(); });
  for (Block* b : fill) b->release();
  time("allocate + release, 40 MB", [&] { allocate_block(queue, 40 << 20)->release(); });
  alignas(64) static float data[16 * 16 * 16];
  Stream& stream = current_stream(queue);
  time("submit, contiguous add of 16", [&] {
    Circuit c;
    fill_add(c, data, 1);
    stream.submit(c);
  });
  Block* const x = allocate_block(queue, 64);
  time("record, launch with the window, add of 16", [&] {
    Block* const sum = allocate_block(queue, 64);
    Circuit c;
    c.rank = 1;
    c.sizes[0] = 16;
    const Ref a = c.add_operand(x, x->data, DType::F32);
    const Ref b = c.add_output(sum, sum->data, DType::F32, c.add_node(Op::add, DType::F32, DType::F32, {a, a}));
    c.strides(a)[0] = c.strides(b)[0] = 4;
    stream.submit(c);
    sum->release();
  });
  stream.flush(Reason::Read);
  x->release();
  time("submit, contiguous 3-d add (collapsed)", [&] {
    Circuit c;
    fill_add(c, data, 3);
    stream.submit(c);
  });
  Block* blocks[3];
  for (Block*& b : blocks) b = allocate_block(queue, 64);
  const auto record = [&](int from, int to) {
    Circuit c;
    c.rank = 1;
    c.sizes[0] = 16;
    const Ref x = c.add_operand(blocks[from], blocks[from]->data, DType::F32);
    const Ref y = c.add_output(blocks[to], blocks[to]->data, DType::F32, c.add_node(Op::neg, DType::F32, DType::F32, {x}));
    c.strides(x)[0] = c.strides(y)[0] = 4;
    stream.submit(c);
  };
  time("record an op of 16, and run it", [&] {
    record(0, 1);
    stream.flush(Reason::Read);
  });
  time("record two ops of 16 as one, and run it", [&] {
    record(0, 1);
    record(1, 2);
    stream.flush(Reason::Read);
  });
  for (Block* b : blocks) b->release();
}
