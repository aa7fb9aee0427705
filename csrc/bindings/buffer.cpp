#include <algorithm>
#include <cstring>

#include "bindings/executor.h"
#include "runtime/base/error.h"
#include "runtime/graph/capturing.h"
#include "runtime/memory/boundary_pool.h"

namespace hologram::bindings {

// ---- storages ----

Storage::Storage(std::shared_ptr<PyExecutor> executor, Block* block, bool reserved, bool read_only)
    : executor_(std::move(executor)), block_(block), reserved_(reserved), read_only_(read_only) {
  executor_->add(this);
}

Storage::~Storage() {
  executor_->remove(this);
  if (block_) block_->release();
}

void Storage::begin_export() {
  {
    std::lock_guard<std::mutex> hold(lock_);
    if (dropped_) fail(Error::Kind::Runtime, "hologram.Buffer: its executor was cleaned up.");
    ++exports_;
    // First the mark: what another thread records in between runs at once (Stream::submit).
    block_->exposed.store(true);
  }
  if (capturing()) note_host_access(*block_, !read_only_);
  try {
    run_recorded();
  } catch (...) {
    end_export();
    throw;
  }
}

void Storage::end_export() {
  Block* released = nullptr;
  {
    std::lock_guard<std::mutex> hold(lock_);
    if (--exports_) return;
    if (!pinned_ && block_->pool != Block::Pool::External) block_->exposed.store(false, std::memory_order_relaxed);
    if (dropped_) std::swap(released, block_);
  }
  if (released) released->release();   // its deleter may come back here
}

void Storage::pin() {
  begin_export();
  {
    std::lock_guard<std::mutex> hold(lock_);
    pinned_ = true;
  }
  end_export();
}

void Storage::run_recorded() {
  if (block_->entry.load(std::memory_order_relaxed) == 0 && !block_->queue->host_waits()) return;
  const py::gil_scoped_release release;   // others may work meanwhile; the export that is under way keeps the block
  executor_->stream().before_write(block_, Reason::Read);
}

void Storage::drop() {
  Block* released = nullptr;
  {
    std::lock_guard<std::mutex> hold(lock_);
    dropped_ = true;
    if (!exports_) std::swap(released, block_);
  }
  if (released) released->release();
}

// ---- buffers ----

namespace {

size_t checked_bytes(int64_t length, DType dtype) {
  if (length < 0) fail(Error::Kind::Value, "hologram.allocate: a negative number of elements (", length, ").");
  const auto item = static_cast<int64_t>(item_size(dtype));
  if (length > INT64_MAX / item / 2)
    fail(Error::Kind::OutOfMemory, "hologram.allocate: ", length, " elements of ", item, " bytes are more than any memory holds.");
  return static_cast<size_t>(length * item);
}

}  // namespace

PyBuffer::PyBuffer(const std::shared_ptr<PyExecutor>& executor, int64_t length, int dtype) : length_(length), dtype_(dtype_of(dtype)) {
  if (!*format_of(dtype_))
    fail(Error::Kind::NotSupported, "hologram.allocate: buffers of ", dtype_name(dtype_), " are not supported.");
  const size_t bytes = checked_bytes(length, dtype_);
  storage_ = std::make_shared<Storage>(executor, executor->core().allocate(bytes), false, false);
}

PyBuffer::PyBuffer(std::shared_ptr<Storage> storage, int64_t offset, int64_t length, DType dtype)
    : storage_(std::move(storage)), offset_(offset), length_(length), dtype_(dtype) {}

Storage& PyBuffer::storage() const {
  if (!storage_) fail(Error::Kind::Runtime, "hologram.Buffer: it was freed.");
  if (storage_->executor().is_closed()) fail(Error::Kind::Runtime, "hologram.Buffer: its executor was cleaned up.");
  return *storage_;
}

namespace {

/// Memory of Python's that a copy goes to or comes from.
py::buffer_info same_size(const PyBuffer& b, const py::buffer& memory, bool writable) {
  py::buffer_info info = memory.request(writable);
  if (info.size * info.itemsize != b.bytes())
    fail(Error::Kind::Value, "hologram.Buffer: ", info.size * info.itemsize, " bytes for a buffer of ", b.bytes(), " bytes.");
  return info;
}

}  // namespace

void PyBuffer::download(const py::buffer& memory) const {
  const py::buffer_info info = same_size(*this, memory, true);
  const Export seen(storage_ptr());
  const py::gil_scoped_release release;
  seen.storage().executor().core().queue().download(info.ptr, data(), static_cast<size_t>(bytes()), false);
}

void PyBuffer::upload(const py::buffer& memory) const {
  if (storage().read_only()) fail(Error::Kind::Value, "hologram.Buffer: it is read-only.");
  const py::buffer_info info = same_size(*this, memory, false);
  const Export seen(storage_ptr());
  const py::gil_scoped_release release;
  seen.storage().executor().core().queue().upload(data(), info.ptr, static_cast<size_t>(bytes()), false);
}

Array PyBuffer::array() const {
  Storage& s = storage();
  return {s.block(), s.block()->data + offset_, length_, dtype_};
}

PyBuffer PyBuffer::view(int64_t offset, int64_t length) const {
  if (offset < 0 || length < 0 || offset > length_ || length > length_ - offset)
    fail(Error::Kind::Value, "hologram.Buffer: elements [", offset, ", ", offset + length, ") of ", length_, " do not exist.");
  return PyBuffer(storage_ptr(), offset_ + offset * static_cast<int64_t>(item_size(dtype_)), length, dtype_);
}

const char* format_of(DType dtype) {
  // bfloat16 has no format: its bits are shown.
  constexpr const char* formats[] = {"?", "B", "b", "h", "i", "q", "e", "H", "f", "d", "", "", "H", "I", "Q"};
  return formats[static_cast<size_t>(dtype)];
}

// ---- the buffer protocol ----

namespace {

struct View {
  View(std::shared_ptr<Storage> storage, int64_t length) : held(std::move(storage)), shape(length) {}
  Export held;
  Py_ssize_t shape;
};

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  try {
    const auto& buffer = py::handle(self).cast<const PyBuffer&>();
    auto storage = buffer.storage_ptr();
    const Queue& queue = *storage->block()->queue;
    if (!queue.host_visible()) {
      set_error("ExportError", PyExc_BufferError, (std::string("hologram.Buffer: the host does not see the memory of the backend '") +
                                                   queue.name() + "'. Copy it with to_numpy and from_numpy.").c_str());
      return -1;
    }
    if ((flags & PyBUF_WRITABLE) && storage->read_only()) {
      set_error("ExportError", PyExc_BufferError, "hologram.Buffer: it is read-only.");
      return -1;
    }
    auto shown = std::make_unique<View>(storage, buffer.length());
    view->buf = buffer.data();
    view->len = buffer.bytes();
    view->readonly = storage->read_only();
    view->itemsize = static_cast<Py_ssize_t>(item_size(buffer.dtype()));
    view->format = flags & PyBUF_FORMAT ? const_cast<char*>(format_of(buffer.dtype())) : nullptr;
    view->ndim = 1;
    view->shape = &shown->shape;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &view->itemsize : nullptr;
    view->suboffsets = nullptr;
    view->internal = shown.release();
    Py_INCREF(view->obj = self);
    return 0;
  } catch (const py::builtin_exception& error) {   // it was never initialised
    error.set_error();
    return -1;
  } catch (const Error& error) {   // of the buffer, or of what was recorded on it
    if (error.kind() == Error::Kind::OutOfMemory) set_error("OutOfMemory", PyExc_MemoryError, error.what());
    else set_error("ExportError", PyExc_BufferError, error.what());
    return -1;
  } catch (const std::exception& error) {
    set_error("ExportError", PyExc_BufferError, error.what());
    return -1;
  }
}

void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<View*>(view->internal); }

/// Gives the class the buffer protocol; pybind11's own would not tell the end of a view. This runs before the type is ready:
/// from Python 3.12 on subclasses take what is in the slots then, whatever replaces it later.
void show_bytes(PyHeapTypeObject* type) {
  type->ht_type.tp_as_buffer = &type->as_buffer;
  type->as_buffer.bf_getbuffer = &get_buffer;
  type->as_buffer.bf_releasebuffer = &release_buffer;
}

int class_index(const PyBuffer& b) {
  const Storage& s = b.storage();
  return s.reserved() ? class_range(*s.block()).first : -1;
}

}  // namespace

void bind_buffer(py::module_& m) {
  py::class_<PyBuffer> cls(m, "Buffer", "A flat array in the memory of an executor.", py::custom_type_setup(show_bytes));
  cls.def(py::init<const std::shared_ptr<PyExecutor>&, int64_t, int>(), py::arg("executor").none(false), py::arg("length"),
          py::arg("dtype"))
      .def(py::init<const PyBuffer&>(), py::arg("buffer"), "The same memory.")
      .def_property_readonly("length", &PyBuffer::length)
      .def_property_readonly("nbytes", &PyBuffer::bytes)
      .def_property_readonly("dtype_code", [](const PyBuffer& b) { return static_cast<int>(b.dtype()); })
      .def_property_readonly("itemsize", [](const PyBuffer& b) { return item_size(b.dtype()); })
      .def_property_readonly("freed", &PyBuffer::freed)
      .def_property_readonly("read_only", [](const PyBuffer& b) { return b.storage().read_only(); })
      .def_property_readonly("reserved", [](const PyBuffer& b) { return b.storage().reserved(); })
      .def_property_readonly("class_index", &class_index, "Its class, where it was asked for by allocate_boundary; else -1.")
      .def_property_readonly("_executor", [](const PyBuffer& b) { return b.storage().executor_ptr(); })
      .def("_view", &PyBuffer::view, py::arg("offset"), py::arg("length"), "A part of it, by elements.")
      .def("_key", [](const PyBuffer& b) {
        return py::make_tuple(reinterpret_cast<uintptr_t>(b.data()), b.length(), static_cast<int>(b.dtype()));
      }, "Equal for buffers over the same elements.")
      .def("_overlaps", [](const PyBuffer& a, const PyBuffer& b, int64_t length) {
        const auto whole = [&](const PyBuffer& x) {
          const Array array = x.array();
          return Extent(array, length < 0 ? array.length : std::min(length, array.length), false);
        };
        return !apart(whole(a), whole(b));
      }, py::arg("other"), py::arg("length") = -1, "Do they share memory, as far as `length` elements go?")
      .def("free", &PyBuffer::free, "Drops this buffer's hold on the memory. Views of it stay valid.")
      .def("address", [](const PyBuffer& b) {
        b.storage_ptr()->pin();
        return reinterpret_cast<uintptr_t>(b.data());
      }, "The address, after everything recorded has run. From now on ops on it run when they are called.")
      .def("run_recorded", [](const PyBuffer& b) { Export(b.storage_ptr()); }, "Runs what is recorded on it.")
      .def_property_readonly("host_visible", [](const PyBuffer& b) { return b.storage().block()->queue->host_visible(); })
      .def("_download", &PyBuffer::download, py::arg("memory"), "Copies its bytes to memory with the buffer protocol.")
      .def("_upload", &PyBuffer::upload, py::arg("memory"))
      .def("__len__", &PyBuffer::length);
  harden<PyBuffer>(cls, "hologram.Buffer: it was never initialised. Make one with executor.allocate.");
  m.def("_reserve_class", [](const std::shared_ptr<PyExecutor>& executor, int index, int64_t bytes, int dtype) {
    const DType type = dtype_of(dtype);
    if (index < 0 || index >= kClasses)
      fail(Error::Kind::Value, "hologram.allocate_boundary: class ", index, " is not within [0, ", kClasses, ").");
    Block* block = reserve_classes(executor->core().queue(), index, 1);
    if (!block)
      fail(Error::Kind::Runtime, "hologram.allocate_boundary: class ", index, " is taken. Free what holds it, or choose another.");
    return PyBuffer(std::make_shared<Storage>(executor, block, true, false), 0, bytes / static_cast<int64_t>(item_size(type)), type);
  }, py::arg("executor").none(false), py::arg("index"), py::arg("bytes"), py::arg("dtype"));
}

}  // namespace hologram::bindings
