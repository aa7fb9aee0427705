// Callables of Python's that hold plans: a call goes to the first of them that fits.
#pragma once

#include <pybind11/pybind11.h>

namespace hologram {

/// The C++ object of one of pybind11's; null where it was never initialised.
template <class T>
T* value_of(PyObject* self) {
  return static_cast<T*>(reinterpret_cast<pybind11::detail::instance*>(self)->simple_value_holder[0]);
}

/// Calls `run(plan)` for the plans of a list until one says that it fits: true. That one moves to the front, since the next call is
/// likely of the same kind.
template <class Plan, class Run>
bool run_first(PyObject* plans, PyTypeObject* type, Run&& run) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(plans); ++i) {
    const auto held = pybind11::reinterpret_borrow<pybind11::object>(PyList_GET_ITEM(plans, i));
    Plan* const plan = Py_TYPE(held.ptr()) == type ? value_of<Plan>(held.ptr()) : nullptr;
    if (!plan || !run(*plan)) continue;
    if (i && i < PyList_GET_SIZE(plans) && PyList_GET_ITEM(plans, i) == held.ptr()) {
      PyList_SetSlice(plans, i, i + 1, nullptr);
      PyList_Insert(plans, 0, held.ptr());
    }
    return true;
  }
  return false;
}

/// What Python's garbage collection asks of a class whose C++ object holds others: T::each(visit) calls `visit` for each member.
template <class T>
pybind11::custom_type_setup collected(ternaryfunc call = nullptr) {
  return pybind11::custom_type_setup([call](PyHeapTypeObject* type) {
    if (call) type->ht_type.tp_call = call;
    type->ht_type.tp_flags |= Py_TPFLAGS_HAVE_GC;
    type->ht_type.tp_traverse = [](PyObject* self, visitproc visit, void* arg) -> int {
      Py_VISIT(Py_TYPE(self));
      int found = 0;
      if (T* held = value_of<T>(self)) held->each([&](pybind11::object& o) { found = found || !o ? found : visit(o.ptr(), arg); });
      return found;
    };
    type->ht_type.tp_clear = [](PyObject* self) -> int {
      if (T* held = value_of<T>(self)) held->each([](pybind11::object& o) { const pybind11::object let_go = std::move(o); });
      return 0;
    };
  });
}

}  // namespace hologram
