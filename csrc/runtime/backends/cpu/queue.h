// The CPU's one queue: kernels run on the thread that gives them, and on those that PyTorch uses.
#pragma once

namespace hologram {

class Queue;

Queue& cpu_queue();

}  // namespace hologram
