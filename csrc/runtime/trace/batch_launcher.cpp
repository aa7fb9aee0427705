#include "runtime/trace/batch_launcher.h"

#include <algorithm>
#include <memory>

#include "runtime/base/counters.h"
#include "runtime/graph/capture.h"
#include "runtime/ir/dims.h"
#include "runtime/kernels/launch_log.h"

namespace hologram {

std::string describe(const Circuit& c, int64_t elements) {
  std::string text = " (in the circuit ";
  for (int n = 0; n < c.num_nodes; ++n) text += std::string(n ? " > " : "") + op_name(c.nodes[n].op);
  return text + " over " + std::to_string(elements) + " elements)";
}

void BatchLauncher::launch(const KernelLaunch& launch, const Circuit& circuit) {
  const KernelVariant& variant = launch.variant;
  const uint64_t misses = my_count(Counter::cache_misses);
  const Kernel* kernel;
  try {
    kernel = find_kernel(queue_, launch.key);
  } catch (const Error& error) {
    if (variant.flags || !launch_outputs_alone(circuit, variant, error)) throw;
    return;
  }
  if (record_) {
    record_->compiled |= my_count(Counter::cache_misses) != misses;
    if (record_->num_kernels < 2) record_->kernels[record_->num_kernels++] = kernel;
  }
  if (capturing()) note_operands(circuit);
  const bool merges = (variant.flags & kMerge) != 0;
  any_merges_ |= merges;
  pending_.push_back({kernel, used_operands_, used_args_, launch.work, group_, -1, merges, record_ ? record_->caller : 0});
  if (operands_.size() < used_operands_ + kMaxOperands) operands_.resize(2 * operands_.size() + kMaxOperands);
  if (args_.size() < used_args_ + kMaxKernelArgs) args_.resize(2 * args_.size() + kMaxKernelArgs);
  used_args_ += static_cast<size_t>(
      kernel_arguments(circuit, variant, operands_.data() + used_operands_, args_.data() + used_args_));
  used_operands_ += circuit.num_operands;
}

void BatchLauncher::drop_group() {
  while (!pending_.empty() && pending_.back().group == group_) {
    used_operands_ = pending_.back().operands;
    used_args_ = pending_.back().args;
    pending_.pop_back();
  }
}

// ---- a circuit in parts ----

namespace {

/// The circuit with one of its outputs.
std::unique_ptr<Circuit> with_output(const Circuit& c, int output) {
  auto part = std::make_unique<Circuit>(c);
  for (int i = 0; i < c.num_operands; ++i)
    if (i != output && part->operands[i].output) part->operands[i].source = kNoRef;
  remove_unused(*part);
  return part;
}

const Operand& output_of(const Circuit& part) {
  return *std::find_if(part.operands, part.operands + part.num_operands, [](const Operand& o) { return o.output; });
}

bool reads(const Circuit& part, const Block* block) {
  return std::any_of(part.operands, part.operands + part.num_operands, [&](const Operand& o) { return !o.output && o.block == block; });
}

}  // namespace

/// Each output as a kernel of its own, where the kernel of all could not be made: each op rounds to its own type, so the values
/// are the same. False: none of them can be made, or each would overwrite what another one reads.
bool BatchLauncher::launch_outputs_alone(const Circuit& circuit, const KernelVariant& variant, const Error& error) {
  std::vector<std::unique_ptr<Circuit>> parts;
  for (int i = 0; i < circuit.num_operands; ++i)
    if (circuit.operands[i].output) parts.push_back(with_output(circuit, i));
  if (parts.size() < 2) return false;
  // First those that write what no other part reads any more.
  bool overwrites = false;
  for (auto next = parts.begin(); next != parts.end(); ++next) {
    const auto needed = [&](const std::unique_ptr<Circuit>& part) {
      return std::any_of(next, parts.end(), [&](const auto& other) { return other != part && reads(*other, output_of(*part).block); });
    };
    const auto found = std::find_if_not(next, parts.end(), needed);
    if (found == parts.end()) return false;
    overwrites |= found != next || needed(*next);
    std::iter_swap(next, found);
  }
  const size_t before = lost_outputs_.size();
  const std::string text = error.what() + describe(circuit, count(circuit, 0, circuit.rank));
  const auto failure = std::make_exception_ptr(Error(error.kind(), text));
  for (const auto& part : parts) {
    if (overwrites) run_pending();   // what is collected has no order
    try {
      KernelLaunch alone;
      plan_launch(*part, variant, alone);
      launch(alone, *part);
    } catch (const Error&) {
      lost_outputs_.push_back({output_of(*part).block, failure});
    }
  }
  if (lost_outputs_.size() - before < parts.size()) return true;
  lost_outputs_.resize(before);
  return false;
}

// ---- running ----

void BatchLauncher::run() {
  run_pending();
  release_kept();
}

void BatchLauncher::drop_all() {
  forget_pending();
  release_kept();
  forget_lost();
}

void BatchLauncher::run_pending() {
  run(false);
  if (any_merges_) run(true);
  forget_pending();
}

void BatchLauncher::forget_pending() {
  pending_.clear();
  used_operands_ = used_args_ = 0;
  any_merges_ = false;
}

void BatchLauncher::release_kept() {
  for (Block* block : kept_) block->release();
  kept_.clear();
}

bool BatchLauncher::failed(int group) const {
  return std::any_of(lost_groups_.begin(), lost_groups_.end(), [&](const LostGroup& lost) { return lost.group == group; });
}

void BatchLauncher::run(bool merges) {
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (pending_[i].batch >= 0 || pending_[i].merges != merges) continue;
    const Kernel* kernel = pending_[i].kernel;
    const int batch = static_cast<int>(i);
    together_.clear();
    for (size_t j = i; j < pending_.size(); ++j) {
      Pending& p = pending_[j];
      if (p.kernel != kernel || p.batch >= 0) continue;
      p.batch = batch;
      if (__builtin_expect(!lost_groups_.empty(), 0) && failed(p.group)) continue;   // its other launches did not run
      together_.push_back({operands_.data() + p.operands, args_.data() + p.args, p.work.items, p.work.per_item});
    }
    if (!together_.empty()) launch_together(*kernel, batch);
  }
}

namespace {

/// The op that launches are for, while it lives.
struct Caller {
  explicit Caller(uint64_t op) : known(op != 0) {
    if (__builtin_expect(known, 0)) launched_op() = op;
  }
  ~Caller() {
    if (__builtin_expect(known, 0)) launched_op() = 0;
  }
  const bool known;
};

}  // namespace

void BatchLauncher::take_times(int batch, int64_t started) {
  if (queue_.host_waits()) return;   // it runs later, on a clock of its own
  const double microseconds = static_cast<double>(nanoseconds_now() - started) * 1e-3;
  const auto elements = [](const Pending& p) { return static_cast<double>(p.work.items * std::max<int64_t>(p.work.per_item, 1)); };
  double all = 0;
  for (const Pending& p : pending_)
    if (p.batch == batch) all += elements(p);
  for (const Pending& p : pending_)
    if (p.batch == batch) times_.push_back({p.group, started, all > 0 ? microseconds * elements(p) / all : 0});
}

void BatchLauncher::launch_together(const Kernel& kernel, int batch) {
  std::exception_ptr failure;
  const Caller caller(pending_[static_cast<size_t>(batch)].caller);
  try {
    if (capturing()) note_launches(kernel, together_.data(), static_cast<int>(together_.size()));
    const int64_t started = work_clock();
    const Launch& l = together_[0];
    if (together_.size() > 1) queue_.launch_many(kernel, together_.data(), static_cast<int>(together_.size()));
    else queue_.launch(kernel, l.operands, l.args, l.items, l.elements_per_item);
    if (__builtin_expect(started != 0, 0)) take_times(batch, started);
    if (capturing())
      if (Capture* const capture = Capture::current()) capture->ran();
    return;
  } catch (const Error& error) {
    std::ostringstream text;
    text << error.what() << " (in the kernel " << kernel.name << " over " << together_[0].items << " x "
         << together_[0].elements_per_item << " elements)";
    failure = std::make_exception_ptr(Error(error.kind(), text.str()));
  } catch (...) {
    failure = std::current_exception();
  }
  for (const Pending& p : pending_)
    if (p.batch == batch && !failed(p.group)) lost_groups_.push_back({p.group, failure});
}

}  // namespace hologram
