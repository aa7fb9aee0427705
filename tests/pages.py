"""The pages of the documentation, and the Python in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from hologram_core.generated import Part

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in PAGES}
SWITCHES = Part("switches", "hologram_core.config")

RUN = """
import contextlib, io, json, sys, traceback
for name, line, code in json.load(sys.stdin):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile("\\n" * line + code, name, "exec"), {"__name__": "__main__"})
    except BaseException:
        print(f"{name}:{line}", file=sys.stderr)
        traceback.print_exc()
        sys.exit(1)
print("all of them")
"""


def blocks(page):
    """(page, line, code) of a page's Python."""
    text = TEXTS[page]
    return [(page, text[:m.start()].count("\n") + 1, m[1]) for m in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S)]


def run(some, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "hologram_core/names"), os.environ.get("PYTHONPATH", "")])}
    code = "import torch, hologram_torch\n" + RUN
    result = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, input=json.dumps(some), capture_output=True, text=True,
                            timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("all of them\n")
