// Formulas over rows of the op tables, written in C++: the words in which a circuit of several nodes is composed.
//
// Nodes are numbered in the order in which they are made, and the order is part of the kernel's key. C++ leaves open in which order
// the arguments of a call are evaluated, those between braces are evaluated from the left: b.node(op, {f(x), g(y)}).
#pragma once

#include <initializer_list>

#include "torch/aten/core/common.h"

namespace hologram::aten {

/// Adds nodes to a circuit that compute in one type.
class ExprBuilder {
 public:
  ExprBuilder(Circuit& circuit, DType compute) : nodes_(circuit), compute_(compute) {}
  ExprBuilder(const ExprBuilder&) = delete;
  ExprBuilder& operator=(const ExprBuilder&) = delete;
  DType compute() const { return compute_; }

  Ref number(double value) { return nodes_.add_scalar(value); }
  Ref add(Ref a, Ref b) { return node(Op::add, {a, b}); }
  Ref sub(Ref a, Ref b) { return node(Op::sub, {a, b}); }
  Ref mul(Ref a, Ref b) { return node(Op::mul, {a, b}); }
  Ref div(Ref a, Ref b) { return node(Op::div, {a, b}); }
  Ref neg(Ref a) { return node(Op::neg, {a}); }
  Ref sqrt(Ref a) { return node(Op::sqrt, {a}); }

  Ref node(Op op, std::initializer_list<Ref> args) { return nodes_.add_node(op, compute_, compute_, args); }
  /// A node that computes in float64: what is one number for the whole formula costs nothing.
  Ref wide(Op op, std::initializer_list<Ref> args) { return nodes_.add_node(op, DType::F64, DType::F64, args); }
  /// A node whose result is a truth value.
  Ref test(Op op, std::initializer_list<Ref> args) { return nodes_.add_node(op, compute_, DType::Bool, args); }

 private:
  Circuit& nodes_;

 protected:
  const DType compute_;
};

/// The same for a circuit of its own, over tensors of one floating type. Halves compute in float32 and round when they are stored.
class CircuitBuilder : public ExprBuilder {
 public:
  Ref one() const { return one_; }

 protected:
  explicit CircuitBuilder(DType type) : ExprBuilder(circuit_, compute_type(type)), type_(type), one_(circuit_.add_scalar(1.0)) {}
  Ref stored(Ref value) { return convert(circuit_, value, compute_, type_); }

  const DType type_;
  Circuit circuit_;

 private:
  const Ref one_;
};

}  // namespace hologram::aten
