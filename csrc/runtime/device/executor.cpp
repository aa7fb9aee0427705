#include "runtime/device/executor.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "runtime/backends/cpu/queue.h"
#include "runtime/device/queue.h"
#include "runtime/base/config.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/graph/capture.h"
#include "runtime/kernels/kernel.h"
#include "runtime/ir/key.h"
#include "runtime/memory/guard.h"

namespace hologram {

const char* dtype_name(DType dtype) {
  constexpr const char* names[] = {"bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
                                   "complex64", "complex128", "uint16", "uint32", "uint64"};
  return dtype < DType::Count ? names[static_cast<size_t>(dtype)] : "?";
}

void check_overlap(const char* name, const Extent* args, int num_args, const Extent* results, int num_results, bool folds) {
  for (int k = 0; k < num_results; ++k) {
    for (int i = 0; i < num_args; ++i) {
      const Extent &to = results[k], &from = args[i];
      if (apart(to, from)) continue;
      const bool in_place = to.begin == from.begin && to.end == from.end && to.dtype == from.dtype && to.fixed == from.fixed;
      if (!in_place || folds)
        fail(Error::Kind::Value, "hologram.", name, ": result ", k, " overlaps argument ", i, in_place ? "" : " in part",
             ". Give it an array of its own.");
    }
    for (int other = 0; other < k; ++other)
      if (!apart(results[k], results[other]))
        fail(Error::Kind::Value, "hologram.", name, ": results ", other, " and ", k, " overlap. Give each an array of its own.");
  }
}

Executor::~Executor() {
  try {
    stream_.flush(Reason::Synchronize);
  } catch (...) {   // no caller is left to be told
  }
}

namespace {

uint8_t type_of(DType t) {
  if (t == DType::Bool) return FlatOp::kBool;
  switch (t) {
    case DType::F16: case DType::BF16: case DType::F32: case DType::F64: return FlatOp::kFloat;
    case DType::C64: case DType::C128: return 0;
    default: return FlatOp::kInteger;
  }
}

template <class... Parts>
[[noreturn]] void refuse(const FlatOp& op, const Parts&... parts) {
  fail(Error::Kind::Value, "hologram.", op_name(op.op), ": ", parts...);
}

/// One call on its way to the stream.
struct Call {
  const FlatOp& op;
  const FlatArg* args;
  const Array* const* results;
  int64_t length, row;      // of a map: row == -1
  int64_t kept = 1;
  DType compute = DType::Count;

  bool folds_rows() const { return op.kind() != OpKind::Elementwise; }
  DType result_type(int k) const { return op.result_types[k] == DType::Count ? compute : op.result_types[k]; }
};

void choose_type(Call& call) {
  const FlatOp& op = call.op;
  DType args[kMaxArgs], wanted = DType::Count;
  for (int i = 0; i < op.num_args; ++i) args[i] = call.args[i].array ? call.args[i].array->dtype : DType::Count;
  for (int k = 0; k < op.num_results() && wanted == DType::Count; ++k)
    if (call.results[k] && op.result_types[k] == DType::Count) wanted = call.results[k]->dtype;
  call.compute = compute_type(op, args, wanted);
  if (!(op.types & type_of(call.compute)))
    refuse(op, "it does not compute in ", dtype_name(call.compute), ". Convert the arrays with ops.copy.");
}

/// Smallest and largest value of a type of integers but uint64.
std::pair<int64_t, int64_t> range_of(DType type) {
  switch (type) {
    case DType::U8: case DType::U16: case DType::U32: return {0, (int64_t{1} << 8 * item_size(type)) - 1};
    case DType::I8: case DType::I16: case DType::I32: {
      const int64_t top = int64_t{1} << (8 * item_size(type) - 1);
      return {-top, top - 1};
    }
    default: return {INT64_MIN, INT64_MAX};
  }
}

[[noreturn]] void out_of_range(const Call& call, int i, DType type) {
  const FlatArg& arg = call.args[i];
  std::ostringstream value, range;
  if (!arg.number.integer) value << arg.number.value.f;
  else if (arg.large) value << static_cast<uint64_t>(arg.number.value.i);
  else value << arg.number.value.i;
  if (type == DType::U64) range << "[0, " << UINT64_MAX;
  else range << "[" << range_of(type).first << ", " << range_of(type).second;
  refuse(call.op, "argument ", i, " (", value.str(), ") is not within ", range.str(), "], the range of ", dtype_name(type), ".");
}

void check_number(const Call& call, int i) {
  const char kind = call.op.kinds[i];
  if (kind == 'r' || kind == 'd') return;
  if (kind != 'i' && kind != 'b' && type_of(call.compute) == FlatOp::kFloat) return;
  const FlatArg& arg = call.args[i];
  if (!arg.number.integer && !arg.large)
    refuse(call.op, "argument ", i, " is a float (", arg.number.value.f, ") where ", dtype_name(call.compute),
           " takes an integer.");
  const DType type = kind == 'i' ? DType::I64 : kind == 'b' ? DType::Bool : call.compute;
  if (type == DType::Bool && !arg.large) return;      // any number but 0 is true
  if (type == DType::U64 ? !arg.number.integer || (!arg.large && arg.number.value.i < 0)
                         : arg.large || arg.number.value.i < range_of(type).first || arg.number.value.i > range_of(type).second)
    out_of_range(call, i, type);
}

/// The scalar as kernels of this compute type read it.
Scalar converted(const Call& call, int i) {
  Scalar number = call.args[i].number;
  const char kind = call.op.kinds[i];
  const bool floating = kind == 'd' || ((kind == 'v' || kind == 'p') && type_of(call.compute) == FlatOp::kFloat) ||
                        (kind == 'r' && call.args[i].large);
  if (floating && number.integer) {
    number.integer = false;
    number.value.f = call.args[i].large ? static_cast<double>(static_cast<uint64_t>(call.args[i].number.value.i))
                                        : static_cast<double>(call.args[i].number.value.i);
  }
  return number;
}

void check_array(const Call& call, int i) {
  const Array& a = *call.args[i].array;
  const char kind = call.op.kinds[i];
  const uint8_t type = type_of(a.dtype);
  if (!type || (kind == 'b' && type != FlatOp::kBool) || (kind == 'i' && type != FlatOp::kInteger))
    refuse(call.op, "argument ", i, " is an array of ", dtype_name(a.dtype), ". It takes ",
           kind == 'b' ? "bool" : kind == 'i' ? "integers" : "numbers", ".");
}

void check_results(const Call& call) {
  const FlatOp& op = call.op;
  bool any = false;
  for (int k = 0; k < op.num_results(); ++k) {
    const Array* out = call.results[k];
    if (!out) continue;
    any = true;
    const bool converts = op.op == Op::copy;
    if (!converts && out->dtype != call.result_type(k))
      refuse(op, "the result is ", dtype_name(call.result_type(k)), ", the array for it ", dtype_name(out->dtype), ".");
  }
  if (!any) refuse(op, "no array for a result was passed.");
}

// ---- lengths ----

/// Where `length` is not given all whole arrays must agree.
void choose_length(Call& call) {
  const FlatOp& op = call.op;
  const auto whole = [&](const Array* a, bool fixed) {
    if (!a || fixed) return;
    if (call.length < 0) call.length = a->length;
    else if (a->length != call.length && !call.folds_rows())
      refuse(op, "arrays of ", call.length, " and ", a->length, " elements. Pass the number of elements.");
  };
  if (call.length < -1) refuse(op, "a negative number of elements (", call.length, ").");
  const bool given = call.length >= 0;
  if (!given) {
    for (int i = 0; i < op.num_args; ++i) whole(call.args[i].array, op.fixed_args >> i & 1);
    for (int k = 0; k < op.num_results(); ++k) whole(call.results[k], op.fixed_results >> k & 1);
  }
  if (call.length < 0) refuse(op, "no array says how many elements there are.");
  if (!call.folds_rows()) {
    if (call.row != -1) refuse(op, "it has no rows.");
    return;
  }
  if (call.row == -1) call.row = call.length;
  else if (call.row < 1 || call.length % call.row)
    refuse(op, "rows of ", call.row, " elements do not divide ", call.length, " elements.");
  call.kept = call.row ? call.length / call.row : 1;
  if (call.row == 0 && op_facts(op.op).chooses) refuse(op, "there is no element to choose from.");
}

/// Elements that an array must hold; *along: it holds one row that serves all.
int64_t needed(const Call& call, const Array& a, bool fixed, bool result, bool* along) {
  *along = false;
  if (fixed) return call.kept;
  if (!result && call.folds_rows() && a.length < call.length) {
    *along = true;
    return call.row;
  }
  return call.length;
}

void check_lengths(const Call& call) {
  const FlatOp& op = call.op;
  bool along;
  Extent from[kMaxArgs], to[kMaxComponents];
  for (int i = 0; i < op.num_args; ++i) {
    const Array* a = call.args[i].array;
    if (!a) continue;
    const int64_t n = needed(call, *a, op.fixed_args >> i & 1, false, &along);
    if (a->length < n || (along && a->length != n))
      refuse(op, "argument ", i, " holds ", a->length, " elements, ", n, " are needed.");
    from[i] = Extent(*a, n, op.fixed_args >> i & 1);
  }
  for (int k = 0; k < op.num_results(); ++k) {
    const Array* out = call.results[k];
    if (!out) continue;
    const bool fixed = op.fixed_results >> k & 1;
    const int64_t n = needed(call, *out, fixed, true, &along);
    if (out->length < n) refuse(op, "the array for the result holds ", out->length, " elements, ", n, " are needed.");
    to[k] = Extent(*out, n, fixed);
  }
  // What one row gives is stored when the row was read.
  if (op.kind() == OpKind::Reduction && call.kept == 1) check_overlap(op_name(op.op), nullptr, 0, to, op.num_results(), false);
  else check_overlap(op_name(op.op), from, op.num_args, to, op.num_results(), false);
}

// ---- running ----

void set_strides(Circuit& c, Ref ref, const Call& call, const Array& a, bool fixed, bool along) {
  const auto item = static_cast<int64_t>(item_size(a.dtype));
  int64_t* strides = c.strides(ref);
  if (c.rank == 1) {
    strides[0] = fixed ? 0 : item;
  } else {
    strides[0] = fixed ? item : along ? 0 : call.row * item;
    strides[1] = fixed ? 0 : item;
  }
}

void build(const Call& call, Circuit& c) {
  const FlatOp& op = call.op;
  c.row_rank = call.folds_rows();
  c.rank = call.folds_rows() && call.kept != 1 ? 2 : 1;
  if (c.rank == 2) c.sizes[0] = call.kept;
  c.sizes[c.rank - 1] = call.folds_rows() ? call.row : call.length;
  Ref args[kMaxArgs];
  bool along;
  for (int i = 0; i < op.num_args; ++i) {
    if (const Array* a = call.args[i].array) {
      const bool fixed = op.fixed_args >> i & 1;
      needed(call, *a, fixed, false, &along);
      args[i] = c.add_operand(a->block, a->data, a->dtype);
      set_strides(c, args[i], call, *a, fixed, along);
    } else {
      const Scalar number = converted(call, i);
      args[i] = number.integer ? c.add_scalar(number.value.i) : c.add_scalar(number.value.f);
    }
  }
  const Array* first = call.results[0];
  const DType result = op.op == Op::copy ? first->dtype : call.result_type(0);
  const Ref value = c.add_node(op.op, call.compute, result, args, op.num_args);
  for (int k = 0; k < op.num_results(); ++k) {
    const Array* out = call.results[k];
    if (!out) continue;
    const Ref ref = c.add_output(out->block, out->data, out->dtype, static_cast<Ref>(value + k));
    set_strides(c, ref, call, *out, op.fixed_results >> k & 1, false);
  }
}

/// The operands' types in order, and which arguments are numbers of which kind. 0: too many to be told apart.
uint64_t signature_of(const Call& call) {
  const FlatOp& op = call.op;
  if (op.num_args + op.num_results() > 12) return 0;
  uint64_t signature = 1 + static_cast<uint64_t>(call.compute);
  for (int i = 0; i < op.num_args; ++i)
    signature = signature << 4 | static_cast<uint64_t>(call.args[i].array            ? call.args[i].array->dtype
                                                       : converted(call, i).integer ? DType::C64     // no array has these
                                                                                    : DType::C128);
  for (int k = 0; k < op.num_results(); ++k)
    signature = signature << 4 | (call.results[k] ? static_cast<uint64_t>(call.results[k]->dtype) : 15);
  return signature;
}

const Kernel* warm_kernel(const Call& call, uint64_t signature) {
  for (const auto& slot : call.op.warm) {
    const FlatOp::Warm* warm = slot.load(std::memory_order_acquire);
    if (!warm) return nullptr;
    if (warm->signature == signature) return warm->kernel;
  }
  return nullptr;
}

void keep_warm(const Call& call, uint64_t signature, const Circuit& c) {
  Key key;
  build_key(c, Schedule::Map, 0, 0, key);
  const auto* warm = new FlatOp::Warm{signature, find_kernel(cpu_queue(), key)};   // never freed: a reader may hold it
  for (auto& slot : call.op.warm) {
    const FlatOp::Warm* expected = nullptr;
    if (slot.compare_exchange_strong(expected, warm, std::memory_order_release)) return;
    if (expected->signature == signature) break;
  }
  delete warm;
}

/// Must the op run now, and may it, whatever is recorded?
bool at_once(const Call& call) {
  bool exposed = !recording();
  const bool guard = config().guard;
  if (__builtin_expect(guard, 0) && !exposed) guard_unpin_all();
  const auto look = [&](const Array* a) {
    if (!a) return true;
    if (__builtin_expect(guard, 0)) guard_pin(*a->block);
    exposed |= a->block->exposed.load(std::memory_order_relaxed);
    return a->block->entry.load(std::memory_order_relaxed) == idle_entry(*a->block);
  };
  bool untouched = true;
  for (int i = 0; i < call.op.num_args; ++i) untouched &= look(call.args[i].array);
  for (int k = 0; k < call.op.num_results(); ++k) untouched &= look(call.results[k]);
  return exposed && untouched;
}

void launch_warm(Queue& queue, const Kernel& kernel, const Call& call) {
  void* operands[kMaxArgs + kMaxComponents];
  int64_t args[2 * kMaxArgs + kMaxComponents + 1];
  int64_t* next = args;
  for (int i = 0; i < call.op.num_args; ++i)
    if (!call.args[i].array) *next++ = converted(call, i).value.i;
  *next++ = call.length;
  int count = 0;
  const auto add = [&](const Array* a) {
    if (!a) return;
    operands[count++] = a->data;
    *next++ = static_cast<int64_t>(item_size(a->dtype));
  };
  for (int i = 0; i < call.op.num_args; ++i) add(call.args[i].array);
  for (int k = 0; k < call.op.num_results(); ++k) add(call.results[k]);
  add_to(Counter::recorded);
  add_to(Counter::cache_hits);
  if (capturing())
    if (Capture* const capture = Capture::current()) {
      for (int i = 0; i < call.op.num_args; ++i)
        if (call.args[i].array) capture->see(*call.args[i].array->block);
      for (int k = 0; k < call.op.num_results(); ++k)
        if (call.results[k]) capture->see(*call.results[k]->block);
      const Launch whole{operands, args, call.length, 1};
      capture->launched(kernel, &whole, 1);
    }
  queue.launch(kernel, operands, args, call.length, 1);
}

}  // namespace

DType compute_type(const FlatOp& op, const DType* args, DType wanted) {
  if (op.compute == FlatOp::Compute::Bool) return DType::Bool;
  if (op.compute == FlatOp::Compute::Result && wanted != DType::Count) return wanted;
  DType compute = DType::Count;
  for (int i = 0; i < op.num_args; ++i) {
    if (args[i] == DType::Count) continue;
    if (op.kinds[i] == 'v') {
      if (compute != DType::Count && args[i] != compute)
        refuse(op, "arguments are ", dtype_name(compute), " and ", dtype_name(args[i]), ". Convert one with ops.copy.");
      compute = args[i];
    } else if (op.kinds[i] == 'r' && compute == DType::Count && type_of(args[i]) == FlatOp::kFloat) {
      compute = args[i];
    }
  }
  if (compute == DType::Count) compute = wanted;
  if (compute == DType::Count) refuse(op, "no array says in which type to compute. Pass an array.");
  return compute;
}

void Executor::run(const FlatOp& op, const FlatArg* args, const Array* const* results, int64_t length, int64_t row) {
  Call call{op, args, results, length, row};
  choose_type(call);
  choose_length(call);
  for (int i = 0; i < op.num_args; ++i) {
    if (args[i].array) check_array(call, i);
    else check_number(call, i);
  }
  check_results(call);
  check_lengths(call);
  if (!call.folds_rows()) {
    if (call.length == 0) return;
    if (&queue().kernels() == &host_kernels() && at_once(call)) {
      const uint64_t signature = signature_of(call);
      if (const Kernel* kernel = signature ? warm_kernel(call, signature) : nullptr) return launch_warm(queue(), *kernel, call);
      Circuit circuit;
      build(call, circuit);
      if (signature) keep_warm(call, signature, circuit);
      return stream_.submit(circuit);
    }
  }
  Circuit circuit;
  build(call, circuit);
  stream_.submit(circuit);
}

}  // namespace hologram
