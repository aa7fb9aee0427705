// torch.hologram.Graph and torch.accelerator.Graph: work that is captured once and replayed on the memory it was captured on.
//
// The contract is CUDA's. Tensors that are alive when the capture ends keep their places, and each replay overwrites them; memory of
// those that died meanwhile belongs to the graph's pool. Capturing leaves no trace: ops do run, on the data that is there, and then
// memory that existed before is what it was, and so are the random generators. One replay is one step.
#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/fp_mode.h"
#include "runtime/graph/pool.h"
#include "torch/device/generator.h"

namespace hologram {

class AcceleratorGraph {
 public:
  using PoolId = std::pair<uint64_t, uint64_t>;
  static constexpr PoolId kNoPool{0, 0};

  /// `keep_graph`: it is made fit to run by instantiate() or the first replay, not when the capture ends.
  explicit AcceleratorGraph(bool keep_graph);
  ~AcceleratorGraph();
  AcceleratorGraph(const AcceleratorGraph&) = delete;

  /// Numbers that the captured work draws from this generator are new in each replay too. The default one is always known.
  void register_generator(const at::Generator& generator);
  void capture_begin(PoolId pool);
  void capture_end();
  void instantiate();
  void replay();
  /// Forgets what was captured, and gives its memory back.
  void reset();
  PoolId pool() const;
  void enable_debug_mode() { debug_ = true; }
  /// The graph in Graphviz's language.
  void debug_dump(const std::string& path) const;

  const Graph* graph() const { return graph_.get(); }
  size_t pool_bytes() const { return pool_ ? pool_->bytes() : 0; }
  size_t saved_bytes() const { return saved_bytes_; }

  /// Is the calling thread's work being captured by such a graph?
  static bool captures();
  static PoolId new_pool();

 private:
  class Session;
  struct Source {
    std::shared_ptr<PhiloxState> state;
    uint64_t draws;
  };
  void check_idle(const char* what) const;

  const bool keep_graph_;
  bool debug_ = false, ready_ = false;
  std::vector<at::Generator> registered_;
  std::unique_ptr<Session> session_;
  std::shared_ptr<GraphPool> pool_;
  PoolId pool_id_ = kNoPool;
  std::unique_ptr<Graph> graph_;
  std::vector<Source> sources_;  // the first one is the default generator's
  std::string failure_;  // of the last capture
  size_t saved_bytes_ = 0;
  c10::impl::LocalDispatchKeySet keys_;  // the modes of the thread that captured it
  FpMode fp_mode_ = kStandardFpMode;
};

void bind_accelerator_graphs(pybind11::module_& m);

}  // namespace hologram
