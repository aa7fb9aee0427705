#include "runtime/record/batch_launcher.h"

#include "runtime/counters.h"
#include "runtime/error.h"

namespace hologram {

void BatchLauncher::launch(const Key& key, const Circuit& circuit, const Stage& stage, Work work) {
  const uint64_t misses = counters().cache_misses.load(std::memory_order_relaxed);
  const Kernel* kernel = find_kernel(key);
  if (record_) {
    record_->compiled |= counters().cache_misses.load(std::memory_order_relaxed) != misses;
    if (record_->num_kernels < 2) record_->kernels[record_->num_kernels++] = kernel;
  }
  void* operands[kMaxOperands];
  int64_t args[kMaxKernelArgs];
  const int num_args = kernel_arguments(circuit, stage, operands, args);
  pending_.push_back({kernel, operands_.size(), args_.size(), work, (stage.flags & kMerge) != 0});
  operands_.insert(operands_.end(), operands, operands + circuit.num_operands);
  args_.insert(args_.end(), args, args + num_args);
}

void BatchLauncher::run() {
  run(false);
  run(true);
  forget();
}

void BatchLauncher::run(bool merges) {
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Kernel* kernel = pending_[i].kernel;
    if (!kernel || pending_[i].merges != merges) continue;
    together_.clear();
    for (size_t j = i; j < pending_.size(); ++j) {
      Pending& p = pending_[j];
      if (p.kernel != kernel) continue;
      together_.push_back({operands_.data() + p.operands, args_.data() + p.args, p.work.items, p.work.per_item});
      p.kernel = nullptr;
    }
    launch_together(*kernel);
  }
}

void BatchLauncher::launch_together(const Kernel& kernel) {
  try {
    if (together_.size() > 1) return backend_.launch_many(kernel, together_.data(), static_cast<int>(together_.size()));
    const Launch& l = together_[0];
    backend_.launch(kernel, l.operands, l.args, l.items, l.elements_per_item);
  } catch (const Error& error) {
    fail(error.kind(), error.what(), " (in the kernel ", kernel.name, " over ", together_[0].items, " x ",
         together_[0].elements_per_item, " elements)");
  }
}

void BatchLauncher::forget() {
  pending_.clear();
  operands_.clear();
  args_.clear();
  for (Block* block : kept_) block->release();
  kept_.clear();
}

}  // namespace hologram
