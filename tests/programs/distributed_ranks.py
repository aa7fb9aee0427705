"""One rank of a process group: runs checks, and says of each one what failed. See test_distributed.py.

    python -m tests.programs.distributed_ranks RANK SIZE STORE BACKEND [CHECK ...]
"""

import datetime
import json
import os
import sys
import traceback

import torch
import torch.distributed as dist

import hologram_torch
from tests.programs import distributed_models  # noqa: F401  more checks
from tests.programs.distributed_collectives import CHECKS, D
from tests.programs.distributed_four import FOUR


def main():
    rank_, size, store, backend, *names = sys.argv[1:]
    options = {} if backend == "none" else {"device_id": torch.device(D, 0)} if backend == "device_id" else {"backend": backend}
    os.environ.update(RANK=rank_, WORLD_SIZE=size, LOCAL_RANK=rank_, LOCAL_WORLD_SIZE=size)
    dist.init_process_group(store=dist.FileStore(store, int(size)), rank=int(rank_), world_size=int(size),
                            timeout=datetime.timedelta(seconds=60), **options)
    torch.zeros(1, device=D)
    print("BACKEND", hologram_torch.get_backend(), flush=True)
    for name in names or CHECKS:
        try:
            (CHECKS if name in CHECKS else FOUR)[name]()
            failure = None
        except Exception:
            failure = traceback.format_exc()
        print("RESULT", json.dumps([name, failure]), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
