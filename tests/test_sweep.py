"""The benchmark over all of PyTorch's database of ops: what it times, what it leaves out, and that it takes up where it was stopped."""

import torch
from torch.testing._internal.common_methods_invocations import op_db

from benchmarks import sweep


def test_samples_grow_together():
    """Shapes that must agree still do, and indices stay inside."""
    for name, shapes in (("mm", [(100, 200), (200, 100)]), ("gather", [(100, 100), (100, 100)])):
        op = next(o for o in op_db if o.full_name == name)
        sample = next(s for s in op.sample_inputs("cpu", torch.float32) if s.input.dim() == 2 and s.input.numel() > 4)
        given, args, kwargs = sweep.tiled(sample, 10_000)
        result = op.op(given, *args, **kwargs)
        assert 2_000 < result.numel() < 50_000 and given.dim() == len(shapes[0])


def test_a_stopped_run_is_taken_up(tmp_path):
    file = tmp_path / "sweep.jsonl"
    first = sweep.run(file, 1, "logcumsumexp", part=1, parts=2)
    written = file.read_text()
    both = sweep.run(file, 1, "logcumsumexp")
    assert file.read_text().startswith(written) and len(both) == len(file.read_text().splitlines()) > len(first) > 0
    assert first.items() <= both.items() and sweep.known(file) == both
    assert set(both) == {case for case, *_ in sweep.cases("logcumsumexp")}
    assert all(r["stock_us"] > 0 and r["ours_us"] > 0 for r in both.values())
    assert sweep.markdown(both, 1e9).count("x |") == len(both) and "0 left out, 0 below 0.00" in sweep.markdown(both, 0)


def test_what_cannot_be_tiled_is_left_out_with_the_reason():
    op = next(o for o in op_db if o.full_name == "linalg.cholesky")
    assert "on the CPU" in sweep.measure(op, torch.float32, 10_000, "contiguous", 1)["left_out"]
