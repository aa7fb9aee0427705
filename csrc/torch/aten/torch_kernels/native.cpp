#include "torch/aten/torch_kernels/native.h"

#include <ATen/core/Tensor.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StorageImpl.h>
#include <c10/core/TensorImpl.h>

#include <ATen/Context.h>
#include <ATen/NestedTensorImpl.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string_view>
#include <tuple>

#include "runtime/backends/cpu/queue.h"
#include "runtime/base/config.h"
#include "runtime/graph/capturing.h"
#include "torch/aten/torch_kernels/nested.h"
#include "torch/aten/torch_kernels/sparse.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/threads.h"

namespace hologram::aten {
namespace {

thread_local Queue* pool_scope = nullptr;

// The blocks behind addresses handed out by ScopedAllocator. torch's contract for raw memory (oneDNN asks for it) is that an
// address alone is enough to free it, so a Block* cannot travel as the DataPtr's context.
class ScopedBlocks {
 public:
  void add(void* data, Block* block) {
    Shard& s = shard(data);
    std::lock_guard<std::mutex> lock(s.mutex);
    s.blocks.emplace(data, block);
  }
  Block* find(void* data) {
    Shard& s = shard(data);
    std::lock_guard<std::mutex> lock(s.mutex);
    auto found = s.blocks.find(data);
    return found == s.blocks.end() ? nullptr : found->second;
  }
  Block* take(void* data) {
    Shard& s = shard(data);
    std::lock_guard<std::mutex> lock(s.mutex);
    auto found = s.blocks.find(data);
    if (found == s.blocks.end()) return nullptr;
    Block* block = found->second;
    s.blocks.erase(found);
    return block;
  }

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    ska::flat_hash_map<void*, Block*> blocks;
  };
  Shard& shard(void* data) { return shards_[(reinterpret_cast<uintptr_t>(data) >> 12) % kShards]; }
  static constexpr size_t kShards = 8;
  Shard shards_[kShards];
};

ScopedBlocks& scoped_blocks() {
  static auto& blocks = *new ScopedBlocks;   // memory may be freed until the very end of the process
  return blocks;
}

c10::Allocator* torch_allocator = nullptr;   // the CPU allocator that was there before ours

void free_native(void* data) {
  if (Block* block = scoped_blocks().take(data)) block->release();
  else torch_allocator->raw_deleter()(data);
}

// Sits in front of torch's CPU allocator for the whole process and passes everything through, except on a thread
// inside a PoolScope.
class ScopedAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (!pool_scope || bytes == 0) return torch_allocator->allocate(bytes);
    try {
      Block* block = allocate_block(*pool_scope, bytes);
      if (C10_UNLIKELY(pool_scope->host_waits())) pool_scope->wait_for_device();   // the kernel writes it at once
      scoped_blocks().add(block->data, block);
      return {block->data, block->data, &free_native, c10::Device(c10::DeviceType::CPU)};
    } catch (const Error& error) {
      rethrow_as_c10(error);
    }
  }
  c10::DeleterFnPtr raw_deleter() const override { return torch_allocator->raw_deleter() ? &free_native : nullptr; }
  void copy_data(void* dst, const void* src, size_t bytes) const override { default_copy_data(dst, src, bytes); }
};

void install_scoped_allocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    static ScopedAllocator allocator;
    torch_allocator = c10::GetCPUAllocator();
    c10::SetCPUAllocator(&allocator);
  });
}

void delete_storage(void* storage) { delete static_cast<c10::Storage*>(storage); }

// Memory is all we can share: no quantizer, no opaque layout.
void check_plain(const at::Tensor& t, const char* what) {
  TORCH_CHECK_NOT_IMPLEMENTED(t.layout() == c10::kStrided && !t.is_quantized() && t.has_storage(),
      "hologram: a ", t.is_quantized() ? "quantized" : c10::str(t.layout()).c_str(), " ", what,
      " is not supported on the device. Move the inputs to the CPU first (.cpu()).");
}

/// `shift`: bytes by which the elements begin later in `storage` than in that of `like`.
at::Tensor tensor_on(c10::Storage storage, c10::DispatchKey key, const at::Tensor& like, int64_t shift = 0) {
  c10::DispatchKeySet keys(key);
  if (like._is_zerotensor()) keys = keys.add(c10::DispatchKey::ZeroTensor);
  at::Tensor t = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), keys, like.dtype());
  c10::TensorImpl* impl = t.unsafeGetTensorImpl();
  impl->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset() + shift / static_cast<int64_t>(like.element_size()));
  if (like.is_conj()) impl->_set_conj(true);
  if (like.is_neg()) impl->_set_neg(true);
  if (like.unsafeGetTensorImpl()->is_wrapped_number()) impl->set_wrapped_number(true);
  return t;
}

/// The bytes of its storage that a tensor covers.
std::pair<size_t, size_t> extent(const at::Tensor& t) {
  if (t.numel() == 0) return {0, 0};
  const auto item = static_cast<int64_t>(t.element_size());
  int64_t last = t.storage_offset();
  for (int64_t d = 0; d < t.dim(); ++d) last += (t.size(d) - 1) * t.stride(d);
  return {static_cast<size_t>(t.storage_offset() * item), static_cast<size_t>((last + 1) * item)};
}

/// A block of CPU memory as a DataPtr of the CPU.
c10::DataPtr host_memory(size_t bytes) {
  Block* block = with_c10_errors([&] { return allocate_block(cpu_queue(), bytes); });
  return {block->data, block, &release_block, c10::Device(c10::DeviceType::CPU)};
}

}  // namespace

Queue& TensorAliases::home(c10::Device device) const {
  return home_ ? home_->current(device.index()) : current_queue(device.index());
}

namespace {

c10::DataPtr copied_data(Queue& queue, const void* data, size_t bytes, c10::Device device) {
  Block* block = allocate_for_torch(queue, bytes);
  c10::DataPtr copy(block->data, block, &release_block, device);
  with_c10_errors([&] { queue.upload(block->data, data, bytes); });
  return copy;
}

}  // namespace

// A native result's memory from its byte `inside` on as the device's: the same, or a copy of it on the device.
c10::DataPtr TensorAliases::device_data(const c10::Storage& native, c10::Device device, size_t inside) const {
  c10::StorageImpl* impl = native.unsafeGetStorageImpl();
  void* data = impl->mutable_data();
  if (!data) return {nullptr, device};
  Queue& queue = home(device);
  if (native_ == c10::DeviceType::CPU && !queue.host_visible()) return copied_data(queue, data, impl->nbytes(), device);
  Block* block = impl->data_ptr().get_deleter() == &free_native ? scoped_blocks().find(data)
                                                                : hologram::block_of(impl->data_ptr());
  if (block) {
    block->retain();
    return {data, block, &release_block, device};
  }
  if (native_ == c10::DeviceType::CPU && !queue.reads_host_memory()) return copied_data(queue, data, impl->nbytes(), device);
  block = native_ == c10::DeviceType::MPS ? mps::adopt(queue, data, inside, impl->nbytes() - inside, new c10::Storage(native), &delete_storage)
                                          : adopt_block(queue, data, impl->nbytes(), new c10::Storage(native), &delete_storage);
  if (capturing()) note_allocation(*block);
  if (native_ != c10::DeviceType::CPU) block->exposed = false;   // fresh from torch's allocator: no other holder of the address
  return {block->data, block, &release_block, device};
}

c10::Storage TensorAliases::device_storage(const c10::Storage& native, c10::Device device) const {
  c10::Storage storage = c10::make_storage_impl(c10::StorageImpl::use_byte_size_t(), c10::SymInt(static_cast<int64_t>(native.nbytes())),
                                                device_data(native, device), c10::GetAllocator(kDevice), /*resizable=*/true, device);
  watch_pointers(*storage.unsafeGetStorageImpl());
  if (const Block* const block = hologram::block_of(storage.data_ptr()))
    made_.push_back({block->data, static_cast<int64_t>(block->bytes), true});
  return storage;
}

const TensorAliases::StoragePair* TensorAliases::find(const c10::StorageImpl* either) const {
  if (!index_.empty()) {
    auto found = index_.find(either);
    return found == index_.end() ? nullptr : &storages_[found->second];
  }
  for (const StoragePair& pair : storages_)
    if (pair.original.unsafeGetStorageImpl() == either || pair.alias.unsafeGetStorageImpl() == either) return &pair;
  return nullptr;
}

TensorAliases::StoragePair& TensorAliases::alias_storage(const c10::Storage& original) {
  if (const StoragePair* known = find(original.unsafeGetStorageImpl())) return const_cast<StoragePair&>(*known);
  StoragePair pair{original, {}};
  c10::StorageImpl* impl = original.unsafeGetStorageImpl();
  const c10::Device device(native_, native_ == c10::DeviceType::CPU ? -1 : impl->device().index());
  c10::DataPtr data;
  if (Block* block = hologram::block_of(impl->data_ptr())) {
    if (!home_) home_ = block->queue;
    else if (C10_UNLIKELY(home_ != block->queue)) with_c10_errors([&] { check_same_memory(*home_, *block->queue, "run"); });
    if (native_ == c10::DeviceType::CPU && !block->queue->host_visible()) {
      data = host_memory(impl->nbytes());
      pair.copy = data.get();
      copies_ = true;
    } else {   // kept alive by a reference to its block
      void* address = const_cast<void*>(impl->data());
      if (native_ == c10::DeviceType::MPS) {
        std::tie(address, pair.inside) = mps::buffer_of(*block->queue, address);
        TORCH_CHECK(address, "hologram: a tensor's memory is in no Metal buffer");   // the CPU's kernel sees it
      }
      block->retain();
      data = {address, block, &release_block, device};
    }
  } else if (void* memory = impl->mutable_data()) {   // not ours; also makes lazy copies real
    data = {memory, new c10::Storage(original), &delete_storage, device};
  } else {
    data = {nullptr, device};
  }
  pair.data = data.get();
  pair.alias = c10::Storage(c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), pair.inside + original.nbytes(),
                                                                  std::move(data), native_ == c10::DeviceType::MPS ? mps::allocator() : c10::GetAllocator(native_),
                                                                  original.resizable()));
  storages_.push_back(std::move(pair));
  started_ = work_clock();
  constexpr size_t kSearchedInOrder = 16;
  if (storages_.size() > kSearchedInOrder)
    for (size_t i = index_.empty() ? 0 : storages_.size() - 1; i < storages_.size(); ++i) {
      index_[storages_[i].original.unsafeGetStorageImpl()] = i;
      index_[storages_[i].alias.unsafeGetStorageImpl()] = i;
    }
  return storages_.back();
}

/// Copies what `t` covers from the device, where the alias lies in a copy that has not got it yet.
void TensorAliases::fetch(StoragePair& pair, const at::Tensor& t) {
  auto [from, to] = extent(t);
  if (from == to || (pair.from <= from && to <= pair.to)) return;
  if (pair.from != pair.to) {   // what lies between two parts comes too: one range stays one
    from = std::min(from, pair.from);
    to = std::max(to, pair.to);
  }
  Queue& queue = queue_of(t);
  const auto* device = static_cast<const char*>(pair.original.data());
  with_c10_errors([&] { queue.download(static_cast<char*>(pair.copy) + from, device + from, to - from); });
  pair.from = from;
  pair.to = to;
}

at::Tensor TensorAliases::alias(const at::Tensor& t) {
  if (is_sparse_layout(t.layout()))
    return map_sparse(t, c10::Device(c10::DeviceType::CPU), [this](const at::Tensor& member) { return alias(member); });
  if (t.is_nested()) return map_nested(t, [this](const at::Tensor& buffer) { return alias(buffer); });
  check_plain(t, "argument");
  if (native_ == c10::DeviceType::CPU) before_read(t);
  else order_read(t);
  StoragePair& pair = alias_storage(t.storage());
  if (C10_UNLIKELY(pair.copy != nullptr)) fetch(pair, t);
  return tensor_on(pair.alias, native_key(native_), t, static_cast<int64_t>(pair.inside));
}

at::Tensor TensorAliases::read(const at::Tensor& t) {
  constexpr size_t kCompared = 8;   // lists may be long
  for (const TensorPair& pair : written_)
    if (pair.original.is_same(t)) return pair.alias;
  at::Tensor made = alias(t);
  if (read_.size() < kCompared) read_.emplace_back(t.unsafeGetTensorImpl(), made);
  return made;
}

at::Tensor TensorAliases::write(const at::Tensor& t) {
  for (const TensorPair& pair : written_)
    if (pair.original.is_same(t)) return pair.alias;
  if (native_ == c10::DeviceType::CPU) before_write(t);
  else order_write(t);
  for (const auto& [original, made] : read_)
    if (original == t.unsafeGetTensorImpl()) {
      written_.push_back({t, made});
      return made;
    }
  written_.push_back({t, alias(t)});
  return written_.back().alias;
}

/// A kernel gave a copy another size: so does the device's memory get it. What the kernel wrote is stored afterwards.
void TensorAliases::follow_size(StoragePair& pair) {
  c10::StorageImpl* original = pair.original.unsafeGetStorageImpl();
  pair.data = pair.copy = const_cast<void*>(pair.alias.data());
  resize_storage(*original, pair.alias.nbytes());
}

/// Copies what the kernel wrote to the device, where it wrote to a copy.
void TensorAliases::store(const at::Tensor& alias) const {
  const auto each = [this](const at::Tensor& member) { return store(member), member; };
  if (is_sparse_layout(alias.layout())) {
    map_sparse(alias, c10::Device(c10::DeviceType::CPU), each);
    return;
  }
  if (alias.is_nested()) {
    map_nested(alias, each);
    return;
  }
  const StoragePair* pair = find(alias.storage().unsafeGetStorageImpl());
  if (!pair || !pair->copy) return;
  const auto [from, to] = extent(alias);
  if (from == to) return;
  c10::StorageImpl* original = pair->original.unsafeGetStorageImpl();
  Queue& queue = home(original->device());
  auto* device = static_cast<char*>(const_cast<void*>(original->data()));
  with_c10_errors([&] { queue.upload(device + from, static_cast<const char*>(pair->copy) + from, to - from); });
}

void TensorAliases::report(OpStat& stat) {
  stat_ = &stat;
  if (!copies_) return;
  if (stat.host_copies.fetch_add(1, std::memory_order_relaxed) == 0 && config().log >= 1)
    std::fprintf(stderr, "hologram: %s runs in PyTorch's CPU kernel on copies in host memory: this PyTorch has no kernel of it for the device\n",
                 stat.name);
}

/// How many elements later `alias` begins in its storage than the original in its own.
int64_t TensorAliases::inside(const at::Tensor& alias) const {
  const StoragePair* pair = find(alias.storage().unsafeGetStorageImpl());
  return pair ? static_cast<int64_t>(pair->inside / alias.element_size()) : 0;
}

void TensorAliases::write_back() {
  if (written_.empty()) return;
  for (StoragePair& pair : storages_) {
    c10::StorageImpl* original = pair.original.unsafeGetStorageImpl();
    if (pair.alias.data() == pair.data && pair.alias.nbytes() == pair.inside + original->nbytes()) continue;
    if (pair.copy) {
      follow_size(pair);
      continue;
    }
    original->set_data_ptr_noswap(device_data(pair.alias, original->device(), pair.inside));
    original->set_nbytes(pair.alias.nbytes() - pair.inside);
    watch_pointers(*original);
  }
  for (const TensorPair& pair : written_) {
    if (copies_) store(pair.alias);
    if (is_sparse_layout(pair.original.layout())) {
      const c10::Device device = pair.original.device();
      assign_sparse(pair.original, pair.alias, [&](const at::Tensor& member) { return result(member, device); });
      continue;
    }
    if (pair.original.is_nested()) continue;   // no kernel changes the sizes of one
    c10::TensorImpl* impl = pair.original.unsafeGetTensorImpl();
    const at::Tensor& alias = pair.alias;
    const int64_t offset = alias.storage_offset() - inside(alias);
    if (alias.sizes() != impl->sizes() || alias.strides() != impl->strides() || offset != impl->storage_offset())
      impl->set_sizes_and_strides(alias.sizes(), alias.strides(), offset);
    if (alias.is_conj() != pair.original.is_conj()) impl->_set_conj(alias.is_conj());
    if (alias.is_neg() != pair.original.is_neg()) impl->_set_neg(alias.is_neg());
  }
}

/// The kernel has run. A sparse or nested tensor that it wrote has members, and they have the memory.
void TensorAliases::note_writes() const {
  const auto note = [](const c10::Storage& storage) {
    if (const Block* const block = hologram::block_of(storage.data_ptr())) note_write(*block);
  };
  for (const TensorPair& pair : written_) {
    if (is_sparse_layout(pair.original.layout()) || pair.original.is_nested()) {
      for (const StoragePair& member : storages_) note(member.original);
    } else if (pair.original.has_storage()) {
      note(pair.original.storage());
    }
  }
}

void TensorAliases::remember() const {
  c10::SmallVector<OperandRecord, 8> operands;
  for (const StoragePair& pair : storages_) {
    const Block* const block = hologram::block_of(pair.original.data_ptr());
    if (!block) continue;
    const bool written = std::any_of(written_.begin(), written_.end(), [&](const TensorPair& w) {
      return w.original.has_storage() && w.original.storage().unsafeGetStorageImpl() == pair.original.unsafeGetStorageImpl();
    });
    operands.push_back({block->data, static_cast<int64_t>(block->bytes), written});
  }
  operands.append(made_.begin(), made_.end());
  remember_call(stat_->name, operands.data(), static_cast<int>(operands.size()), started_);
}

/// Does a result view an argument that was made outside of inference mode? Then it is no inference tensor either.
bool TensorAliases::views_normal_tensor(const at::Tensor& native) const {
  if (!native.has_storage()) return false;
  for (const auto& [original, made] : read_)
    if (made.has_storage() && made.is_alias_of(native)) return !const_cast<c10::TensorImpl*>(original)->is_inference();
  return false;
}

at::Tensor TensorAliases::result(const at::Tensor& native, c10::Device device) const {
  if (!native.defined()) return native;
  if (is_sparse_layout(native.layout()))
    return map_sparse(native, device, [&](const at::Tensor& member) { return result(member, device); });
  std::optional<c10::InferenceMode> normal;
  if (c10::InferenceMode::is_enabled() && views_normal_tensor(native)) normal.emplace(false);
  if (native.is_nested()) return map_nested(native, [&](const at::Tensor& buffer) { return result(buffer, device); });
  check_plain(native, "result");
  if (const StoragePair* pair = find(native.storage().unsafeGetStorageImpl()))
    return tensor_on(pair->original, c10::DispatchKey::PrivateUse1, native, -static_cast<int64_t>(pair->inside));
  return tensor_on(device_storage(native.storage(), device), c10::DispatchKey::PrivateUse1, native);
}

c10::DeviceType gpu_native_type(const Queue& queue) {
  static const bool torch_has_cuda = at::hasCUDA();
  switch (queue.info().memory) {
    case MemoryKind::Host: break;
    case MemoryKind::Cuda: return torch_has_cuda ? c10::DeviceType::CUDA : c10::DeviceType::CPU;
    case MemoryKind::Metal: return mps::runs_on(queue) ? c10::DeviceType::MPS : c10::DeviceType::CPU;
  }
  return c10::DeviceType::CPU;
}

c10::DispatchKey native_key(c10::DeviceType native) {
  switch (native) {
    case c10::DeviceType::CUDA: return c10::DispatchKey::CUDA;
    case c10::DeviceType::MPS: return c10::DispatchKey::MPS;
    default: return c10::DispatchKey::CPU;
  }
}

PoolScope::PoolScope(Queue& queue, c10::DeviceType native) : previous_(pool_scope) {
  limit_threads_after_fork();
  install_scoped_allocator();
  // What MPS makes on the CPU are numbers for its kernels; the pool would wait for the queue.
  pool_scope = native == c10::DeviceType::MPS ? nullptr : queue.host_visible() ? &queue : &cpu_queue();
  if (native == c10::DeviceType::MPS) mps_.emplace(queue);
  if (native != c10::DeviceType::CUDA) return;
  // torch names a CUDA stream that is not its own by its handle, and the default stream by 0.
  const c10::Device device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(queue.device()));
  const c10::Stream stream(c10::Stream::UNSAFE, device, static_cast<c10::StreamId>(reinterpret_cast<intptr_t>(queue.native_handle())));
  cuda_.emplace(c10::DeviceType::CUDA);
  cuda_device_ = cuda_->exchangeDevice(device);
  cuda_stream_ = cuda_->exchangeStream(stream);
}
PoolScope::~PoolScope() {
  pool_scope = previous_;
  if (!cuda_) return;
  cuda_->exchangeStream(*cuda_stream_);
  cuda_->uncheckedSetDevice(*cuda_device_);
}

}  // namespace hologram::aten
