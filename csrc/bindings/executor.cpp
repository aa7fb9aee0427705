#include "bindings/executor.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "runtime/device/queue.h"
#include "runtime/base/error.h"

namespace hologram::bindings {

// ---- executors ----

void PyExecutor::closed() { fail(Error::Kind::Runtime, "hologram.Executor: it was cleaned up. Make a new one."); }

void PyExecutor::add(Storage* storage) {
  std::lock_guard<std::mutex> hold(lock_);
  storages_.insert(storage);
}

void PyExecutor::remove(Storage* storage) {
  std::lock_guard<std::mutex> hold(lock_);
  storages_.erase(storage);
}

int64_t PyExecutor::live_buffers() {
  std::lock_guard<std::mutex> hold(lock_);
  return static_cast<int64_t>(storages_.size());
}

void PyExecutor::synchronize() {
  Executor& executor = core();
  const py::gil_scoped_release release;
  executor.stream().synchronize();
}

void PyExecutor::cleanup() {
  if (closed_.exchange(true)) return;
  const auto self = shared_from_this();
  // What is recorded cannot be asked for any more, but a failure is still told.
  std::exception_ptr failure;
  try {
    const py::gil_scoped_release release;
    core_.stream().synchronize();
  } catch (...) {
    failure = std::current_exception();
  }
  // An export may end on any thread and take its storage with it: only what is still owned is dropped.
  std::vector<std::shared_ptr<Storage>> left;
  {
    std::lock_guard<std::mutex> hold(lock_);
    for (Storage* storage : storages_)
      if (auto owned = storage->weak_from_this().lock()) left.push_back(std::move(owned));
  }
  for (const auto& storage : left) storage->drop();
  if (failure) std::rethrow_exception(failure);
}

// ---- ops ----

namespace {

using ExecutorPtr = std::shared_ptr<PyExecutor>;

/// Above this an op may take long enough for other threads to want Python's lock.
constexpr int64_t kLongWork = 64 << 10;

/// The C++ object in a Python one, or null where it is of another type or was never initialised. pybind11's own way takes
/// some 80 ns for classes that Python derives from ours.
template <class T>
T* object_in(py::handle h) {
  static PyTypeObject* const type = reinterpret_cast<PyTypeObject*>(py::type::of<T>().release().ptr());
  if (!PyObject_TypeCheck(h.ptr(), type)) return nullptr;
  auto* object = reinterpret_cast<py::detail::instance*>(h.ptr());
  // A class may derive from two of ours.
  const auto* which = __builtin_expect(object->simple_layout, 1) ? nullptr : py::detail::get_type_info(typeid(T));
  return static_cast<T*>(object->get_value_and_holder(which).value_ptr());
}

/// Blocks that an op uses, held while it runs: a thread that comes in while this one waits may drop the last buffer.
struct Held {
  Block* blocks[kMaxArgs + kMaxComponents];
  int count = 0;
  void add(Block* block) {
    block->retain();
    blocks[count++] = block;
  }
  ~Held() {
    while (count) blocks[--count]->release();
  }
};

class OpCaller {
 public:
  OpCaller(int code, const std::string& kinds, int types, const std::string& compute, int fixed_args, int fixed_results,
           const std::vector<int>& result_types) {
    if (code < 0 || code >= kNumOps) fail(Error::Kind::Value, "hologram.Op: unknown op code ", code, ".");
    if (kinds.size() > kMaxArgs || result_types.size() > kMaxComponents)
      fail(Error::Kind::Value, "hologram.Op: too many arguments or results.");
    op_.op = static_cast<Op>(code);
    op_.num_args = static_cast<uint8_t>(kinds.size());
    op_.types = static_cast<uint8_t>(types);
    op_.compute = compute == "result" ? FlatOp::Compute::Result : compute == "bool" ? FlatOp::Compute::Bool : FlatOp::Compute::Values;
    std::copy(kinds.begin(), kinds.end(), op_.kinds);
    op_.fixed_args = static_cast<uint8_t>(fixed_args);
    op_.fixed_results = static_cast<uint8_t>(fixed_results);
    for (size_t i = 0; i < result_types.size(); ++i)
      op_.result_types[i] = result_types[i] < 0 ? DType::Count : dtype_of(result_types[i]);
  }
  OpCaller(const OpCaller&) = delete;

  /// `args`, `wanted`: codes of types, -1 for numbers and for no result (compute_type in runtime/device/executor.h).
  int compute_type(const std::vector<int>& args, int wanted) const {
    const auto type = [](int code) { return code < 0 ? DType::Count : dtype_of(code); };
    HG_CHECK(static_cast<int>(args.size()) == op_.num_args, "hologram.", name(), ": ", static_cast<int>(op_.num_args), " arguments are needed.");
    DType types[kMaxArgs];
    std::transform(args.begin(), args.end(), types, type);
    return static_cast<int>(hologram::compute_type(op_, types, type(wanted)));
  }

  const char* name() const { return op_name(op_.op); }
  int num_args() const { return op_.num_args; }
  int num_results() const { return op_.num_results(); }

  /// executor, arguments, results, and then the number of elements and the elements per row, which may be left out.
  py::object call(const py::args& in) const {
    if (in.empty() || !object_in<PyExecutor>(in[0])) return elsewhere(in);
    const Prepared p(*this, in);
    if (p.longest() > kLongWork) {
      const py::gil_scoped_release release;
      p.run();
    } else {
      p.run();
    }
    return py::none();
  }

  /// Nanoseconds per call when C++ calls it `times` times.
  double time(int times, const py::args& in) const {
    if (in.empty() || !object_in<PyExecutor>(in[0])) throw py::type_error("hologram.Op.time: an executor is needed.");
    const Prepared p(*this, in);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) p.run();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    return took.count() / times;
  }

 private:
  static std::string type_of(py::handle h) { return py::str(py::type::of(h).attr("__name__")); }

  static int64_t optional(const py::args& in, int at, int given) {
    if (at >= given || in[at].is_none()) return -1;
    const auto n = py::reinterpret_steal<py::object>(PyNumber_Index(in[at].ptr()));
    if (!n) throw py::error_already_set();
    int beyond = 0;
    const int64_t value = PyLong_AsLongLongAndOverflow(n.ptr(), &beyond);
    if (value < -1 || beyond)
      fail(Error::Kind::Value, "hologram: ", std::string(py::str(n)), " is no number of elements. It is from 0 to 2**63 - 1.");
    return value;
  }

  /// Tensors and arrays, of which some would also pass for numbers.
  static bool is_array(py::handle h) { return py::hasattr(h, "__dlpack__"); }

  /// A buffer over the elements of a tensor or an array (or its only number); anything else as it is.
  static py::object flat(py::handle executor, py::handle h, bool writes) {
    if (h.is_none() || object_in<PyBuffer>(h) || !is_array(h)) return py::reinterpret_borrow<py::object>(h);
    return py::module_::import("hologram_core.buffer").attr("flat")(executor, h, writes);
  }

  /// Integers beyond int64 too: as the bits of a uint64, or as the nearest double where that does not hold them either.
  static bool integer(py::handle h, FlatArg& out) {
    if (!h) throw py::error_already_set();
    int beyond = 0;
    Scalar& number = out.number;
    number.integer = true;
    number.value.i = PyLong_AsLongLongAndOverflow(h.ptr(), &beyond);
    if (number.value.i == -1 && PyErr_Occurred()) throw py::error_already_set();
    if (!beyond) return true;
    out.large = true;
    const uint64_t bits = PyLong_AsUnsignedLongLong(h.ptr());
    if (!PyErr_Occurred()) {
      number.value.i = static_cast<int64_t>(bits);
      return true;
    }
    PyErr_Clear();
    number.integer = false;
    number.value.f = PyLong_AsDouble(h.ptr());
    if (PyErr_Occurred()) throw py::error_already_set();
    return true;
  }

  static bool number(py::handle h, FlatArg& arg) {
    Scalar& out = arg.number;
    if (PyFloat_Check(h.ptr())) {
      out.integer = false;
      out.value.f = PyFloat_AS_DOUBLE(h.ptr());
      return true;
    }
    if (PyLong_Check(h.ptr())) return integer(h, arg);
    if (h.is_none() || object_in<PyBuffer>(h) || is_array(h)) return false;
    if (PyIndex_Check(h.ptr())) return integer(py::reinterpret_steal<py::object>(PyNumber_Index(h.ptr())), arg);
    if (!PyNumber_Check(h.ptr()) || !py::hasattr(h, "__float__")) return false;   // NumPy's scalars have it
    out.integer = false;
    out.value.f = PyFloat_AsDouble(h.ptr());
    if (PyErr_Occurred()) throw py::error_already_set();
    return true;
  }

  /// What a circuit's tracer does with it (hologram_core/tracing.py).
  py::object elsewhere(const py::args& in) const {
    if (!in.empty() && py::hasattr(in[0], "_record"))
      return in[0].attr("_record")(py::cast(this, py::return_value_policy::reference), *in[py::slice(1, in.size(), 1)]);
    throw py::type_error(std::string("hologram.") + name() + ": the first argument is the executor" +
                         (in.empty() ? "." : ", not " + type_of(in[0]) + "."));
  }

  /// A call's arguments as the runtime takes them.
  class Prepared {
   public:
    Prepared(const OpCaller& caller, const py::args& in) : op_(caller.op_) {
      const auto given = static_cast<int>(in.size()), least = 1 + op_.num_args + op_.num_results();
      if (given < least || given > least + 2)
        throw py::type_error(std::string("hologram.") + caller.name() + ": it takes an executor, " + std::to_string(op_.num_args) +
                             " arguments and " + std::to_string(op_.num_results()) + " results, and then the number of elements "
                             "and the elements per row. " + std::to_string(given) + " arguments were given.");
      PyExecutor& executor = *object_in<PyExecutor>(in[0]);
      core_ = &executor.core();
      for (int i = 0; i < op_.num_args; ++i) {
        if (number(in[1 + i], args_[i])) continue;
        const py::object given = flat(in[0], in[1 + i], false);
        if (!given.is(in[1 + i]) && number(given, args_[i])) continue;
        arrays_[i] = caller.array(executor, given, false, held_);
        args_[i].array = &arrays_[i];
      }
      for (int k = 0; k < op_.num_results(); ++k) {
        const py::object out = flat(in[0], in[1 + op_.num_args + k], true);
        if (out.is_none()) continue;
        arrays_[kMaxArgs + k] = caller.array(executor, out, true, held_);
        results_[k] = &arrays_[kMaxArgs + k];
      }
      length_ = optional(in, least, given);
      row_ = optional(in, least + 1, given);
    }
    Prepared(const Prepared&) = delete;

    void run() const { core_->run(op_, args_, results_, length_, row_); }
    int64_t longest() const {
      int64_t n = results_[0] ? results_[0]->length : 0;
      for (int i = 0; i < op_.num_args; ++i)
        if (args_[i].array) n = std::max(n, args_[i].array->length);
      return n;
    }

   private:
    const FlatOp& op_;
    Executor* core_;
    Held held_;
    Array arrays_[kMaxArgs + kMaxComponents];
    FlatArg args_[kMaxArgs];
    const Array* results_[kMaxComponents] = {};
    int64_t length_, row_;
  };

  Array array(PyExecutor& executor, py::handle h, bool writes, Held& held) const {
    const PyBuffer* found = object_in<PyBuffer>(h);
    if (!found)
      throw py::type_error(std::string("hologram.") + name() + ": arguments are Buffers" + (writes ? "" : " and numbers") + ", not " +
                           type_of(h) + ". Make one with executor.allocate.");
    const PyBuffer& buffer = *found;
    const Storage& storage = buffer.storage();
    if (&storage.executor() != &executor)
      fail(Error::Kind::Value, "hologram.", name(), ": a buffer belongs to another executor. Copy it with copy_from.");
    if (writes && storage.read_only()) fail(Error::Kind::Value, "hologram.", name(), ": the buffer for the result is read-only.");
    held.add(storage.block());
    return buffer.array();
  }

  FlatOp op_;
};

}  // namespace

void bind_executor(py::module_& m) {
  py::class_<PyExecutor, ExecutorPtr> executor(m, "Executor", "A stream of ops and the buffers they work on.");
  executor.def(py::init<const std::string&>(), py::arg("backend"))
      .def_property_readonly("backend", &PyExecutor::backend, "The backend's name.")
      .def_property_readonly("closed", &PyExecutor::is_closed)
      .def_property_readonly("live_buffers", &PyExecutor::live_buffers, "Buffers and exports that hold memory of it.")
      .def("synchronize", &PyExecutor::synchronize, "Runs everything that is recorded; raises what failed.")
      .def("cleanup", &PyExecutor::cleanup, "Gives its memory back. What was exported stays valid. Idempotent.");
  harden<PyExecutor>(executor, "hologram.Executor: it was never initialised. Call Executor().");
  py::class_<OpCaller> op(m, "Op", "An op of the tables on flat arrays.");
  op.def(py::init<int, const std::string&, int, const std::string&, int, int, const std::vector<int>&>(), py::arg("code"),
           py::arg("kinds"), py::arg("types"), py::arg("compute"), py::arg("fixed_args"), py::arg("fixed_results"),
           py::arg("result_types"))
      .def_property_readonly("name", &OpCaller::name)
      .def_property_readonly("num_args", &OpCaller::num_args)
      .def_property_readonly("num_results", &OpCaller::num_results)
      .def("compute_type", &OpCaller::compute_type, py::arg("args"), py::arg("wanted"))
      .def("time", &OpCaller::time, py::arg("times"), "Nanoseconds per call from C++.")
      .def("__call__", &OpCaller::call);
  harden<OpCaller>(op, "hologram.Op: it was never initialised. See hologram_core.ops.");
}

}  // namespace hologram::bindings
