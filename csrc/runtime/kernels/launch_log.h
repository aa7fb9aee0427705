// Records of launches, for explain() and HOLOGRAM_LOG=2. Costs nothing while it is off.
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
};

void set_launch_log(bool on);
/// The last launches recorded while the log was on (at most 1,024 are kept), oldest first.
std::vector<LaunchRecord> recent_launches(size_t limit);

// For launch().
extern std::atomic<bool> launch_log_on;
bool launch_logged();   // is anybody interested in records?
void log_launch(const LaunchRecord& record);

}  // namespace hologram
