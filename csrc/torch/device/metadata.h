// What a user attaches to a tensor with torch._utils.set_tensor_metadata: names that are true or false. It travels with the tensor
// through copies of its handle (detach), torch.save and pickle.
#pragma once

namespace hologram {

/// Tells torch's serialization how to read and write it.
void register_metadata();

}  // namespace hologram
