// Records of launches, for explain(), HOLOGRAM_LOG=2 and profilers. Costs nothing while it is off.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hologram {

struct Kernel;

struct LaunchRecord {
  const Kernel* kernel;
  int64_t items, elements_per_item;
  int threads;
  double microseconds;
  int64_t started = 0;     // nanoseconds since the epoch; 0 where the launch alone is known, as on a GPU
  uint64_t caller = 0;     // the op that it is for, as calling_op() was when that was recorded; 0: not known
};

void set_launch_log(bool on);
/// The last launches recorded while the log was on (at most 1,024 are kept), oldest first.
std::vector<LaunchRecord> recent_launches(size_t limit);

/// Every launch is told to `sink`, which may be called by several threads at once; null: to none.
using LaunchSink = void (*)(const LaunchRecord&);
void set_launch_sink(LaunchSink sink);

/// A number for the op of the host that the calling thread is in, and for that of the next launch; 0: none. A sink's owner gives them.
uint64_t& calling_op();
uint64_t& launched_op();

// For launch().
enum LaunchReader : int { kKeepsRecords = 1, kHasSink = 2 };
extern std::atomic<int> launch_readers;
inline bool launches_have_callers() { return __builtin_expect(launch_readers.load(std::memory_order_relaxed) & kHasSink, 0); }
bool launch_logged();   // does something read the records?
void log_launch(const LaunchRecord& record);

}  // namespace hologram
