// A loop over the steps of sequences whose work is the same at each step: kernels and few-row products on parts of the same memory.
//
// A kernel is planned once and launched at the addresses of each step; a product is one call of BLAS. Nothing of it is recorded, since
// each step reads what the one before computed. While a graph is captured, the whole loop is one call of it.
//
// Memory is told as tensors and seen as parts. Those of *rows* have a row for each sequence at each step, all sequences of the first
// step first; those of a *state* have a row for each sequence. At a step with n sequences the work is on the first n rows of a state.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "torch/aten/core/expr_builder.h"
#include "torch/aten/torch_kernels/blas.h"

namespace hologram::aten {

/// How many sequences there are at each step. They do not get more.
struct Steps {
  std::vector<int64_t> sizes;
  int64_t rows = 0;  // of all steps
  int64_t batch() const { return sizes.empty() ? 0 : sizes[0]; }
};

/// Where a step finds its rows of a tensor.
struct StepPart {
  int memory;  // the number of its tensor
  DType type;
  bool moves;  // does each step have rows of its own?
  int64_t offset, stride;  // bytes: of the first element, from row to row
  /// The same from that column on.
  StepPart from(int64_t column) const {
    StepPart part = *this;
    part.offset += column * static_cast<int64_t>(item_size(type));
    return part;
  }
};

/// A circuit over [sequences, width].
class StepKernel : public ExprBuilder {
 public:
  StepKernel(int64_t width, DType compute) : ExprBuilder(circuit_, compute), width_(width) {}
  Ref load(const StepPart& part) { return bind(circuit_.add_operand(nullptr, nullptr, part.type), part); }
  void store(const StepPart& part, Ref value) {
    bind(circuit_.add_output(nullptr, nullptr, part.type, convert(circuit_, value, compute_, part.type)), part);
  }
  Ref sigmoid(Ref a) { return node(Op::sigmoid, {a}); }
  Ref tanh(Ref a) { return node(Op::tanh, {a}); }

 private:
  friend class StepLoop;
  Ref bind(Ref ref, const StepPart& part);
  void plan(Queue& queue, int64_t sequences);
  void launch(Queue& queue, char* const* memory, int64_t row) const;

  const int64_t width_;
  Circuit circuit_;
  c10::SmallVector<StepPart, 32> parts_;
  // the plan, for that many sequences
  int64_t sequences_ = 0;
  const Kernel* kernel_ = nullptr;
  int64_t items_ = 0, per_item_ = 0;
  std::vector<int64_t> args_;
};

class StepLoop {
 public:
  /// `name` is what a captured graph calls it. It must live for ever. `from_last`: the last step comes first.
  StepLoop(const char* name, const Steps& steps, bool from_last, Queue& queue)
      : name_(name), steps_(steps), from_last_(from_last), queue_(&queue) {}

  // ---- memory: contiguous tensors of the queue; throws where one does not have these sizes ----
  StepPart rows(const at::Tensor& t, int64_t width, bool written = false);
  /// Number `which` of several states that lie behind each other.
  StepPart state(const at::Tensor& t, int64_t width, int64_t which = 0, bool written = false);
  /// One row for all sequences.
  StepPart vector(const at::Tensor& t, int64_t width);
  StepPart matrix(const at::Tensor& t, int64_t rows, int64_t width);

  // ---- the work of a step, in order ----
  StepKernel& kernel(int64_t width, DType compute);
  /// out <- a @ b + beta * out, of `n` columns; b has `k` rows, or is `turned` and has them as columns.
  void product(const StepPart& out, const StepPart& a, const StepPart& b, int64_t n, int64_t k, bool turned = false,
               double beta = 0);
  /// The last product is for the next step alone: the last step does without.
  void ends_early() { ends_early_ = true; }

  /// Does the work of all steps.
  void run();

 private:
  struct Product {
    StepPart out, a, b;
    RowProduct shape;
  };
  struct Stage {
    std::unique_ptr<StepKernel> kernel;  // null: a product
    Product product;
  };
  StepPart part(const at::Tensor& t, int64_t elements, bool moves, int64_t row, bool written);
  void run_at(char* const* memory);
  std::string facts() const;

  const char* name_;
  const Steps steps_;
  const bool from_last_;
  bool ends_early_ = false;
  Queue* queue_;
  std::vector<at::Tensor> tensors_;
  std::vector<bool> written_;
  std::vector<Stage> stages_;
};

}  // namespace hologram::aten
