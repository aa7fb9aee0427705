// Every thread counts for itself; the sum is exact, also of threads that are gone.
#include <thread>
#include <vector>

#include "check.h"
#include "runtime/base/counters.h"

using namespace hologram;

TEST(counts_of_all_threads_add_up) {
  const uint64_t before = read_counters()[Counter::disk_hits];
  constexpr int kThreads = 4, kTimes = 10000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < kTimes; ++i) add_to(Counter::disk_hits);
      CHECK(my_count(Counter::disk_hits) == kTimes);
    });
  for (std::thread& t : threads) t.join();
  add_to(Counter::disk_hits, 5);
  CHECK(read_counters()[Counter::disk_hits] - before == kThreads * kTimes + 5);
}

TEST(a_reset_sets_the_sum_to_zero) {
  std::thread([] { add_to(Counter::compiled, 7); }).join();
  add_to(Counter::compiled, 3);
  reset_counters();
  CHECK(read_counters()[Counter::compiled] == 0);
  add_to(Counter::compiled);
  CHECK(read_counters()[Counter::compiled] == 1 && std::string(counter_name(Counter::compiled)) == "compiled");
}
