#include "bindings/circuit.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "bindings/executor.h"
#include "runtime/backends/cpu/queue.h"
#include "runtime/device/queue.h"
#include "runtime/ir/circuit.h"
#include "runtime/base/error.h"
#include "runtime/plan/plan.h"
#include "runtime/trace/stream.h"

namespace py = pybind11;

namespace hologram::bindings {

DType dtype_of(int code, const char* who) {
  if (code < 0 || code >= static_cast<int>(DType::Count)) fail(Error::Kind::Value, who, ": unknown dtype code ", code, ".");
  return static_cast<DType>(code);
}

namespace {

using Strides = std::vector<int64_t>;
constexpr const char* kCircuit = "hologram.Circuit";
using Number = std::variant<int64_t, double>;   // a Python int stays an integer scalar

/// A circuit with every reference and limit checked: nothing Python says reaches the planner unchecked. Addresses cannot
/// be checked; the caller keeps the memory alive.
class PyCircuit {
 public:
  PyCircuit(const Strides& sizes, int row_rank) {
    if (sizes.size() > kMaxRank)
      fail(Error::Kind::Value, "hologram.Circuit: ", sizes.size(), " dimensions, at most ", kMaxRank, " are possible.");
    if (row_rank < 0 || row_rank > static_cast<int>(sizes.size()))
      fail(Error::Kind::Value, "hologram.Circuit: row_rank ", row_rank, " of ", sizes.size(), " dimensions.");
    for (int64_t n : sizes)
      if (n < 0) fail(Error::Kind::Value, "hologram.Circuit: negative size ", n, ".");
    circuit_.rank = static_cast<uint8_t>(sizes.size());
    circuit_.row_rank = static_cast<uint8_t>(row_rank);
    std::copy(sizes.begin(), sizes.end(), circuit_.sizes);
  }

  int add_operand(uintptr_t address, int dtype, const Strides& strides) {
    check_operand(strides);
    const Ref ref = circuit_.add_operand(nullptr, reinterpret_cast<void*>(address), dtype_of(dtype, kCircuit));
    std::copy(strides.begin(), strides.end(), circuit_.strides(ref));
    return ref;
  }

  /// Like add_operand and add_output, with memory that the circuit keeps: it can be recorded.
  int add_buffer(const PyBuffer& buffer, int64_t offset, const Strides& strides) {
    check_operand(strides);
    check_reach(buffer, offset, strides);
    const auto item = static_cast<int64_t>(item_size(buffer.dtype()));
    const int ref = add_operand(reinterpret_cast<uintptr_t>(buffer.data() + offset * item), static_cast<int>(buffer.dtype()), strides);
    buffers_.emplace_back(ref - kOperandRef, buffer.storage_ptr());
    return ref;
  }

  int add_result(const PyBuffer& buffer, int64_t offset, const Strides& strides, int source) {
    check_ref(source);
    if (buffer.storage().read_only()) fail(Error::Kind::Value, "hologram.Circuit: the buffer for a result is read-only.");
    const int ref = add_buffer(buffer, offset, strides);
    circuit_.operands[ref - kOperandRef].output = true;
    circuit_.operands[ref - kOperandRef].source = static_cast<Ref>(source);
    return ref;
  }

  int add_output(uintptr_t address, int dtype, const Strides& strides, int source) {
    check_ref(source);
    const int ref = add_operand(address, dtype, strides);
    circuit_.operands[ref - kOperandRef].output = true;
    circuit_.operands[ref - kOperandRef].source = static_cast<Ref>(source);
    return ref;
  }

  int add_scalar(const Number& number) {
    if (circuit_.num_scalars == kMaxScalars) too_large("numbers", kMaxScalars);
    return std::visit([&](auto v) { return circuit_.add_scalar(v); }, number);
  }

  int add_node(int op, int compute, int result, const std::vector<int>& args) {
    if (op < 0 || op >= kNumOps) fail(Error::Kind::Value, "hologram.Circuit: unknown op code ", op, ".");
    const int results = op_results(static_cast<Op>(op));
    if (circuit_.num_nodes == kMaxNodes || circuit_.num_values + results > kOperandRef || args.size() > kMaxArgs)
      fail(Error::Kind::Value, "hologram.Circuit: no room for one more node, ", kMaxNodes, " are possible. Split the function.");
    Ref refs[kMaxArgs];
    for (size_t i = 0; i < args.size(); ++i) refs[i] = check_ref(args[i]);
    return circuit_.add_node(static_cast<Op>(op), dtype_of(compute, kCircuit), dtype_of(result, kCircuit), refs, args.size());
  }

  void run() const {
    Circuit scratch = checked();   // planning changes it; this one can run again
    py::gil_scoped_release release;
    current_stream(cpu_queue()).submit(scratch);
  }

  /// Submits it to an executor's stream.
  void submit(PyExecutor& executor) const {
    Circuit scratch = checked();
    Executor& core = executor.core();
    if (static_cast<int>(buffers_.size()) != scratch.num_operands)
      fail(Error::Kind::Value, "hologram.Circuit: some operands are no buffers.");
    std::vector<std::unique_ptr<Block, void (*)(Block*)>> held;   // a thread that comes in meanwhile may drop them
    for (const auto& [operand, storage] : buffers_) {
      if (&storage->executor() != &executor)
        fail(Error::Kind::Value, "hologram.Circuit: a buffer belongs to another executor. Copy it with copy_from.");
      scratch.operands[operand].block = storage->block();
      storage->block()->retain();
      held.emplace_back(storage->block(), [](Block* b) { b->release(); });
    }
    py::gil_scoped_release release;
    core.stream().submit(scratch);
  }

  /// Submits it over one buffer per operand, whatever it was built with: `length` elements along its only dimension.
  void call(PyExecutor& executor, const std::vector<const PyBuffer*>& buffers, const std::vector<Number>& scalars,
            int64_t length) const {
    Circuit scratch = checked();
    Executor& core = executor.core();
    if (scratch.rank != 1 || length < 0 || buffers.size() != scratch.num_operands || scalars.size() != scratch.num_scalars)
      fail(Error::Kind::Value, "hologram.Circuit: it takes ", int(scratch.num_operands), " buffers and ", int(scratch.num_scalars),
           " numbers, not ", buffers.size(), " and ", scalars.size(), " over ", length, " elements.");
    std::vector<std::unique_ptr<Block, void (*)(Block*)>> held;
    Extent read[kMaxOperands], written[kMaxOperands];
    int num_read = 0, num_written = 0;
    scratch.sizes[0] = length;
    for (size_t i = 0; i < buffers.size(); ++i) {
      Operand& o = scratch.operands[i];
      if (!buffers[i]) throw py::type_error("hologram.Circuit: buffer " + std::to_string(i) + " is None.");
      const PyBuffer& b = *buffers[i];
      const Array a = b.array();
      if (&b.storage().executor() != &executor)
        fail(Error::Kind::Value, "hologram.Circuit: buffer ", i, " belongs to another executor. Copy it with copy_from.");
      if (o.output && b.storage().read_only()) fail(Error::Kind::Value, "hologram.Circuit: buffer ", i, " is read-only.");
      if (a.dtype != o.dtype)
        fail(Error::Kind::Value, "hologram.Circuit: buffer ", i, " is ", dtype_name(a.dtype), ", the circuit's operand ", dtype_name(o.dtype), ".");
      if (a.length < (o.strides[0] ? length : 1))
        fail(Error::Kind::Value, "hologram.Circuit: buffer ", i, " holds ", a.length, " elements, ", length, " are needed.");
      // One element that serves for all is read again for each of them: it is another matter only if there is one in all.
      const bool fixed = o.strides[0] == 0 && length != 1;
      (o.output ? written[num_written++] : read[num_read++]) = Extent(a, o.strides[0] ? length : 1, fixed);
      o.block = a.block;
      o.data = a.data;
      a.block->retain();
      held.emplace_back(a.block, [](Block* block) { block->release(); });
    }
    check_overlap("Circuit", read, num_read, written, num_written, scratch.row_rank > 0);
    for (size_t i = 0; i < scalars.size(); ++i) {
      Scalar& s = scratch.scalars[i];
      if (s.integer && std::holds_alternative<double>(scalars[i]))
        fail(Error::Kind::Value, "hologram.Circuit: number ", i, " must be an integer.");
      std::visit([&](auto v) { s.integer ? void(s.value.i = static_cast<int64_t>(v)) : void(s.value.f = static_cast<double>(v)); }, scalars[i]);
    }
    if (length == 0 && !scratch.row_rank) return;
    py::gil_scoped_release release;
    core.stream().submit(scratch);
  }

  py::list launches() const {
    py::list list;
    Circuit scratch = checked();
    IterationSpace space;
    if (!canonicalize(scratch, space, kHostSplits)) return list;
    lower(scratch, space);
    const Plan p = plan(scratch, space);
    for (const KernelLaunch* l = p.launches; l < p.launches + p.num_launches; ++l)
      list.append(py::make_tuple(py::bytes(reinterpret_cast<const char*>(l->key.bytes), l->key.size), l->work.items, l->work.per_item));
    return list;
  }

 private:
  [[noreturn]] static void too_large(const char* what, int most) {
    fail(Error::Kind::Value, "hologram.Circuit: more than ", most, " ", what, ". Split the function.");
  }
  Ref check_ref(int ref) const {
    const bool known = ref >= 0 && (ref < kOperandRef ? ref < circuit_.num_values
                                    : ref < kScalarRef ? ref - kOperandRef < circuit_.num_operands
                                                       : ref - kScalarRef < circuit_.num_scalars);
    if (!known) fail(Error::Kind::Value, "hologram.Circuit: nothing has the number ", ref, ".");
    return static_cast<Ref>(ref);
  }
  void check_operand(const Strides& strides) const {
    if (strides.size() != circuit_.rank)
      fail(Error::Kind::Value, "hologram.Circuit: ", strides.size(), " strides for ", int(circuit_.rank), " dimensions.");
    if (circuit_.num_operands == kMaxOperands) too_large("operands", kMaxOperands);
  }
  /// Does the operand stay within its buffer?
  void check_reach(const PyBuffer& buffer, int64_t offset, const Strides& strides) const {
    const auto item = static_cast<int64_t>(item_size(buffer.dtype()));
    __int128 low = static_cast<__int128>(offset) * item, high = low + item;
    for (int d = 0; d < circuit_.rank; ++d) {
      if (circuit_.sizes[d] == 0) return;
      const __int128 reach = static_cast<__int128>(circuit_.sizes[d] - 1) * strides[d];
      (reach < 0 ? low : high) += reach;
    }
    if (low < 0 || high > buffer.bytes())
      fail(Error::Kind::Value, "hologram.Circuit: an operand reaches beyond its buffer of ", buffer.length(), " elements.");
  }
  const Circuit& checked() const {
    if (!circuit_.num_nodes) fail(Error::Kind::Value, "hologram.Circuit: it has no nodes.");
    return circuit_;
  }

  Circuit circuit_;
  std::vector<std::pair<int, std::shared_ptr<Storage>>> buffers_;   // operand, what keeps its memory
};

}  // namespace

void bind_circuit(py::module_& m) {
  py::class_<PyCircuit> cls(m, "Circuit", "A record of ops over one iteration space (csrc/runtime/ir/circuit.h).");
  cls.def(py::init<const Strides&, int>(), py::arg("sizes"), py::arg("row_rank") = 0)
      .def("add_operand", &PyCircuit::add_operand, py::arg("address"), py::arg("dtype"), py::arg("strides"),
           "strides: bytes per dimension, 0 to broadcast. Returns the operand's reference.")
      .def("add_output", &PyCircuit::add_output, py::arg("address"), py::arg("dtype"), py::arg("strides"), py::arg("source"))
      .def("add_buffer", &PyCircuit::add_buffer, py::arg("buffer"), py::arg("offset"), py::arg("strides"),
           "An operand that starts `offset` elements into a buffer.")
      .def("add_result", &PyCircuit::add_result, py::arg("buffer"), py::arg("offset"), py::arg("strides"), py::arg("source"))
      .def("submit", &PyCircuit::submit, py::arg("executor"), "Records it on an executor; all its operands are buffers.")
      .def("call", &PyCircuit::call, py::arg("executor"), py::arg("buffers"), py::arg("scalars"), py::arg("length"))
      .def("add_scalar", &PyCircuit::add_scalar, py::arg("number"))
      .def("add_node", &PyCircuit::add_node, py::arg("op"), py::arg("compute"), py::arg("result"), py::arg("args"),
           "Returns the reference of the node's first result.")
      .def("run", &PyCircuit::run)
      .def("launches", &PyCircuit::launches, "What run would launch: [(key, items, elements per item)].")
      .def("key", [](const PyCircuit& c) {
        std::string keys;
        for (auto launch : c.launches()) keys += launch.cast<py::tuple>()[0].cast<std::string>();
        return py::bytes(keys);
      }, "The keys of those launches, one after the other.");
  harden<PyCircuit>(cls, "hologram.Circuit: it was never initialised. Call hg.Circuit().");
  py::list names;
  for (const OpFacts& facts : op_table) names.append(facts.name);
  m.attr("op_names") = py::tuple(names);
}

}  // namespace hologram::bindings
