// Classes that pybind11 shows to Python, against misuse.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <typeinfo>

namespace hologram::bindings {

namespace py = pybind11;

/// What every class of ours needs against misuse.
/// - Objects that `cls.__new__(cls)` made, and those of subclasses that do not call our `__init__`, hold no T. pybind11 would hand
///   out memory that was not initialised: a caller that asks for the T gets a TypeError with this text instead.
/// - object.__reduce__ makes an object of a base class of pybind11's, which ends the process: they cannot be pickled or copied.
template <class T, class Class>
void harden(Class& cls, const char* uninitialised) {
  static const char* text = nullptr;
  text = uninitialised;
  py::detail::get_type_info(typeid(T))->operator_new = [](size_t) -> void* { throw py::type_error(text); };
  const auto refuse = [](const py::object& self, const py::args&) -> py::object {
    throw py::type_error("cannot pickle or copy '" + py::type::of(self).attr("__name__").template cast<std::string>() + "' object");
  };
  cls.def("__reduce__", refuse).def("__reduce_ex__", refuse);
}

/// The class that `m` has under this name.
template <class T>
void harden(py::module_& m, const char* name, const char* uninitialised) {
  auto cls = py::reinterpret_borrow<py::class_<T>>(m.attr(name));
  harden<T>(cls, uninitialised);
}

}  // namespace hologram::bindings
