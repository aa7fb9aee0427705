// A GPU device of torch without a GPU, for tests: kernels for every op that torch has for the CPU, on the memory of a fake driver.
// Included once by an extension that defines `Gpu`:
//
//   struct Gpu {
//     static constexpr c10::DeviceType type; static constexpr c10::DispatchKey key;
//     static c10::Allocator& allocator();
//     static void finish();                                          // all that the current stream was given has run
//     static void read(void* to, void* storage, size_t bytes);       // from the beginning of a storage, after finish()
//     static void arrive(const void* bytes, size_t count, void* storage, size_t offset);   // on the stream, whenever it runs
//   };
//
//  * A kernel is torch's CPU kernel on copies. It reads what is there when the stream has run, with all that the stream waits
//    for; what it writes arrives only when the stream runs next. So a missing order between torch's stream and another queue
//    shows as stale or unwritten values.
//  * Calls are counted by name, and kernels can be made to refuse (torch_* below).
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <torch/library.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

std::map<std::string, long> counts;
std::set<std::string> refused;

/// The arguments of one call on the CPU, and what the call did to them back on the device.
class Staged {
 public:
  Staged() { Gpu::finish(); }

  at::Tensor in(const at::Tensor& t) {
    if (!t.defined() || t.device().type() != Gpu::type) return t;
    for (const auto& [device, cpu] : tensors_)
      if (device.is_same(t)) return cpu;
    tensors_.emplace_back(t, over(staged(t.storage()), c10::DispatchKey::CPU, t));
    return tensors_.back().second;
  }

  /// Once, after the kernel.
  void write_back() {
    for (Storage& s : storages_) {
      c10::StorageImpl* device = s.device.unsafeGetStorageImpl();
      const size_t bytes = s.cpu.nbytes();
      const char* after = static_cast<const char*>(s.cpu.data());
      if (after == s.data && bytes == device->nbytes()) {
        size_t from = 0, to = bytes;
        while (from < to && s.before[from] == after[from]) ++from;
        while (to > from && s.before[to - 1] == after[to - 1]) --to;
        from -= from % 4;
        if (from < to) Gpu::arrive(after + from, to - from, device->mutable_data(), from);
        continue;
      }
      device->set_data_ptr_noswap(Gpu::allocator().allocate(bytes));
      device->set_nbytes(bytes);
      if (bytes) Gpu::arrive(after, bytes, device->mutable_data(), 0);
    }
    for (const auto& [device, cpu] : tensors_)
      device.unsafeGetTensorImpl()->set_sizes_and_strides(cpu.sizes(), cpu.strides(), cpu.storage_offset());
  }

  at::Tensor out(const at::Tensor& t) {
    if (!t.defined()) return t;
    for (const auto& [device, cpu] : tensors_)
      if (cpu.is_same(t)) return device;
    for (const Storage& s : storages_)
      if (s.cpu.unsafeGetStorageImpl() == t.storage().unsafeGetStorageImpl()) return over(s.device, Gpu::key, t);
    const size_t bytes = t.storage().data() ? t.storage().nbytes() : 0;   // a tensor of zeros has none
    const c10::Storage made = storage(bytes, Gpu::allocator());
    if (bytes) Gpu::arrive(t.storage().data(), bytes, made.mutable_data(), 0);
    return over(made, Gpu::key, t);
  }

 private:
  struct Storage {
    c10::Storage device, cpu;
    const void* data;
    std::vector<char> before;
  };

  static c10::Storage storage(size_t bytes, c10::Allocator& from) {
    return c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), bytes, from.allocate(bytes), &from, /*resizable=*/true);
  }
  const c10::Storage& staged(const c10::Storage& device) {
    for (const Storage& s : storages_)
      if (s.device.unsafeGetStorageImpl() == device.unsafeGetStorageImpl()) return s.cpu;
    const size_t bytes = device.nbytes();
    c10::Storage cpu = storage(bytes, *c10::GetAllocator(c10::kCPU));
    if (bytes && device.data()) Gpu::read(cpu.mutable_data(), device.mutable_data(), bytes);
    const char* data = static_cast<const char*>(cpu.data());
    storages_.push_back({device, cpu, data, std::vector<char>(data, data + bytes)});
    return storages_.back().cpu;
  }
  static at::Tensor over(const c10::Storage& storage, c10::DispatchKey key, const at::Tensor& like) {
    c10::DispatchKeySet keys(key);
    if (like._is_zerotensor()) keys = keys.add(c10::DispatchKey::ZeroTensor);
    at::Tensor t = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(storage), keys, like.dtype());
    c10::TensorImpl* impl = t.unsafeGetTensorImpl();
    impl->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
    if (like.is_conj()) impl->_set_conj(true);
    if (like.is_neg()) impl->_set_neg(true);
    if (like.unsafeGetTensorImpl()->is_wrapped_number()) impl->set_wrapped_number(true);
    return t;
  }

  std::vector<Storage> storages_;
  std::vector<std::pair<at::Tensor, at::Tensor>> tensors_;
};

template <class F>
void each_tensor(c10::IValue& value, F f) {
  if (value.isTensor()) {
    value = f(value.toTensor());
  } else if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& t : value.toTensorVector()) list.push_back(f(t));
    value = std::move(list);
  } else if (value.isList() && value.toList().elementType()->isSubtypeOf(*c10::OptionalType::ofTensor())) {
    c10::List<std::optional<at::Tensor>> list;
    for (const c10::IValue& t : value.toListRef()) list.push_back(t.isTensor() ? std::optional<at::Tensor>(f(t.toTensor())) : std::nullopt);
    value = std::move(list);
  }
}

void check_served(const std::string& name) {
  ++counts[name];
  TORCH_CHECK(!refused.count(name), "fake: ", name, " is refused");
}

void kernel(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  check_served(op.operator_name().name.substr(6));
  Staged staged;
  const size_t arguments = op.schema().arguments().size(), first = stack->size() - arguments;
  for (size_t i = first; i < stack->size(); ++i) {
    c10::IValue& value = (*stack)[i];
    if (value.isDevice()) value = c10::Device(c10::kCPU);
    else each_tensor(value, [&](const at::Tensor& t) { return staged.in(t); });
  }
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  staged.write_back();
  for (size_t i = first; i < stack->size(); ++i) each_tensor((*stack)[i], [&](const at::Tensor& t) { return staged.out(t); });
}

/// Registers `kernel` for what has a kernel for the CPU, but for kthvalue: an op that the device has none for.
void register_kernels(torch::Library& m) {
  for (const c10::OperatorName& op : c10::Dispatcher::singleton().getRegistrationsForDispatchKey(c10::DispatchKey::CPU)) {
    const std::string name = op.overload_name.empty() ? op.name : op.name + "." + op.overload_name;
    const auto handle = c10::Dispatcher::singleton().findSchema(op);
    if (op.name.rfind("aten::", 0) == 0 && op.name != "aten::kthvalue" && handle && !handle->hasKernelForDispatchKey(Gpu::key)) m.impl(name.c_str(), torch::CppFunction::makeFromBoxedFunction<&kernel>());
  }
}

}  // namespace

extern "C" {

/// Calls of kernels of this name so far; "": of all.
long torch_count(const char* name) {
  if (*name) return counts[name];
  long all = 0;
  for (const auto& [each, n] : counts) all += n;
  return all;
}
void torch_refuse(const char* name, int on) {
  if (on) refused.insert(name);
  else refused.erase(name);
}

}  // extern "C"
