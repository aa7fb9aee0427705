// A stream takes circuits in program order. One open circuit per stream, shared by all threads under one lock.
// In this version a circuit holds one op and runs when it is submitted.
#pragma once

#include "runtime/circuit.h"

namespace hologram {

class Backend;

/// Collapses dimensions, chooses the schedule, finds the kernel and launches it.
/// Defined in plan.cpp. `circuit` is scratch: it is changed by the call.
void run_circuit(Backend& backend, Circuit& circuit);

class Stream {
 public:
  explicit Stream(Backend& backend, int id = 0) : backend_(&backend), id_(id) {}
  Backend& backend() const { return *backend_; }
  int id() const { return id_; }

  /// Hands over a complete circuit (operands, sizes, nodes, outputs). Errors are thrown at the call.
  void submit(Circuit& circuit);
  /// Everything recorded so far is visible to the host afterwards.
  void flush();
  void synchronize();

 private:
  Backend* backend_;
  int id_;
};

/// The stream of the calling thread for a backend's device.
Stream& current_stream(Backend& backend, int device = 0);

}  // namespace hologram
