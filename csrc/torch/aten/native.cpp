#include "torch/aten/native.h"

#include <ATen/core/Tensor.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/StorageImpl.h>
#include <c10/core/TensorImpl.h>

#include <mutex>

#include "torch/aten/nested.h"
#include "torch/aten/sparse.h"
#include "torch/device/threads.h"
#include "torch/device/allocator.h"
#include "torch/device/errors.h"

namespace hologram::aten {
namespace {

thread_local Backend* pool_scope = nullptr;

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

at::Tensor tensor_on(c10::Storage storage, c10::DispatchKey key, const at::Tensor& like) {
  c10::DispatchKeySet keys(key);
  if (like._is_zerotensor()) keys = keys.add(c10::DispatchKey::ZeroTensor);
  at::Tensor t = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), keys, like.dtype());
  c10::TensorImpl* impl = t.unsafeGetTensorImpl();
  impl->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
  if (like.is_conj()) impl->_set_conj(true);
  if (like.is_neg()) impl->_set_neg(true);
  if (like.unsafeGetTensorImpl()->is_wrapped_number()) impl->set_wrapped_number(true);
  return t;
}

// The memory of `original` under a CPU device, kept alive by a reference to its block (or, for memory that is not
// ours, to the whole storage).
c10::DataPtr native_data(const c10::Storage& original) {
  c10::StorageImpl* impl = original.unsafeGetStorageImpl();
  const c10::Device cpu(c10::DeviceType::CPU);
  if (Block* block = hologram::block_of(impl->data_ptr())) {
    void* data = const_cast<void*>(impl->data());
    TORCH_CHECK_NOT_IMPLEMENTED(block->backend->host_visible(), "hologram: PyTorch's CPU kernels cannot read the memory of "
                                "backend '", block->backend->name(), "'. Move the tensor to the CPU first (.cpu()).");
    block->retain();
    return {data, block, &release_block, cpu};
  }
  void* data = impl->mutable_data();   // also materializes lazy copies
  if (!data) return {nullptr, cpu};
  return {data, new c10::Storage(original), &delete_storage, cpu};
}

// The other direction.
c10::DataPtr device_data(const c10::Storage& native, c10::Device device) {
  c10::StorageImpl* impl = native.unsafeGetStorageImpl();
  void* data = impl->mutable_data();
  if (!data) return {nullptr, device};
  Block* block = impl->data_ptr().get_deleter() == &free_native ? scoped_blocks().find(data)
                                                                : hologram::block_of(impl->data_ptr());
  if (block) {
    block->retain();
    return {data, block, &release_block, device};
  }
  block = adopt_block(cpu_backend(), data, impl->nbytes(), new c10::Storage(native), &delete_storage);
  return {data, block, &release_block, device};
}

c10::Storage device_storage(const c10::Storage& native, c10::Device device) {
  c10::Storage storage = c10::make_storage_impl(c10::StorageImpl::use_byte_size_t(), c10::SymInt(static_cast<int64_t>(native.nbytes())),
                                                device_data(native, device), c10::GetAllocator(kDevice), /*resizable=*/true, device);
  watch_pointers(*storage.unsafeGetStorageImpl());
  return storage;
}

}  // namespace

const Aliases::StoragePair* Aliases::find(const c10::StorageImpl* either) const {
  if (!index_.empty()) {
    auto found = index_.find(either);
    return found == index_.end() ? nullptr : &storages_[found->second];
  }
  for (const StoragePair& pair : storages_)
    if (pair.original.unsafeGetStorageImpl() == either || pair.alias.unsafeGetStorageImpl() == either) return &pair;
  return nullptr;
}

const c10::Storage& Aliases::alias_storage(const c10::Storage& original) {
  if (const StoragePair* known = find(original.unsafeGetStorageImpl())) return known->alias;
  storages_.push_back({original, c10::Storage(c10::make_intrusive<c10::StorageImpl>(
      c10::StorageImpl::use_byte_size_t(), original.nbytes(), native_data(original), c10::GetCPUAllocator(),
      original.resizable()))});
  constexpr size_t kSearchedInOrder = 16;
  if (storages_.size() > kSearchedInOrder)
    for (size_t i = index_.empty() ? 0 : storages_.size() - 1; i < storages_.size(); ++i) {
      index_[storages_[i].original.unsafeGetStorageImpl()] = i;
      index_[storages_[i].alias.unsafeGetStorageImpl()] = i;
    }
  return storages_.back().alias;
}

at::Tensor Aliases::alias(const at::Tensor& t) {
  if (is_sparse_layout(t.layout()))
    return map_sparse(t, c10::Device(c10::DeviceType::CPU), [this](const at::Tensor& member) { return alias(member); });
  if (t.is_nested()) return map_nested(t, [this](const at::Tensor& buffer) { return alias(buffer); });
  check_plain(t, "argument");
  before_read(t);
  return tensor_on(alias_storage(t.storage()), c10::DispatchKey::CPU, t);
}

at::Tensor Aliases::read(const at::Tensor& t) {
  constexpr size_t kCompared = 8;   // lists may be long
  for (const TensorPair& pair : written_)
    if (pair.original.is_same(t)) return pair.alias;
  at::Tensor made = alias(t);
  if (read_.size() < kCompared) read_.emplace_back(t.unsafeGetTensorImpl(), made);
  return made;
}

at::Tensor Aliases::write(const at::Tensor& t) {
  for (const TensorPair& pair : written_)
    if (pair.original.is_same(t)) return pair.alias;
  before_write(t);
  for (const auto& [original, made] : read_)
    if (original == t.unsafeGetTensorImpl()) {
      written_.push_back({t, made});
      return made;
    }
  written_.push_back({t, alias(t)});
  return written_.back().alias;
}

void Aliases::write_back() const {
  if (written_.empty()) return;
  for (const StoragePair& pair : storages_) {
    c10::StorageImpl* original = pair.original.unsafeGetStorageImpl();
    if (pair.alias.data() == original->data() && pair.alias.nbytes() == original->nbytes()) continue;
    original->set_data_ptr_noswap(device_data(pair.alias, original->device()));
    original->set_nbytes(pair.alias.nbytes());
    watch_pointers(*original);
  }
  for (const TensorPair& pair : written_) {
    if (is_sparse_layout(pair.original.layout())) {
      const c10::Device device = pair.original.device();
      assign_sparse(pair.original, pair.alias, [&](const at::Tensor& member) { return result(member, device); });
      continue;
    }
    if (pair.original.is_nested()) continue;   // no kernel changes the sizes of one
    c10::TensorImpl* impl = pair.original.unsafeGetTensorImpl();
    const at::Tensor& alias = pair.alias;
    if (alias.sizes() != impl->sizes() || alias.strides() != impl->strides() ||
        alias.storage_offset() != impl->storage_offset())
      impl->set_sizes_and_strides(alias.sizes(), alias.strides(), alias.storage_offset());
    if (alias.is_conj() != pair.original.is_conj()) impl->_set_conj(alias.is_conj());
    if (alias.is_neg() != pair.original.is_neg()) impl->_set_neg(alias.is_neg());
  }
}

at::Tensor Aliases::result(const at::Tensor& native, c10::Device device) const {
  if (!native.defined()) return native;
  if (is_sparse_layout(native.layout()))
    return map_sparse(native, device, [&](const at::Tensor& member) { return result(member, device); });
  if (native.is_nested()) return map_nested(native, [&](const at::Tensor& buffer) { return result(buffer, device); });
  check_plain(native, "result");
  if (const StoragePair* pair = find(native.storage().unsafeGetStorageImpl()))
    return tensor_on(pair->original, c10::DispatchKey::PrivateUse1, native);
  return tensor_on(device_storage(native.storage(), device), c10::DispatchKey::PrivateUse1, native);
}

at::Tensor to_native(const at::Tensor& t) { return Aliases().read(t); }

at::Tensor from_native(const at::Tensor& t, c10::Device device) { return Aliases().result(t, device); }

PoolScope::PoolScope(Backend& backend) : previous_(pool_scope) {
  settle_after_fork();
  install_scoped_allocator();
  pool_scope = &backend;
}
PoolScope::~PoolScope() { pool_scope = previous_; }

}  // namespace hologram::aten
