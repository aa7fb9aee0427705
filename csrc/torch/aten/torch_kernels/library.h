// The overloads that torch's own kernels serve by choice: registration of what csrc/tablegen/aten_library.py lists.
#pragma once

#include <torch/library.h>

#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {

/// Makes the library's kernels those of all overloads in the generated tables. An overload that has a kernel of its own keeps
/// it: to be called when everything else is registered.
void register_library();

namespace typed {

bool has_kernel(const TypedOp& op);

template <class Op>
struct Entry {
  static inline const TypedOp op{Op::name, Op::overload_name};
};

/// One instance per signature.
template <class Signature>
void add(torch::Library& m, const TypedOp& op, TypedCall<Signature> kernel) {
  if (!has_kernel(op)) m.impl(op.facts().name.c_str(), kernel);
}

}  // namespace typed

#define HG_TYPED_CALL(Op) typed::add(m, typed::Entry<Op>::op, TypedCall<Op::schema>{&typed::Entry<Op>::op, &Op::redispatch});

}  // namespace hologram::aten
