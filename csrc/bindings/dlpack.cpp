// DLPack capsules of buffers, and buffers over the memory of other libraries' capsules.
#include "bindings/dlpack.h"

#include <pybind11/stl.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/uio.h>
#endif

#include <algorithm>
#include <cerrno>
#include <vector>

#include "bindings/executor.h"
#include "runtime/device/queue.h"
#include "runtime/base/error.h"

namespace hologram::bindings {
namespace {

using Dims = std::vector<int64_t>;

// ---- types ----

dlpack::Type type_of(DType t) {
  const auto bits = static_cast<uint8_t>(8 * item_size(t));
  switch (t) {
    case DType::Bool: return {dlpack::kBool, 8, 1};
    case DType::U8: case DType::U16: case DType::U32: case DType::U64: return {dlpack::kUInt, bits, 1};
    case DType::I8: case DType::I16: case DType::I32: case DType::I64: return {dlpack::kInt, bits, 1};
    case DType::BF16: return {dlpack::kBfloat, 16, 1};
    default: return {dlpack::kFloat, bits, 1};
  }
}

/// DType::Count: a type that buffers do not have.
DType dtype_of_dlpack(dlpack::Type type) {
  if (type.lanes != 1) return DType::Count;
  for (int t = 0; t < static_cast<int>(DType::Count); ++t) {
    const auto dtype = static_cast<DType>(t);
    if (!*format_of(dtype)) continue;
    const dlpack::Type own = type_of(dtype);
    if (own.code == type.code && own.bits == type.bits) return dtype;
  }
  return DType::Count;
}

// ---- export ----

template <class M>
struct Exported {
  Exported(std::shared_ptr<Storage> storage, const Dims& shape, const Dims& strides)
      : held(std::move(storage)), shape(shape), strides(strides) {}
  M managed{};
  Export held;
  Dims shape, strides;
};

template <class M>
constexpr const char* name_of() {
  return std::is_same<M, dlpack::Managed>::value ? "dltensor" : "dltensor_versioned";
}

/// A managed tensor over the buffer; its consumer calls its deleter once, on whatever thread.
template <class M>
M* managed(const PyBuffer& buffer, int64_t offset, const Dims& shape, const Dims& strides, int device) {
  auto* exported = new Exported<M>(buffer.storage_ptr(), shape, strides);
  M& m = exported->managed;
  const auto item = static_cast<int64_t>(item_size(buffer.dtype()));
  m.context = exported;
  m.deleter = [](M* self) { delete static_cast<Exported<M>*>(self->context); };
  m.tensor = {buffer.data() + offset * item, {device, 0}, static_cast<int32_t>(shape.size()), type_of(buffer.dtype()),
              exported->shape.data(), exported->strides.data(), 0};
  return &m;
}

template <class M>
void drop_unused(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, name_of<M>())) return;   // a consumer took it over
  auto* m = static_cast<M*>(PyCapsule_GetPointer(capsule, name_of<M>()));
  if (m->deleter) m->deleter(m);
}

template <class M>
py::object capsule_of(M* m) {
  PyObject* capsule = PyCapsule_New(m, name_of<M>(), &drop_unused<M>);
  if (!capsule) {
    m->deleter(m);
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(capsule);
}

void check_view(const PyBuffer& buffer, int64_t offset, const Dims& shape, const Dims& strides) {
  if (shape.size() != strides.size() || shape.size() > 64) fail(Error::Kind::Value, "hologram.dlpack: shape and strides do not fit.");
  int64_t low = offset, high = offset;
  bool empty = false, inside = offset >= 0 && offset <= buffer.length();
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] < 0) fail(Error::Kind::Value, "hologram.dlpack: negative size ", shape[d], ".");
    empty |= shape[d] == 0;
    int64_t reach = 0, &end = strides[d] < 0 ? low : high;
    inside &= empty || (!__builtin_mul_overflow(shape[d] - 1, strides[d], &reach) && !__builtin_add_overflow(end, reach, &end));
  }
  if (!inside || (!empty && (low < 0 || high >= buffer.length())))
    fail(Error::Kind::Value, "hologram.dlpack: the view reaches beyond the ", buffer.length(), " elements of the buffer.");
}

void check_exported(const PyBuffer& buffer) {
  const Queue& queue = *buffer.storage().block()->queue;
  if (queue.host_visible()) return;
  set_error("ExportError", PyExc_BufferError, (std::string("hologram.__dlpack__: the memory of the backend '") + queue.name() +
                                               "' is not exported. Copy it with to_numpy.").c_str());
  throw py::error_already_set();
}

py::object to_capsule(const PyBuffer& buffer, int64_t offset, const Dims& shape, const Dims& strides, bool versioned, int device,
                      bool copied) {
  check_view(buffer, offset, shape, strides);
  check_exported(buffer);
  if (!versioned) {
    if (buffer.storage().read_only()) {
      set_error("ExportError", PyExc_BufferError, "hologram.__dlpack__: the tensor is read-only, and only DLPack 1.0 can say "
                                                  "so. Ask with max_version=(1, 0), or copy it.");
      throw py::error_already_set();
    }
    return capsule_of(managed<dlpack::Managed>(buffer, offset, shape, strides, device));
  }
  auto* m = managed<dlpack::ManagedVersioned>(buffer, offset, shape, strides, device);
  m->major = dlpack::kMajor;
  m->minor = dlpack::kMinor;
  m->flags = (buffer.storage().read_only() ? dlpack::kReadOnly : 0) | (copied ? dlpack::kCopied : 0);
  return capsule_of(m);
}

uintptr_t to_address(const PyBuffer& buffer, int64_t offset, const Dims& shape, const Dims& strides, int device) {
  check_view(buffer, offset, shape, strides);
  check_exported(buffer);
  if (buffer.storage().read_only()) fail(Error::Kind::Value, "hologram.tensor_to_dlpack: the tensor is read-only.");
  return reinterpret_cast<uintptr_t>(managed<dlpack::Managed>(buffer, offset, shape, strides, device));
}

// ---- import ----

[[noreturn]] void reject(const std::string& cause) {
  set_error("ExportError", PyExc_BufferError, ("hologram.from_dlpack: " + cause).c_str());
  throw py::error_already_set();
}

/// What a tensor's fields say, checked.
struct Foreign {
  char* data = nullptr;
  DType dtype = DType::Count;
  Dims shape, strides;
  int64_t low = 0, span = 0;   // elements from the lowest address, and how many
};

Foreign examine(const dlpack::Tensor& t) {
  Foreign f;
  if (t.device.type != dlpack::kCPU && t.device.type != dlpack::kCUDAHost && t.device.type != dlpack::kExtDev)
    reject("the tensor lies on a device of type " + std::to_string(t.device.type) + ", which the cpu backend cannot read. Copy it to the CPU first.");
  f.dtype = dtype_of_dlpack(t.dtype);
  if (f.dtype == DType::Count)
    reject("element type (code " + std::to_string(t.dtype.code) + ", " + std::to_string(t.dtype.bits) + " bits, " +
           std::to_string(t.dtype.lanes) + " lanes) is not supported.");
  if (t.ndim < 0 || t.ndim > 64) reject("a tensor of " + std::to_string(t.ndim) + " dimensions.");
  if (t.ndim > 0 && !t.shape) reject("the capsule has no shape.");
  f.shape.assign(t.shape, t.shape + t.ndim);
  int64_t count = 1;
  for (int64_t n : f.shape) {
    if (n < 0) reject("negative size " + std::to_string(n) + ".");
    if (__builtin_mul_overflow(count, n, &count)) reject("the sizes overflow.");
  }
  if (t.strides) {
    f.strides.assign(t.strides, t.strides + t.ndim);
  } else {
    f.strides.resize(f.shape.size());
    int64_t step = 1;
    for (size_t d = f.shape.size(); d--; step *= std::max<int64_t>(f.shape[d], 1)) f.strides[d] = step;
  }
  if (count) {
    int64_t high = 0;
    for (size_t d = 0; d < f.shape.size(); ++d) {
      int64_t reach;
      if (__builtin_mul_overflow(f.shape[d] - 1, f.strides[d], &reach) ||
          __builtin_add_overflow(reach < 0 ? f.low : high, reach, reach < 0 ? &f.low : &high))
        reject("the strides overflow.");
    }
    if (__builtin_sub_overflow(high + 1, f.low, &f.span) || f.span > INT64_MAX / 16) reject("the strides overflow.");
    if (!t.data) reject("the capsule has no data.");
  }
  f.data = static_cast<char*>(t.data) + t.byte_offset;
  return f;
}

template <class M>
void delete_managed(void* m) {
  auto* managed = static_cast<M*>(m);
  if (!managed->deleter || !Py_IsInitialized()) return;
  const py::gil_scoped_acquire gil;     // not every library's deleter takes it
  managed->deleter(managed);
}

py::tuple tuple_of(const Dims& dims) {
  py::tuple t(dims.size());
  for (size_t d = 0; d < dims.size(); ++d) t[d] = dims[d];
  return t;
}

void check_importer(PyExecutor& executor) {
  const Queue& queue = executor.core().queue();
  if (!queue.reads_host_memory()) reject(std::string("the backend '") + queue.name() + "' does not see memory of the host. Use from_numpy.");
}

/// (buffer over the tensor's memory, shape, strides, offset of the first element, is the address aligned?)
template <class M>
py::tuple adopt(const std::shared_ptr<PyExecutor>& executor, M* m, const Foreign& f, bool read_only) {
  const auto item = static_cast<int64_t>(item_size(f.dtype));
  const bool aligned = reinterpret_cast<uintptr_t>(f.data) % static_cast<size_t>(item) == 0;
  char* const low = f.span ? f.data + f.low * item : f.data;
  Block* block = adopt_block(executor->core().queue(), low, static_cast<size_t>(f.span * item), m, &delete_managed<M>);
  PyBuffer buffer(std::make_shared<Storage>(executor, block, false, read_only), 0, f.span, f.dtype);
  return py::make_tuple(std::move(buffer), tuple_of(f.shape), tuple_of(f.strides), -f.low, aligned);
}

template <class M>
py::tuple take_capsule(const std::shared_ptr<PyExecutor>& executor, py::handle capsule) {
  auto* m = static_cast<M*>(PyCapsule_GetPointer(capsule.ptr(), name_of<M>()));
  if (!m) throw py::error_already_set();
  bool read_only = false;
  if constexpr (std::is_same<M, dlpack::ManagedVersioned>::value) {
    if (m->major > dlpack::kMajor)
      reject("the capsule has DLPack version " + std::to_string(m->major) + "." + std::to_string(m->minor) + ", this is 1.0.");
    read_only = m->flags & dlpack::kReadOnly;
  }
  const Foreign f = examine(m->tensor);
  check_importer(*executor);
  if (PyCapsule_SetName(capsule.ptr(), std::is_same<M, dlpack::Managed>::value ? "used_dltensor" : "used_dltensor_versioned"))
    throw py::error_already_set();
  return adopt(executor, m, f, read_only);
}

py::tuple from_capsule(const std::shared_ptr<PyExecutor>& executor, py::handle capsule) {
  if (!PyCapsule_CheckExact(capsule.ptr()))
    throw py::type_error("hologram.from_dlpack: __dlpack__ gave no capsule but " + std::string(py::str(py::type::of(capsule))) + ".");
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) return take_capsule<dlpack::Managed>(executor, capsule);
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) return take_capsule<dlpack::ManagedVersioned>(executor, capsule);
  const char* name = PyCapsule_GetName(capsule.ptr());
  if (PyErr_Occurred()) PyErr_Clear();
  reject(std::string("the capsule is named '") + (name ? name : "") + "'. A capsule can be taken once, and must be named "
         "'dltensor' or 'dltensor_versioned'.");
}

/// Can this much be read there? A wrong number instead of an address must not end the process.
bool readable(uintptr_t address, size_t bytes) {
  if (address < 4096 || address % alignof(void*)) return false;
#ifdef __linux__
  std::vector<char> copy(bytes);
  iovec to{copy.data(), bytes}, from{reinterpret_cast<void*>(address), bytes};
  const ssize_t got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
  if (got < 0 && errno != EFAULT) return true;   // not allowed to ask
  return got == static_cast<ssize_t>(bytes);
#else
  return true;
#endif
}

py::tuple from_address(const std::shared_ptr<PyExecutor>& executor, uintptr_t address) {
  if (!readable(address, sizeof(dlpack::Managed)))
    fail(Error::Kind::Value, "hologram.tensor_from_dlpack_capsule: ", address, " is not the address of a DLManagedTensor.");
  auto* m = reinterpret_cast<dlpack::Managed*>(address);
  const dlpack::Tensor& t = m->tensor;
  if (t.ndim > 0 && t.ndim <= 64 &&
      (!readable(reinterpret_cast<uintptr_t>(t.shape), 8 * static_cast<size_t>(t.ndim)) ||
       (t.strides && !readable(reinterpret_cast<uintptr_t>(t.strides), 8 * static_cast<size_t>(t.ndim)))))
    fail(Error::Kind::Value, "hologram.tensor_from_dlpack_capsule: ", address, " is not the address of a DLManagedTensor.");
  const Foreign f = examine(t);
  check_importer(*executor);
  return adopt(executor, m, f, false);
}

}  // namespace

void bind_dlpack(py::module_& m) {
  m.def("to_dlpack", &to_capsule, py::arg("buffer"), py::arg("offset"), py::arg("shape"), py::arg("strides"), py::arg("versioned"),
        py::arg("device"), py::arg("copied"));
  m.def("to_dlpack_address", &to_address, py::arg("buffer"), py::arg("offset"), py::arg("shape"), py::arg("strides"), py::arg("device"));
  m.def("from_dlpack", &from_capsule, py::arg("executor").none(false), py::arg("capsule"),
        "(buffer, shape, strides, offset, aligned) over the capsule's memory, which is taken over.");
  m.def("from_dlpack_address", &from_address, py::arg("executor").none(false), py::arg("address"));
}

}  // namespace hologram::bindings
