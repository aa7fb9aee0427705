"""Runs README's Python with the package that is installed, and says which one that is.

    python readme.py README.md          from a folder without the checkout's packages
"""

import contextlib
import io
import re
import sys
from pathlib import Path

text = Path(sys.argv[1]).read_text()
sys.path[0] = ""
import torch  # noqa: E402

assert torch.randn(3, device="hologram").exp().sum().item() > 0
blocks = [(m[1], text[:m.start()].count("\n") + 1) for m in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S)]
assert blocks, f"{sys.argv[1]} has no Python"
for code, line in blocks:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile("\n" * line + code, sys.argv[1], "exec"), {"__name__": "__main__"})

import hologram_torch  # noqa: E402

print(f"{len(blocks)} examples ran: {Path(hologram_torch._C.__file__).name} of {Path(hologram_torch.__file__).parents[1]}, torch {torch.__version__}")
