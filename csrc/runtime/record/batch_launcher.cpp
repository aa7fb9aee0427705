#include "runtime/record/batch_launcher.h"

#include "runtime/counters.h"
#include "runtime/error.h"

namespace hologram {

void BatchLauncher::launch(const Key& key, const Circuit& circuit, const Stage& stage, Work work) {
  const uint64_t misses = my_count(Counter::cache_misses);
  const Kernel* kernel = find_kernel(backend_, key);
  if (record_) {
    record_->compiled |= my_count(Counter::cache_misses) != misses;
    if (record_->num_kernels < 2) record_->kernels[record_->num_kernels++] = kernel;
  }
  pending_.push_back({kernel, used_operands_, used_args_, work, (stage.flags & kMerge) != 0});
  if (operands_.size() < used_operands_ + kMaxOperands) operands_.resize(2 * operands_.size() + kMaxOperands);
  if (args_.size() < used_args_ + kMaxKernelArgs) args_.resize(2 * args_.size() + kMaxKernelArgs);
  used_args_ += static_cast<size_t>(
      kernel_arguments(circuit, stage, operands_.data() + used_operands_, args_.data() + used_args_));
  used_operands_ += circuit.num_operands;
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
  used_operands_ = used_args_ = 0;
  for (Block* block : kept_) block->release();
  kept_.clear();
}

}  // namespace hologram
