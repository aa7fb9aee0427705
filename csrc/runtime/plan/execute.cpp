#include "runtime/plan/execute.h"

#include "runtime/graph/capture.h"
#include "runtime/memory/block.h"

namespace hologram {

Partials::Partials(Queue& queue, Plan& plan) {
  if (plan.num_partials == 0) return;
  try {
    for (; num_ < plan.num_partials; ++num_) blocks_[num_] = allocate_block(queue, plan.partial_bytes[num_]);
  } catch (...) {
    while (num_ > 0) blocks_[--num_]->release();
    throw;
  }
  plan.place_partials(blocks_);
}

Partials::~Partials() {
  while (num_ > 0) blocks_[--num_]->release();
}

void execute(Queue& queue, Plan& plan) {
  const Partials partials(queue, plan);
  for (int i = 0; i < plan.num_launches; ++i) {
    const KernelLaunch& launch = plan.launches[i];
    void* operands[kMaxOperands];
    int64_t args[kMaxKernelArgs];
    kernel_arguments(plan.circuit_of(i), launch.variant, operands, args);
    const Kernel& kernel = *find_kernel(queue, launch.key);
    if (capturing()) {
      note_operands(plan.circuit_of(i));
      const Launch whole{operands, args, launch.work.items, launch.work.per_item};
      note_launches(kernel, &whole, 1);
    }
    queue.launch(kernel, operands, args, launch.work.items, launch.work.per_item);
    if (capturing())
      if (Capture* const capture = Capture::current()) capture->ran();
  }
}

}  // namespace hologram
