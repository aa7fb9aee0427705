// A stream takes circuits in program order. One open circuit per stream, shared by all threads under one lock.
// In this version a circuit holds one op and runs when it is submitted.
#pragma once

#include "runtime/circuit.h"
#include "runtime/kernel.h"

namespace hologram {

class Backend;

/// Collapses dimensions, chooses the schedule, finds the kernel and launches it.
/// Defined in plan.cpp. `circuit` is scratch: it is changed by the call.
void run_circuit(Backend& backend, Circuit& circuit);

/// The short way for hot call sites: a *flat* circuit is a map of one dimension in which every operand is contiguous
/// (strides[0] == item size, no broadcasting). `slot` keeps its kernel, so that a hit builds and looks up no key.
/// A slot must serve one structure only: same ops, compute and result types, operand dtypes and order, and scalars at the
/// same places. Sizes, addresses and scalar values are free.
void run_flat(Backend& backend, Circuit& circuit, KernelSlot& slot);

class Stream {
 public:
  explicit Stream(Backend& backend, int id = 0) : backend_(&backend), id_(id) {}
  Backend& backend() const { return *backend_; }
  int id() const { return id_; }

  /// Hands over a complete circuit (operands, sizes, nodes, outputs). Errors are thrown at the call.
  void submit(Circuit& circuit);
  /// The same for a flat circuit (see run_flat) whose call site keeps a slot.
  void submit_flat(Circuit& circuit, KernelSlot& slot);
  /// Everything recorded so far is visible to the host afterwards.
  void flush();
  void synchronize();

 private:
  Backend* backend_;
  int id_;
};

/// The stream that the calling thread's ops on a backend's device go to.
Stream& current_stream(Backend& backend, int device = 0);

}  // namespace hologram
