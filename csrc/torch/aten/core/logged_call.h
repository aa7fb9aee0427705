// Calls of libraries as a part of what explain() shows (runtime/trace/history.h).
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>

#include "runtime/memory/block.h"
#include "runtime/trace/history.h"
#include "torch/aten/core/tensor_memory.h"

namespace hologram::aten {

/// While it lives, a library works. Memory of the host is none of its operands.
class LoggedCall {
 public:
  explicit LoggedCall(const char* name) : name_(name), started_(work_clock()) {}
  ~LoggedCall() { remember_call(name_, operands_.data(), static_cast<int>(operands_.size()), started_); }
  LoggedCall(const LoggedCall&) = delete;
  void reads(const at::Tensor& t) { add(t, false); }
  void writes(const at::Tensor& t) { add(t, true); }

 private:
  void add(const at::Tensor& t, bool written) {
    if (!t.defined() || !is_hologram(t)) return;
    if (const Block* const block = block_of(t)) operands_.push_back({block->data, static_cast<int64_t>(block->bytes), written});
  }

  const char* name_;
  c10::SmallVector<OperandRecord, 4> operands_;
  const int64_t started_;
};

}  // namespace hologram::aten
