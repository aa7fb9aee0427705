// How often an op ran, and by which way: torch.hologram.op_report().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace hologram::aten {

struct OpStat {
  const char* name;
  std::atomic<uint64_t> compiled{0}, library{0}, fallback{0};
  std::atomic<uint64_t> host_copies{0};   // of the latter two: calls that worked on copies in host memory
};
/// The statistics entry of an aten op ("add.Tensor"); keep the reference in a static. `name` must live for ever.
OpStat& op_stat(const char* name);
void for_each_op_stat(const std::function<void(OpStat&)>& visit);

}  // namespace hologram::aten
