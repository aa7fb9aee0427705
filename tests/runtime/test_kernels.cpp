#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "runtime/backends/cpu/queue.h"
#include "runtime/device/queue.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/kernels/kernel.h"
#include "runtime/ir/key.h"
#include "runtime/kernels/launch.h"
#include "runtime/kernels/launch_log.h"
#include "runtime/trace/stream.h"
#include "runtime/base/threads.h"

using namespace hologram;

namespace {

std::atomic<int> compilations{0};
std::atomic<bool> refuse{false};
float cost = 0.01f;

void add_flat(void* const* operands, const int64_t*, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float*>(operands[2])[i] = static_cast<const float*>(operands[0])[i] + static_cast<const float*>(operands[1])[i];
}

Kernel* compile(const Key& key) {
  if (refuse) fail(Error::Kind::Runtime, "hologram.compile: refused");
  ++compilations;
  return make_kernel(key, &add_flat, cost, "add");
}

Key number_key(uint32_t n) {
  uint8_t bytes[20] = {1};
  std::memcpy(bytes + 9, &n, sizeof n);
  Key key;
  CHECK(key_from_bytes(bytes, sizeof bytes, key));
  return key;
}

Circuit add_circuit(const float* a, const float* b, float* c, int64_t n) {
  Circuit circuit;
  circuit.rank = 1;
  circuit.sizes[0] = n;
  const Ref x = circuit.add_operand(nullptr, const_cast<float*>(a), DType::F32);
  const Ref y = circuit.add_operand(nullptr, const_cast<float*>(b), DType::F32);
  const Ref sum = circuit.add_node(Op::add, DType::F32, DType::F32, {x, y});
  const Ref z = circuit.add_output(nullptr, c, DType::F32, sum);
  for (Ref r : {x, y, z}) circuit.strides(r)[0] = 4;
  return circuit;
}

}  // namespace

TEST(the_cache_finds_every_key) {
  set_compiler(&compile);
  compilations = 0;
  std::vector<const Kernel*> kernels;
  for (uint32_t n = 0; n < 3000; ++n) kernels.push_back(find_kernel(cpu_queue(), number_key(n)));
  CHECK(compilations == 3000);
  for (uint32_t n = 0; n < 3000; ++n) CHECK(find_kernel(cpu_queue(), number_key(n)) == kernels[n]);
  CHECK(compilations == 3000);
}

TEST(a_hash_alone_is_not_trusted) {
  set_compiler(&compile);
  Key a = number_key(100001), b = number_key(100002);
  b.hash = a.hash;
  CHECK(find_kernel(cpu_queue(), a) != find_kernel(cpu_queue(), b));
  CHECK(find_kernel(cpu_queue(), b) == find_kernel(cpu_queue(), b));
}

TEST(threads_agree_on_one_kernel_per_key) {
  set_compiler(&compile);
  constexpr int kThreads = 4, kKeys = 2000;
  std::vector<const Kernel*> found[kThreads];
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (uint32_t n = 0; n < kKeys; ++n) found[t].push_back(find_kernel(cpu_queue(), number_key(200000 + n)));
    });
  for (auto& t : threads) t.join();
  for (int t = 1; t < kThreads; ++t) CHECK(found[t] == found[0]);
}

TEST(a_failed_compilation_is_not_kept) {
  set_compiler(&compile);
  refuse = true;
  CHECK_THROWS(find_kernel(cpu_queue(), number_key(300000)), Runtime, "refused");
  refuse = false;
  CHECK(find_kernel(cpu_queue(), number_key(300000)));
}

TEST(launches_cover_the_range_once) {
  set_compiler(&compile);
  cost = 1000.0f;   // every launch is worth all threads
  const Kernel* kernel = find_kernel(cpu_queue(), number_key(400000));
  const_cast<Kernel*>(kernel)->fn = [](void* const* operands, const int64_t*, int64_t begin, int64_t end) {
    CHECK(begin % 64 == 0 && begin < end);
    for (int64_t i = begin; i < end; ++i) ++static_cast<uint8_t*>(operands[0])[i];
  };
  for (int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    for (int64_t n : {1, 63, 64, 65, 200, 1000, 4097}) {
      std::vector<uint8_t> seen(static_cast<size_t>(n));
      void* operands[] = {seen.data()};
      launch(*kernel, operands, nullptr, n);
      for (uint8_t times : seen) CHECK(times == 1);
    }
  }
  set_num_threads(0);
  cost = 0.01f;
}

TEST(small_launches_stay_on_the_thread) {
  set_compiler(&compile);
  set_num_threads(4);
  std::vector<float> a(100000, 1), b(100000, 2), c(100000);
  const uint64_t before = read_counters()[Counter::parallel_launches];
  Circuit circuit = add_circuit(a.data(), b.data(), c.data(), 1000);
  current_stream(cpu_queue()).submit(circuit);
  CHECK(read_counters()[Counter::parallel_launches] == before && c[999] == 3);
  set_num_threads(0);
}

TEST(the_launch_log_keeps_the_last_launches) {
  set_compiler(&compile);
  std::vector<float> a(100, 1), b(100, 2), c(100);
  set_launch_log(true);
  for (int64_t n : {10, 20, 30}) {
    Circuit circuit = add_circuit(a.data(), b.data(), c.data(), n);
    current_stream(cpu_queue()).submit(circuit);
  }
  set_launch_log(false);
  const auto records = recent_launches(2);
  CHECK(records.size() == 2 && records[0].items == 20 && records[1].items == 30 && records[1].threads == 1);
}

TEST(the_pool_runs_every_task_once) {
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    for (int round = 0; round < 2000; ++round) {
      std::atomic<int> seen[8] = {};
      parallel_run(round % 8 + 1, [](void* c, int task) { ++static_cast<std::atomic<int>*>(c)[task]; }, seen);
      for (int i = 0; i < 8; ++i) CHECK(seen[i] == (i <= round % 8));
    }
  }
  set_num_threads(0);
}

TEST(nested_and_concurrent_runs_finish) {
  set_num_threads(3);
  std::vector<std::thread> threads;
  std::atomic<int> total{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < 300; ++round)
        parallel_run(3, [](void* c, int) {
          CHECK(max_threads() == 1);
          parallel_run(2, [](void* c2, int) { ++*static_cast<std::atomic<int>*>(c2); }, c);
        }, &total);
    });
  for (auto& t : threads) t.join();
  CHECK(total == 3 * 300 * 6);
  set_num_threads(0);
}

TEST(a_hook_takes_over) {
  static int calls;
  calls = 0;
  set_parallel_hook([](int tasks, TaskFn body, void* context) {
    ++calls;
    for (int i = tasks; i--;) body(context, i);
  }, [] { return 5; });
  CHECK(max_threads() == 5);
  int sum = 0;
  parallel_run(4, [](void* c, int task) { *static_cast<int*>(c) += task; }, &sum);
  CHECK(calls == 1 && sum == 6);
  set_parallel_hook(nullptr, nullptr);
  CHECK(max_threads() != 5 || std::thread::hardware_concurrency() == 5);
}
