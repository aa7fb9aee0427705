// The path of elementwise calls: every aten overload that a row of hologram_core/optable/elementwise.py names comes in here.
//
// csrc/tablegen/aten_table.py matches the rows with the schemas of the installed torch, tries out what torch's own kernels accept
// (csrc/tablegen/aten_rules.py), and writes aten_table.inc: static data (AtenOp, Variant) and one registration per overload. A
// registration is an ElementwiseKernel<Signature>, a functor that packs its arguments into an array of Arg and calls one of two
// functions that know nothing about signatures: run_functional or run_into. A new op therefore needs a row and nothing
// here; a new C++ *type* of argument needs one constructor of Arg.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Scalar.h>

#include <atomic>
#include <optional>
#include <string_view>
#include <tuple>

#include "runtime/ir/circuit.h"
#include "runtime/kernels/kernel.h"
#include "torch/aten/core/common.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {

constexpr int kMaxAtenArgs = 10;     // arguments of one schema
constexpr int kMaxResults = 2;       // tensors one overload returns

// ---- one argument of a call ----

/// A view of an argument; it points into the caller's frame and lives no longer than the call.
struct Arg {
  enum class Kind : uint8_t { None, Tensor, Scalar, Double, Int, Bool, String };
  Kind kind = Kind::None;
  union {
    const at::Tensor* tensor;
    const at::Scalar* scalar;
    double real;
    int64_t integer;
    bool flag;
    const std::string_view* string;
  };

  Arg() : tensor(nullptr) {}
  Arg(const at::Tensor& t) : kind(t.defined() ? Kind::Tensor : Kind::None), tensor(&t) {}
  Arg(const at::Scalar& s) : kind(Kind::Scalar), scalar(&s) {}
  Arg(const double& d) : kind(Kind::Double), real(d) {}
  Arg(const int64_t& i) : kind(Kind::Int), integer(i) {}
  Arg(const bool& b) : kind(Kind::Bool), flag(b) {}
  Arg(const std::string_view& s) : kind(Kind::String), string(&s) {}
  template <class T>
  Arg(const std::optional<T>& o) : Arg(o.has_value() ? Arg(*o) : Arg()) {}
};

// ---- static data of an op ----

enum class Rule : uint8_t { Promote, Float, Bool };
/// at::Reduction as the schemas of losses spell it.
enum class Reduce : uint8_t { None = 0, Mean = 1, Sum = 2 };

/// How a row's expression gets one of its arguments.
struct Source {
  enum class Role : uint8_t { Value, Parameter, Mask, Own, Double };   // 'v', 'p', 'b', 'i', 'd' of Elementwise.kinds
  int8_t arg;          // schema argument, or one of the constants below
  int8_t otherwise;    // what stands in for an optional argument that is not given; 0: it must be given
  Role role;
  double literal;

  // `literal`; largest and smallest finite value of the common dtype; what a loss multiplies its gradient with: 1 /
  // elements of self for reduction='mean', else 1
  static constexpr int8_t kLiteral = -1, kMax = -2, kLowest = -3, kMean = -4;
};

/// A condition on the arguments: which of several rows serves the call.
struct Condition {
  enum class Kind : uint8_t { None, NotNone, Number, AtLeast, Above, Bool, String };
  uint8_t arg;
  Kind kind;
  double number;
  const char* string;
};

/// How torch lays a new result out where dims of size 1 or 0 leave the order of the dims open: contiguous if every operand passes
/// for that; in the order of the strides, as among operands of which one is a number; or with the strides of the first operand.
enum class Open : uint8_t { Contiguous, Ordered, Like };

/// What torch's own kernel accepts and returns, beside its promotion of dtypes; found by csrc/tablegen/aten_rules.py.
struct Rules {
  uint32_t refused;          // bit k0 + 3 k1 + 9 k2: the first values may not be of these kinds (0 bool, 1 integer, 2 float)
  uint16_t same;             // bit per schema argument: these tensors must have one dtype
  int8_t like;               // the schema argument whose dtype a new result has, or -1: the row's rule
  bool contiguous;           // a new (or resized) result is contiguous, whatever the arguments are
  Open open;
  bool exact;                // out= must have the result's dtype
  uint8_t restrided;         // bit per result: out= is made contiguous
  uint8_t order[kMaxArgs];   // the arguments in the order in which they decide on a new result's strides
};

/// A row as it serves one overload.
struct Variant {
  Op op;
  Rule rule;
  uint8_t nargs, nconditions, nresults;
  uint16_t dtypes;                       // bit per DType: compute types the row lists
  DType result_types[kMaxResults];       // Count: the type the rule gives
  Source args[kMaxArgs];
  Rules rules;
  const Condition* conditions;
  Op halves[2];                          // what computes f16 and bf16, one after the other, each rounding; the row's op twice: itself

  bool computes(DType t) const { return (dtypes >> static_cast<int>(t)) & 1; }
};

enum AtenFlags : uint8_t {   // ATEN_FLAGS in hologram_core/optable/table.py
  kFullScalars = 1,     // f16 and bf16 kernels use promoting scalars at f32 precision, as torch's kernels do
  kIntPower = 2,        // integer ** negative integer is an error, raised by torch's own kernel
  kConverts = 4,        // a number is converted to the destination's dtype, whatever its category
  kOverlaps = 16,       // may be written to elements that share their place
  kPoint = 8,           // parameters must be numbers or 0-dim tensors
  kProbabilities = 32,  // the first two arguments lie in [0, 1]
  kBoolAlpha = 64,      // a bool alpha needs bool tensors
  kDivides = 128,       // an integer divisor that is 0 is an error
};

/// One aten overload.
struct AtenOp {
  TypedOp native;          // torch's own kernel
  const char* report;      // "add.Tensor", as op_report and messages spell it
  SchemaKind kind;
  uint8_t flags;
  uint8_t nargs, nresults;
  uint8_t outs[kMaxResults];   // in-place and out=: the schema arguments written to
  int8_t reduction;            // the schema argument that is a loss's reduction, or -1
  bool folds;                  // a loss, not the gradient of one
  uint8_t nvariants;
  const Variant* variants;

  mutable std::atomic<OpStat*> stat{nullptr};   // found at the first call; lives for ever

  OpStat& statistics() const;
};

/// Runs a functional overload and stores its nresults tensors to `results`. False: complex numbers, of which torch's own kernel
/// is to be called.
bool run_functional(const AtenOp& op, const Arg* args, at::Tensor* results);
/// Runs an in-place or out= overload; the results go to the arguments named by AtenOp::outs. False: as above.
bool run_into(const AtenOp& op, const Arg* args);

// ---- inside the path ----

/// A call and the row that is to serve it: what the fast and the general path work from.
struct Call {
  const AtenOp& op;
  const Variant& variant;
  const Arg* args;
  at::Tensor* results;     // functional overloads: to be filled in
  Reduce reduce;           // losses: fold the elements into one

  const at::Tensor& destination(int i) const { return *args[op.outs[i]].tensor; }
};

/// Is any tensor or number among the arguments complex?
bool has_complex(const AtenOp& op, const Arg* args);
/// A 0-dim CPU tensor stands for the number it holds.
inline bool is_cpu_scalar(const at::Tensor& t) { return t.dim() == 0 && t.device().is_cpu(); }
/// The number a 0-dim CPU tensor holds.
at::Scalar cpu_scalar_value(const at::Tensor& t);
/// The number an argument stands for in a call whose common dtype is known.
at::Scalar number_of(const Call& call, const Source& source, c10::ScalarType common);
/// The numbers of a call that computes in `common`, as its kernel gets them. False where one would change the category of
/// the result or overflow: torch then refuses in the words of the op, so its own kernel must see it.
bool gather_numbers(const Call& call, c10::ScalarType common, const bool* is_number, Scalar* numbers);
inline Ref add_number(Circuit& circuit, const Scalar& s) {
  circuit.scalars[circuit.num_scalars] = s;
  return static_cast<Ref>(kScalarRef + circuit.num_scalars++);
}
/// dtype of result k when the op computes in `common` (before f16 and bf16 widen).
inline DType result_type(const Variant& v, int k, DType common) {
  if (v.result_types[k] != DType::Count) return v.result_types[k];
  return v.rule == Rule::Bool ? DType::Bool : common;
}
/// The row's node in a call that computes in `common`. Returns its first result, of type `result`.
inline Ref add_row(Circuit& circuit, const Variant& v, DType common, DType result, const Ref* args) {
  if (v.halves[0] != v.op && (common == DType::F16 || common == DType::BF16))
    return circuit.add_node(v.halves[1], compute_type(common), result,
                            {circuit.add_node(v.halves[0], compute_type(common), common, args, v.nargs)});
  return circuit.add_node(v.op, compute_type(common), result, args, v.nargs);
}

// ---- thunks ----

/// `torchs`: torch's own kernel of the overload.
template <class Signature>
struct ElementwiseKernel;

template <class R, class... A>
struct ElementwiseKernel<R(A...)> {
  const AtenOp* op;
  R (*torchs)(c10::DispatchKeySet, A...);

  R operator()(A... a) const {
    const Arg args[] = {Arg(a)...};
    if constexpr (std::is_same_v<R, at::Tensor>) {
      at::Tensor result;
      if (__builtin_expect(run_functional(*op, args, &result), 1)) return result;
    } else if constexpr (std::is_same_v<R, std::tuple<at::Tensor, at::Tensor>>) {
      at::Tensor results[2];
      if (__builtin_expect(run_functional(*op, args, results), 1)) return {std::move(results[0]), std::move(results[1])};
    } else if constexpr (std::is_same_v<R, at::Tensor&>) {
      if (__builtin_expect(run_into(*op, args), 1)) return destination(args, 0);
    } else {
      static_assert(std::is_same_v<R, std::tuple<at::Tensor&, at::Tensor&>>);
      if (__builtin_expect(run_into(*op, args), 1)) return R(destination(args, 0), destination(args, 1));
    }
    return TypedCall<R(A...)>{&op->native, torchs}(std::forward<A>(a)...);
  }

 private:
  at::Tensor& destination(const Arg* args, int i) const { return const_cast<at::Tensor&>(*args[op->outs[i]].tensor); }
};

}  // namespace hologram::aten
