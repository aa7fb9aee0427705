// A backend of c10d that serves tensors of the device through another one, which knows the CPU's (gloo).
//
// Invariants
//  * What a collective reads, and what was recorded on memory that it writes, has run before it begins: aliases of the arguments are
//    made on the calling thread.
//  * Nothing is exposed: ops on the tensors are recorded again afterwards. Until its work is done a collective holds the tensors.
//  * The values of a work are the caller's tensors, not their aliases: DDP puts them into gradients.
#include "torch/distributed/backend.h"

#if __has_include(<torch/csrc/distributed/c10d/Backend.hpp>)

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/reducer_timer.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/graph/capturing.h"
#include "torch/aten/torch_kernels/native.h"
#include "torch/torch_version.h"

PYBIND11_DECLARE_HOLDER_TYPE(T, c10::intrusive_ptr<T>, true)

namespace hologram {
namespace {

using c10d::Work;
using Tensors = std::vector<at::Tensor>;
using TensorLists = std::vector<Tensors>;
using WorkPtr = c10::intrusive_ptr<Work>;

/// A collective's tensors, and their aliases, until it is done. Tensors that are not on the device stand for themselves.
class Arguments {
 public:
  Tensors read(const Tensors& tensors) {
    return each(tensors, [&](const at::Tensor& t) { return aliases_.read(t); });
  }
  Tensors write(const Tensors& tensors) {
    return each(tensors, [&](const at::Tensor& t) {
      results_.push_back(t);
      return aliases_.write(t);
    });
  }
  at::Tensor read(const at::Tensor& t) { return read(Tensors{t})[0]; }
  at::Tensor write(const at::Tensor& t) { return write(Tensors{t})[0]; }
  TensorLists read(const TensorLists& lists) {
    TensorLists all;
    for (const Tensors& list : lists) all.push_back(read(list));
    return all;
  }
  TensorLists write(const TensorLists& lists) {
    TensorLists all;
    for (const Tensors& list : lists) all.push_back(write(list));
    return all;
  }

  bool any_of_the_device() const { return ours_; }
  /// Once the work is done: where aliases are copies, what was written is carried to the device.
  void finish() {
    if (copies_) std::call_once(finished_, [this] { aliases_.write_back(); });
  }
  const Tensors& results() const { return results_; }

 private:
  template <class F>
  Tensors each(const Tensors& tensors, F alias) {
    Tensors out;
    for (const at::Tensor& t : tensors) {
      if (!t.defined() || !aten::is_hologram(t)) {
        out.push_back(t);
        continue;
      }
      TORCH_CHECK(!capturing(), "hologram.distributed: a collective cannot be part of a graph. Call it outside what is captured.");
      TORCH_CHECK(t.layout() == c10::kStrided, "hologram.distributed: a ", t.layout(),
                  " tensor of the device is not supported. Use .to_dense(), or move it to the CPU.");
      ours_ = true;
      copies_ |= !aten::home_queue(t).reads_host_memory();
      out.push_back(alias(t));
    }
    return out;
  }

  aten::TensorAliases aliases_;
  Tensors results_;
  bool ours_ = false, copies_ = false;
  std::once_flag finished_;
};

/// The other backend's work, which holds the tensors and gives them as its values.
class AliasWork final : public Work {
 public:
  AliasWork(WorkPtr inner, std::shared_ptr<Arguments> arguments)
      : Work(-1, inner->retrieveOpType()), inner_(std::move(inner)), arguments_(std::move(arguments)) {}

  bool isCompleted() override {
    const bool completed = inner_->isCompleted();
    if (completed && inner_->isSuccess()) arguments_->finish();
    return completed;
  }
  bool isSuccess() const override { return inner_->isSuccess(); }
  std::exception_ptr exception() const override { return inner_->exception(); }
  int sourceRank() const override { return inner_->sourceRank(); }
  Tensors result() override { return arguments_->results(); }
  void synchronize() override {
    inner_->synchronize();
    arguments_->finish();
  }
  bool wait(std::chrono::milliseconds timeout) override {
    const bool done = inner_->wait(timeout);
    if (done) arguments_->finish();
    return done;
  }
  void blockCurrentStream() override { wait(kNoTimeout); }
  void abort() override { inner_->abort(); }
  uint64_t getSequencenumber() const override { return inner_->getSequencenumber(); }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override {
    return inner_->getFuture()->then(
        [arguments = arguments_](c10::ivalue::Future& done) {
          done.value();  // throws what failed
          arguments->finish();
          return c10::IValue(arguments->results());
        },
        c10::ListType::create(c10::TensorType::get()));
  }

 private:
  const WorkPtr inner_;
  const std::shared_ptr<Arguments> arguments_;
};

class HologramBackend final : public c10d::Backend {
 public:
  explicit HologramBackend(c10::intrusive_ptr<c10d::Backend> inner)
      : Backend(inner->getRank(), inner->getSize()), inner_(std::move(inner)) {}

  const std::string getBackendName() const override { return "hologram"; }
  bool supportsSplitting() const override { return inner_->supportsSplitting(); }
  bool supportsCoalescing() const override { return inner_->supportsCoalescing(); }
  void startCoalescing() override { inner_->startCoalescing(); }
  WorkPtr endCoalescing() override { return inner_->endCoalescing(); }
  c10::intrusive_ptr<Options> getBackendOptions() override { return inner_->getBackendOptions(); }
  c10::intrusive_ptr<Backend> split(const c10::intrusive_ptr<c10d::Store>& store, const std::vector<int>& ranks,
                                    const c10::intrusive_ptr<Options>& options) override {
    c10::intrusive_ptr<Backend> part = inner_->split(store, ranks, options);
    return part ? c10::make_intrusive<HologramBackend>(std::move(part)) : nullptr;
  }
  void setTimeout(std::chrono::milliseconds timeout) override { inner_->setTimeout(timeout); }
  void setSequenceNumberForGroup() override { inner_->setSequenceNumberForGroup(); }
  uint64_t getSequenceNumberForGroup() override { return inner_->getSequenceNumberForGroup(); }
  void waitForPendingWorks() override { inner_->waitForPendingWorks(); }
  void abort() override { inner_->abort(); }
  void shutdown() override { inner_->shutdown(); }

  // ---- collectives ----
  WorkPtr broadcast(Tensors& tensors, const c10d::BroadcastOptions& options) override {
    return in_place(tensors, [&](Tensors& t) { return inner_->broadcast(t, options); });
  }
  WorkPtr allreduce(Tensors& tensors, const c10d::AllreduceOptions& options) override {
    return in_place(tensors, [&](Tensors& t) { return inner_->allreduce(t, options); });
  }
  WorkPtr allreduce_sparse(Tensors& tensors, const c10d::AllreduceOptions& options) override {
    return in_place(tensors, [&](Tensors& t) { return inner_->allreduce_sparse(t, options); });
  }
  WorkPtr allreduce_coalesced(Tensors& tensors, const c10d::AllreduceCoalescedOptions& options) override {
    return in_place(tensors, [&](Tensors& t) { return inner_->allreduce_coalesced(t, options); });
  }
  WorkPtr reduce(Tensors& tensors, const c10d::ReduceOptions& options) override {
    return in_place(tensors, [&](Tensors& t) { return inner_->reduce(t, options); });
  }
  WorkPtr allgather(TensorLists& outputs, Tensors& inputs, const c10d::AllgatherOptions& options) override {
    return moving(outputs, inputs, [&](TensorLists& out, Tensors& in) { return inner_->allgather(out, in, options); });
  }
  WorkPtr _allgather_base(at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) override {
    return moving(output, input, [&](at::Tensor& out, at::Tensor& in) { return inner_->_allgather_base(out, in, options); });
  }
  WorkPtr allgather_coalesced(TensorLists& outputs, Tensors& inputs, const c10d::AllgatherOptions& options) override {
    return moving(outputs, inputs, [&](TensorLists& out, Tensors& in) { return inner_->allgather_coalesced(out, in, options); });
  }
  WorkPtr allgather_into_tensor_coalesced(Tensors& outputs, Tensors& inputs, const c10d::AllgatherOptions& options) override {
    return moving(outputs, inputs,
                  [&](Tensors& out, Tensors& in) { return inner_->allgather_into_tensor_coalesced(out, in, options); });
  }
  WorkPtr gather(TensorLists& outputs, Tensors& inputs, const c10d::GatherOptions& options) override {
    return moving(outputs, inputs, [&](TensorLists& out, Tensors& in) { return inner_->gather(out, in, options); });
  }
  WorkPtr scatter(Tensors& outputs, TensorLists& inputs, const c10d::ScatterOptions& options) override {
    return moving(outputs, inputs, [&](Tensors& out, TensorLists& in) { return inner_->scatter(out, in, options); });
  }
  WorkPtr reduce_scatter(Tensors& outputs, TensorLists& inputs, const c10d::ReduceScatterOptions& options) override {
    return moving(outputs, inputs, [&](Tensors& out, TensorLists& in) { return inner_->reduce_scatter(out, in, options); });
  }
  WorkPtr _reduce_scatter_base(at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) override {
    return moving(output, input, [&](at::Tensor& out, at::Tensor& in) { return inner_->_reduce_scatter_base(out, in, options); });
  }
  WorkPtr reduce_scatter_tensor_coalesced(Tensors& outputs, Tensors& inputs, const c10d::ReduceScatterOptions& options) override {
    return moving(outputs, inputs,
                  [&](Tensors& out, Tensors& in) { return inner_->reduce_scatter_tensor_coalesced(out, in, options); });
  }
  WorkPtr alltoall_base(at::Tensor& output, at::Tensor& input, std::vector<int64_t>& output_sizes,
                        std::vector<int64_t>& input_sizes, const c10d::AllToAllOptions& options) override {
    return moving(output, input, [&](at::Tensor& out, at::Tensor& in) {
      return inner_->alltoall_base(out, in, output_sizes, input_sizes, options);
    });
  }
  WorkPtr alltoall(Tensors& outputs, Tensors& inputs, const c10d::AllToAllOptions& options) override {
    return moving(outputs, inputs, [&](Tensors& out, Tensors& in) { return inner_->alltoall(out, in, options); });
  }
#if HOLOGRAM_TORCH_AT_LEAST(2, 14)
  // The names above are what torch calls these until it drops them.
  WorkPtr all_gather_single(at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) override {
    return moving(output, input, [&](at::Tensor& out, at::Tensor& in) { return inner_->all_gather_single(out, in, options); });
  }
  WorkPtr all_gather_single_coalesced(Tensors& outputs, Tensors& inputs, const c10d::AllgatherOptions& options) override {
    return moving(outputs, inputs,
                  [&](Tensors& out, Tensors& in) { return inner_->all_gather_single_coalesced(out, in, options); });
  }
  WorkPtr reduce_scatter_single(at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) override {
    return moving(output, input, [&](at::Tensor& out, at::Tensor& in) { return inner_->reduce_scatter_single(out, in, options); });
  }
  WorkPtr reduce_scatter_single_coalesced(Tensors& outputs, Tensors& inputs, const c10d::ReduceScatterOptions& options) override {
    return moving(outputs, inputs,
                  [&](Tensors& out, Tensors& in) { return inner_->reduce_scatter_single_coalesced(out, in, options); });
  }
  WorkPtr all_to_all_single(at::Tensor& output, at::Tensor& input, std::vector<int64_t>& output_sizes,
                            std::vector<int64_t>& input_sizes, const c10d::AllToAllOptions& options) override {
    return moving(output, input, [&](at::Tensor& out, at::Tensor& in) {
      return inner_->all_to_all_single(out, in, output_sizes, input_sizes, options);
    });
  }
#endif

  // ---- between two, and without tensors ----
  WorkPtr send(Tensors& tensors, int to, int tag) override {
    const auto arguments = std::make_shared<Arguments>();
    Tensors t = arguments->read(tensors);
    return done(arguments, inner_->send(t, to, tag));
  }
  WorkPtr recv(Tensors& tensors, int from, int tag) override {
    return in_place(tensors, [&](Tensors& t) { return inner_->recv(t, from, tag); });
  }
  WorkPtr recvAnysource(Tensors& tensors, int tag) override {
    return in_place(tensors, [&](Tensors& t) { return inner_->recvAnysource(t, tag); });
  }
  WorkPtr barrier(const c10d::BarrierOptions& options) override {
    c10d::BarrierOptions on_the_cpu = options;
    on_the_cpu.device.reset();
    on_the_cpu.device_ids.clear();
    return inner_->barrier(on_the_cpu);
  }
  void monitoredBarrier(const c10d::BarrierOptions& options, bool wait_all_ranks) override {
    inner_->monitoredBarrier(options, wait_all_ranks);
  }

 private:
  template <class F>
  WorkPtr in_place(Tensors& tensors, F call) {
    const auto arguments = std::make_shared<Arguments>();
    Tensors aliases = arguments->write(tensors);
    return done(arguments, call(aliases));
  }

  template <class Out, class In, class F>
  WorkPtr moving(Out& outputs, In& inputs, F call) {
    const auto arguments = std::make_shared<Arguments>();
    In in = arguments->read(inputs);
    Out out = arguments->write(outputs);
    return done(arguments, call(out, in));
  }

  static WorkPtr done(const std::shared_ptr<Arguments>& arguments, WorkPtr work) {
    if (!work || !arguments->any_of_the_device()) return work;
    return c10::make_intrusive<AliasWork>(std::move(work), arguments);
  }

  const c10::intrusive_ptr<c10d::Backend> inner_;
};

/// What DDP measures of its steps, on the host: a device without a timer is warned about.
class HostTimer final : public c10d::Timer {
 public:
  explicit HostTimer(c10::Device) {}
  std::optional<int64_t> measureDifference(Event start, Event end) override {
    const int64_t from = getTimeRef(start), to = getTimeRef(end);
    if (from == c10d::kUnsetTime || to == c10d::kUnsetTime || to < from) return std::nullopt;
    return to - from;
  }
};

void serve(c10d::ProcessGroup& group) {
  static std::mutex one_at_a_time;
  const std::lock_guard<std::mutex> hold(one_at_a_time);
  const auto kinds = group.getDeviceTypes();
  const auto serves = [&](c10::DeviceType type) {
    return std::any_of(kinds.begin(), kinds.end(), [&](c10::Device kind) { return kind.type() == type; });
  };
  if (serves(c10::kPrivateUse1) || !serves(c10::kCPU)) return;
  const std::string name = group.getGroupName(), description = group.getGroupDesc();
  group.setBackend(c10::kPrivateUse1, c10d::ProcessGroup::BackendType::CUSTOM,
                   c10::make_intrusive<HologramBackend>(group.getBackend(c10::kCPU)));
  group.setGroupName(name);   // each of its backends keeps them
  group.setGroupDesc(description);
}

}  // namespace

void serve_process_group(const c10::IValue& argument) {
  if (!argument.isObject()) return;
  static const auto type = c10::getCustomClassType<c10::intrusive_ptr<c10d::ProcessGroup>>();
  if (*argument.toObjectRef().type() == *type) serve(*argument.toCustomClass<c10d::ProcessGroup>());
}

void bind_distributed(pybind11::module_& m) {
  c10d::TimerRegistry()->Register(
      c10::kPrivateUse1, [](c10::Device device) -> std::unique_ptr<c10d::Timer> { return std::make_unique<HostTimer>(device); });
  m.def(
      "distributed_backend",
      [](const c10::intrusive_ptr<c10d::Backend>& inner) -> c10::intrusive_ptr<c10d::Backend> {
        TORCH_CHECK_VALUE(inner, "hologram.distributed_backend: a backend for CPU tensors is needed.");
        return c10::make_intrusive<HologramBackend>(inner);
      },
      pybind11::arg("inner"), "A backend of torch.distributed for tensors of the device, over one that serves CPU tensors.");
  m.def("serve_process_group", [](const c10::intrusive_ptr<c10d::ProcessGroup>& group) { serve(*group); });
}

}  // namespace hologram

#else

namespace hologram {
void serve_process_group(const c10::IValue&) {}
void bind_distributed(pybind11::module_&) {}
}  // namespace hologram

#endif
