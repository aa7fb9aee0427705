"""The code of the customer's documents, as it stands there.

Everything that is not run as printed is listed here: names that a sample uses without defining them, and outlines that are no
programs.
"""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import hologram_core
import hologram_torch

DOCUMENTS = Path(__file__).resolve().parents[3] / "shared" / "spec"
BLOCKS = {(path.name, number): block for path in sorted(DOCUMENTS.glob("*.md"))
          for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S))}

pytestmark = pytest.mark.skipif(not BLOCKS, reason="the customer's documents do not lie beside the checkout")

ABSENT = [(f"exec_{name} = hg.Executor(backend='{name}')", f"refused({name!r})") for name in ("metal", "cuda")
          if not getattr(hologram_core, f"is_{name}_available")()]
SUBSTITUTIONS = {
    # The sample uses two buffers that it does not allocate.
    ("4-sdk.md", 0): [("buf_a = exec.allocate(1024)", "buf_a, buf_b, buf_c = (exec.allocate(1024) for _ in range(3)); buf_b.fill(1)")],
    ("4-sdk.md", 3): ABSENT,
}
BEFORE = {
    ("2-dlpack.md", 2): "import torch; import hologram_ffi as hg",
    ("2-dlpack.md", 1): "import torch, hologram_torch",
    ("2-dlpack.md", 6): "import torch; import hologram_ffi as hg; pytorch_data = torch.randn(3, 4)",
    ("3-runtime-guide.md", 2): "import torch, json; import hologram_ffi as hg",
    ("3-runtime-guide.md", 3): "import torch, json; import numpy as np; import hologram_ffi as hg",
    ("4-sdk.md", 0): "import numpy as np; my_array = np.arange(1024, dtype=np.float32)",
    ("4-sdk.md", 2): "import json; import numpy as np; import hologram as hg; exec = hg.Executor(); buf = exec.allocate(3); "
                     "array = np.array([4, 5, 6], np.float32)",
    ("4-sdk.md", 3): "import hologram as hg",
    ("4-sdk.md", 4): "import hologram as hg",
    ("5-sdk-phase1.md", 4): "import torch; import hologram_torch; exec = hologram_torch.Executor(); a, b, x, pred, target = "
                            "(torch.randn(4, 6) for _ in range(5)); weight, bias = torch.randn(3, 6), torch.randn(3)",
    ("5-sdk-phase1.md", 5): "in_features, out_features = 5, 3",
    ("5-sdk-phase1.md", 8): "import torch; inputs, targets = torch.randn(32, 128), torch.randn(32, 10)",
}


def near(x, y):
    torch.testing.assert_close(torch.as_tensor(np.asarray(x)), torch.as_tensor(np.asarray(y)), rtol=1e-4, atol=1e-5)


def trained(names):
    assert all(torch.isfinite(p).all() and p.grad is not None for p in names["model"].parameters())


AFTER = {
    ("1-native-device.md", 0): lambda n: near(n["x"].grad.cpu(), n["y"].cpu()),
    ("1-native-device.md", 2): trained,
    ("2-dlpack.md", 0): lambda n: near(n["result"], n["pytorch_tensor"]),
    ("2-dlpack.md", 1): lambda n: near(n["x"].device.type == "hologram", True),
    ("2-dlpack.md", 2): lambda n: near(n["result"], n["x"].to_numpy()),
    ("2-dlpack.md", 3): lambda n: near(n["pt_result"], n["pt_data"]),
    ("2-dlpack.md", 4): trained,
    ("2-dlpack.md", 5): lambda n: near(n["np_result"], np.maximum(n["np_data"], 0)),
    ("2-dlpack.md", 6): lambda n: near(n["result"], n["pytorch_data"]),
    ("3-runtime-guide.md", 0): lambda n: near(n["result"], [3.0 * i for i in range(1000)]),
    ("3-runtime-guide.md", 1): lambda n: near(n["y_torch"], n["y_torch_expected"]),
    ("3-runtime-guide.md", 2): lambda n: isinstance(n["train_step_with_hologram"](None, torch.randn(4, 3), torch.rand(10), None), float),
    ("3-runtime-guide.md", 3): lambda n: near(n["linear_layer_hologram"](*(arguments := (torch.randn(4, 3), torch.randn(2, 3)))),
                                              arguments[0] @ arguments[1].T),
    ("4-sdk.md", 0): lambda n: near(n["result"], n["my_array"] + 1),
    ("4-sdk.md", 1): lambda n: (near(n["c"], n["a"] + n["b"]), near(n["MyModel"]()(n["a"]), n["a"].relu())),
    ("4-sdk.md", 2): lambda n: near(n["buf"].to_numpy(), n["array"]),
    ("4-sdk.md", 4): lambda n: near(n["exec"].closed, True),
    ("4-sdk.md", 5): lambda n: near(n["c"], n["a"] + n["b"]),
    ("5-sdk-phase1.md", 2): lambda n: near(n["result"], n["data_a"] + n["data_b"]),
    ("5-sdk-phase1.md", 4): lambda n: (near(n["c"], n["a"] - n["b"]), near(n["y"], torch.nn.functional.linear(n["x"], n["weight"], n["bias"])),
                                       near(n["loss"], ((n["pred"] - n["target"]) ** 2).mean())),
    ("5-sdk-phase1.md", 5): lambda n: near(n["linear"](torch.ones(2, 5)).shape, (2, 3)),
    ("5-sdk-phase1.md", 6): lambda n: near(n["y"].shape, (32, 10)),
    ("5-sdk-phase1.md", 7): lambda n: near(n["c"], n["a"] + n["b"]),
    ("5-sdk-phase1.md", 8): trained,
}
# Outlines of classes and functions without bodies: what they name must exist.
OUTLINES = {
    ("5-sdk-phase1.md", 0): hologram_core.Executor,
    ("5-sdk-phase1.md", 1): hologram_core.Buffer,
    ("5-sdk-phase1.md", 3): hologram_torch.utils,
}


def refused(backend):
    with pytest.raises(RuntimeError, match="not available"):
        hologram_core.Executor(backend=backend)


@pytest.mark.parametrize("place", [p for p in BLOCKS if p not in OUTLINES], ids=lambda p: f"{p[0]}-{p[1]}")
def test_sample(place, capsys):
    code = BLOCKS[place]
    for old, new in SUBSTITUTIONS.get(place, []):
        assert old in code, f"the sample no longer contains {old!r}"
        code = code.replace(old, new)
    names = {"refused": refused}
    exec(compile(BEFORE.get(place, ""), "before", "exec"), names)
    exec(compile(code, f"{place[0]}, block {place[1]}", "exec"), names)
    printed = capsys.readouterr().out
    assert "nan" not in printed.lower() and "Match: False" not in printed
    if place in AFTER:
        AFTER[place](names)


@pytest.mark.parametrize("place", OUTLINES, ids=lambda p: f"{p[0]}-{p[1]}")
def test_outline(place):
    wanted = re.findall(r"def (\w+)\((.*?)\)| / (__exit__)", BLOCKS[place])
    assert wanted
    for name, arguments, other in wanted:
        function = getattr(OUTLINES[place], name or other)
        given = [a.split(":")[0].split("=")[0].strip() for a in arguments.split(",") if a.strip()]
        if name and name not in ("__enter__", "__exit__"):
            assert list(inspect.signature(function).parameters)[:len(given)] == given


def test_every_sample_is_checked():
    unchecked = set(BLOCKS) - set(AFTER) - set(OUTLINES)
    assert unchecked <= {("1-native-device.md", 1), ("4-sdk.md", 3)}      # they print; nothing to compare


def test_every_op_the_documents_list_exists():
    text = "".join(path.read_text() for path in DOCUMENTS.glob("*.md"))
    for name in set(re.findall(r"`(\w+_f32)`", text)):
        assert callable(getattr(hologram_core, name))
    listed = re.search(r"^- \*\*Math\*\*:.*?^- \*\*Linear algebra\*\*: .*?$", text, re.M | re.S)[0]
    names = re.findall(r"\b[a-z]+(?:_[a-z]+)*\b", re.sub(r"\*\*.*?\*\*", "", listed))
    assert len(names) == 24 and all(callable(getattr(hologram_core.ops, name)) for name in names)
