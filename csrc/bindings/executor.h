// Executors and buffers as Python holds them.
//
// Invariants
//  * A Storage owns one block and belongs to one executor. Buffers and exports (NumPy views, DLPack capsules) share it.
//  * While an export lives its block is exposed: ops on it run when they are called, so that a reader sees them. When
//    the last export is gone ops on it are recorded again, unless an address was handed out, which never comes back.
//  * Memory is given back with the last of: the buffers, the exports. Cleaning an executor up counts as dropping its buffers.
//  * Exports may end on any thread, without Python's lock.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <mutex>
#include <string>
#include <typeinfo>
#include <unordered_set>

#include "bindings/backends.h"
#include "bindings/harden.h"
#include "runtime/device/queue.h"
#include "runtime/device/executor.h"

namespace hologram::bindings {

namespace py = pybind11;

/// Raises hologram_core.errors.<name>; the built-in type where even that cannot be had any more.
void set_error(const char* name, PyObject* built_in, const char* text);
DType dtype_of(int code, const char* who = "hologram.Buffer");

class Storage;

class PyExecutor : public std::enable_shared_from_this<PyExecutor> {
 public:
  explicit PyExecutor(const std::string& backend) : core_(backend_named(backend)) {}

  Executor& core() {
    if (closed_) closed();
    return core_;
  }
  bool is_closed() const { return closed_; }
  const char* backend() { return core_.queue().name(); }
  void synchronize();
  void cleanup();
  int64_t live_buffers();

  // For storages.
  Stream& stream() { return core_.stream(); }
  void add(Storage* storage);
  void remove(Storage* storage);
  /// f(storage) for each that holds memory now.
  template <class F>
  void each_storage(F f);

 private:
  [[noreturn]] static void closed();

  Executor core_;
  std::atomic<bool> closed_{false};
  std::mutex lock_;
  std::unordered_set<Storage*> storages_;
};

class Storage : public std::enable_shared_from_this<Storage> {
 public:
  /// Takes over one reference to `block`.
  Storage(std::shared_ptr<PyExecutor> executor, Block* block, bool reserved, bool read_only);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  PyExecutor& executor() const { return *executor_; }
  const std::shared_ptr<PyExecutor>& executor_ptr() const { return executor_; }
  Block* block() const { return block_; }
  bool reserved() const { return reserved_; }      // classes of the boundary pool that were asked for by number
  bool read_only() const { return read_only_; }

  void begin_export();     // everything recorded on the block has run afterwards
  void end_export();
  void pin();              // an address was handed out: it counts as exported for ever
  void drop();             // no buffer uses it any more

 private:
  void run_recorded();

  std::shared_ptr<PyExecutor> executor_;
  Block* block_;
  const bool reserved_, read_only_;
  std::mutex lock_;
  int exports_ = 0;
  bool pinned_ = false, dropped_ = false;
};

template <class F>
void PyExecutor::each_storage(F f) {
  std::lock_guard<std::mutex> hold(lock_);
  for (const Storage* storage : storages_)
    if (storage->block()) f(*storage);
}

/// One export: keeps the storage's bytes visible to others as long as it lives.
class Export {
 public:
  explicit Export(std::shared_ptr<Storage> storage) : storage_(std::move(storage)) { storage_->begin_export(); }
  ~Export() { storage_->end_export(); }
  Storage& storage() const { return *storage_; }
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;

 private:
  std::shared_ptr<Storage> storage_;
};

/// A flat array in a storage.
class PyBuffer {
 public:
  PyBuffer(const std::shared_ptr<PyExecutor>& executor, int64_t length, int dtype);
  PyBuffer(std::shared_ptr<Storage> storage, int64_t offset, int64_t length, DType dtype);

  /// Throws where it was freed or its executor cleaned up.
  Storage& storage() const;
  std::shared_ptr<Storage> storage_ptr() const { return storage(), storage_; }
  Array array() const;
  char* data() const { return storage().block()->data + offset_; }
  int64_t length() const { return length_; }
  DType dtype() const { return dtype_; }
  int64_t bytes() const { return length_ * static_cast<int64_t>(item_size(dtype_)); }
  bool freed() const { return !storage_; }
  void free() { storage_.reset(); }
  PyBuffer view(int64_t offset, int64_t length) const;
  void download(const py::buffer& memory) const;
  void upload(const py::buffer& memory) const;

 private:
  std::shared_ptr<Storage> storage_;
  int64_t offset_ = 0, length_ = 0;     // offset in bytes
  DType dtype_ = DType::F32;
};

/// Python's number format of a type, as in the module struct.
const char* format_of(DType dtype);

void bind_executor(py::module_& m);
void bind_buffer(py::module_& m);
void bind_dlpack(py::module_& m);

}  // namespace hologram::bindings
