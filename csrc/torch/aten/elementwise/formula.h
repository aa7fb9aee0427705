// A formula over rows of the op tables, written in C++: the words in which one circuit of several nodes is composed.
#pragma once

#include <initializer_list>

#include "torch/aten/core/common.h"

namespace hologram::aten {

/// Values of tensors of one floating type. Halves compute in float32 and round when they are stored.
class Formula {
 public:
  Ref one() const { return one_; }
  Ref number(double value) { return circuit_.add_scalar(value); }

  Ref add(Ref a, Ref b) { return node(Op::add, {a, b}); }
  Ref sub(Ref a, Ref b) { return node(Op::sub, {a, b}); }
  Ref mul(Ref a, Ref b) { return node(Op::mul, {a, b}); }
  Ref div(Ref a, Ref b) { return node(Op::div, {a, b}); }
  Ref neg(Ref a) { return node(Op::neg, {a}); }
  Ref sqrt(Ref a) { return node(Op::sqrt, {a}); }

  Ref node(Op op, std::initializer_list<Ref> args) { return circuit_.add_node(op, compute_, compute_, args); }
  /// A node that computes in float64: what is one number for the whole formula costs nothing.
  Ref wide(Op op, std::initializer_list<Ref> args) { return circuit_.add_node(op, DType::F64, DType::F64, args); }
  /// A node whose result is a truth value.
  Ref test(Op op, std::initializer_list<Ref> args) { return circuit_.add_node(op, compute_, DType::Bool, args); }

 protected:
  explicit Formula(DType type) : type_(type), compute_(compute_type(type)), one_(circuit_.add_scalar(1.0)) {}
  Ref stored(Ref value) { return convert(circuit_, value, compute_, type_); }

  const DType type_, compute_;
  Circuit circuit_;

 private:
  const Ref one_;
};

}  // namespace hologram::aten
