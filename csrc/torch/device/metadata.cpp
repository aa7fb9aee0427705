#include "torch/device/metadata.h"

#include <c10/core/TensorImpl.h>
#include <torch/csrc/jit/serialization/pickler_helper.h>

#include <string>
#include <unordered_map>
#include <utility>

#include "torch/device/device.h"

namespace hologram {
namespace {

using Flags = std::unordered_map<std::string, bool>;

struct Metadata final : c10::BackendMeta {
  explicit Metadata(Flags given) : flags(std::move(given)) {}
  c10::intrusive_ptr<c10::BackendMeta> clone(const c10::intrusive_ptr<c10::BackendMeta>&) const override {
    return c10::make_intrusive<Metadata>(flags);
  }
  const Flags flags;
};

/// Adds the tensor's flags to those torch keeps itself ("conj" and "neg").
void read(const at::Tensor& t, Flags& out) {
  if (const auto* metadata = dynamic_cast<const Metadata*>(t.unsafeGetTensorImpl()->get_backend_meta()))
    out.insert(metadata->flags.begin(), metadata->flags.end());
}

/// `flags`: what torch has not taken for itself.
void write(const at::Tensor& t, Flags& flags) {
  c10::TensorImpl* impl = t.unsafeGetTensorImpl();
  if (!flags.empty()) impl->set_backend_meta(c10::make_intrusive<Metadata>(flags));
  else if (impl->get_backend_meta()) impl->set_backend_meta(nullptr);
}

}  // namespace

void register_metadata() { torch::jit::TensorBackendMetaRegistry(kDeviceType, &read, &write); }

}  // namespace hologram
