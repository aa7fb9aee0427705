#include "torch/aten/ops/step_loop.h"

#include <utility>

#include "runtime/graph/capturing.h"
#include "runtime/ir/iteration_space.h"
#include "runtime/plan/plan.h"
#include "torch/aten/core/logged_call.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/device/errors.h"

namespace hologram::aten {

using at::Tensor;

// ---- kernels ----

Ref StepKernel::bind(Ref ref, const StepPart& part) {
  int64_t* strides = circuit_.strides(ref);
  strides[0] = part.stride;
  strides[1] = static_cast<int64_t>(item_size(part.type));
  parts_.push_back(part);
  return ref;
}

/// A map over at most two dimensions is always one launch, whose operands keep their numbers.
void StepKernel::plan(Queue& queue, int64_t sequences) {
  if (sequences == sequences_) return;
  sequences_ = sequences;
  Circuit circuit = circuit_;
  circuit.rank = 2;
  circuit.row_rank = 0;
  circuit.sizes[0] = sequences;
  circuit.sizes[1] = width_;
  IterationSpace space;
  with_c10_errors([&] {
    canonicalize(circuit, space, queue.split_limits());
    lower(circuit, space);
    const hologram::Plan plan = hologram::plan(circuit, space);
    const KernelLaunch& launch = plan.launches[0];
    void* operands[kMaxOperands];
    int64_t args[kMaxKernelArgs];
    args_.assign(args, args + kernel_arguments(circuit, launch.variant, operands, args));
    items_ = launch.work.items;
    per_item_ = launch.work.per_item;
    kernel_ = find_kernel(queue, launch.key);
  });
}

void StepKernel::launch(Queue& queue, char* const* memory, int64_t row) const {
  void* operands[kMaxOperands];
  for (size_t i = 0; i < parts_.size(); ++i) {
    const StepPart& p = parts_[i];
    operands[i] = memory[p.memory] + p.offset + (p.moves ? row * p.stride : 0);
  }
  queue.launch(*kernel_, operands, args_.data(), items_, per_item_);
}

// ---- the loop ----

/// What a hook of saved tensors gives back may be anything.
StepPart StepLoop::part(const Tensor& t, int64_t elements, bool moves, int64_t row, bool written) {
  TORCH_CHECK(is_hologram(t) && t.is_contiguous() && t.numel() >= elements && &home_queue(t) == queue_, "hologram.", name_,
              ": expected a contiguous tensor of ", elements, " elements on the device, got one of shape ", t.sizes(), " on ",
              t.device(), ". A hook of saved tensors must give back what it got.");
  size_t number = 0;
  while (number < tensors_.size() && !tensors_[number].is_same(t)) ++number;
  if (number == tensors_.size()) {
    tensors_.push_back(t);
    written_.push_back(false);
  }
  if (written) written_[number] = true;
  return {static_cast<int>(number), to_dtype(t.scalar_type()), moves, 0, row * static_cast<int64_t>(t.element_size())};
}

StepPart StepLoop::rows(const Tensor& t, int64_t width, bool written) {
  return part(t, steps_.rows * width, /*moves=*/true, width, written);
}
StepPart StepLoop::vector(const Tensor& t, int64_t width) { return part(t, width, /*moves=*/false, 0, /*written=*/false); }
StepPart StepLoop::matrix(const Tensor& t, int64_t rows, int64_t width) {
  return part(t, rows * width, /*moves=*/false, width, /*written=*/false);
}
StepPart StepLoop::state(const Tensor& t, int64_t width, int64_t which, bool written) {
  const int64_t elements = steps_.batch() * width;
  return part(t, (which + 1) * elements, /*moves=*/false, width, written).from(which * elements);
}

StepKernel& StepLoop::kernel(int64_t width, DType compute) {
  stages_.push_back({std::make_unique<StepKernel>(width, compute), {}});
  return *stages_.back().kernel;
}

void StepLoop::product(const StepPart& out, const StepPart& a, const StepPart& b, int64_t n, int64_t k, bool turned, double beta) {
  TORCH_CHECK(
      out.type == a.type && a.type == b.type && (out.type == DType::F32 || out.type == DType::F64), "hologram.", name_,
      ": a product of other types than those of its pass. Keep the dtype of parameters and states until its gradient is there.");
  const auto row = [](const StepPart& part) { return static_cast<int>(part.stride / static_cast<int64_t>(item_size(part.type))); };
  const RowProduct shape{static_cast<int>(n), static_cast<int>(k), row(out), row(a), row(b), turned, out.type == DType::F64, beta};
  stages_.push_back({nullptr, {out, a, b, shape}});
}

void StepLoop::run_at(char* const* memory) {
  const size_t steps = steps_.sizes.size();
  int64_t row = from_last_ ? steps_.rows : 0;
  const auto address = [&](const StepPart& p) { return memory[p.memory] + p.offset + (p.moves ? row * p.stride : 0); };
  for (size_t i = 0; i < steps; ++i) {
    const int64_t n = steps_.sizes[from_last_ ? steps - 1 - i : i];
    if (from_last_) row -= n;
    const size_t stages = stages_.size() - (ends_early_ && i + 1 == steps);
    for (size_t s = 0; s < stages; ++s) {
      const Stage& stage = stages_[s];
      if (StepKernel* const kernel = stage.kernel.get()) {
        kernel->plan(*queue_, n);
        kernel->launch(*queue_, memory, row);
      } else {
        const Product& p = stage.product;
        p.shape.run(static_cast<int>(n), address(p.out), address(p.a), address(p.b));
      }
    }
    if (!from_last_) row += n;
  }
}

/// What tells it from another loop of its name.
std::string StepLoop::facts() const {
  std::string facts(from_last_ ? "from the last" : "from the first");
  const auto add = [&](int64_t number) { facts.append(" ").append(std::to_string(number)); };
  for (int64_t size : steps_.sizes) add(size);
  for (const Tensor& t : tensors_) {
    add(static_cast<int64_t>(t.scalar_type()));
    add(t.dim() ? t.size(-1) : 1);
  }
  return facts;
}

void StepLoop::run() {
  const HostWork work;
  c10::SmallVector<char*, 16> memory;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (written_[i]) before_write(tensors_[i]);
    else before_read(tensors_[i]);
  }
  for (size_t i = 0; i < tensors_.size(); ++i) memory.push_back(written_[i] ? output_data(tensors_[i]) : input_data(tensors_[i]));
  {
    LoggedCall log(name_);
    for (size_t i = 0; i < tensors_.size(); ++i) written_[i] ? log.writes(tensors_[i]) : log.reads(tensors_[i]);
    run_at(memory.data());
  }
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (written_[i]) after_write(tensors_[i]);
  if (!capturing()) return;
  c10::SmallVector<MemoryUse, 16> uses;
  for (size_t i = 0; i < tensors_.size(); ++i) uses.push_back({memory[i], written_[i]});
  std::string sizes = facts();
  const std::vector<Tensor> alive = std::move(tensors_);   // until the graph knows them: it holds memory in its own way
  const auto again = std::make_shared<StepLoop>(std::move(*this));
  capture_work(name_, uses, std::move(sizes), [again](char* const* at) { again->run_at(at); });
}

}  // namespace hologram::aten
