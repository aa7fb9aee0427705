#include "runtime/kernels/launch_log.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <mutex>

#include "runtime/base/config.h"
#include "runtime/kernels/kernel.h"

namespace hologram {

std::atomic<bool> launch_log_on{false};

namespace {

constexpr size_t kKept = 1024;

struct Log {
  std::mutex lock;
  std::deque<LaunchRecord> records;
};

Log& log() {
  static Log* l = new Log;
  return *l;
}

}  // namespace

void set_launch_log(bool on) {
  std::lock_guard<std::mutex> hold(log().lock);
  if (on && !launch_log_on.load()) log().records.clear();
  launch_log_on.store(on);
}

std::vector<LaunchRecord> recent_launches(size_t limit) {
  std::lock_guard<std::mutex> hold(log().lock);
  const auto& records = log().records;
  return {records.end() - static_cast<ptrdiff_t>(std::min(limit, records.size())), records.end()};
}

bool launch_logged() { return config().log >= 2 || launch_log_on.load(std::memory_order_relaxed); }

void log_launch(const LaunchRecord& r) {
  if (config().log >= 2)
    std::fprintf(stderr, "hologram: launch %s, %lld x %lld elements, %d thread(s), %.2f us\n", r.kernel->name.c_str(),
                 static_cast<long long>(r.items), static_cast<long long>(r.elements_per_item), r.threads, r.microseconds);
  if (!launch_log_on.load(std::memory_order_relaxed)) return;
  std::lock_guard<std::mutex> hold(log().lock);
  log().records.push_back(r);
  if (log().records.size() > kKept) log().records.pop_front();
}

}  // namespace hologram
