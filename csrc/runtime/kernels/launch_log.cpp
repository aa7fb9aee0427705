#include "runtime/kernels/launch_log.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <mutex>

#include "runtime/base/config.h"
#include "runtime/kernels/kernel.h"

namespace hologram {

std::atomic<int> launch_readers{0};

namespace {

constexpr size_t kKept = 1024;

struct Log {
  std::mutex lock;
  std::deque<LaunchRecord> records;
};

std::atomic<LaunchSink> launch_sink{nullptr};

Log& log() {
  static Log* l = new Log;
  return *l;
}

}  // namespace

void set_launch_log(bool on) {
  std::lock_guard<std::mutex> hold(log().lock);
  if (on && !(launch_readers.load() & kKeepsRecords)) log().records.clear();
  on ? launch_readers.fetch_or(kKeepsRecords) : launch_readers.fetch_and(~kKeepsRecords);
}

void set_launch_sink(LaunchSink sink) {
  launch_sink.store(sink);
  sink ? launch_readers.fetch_or(kHasSink) : launch_readers.fetch_and(~kHasSink);
}

uint64_t& calling_op() {
  thread_local uint64_t op = 0;
  return op;
}

uint64_t& launched_op() {
  thread_local uint64_t op = 0;
  return op;
}

std::vector<LaunchRecord> recent_launches(size_t limit) {
  std::lock_guard<std::mutex> hold(log().lock);
  const auto& records = log().records;
  return {records.end() - static_cast<ptrdiff_t>(std::min(limit, records.size())), records.end()};
}

bool launch_logged() { return config().log >= 2 || launch_readers.load(std::memory_order_relaxed); }

void log_launch(const LaunchRecord& r) {
  if (config().log >= 2)
    std::fprintf(stderr, "hologram: launch %s, %lld x %lld elements, %d thread(s), %.2f us\n", r.kernel->name.c_str(),
                 static_cast<long long>(r.items), static_cast<long long>(r.elements_per_item), r.threads, r.microseconds);
  const int readers = launch_readers.load(std::memory_order_relaxed);
  if (readers & kHasSink)
    if (const LaunchSink sink = launch_sink.load()) {
      LaunchRecord told = r;
      told.caller = launched_op() ? launched_op() : calling_op();
      sink(told);
    }
  if (!(readers & kKeepsRecords)) return;
  std::lock_guard<std::mutex> hold(log().lock);
  log().records.push_back(r);
  if (log().records.size() > kKept) log().records.pop_front();
}

}  // namespace hologram
