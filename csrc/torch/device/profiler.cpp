// What PyTorch's profiler asks of the device: its kernels, as rows and on a track of their own (ProfilerActivity.PrivateUse1).
//
// Invariants
//  * Launches are read between start() and stop() of the one session that a profiler has. What is recorded runs at both ends, so that a
//    trace holds the kernels of its ops, and no others.
//  * A kernel is linked to the last op that was recorded into it, not to the op that made the host wait: Kineto gives each op a number when
//    it begins, and the recorder keeps the one that the thread was in.

#include <c10/util/ApproximateClock.h>
#include <torch/csrc/profiler/stubs/base.h>

#include "torch/device/device.h"

#if __has_include(<kineto/libkineto.h>)
#define FMT_HEADER_ONLY
#include <kineto/libkineto.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "runtime/backends/registry.h"
#include "runtime/device/queue.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/launch_log.h"
#include "runtime/memory/memory_log.h"
#include "runtime/trace/stream.h"
#define HOLOGRAM_KINETO 1
#endif

namespace hologram {
namespace {

// The profiler without Kineto (use_kineto=False) asks for events around each op. A recorded op runs later, in one kernel with others: it
// has no time of its own. Without these methods it writes a stack trace for every op.
struct ProfilerMethods final : torch::profiler::impl::ProfilerStubs {
  void record(c10::DeviceIndex* device, torch::profiler::impl::ProfilerVoidEventStub*, int64_t* cpu_ns) const override {
    if (device) *device = current_device();
    if (cpu_ns) *cpu_ns = c10::getTime();
  }
  float elapsed(const torch::profiler::impl::ProfilerVoidEventStub*,
                const torch::profiler::impl::ProfilerVoidEventStub*) const override {
    return 0;
  }
  void mark(const char*) const override {}
  void rangePush(const char*) const override {}
  void rangePop() const override {}
  bool enabled() const override { return true; }
  void onEachDevice(std::function<void(int)>) const override {}
  void synchronize() const override {}
};

#ifdef HOLOGRAM_KINETO

namespace kineto = libkineto;

struct Launches {
  std::mutex lock;
  std::vector<LaunchRecord> records;
};
Launches& launches() {
  static auto& all = *new Launches;
  return all;
}

void keep(const LaunchRecord& record) {
  Launches& all = launches();
  std::lock_guard<std::mutex> hold(all.lock);
  all.records.push_back(record);
}

void report_memory(const Queue& queue, void* data, int64_t bytes, size_t allocated, size_t reserved) {
  const c10::Device device(kDeviceType, static_cast<c10::DeviceIndex>(queue.device()));
  c10::reportMemoryUsageToProfiler(data, bytes, allocated, reserved, device);
}

/// The numbers of the ops that the thread is in.
std::vector<uint64_t>& ops_of_thread() {
  thread_local std::vector<uint64_t> ops;
  return ops;
}

/// "add > mul > relu". The names of ops are Python's.
std::string name_of(const Kernel& kernel) {
  namespace py = pybind11;
  py::gil_scoped_acquire gil;
  try {
    return py::module_::import("hologram_torch.profiler").attr("kernel_name")(py::bytes(kernel.key)).cast<std::string>();
  } catch (const py::error_already_set&) {
    return kernel.name;  // a key that this version of the package does not read
  }
}

void run_recorded_everywhere() {
  std::optional<pybind11::gil_scoped_release> others_may_run;
  if (PyGILState_Check()) others_may_run.emplace();
  for (Queue* first : opened_backends())
    each_queue(*first, [](Queue& queue) { queue.stream().run(Reason::Synchronize); });  // what fails raises where it is read
}

class Session final : public kineto::IActivityProfilerSession {
 public:
  void start() override {
    run_recorded_everywhere();
    launches().records.clear();
    set_launch_sink(&keep);
    set_memory_sink(MemoryReader::Profiler, &report_memory);  // which does nothing without profile_memory
    status_ = kineto::TraceStatus::RECORDING;
  }
  void stop() override {
    run_recorded_everywhere();
    set_launch_sink(nullptr);
    set_memory_sink(MemoryReader::Profiler, nullptr);
    status_ = kineto::TraceStatus::PROCESSING;
  }
  std::vector<std::string> errors() override { return {}; }

  void processTrace(kineto::ActivityLogger& logger) override { log_all(logger, nullptr); }
  void processTrace(kineto::ActivityLogger& logger, kineto::getLinkedActivityCallback linked, int64_t, int64_t) override {
    log_all(logger, linked);
  }

  std::unique_ptr<kineto::DeviceInfo> getDeviceInfo() override {
    return std::make_unique<kineto::DeviceInfo>(kineto::DeviceInfo{0, 1, "hologram", "hologram"});
  }
  std::vector<kineto::ResourceInfo> getResourceInfos() override { return {{0, 0, 0, "kernels"}}; }
  std::unique_ptr<kineto::CpuTraceBuffer> getTraceBuffer() override { return std::move(trace_); }

  void pushCorrelationId(uint64_t id) override {
    ops_of_thread().push_back(id);
    calling_op() = id;
  }
  void popCorrelationId() override {
    auto& ops = ops_of_thread();
    if (!ops.empty()) ops.pop_back();
    calling_op() = ops.empty() ? 0 : ops.back();
  }

 private:
  void log_all(kineto::ActivityLogger& logger, const kineto::getLinkedActivityCallback& linked) {
    std::vector<LaunchRecord> records;
    {
      std::lock_guard<std::mutex> hold(launches().lock);
      records.swap(launches().records);
    }
    if (!trace_) trace_ = std::make_unique<kineto::CpuTraceBuffer>();
    trace_->span =
        kineto::TraceSpan(records.empty() ? 0 : records.front().started, records.empty() ? 0 : end_of(records.back()), "hologram");
    trace_->gpuOpCount = static_cast<int>(records.size());
    std::map<const Kernel*, std::string> names;
    int32_t number = 0;
    for (const LaunchRecord& r : records) {
      if (!r.started) continue;  // its time is on a GPU's clock
      auto& name = names[r.kernel];
      if (name.empty()) name = name_of(*r.kernel);
      trace_->emplace_activity(trace_->span, kineto::ActivityType::CONCURRENT_KERNEL, name);
      kineto::GenericTraceActivity& activity = *trace_->activities.back();
      activity.startTime = r.started;
      activity.endTime = end_of(r);
      activity.id = ++number;
      activity.addMetadata("elements", r.items * std::max<int64_t>(r.elements_per_item, 1));
      activity.addMetadata("threads", r.threads);
      activity.addMetadataQuoted("kernel", r.kernel->name);
      if (linked && r.caller) activity.linked = linked(static_cast<int32_t>(r.caller));
      activity.log(logger);
    }
  }
  static int64_t end_of(const LaunchRecord& r) {
    return r.started + std::max<int64_t>(1, static_cast<int64_t>(r.microseconds * 1e3));
  }

  std::unique_ptr<kineto::CpuTraceBuffer> trace_;
};

class ActivityProfiler final : public kineto::IActivityProfiler {
 public:
  const std::string& name() const override { return name_; }
  const std::set<kineto::ActivityType>& availableActivities() const override { return activities_; }
  std::unique_ptr<kineto::IActivityProfilerSession> configure(const std::set<kineto::ActivityType>& wanted,
                                                              const kineto::Config&) override {
    return wanted.count(kineto::ActivityType::CONCURRENT_KERNEL) ? std::make_unique<Session>() : nullptr;
  }
  std::unique_ptr<kineto::IActivityProfilerSession> configure(int64_t, int64_t, const std::set<kineto::ActivityType>& wanted,
                                                              const kineto::Config& config) override {
    return configure(wanted, config);
  }

 private:
  const std::string name_ = "hologram";
  const std::set<kineto::ActivityType> activities_ = {kineto::ActivityType::CONCURRENT_KERNEL};
};

#endif  // HOLOGRAM_KINETO

const bool registered = [] {
  torch::profiler::impl::registerPrivateUse1Methods(new ProfilerMethods);   // torch keeps it for the life of the process
#ifdef HOLOGRAM_KINETO
  kineto::api().registerProfilerFactory([] { return std::make_unique<ActivityProfiler>(); });
#endif
  return true;
}();

}  // namespace
}  // namespace hologram
