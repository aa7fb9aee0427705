"""Fused optimizers, foreach steps and GradScaler: results of torch's CPU kernels, in a few launches whatever the number of
parameters, compiled once."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.compare import DEVICE, launches
from tests.modes import deferred

ROOT = Path(__file__).resolve().parents[2]
SHAPES = [(7, 5), (33,), (2, 3, 4), (), (64, 17), (1,)]
ULPS = {torch.float32: 1.2e-7, torch.float64: 2.3e-16}

ADAM = [{}, {"amsgrad": True}, {"weight_decay": 0.1}, {"maximize": True},
        {"amsgrad": True, "weight_decay": 0.1, "maximize": True}, {"betas": (0.3, 0.6), "eps": 1e-3}]
SGD = [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {"momentum": 0.8, "dampening": 0.3},
       {"weight_decay": 0.1, "maximize": True}]
ADAGRAD = [{}, {"lr_decay": 0.1, "weight_decay": 0.1}, {"maximize": True, "initial_accumulator_value": 0.5}]
CASES = [(kind, options) for kind, all_options in ((torch.optim.Adam, ADAM), (torch.optim.AdamW, ADAM), (torch.optim.SGD, SGD),
                                                    (torch.optim.Adagrad, ADAGRAD)) for options in all_options]
IDS = [f"{kind.__name__}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for kind, options in CASES]


def parameters(shapes, dtype=torch.float32, seed=0):
    """The same parameters on the CPU and on the device."""
    torch.manual_seed(seed)
    here = [torch.randn(s, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes]
    return here, [p.detach().to(DEVICE).requires_grad_() for p in here]


def give_gradients(*lists, scale=1.0, seed=0):
    torch.manual_seed(seed)
    for group in zip(*lists):
        grad = torch.randn(group[0].shape, dtype=torch.float64) * scale
        for p in group:
            p.grad = grad.to(p.dtype).to(p.device)


def tensors_of(optimizer):
    params = [p for group in optimizer.param_groups for p in group["params"]]
    states = [v for p in params for _, v in sorted(optimizer.state[p].items()) if isinstance(v, torch.Tensor)]
    return params + [p.grad for p in params] + states


def assert_close(there, here, ulps=8):
    for a, e in zip(tensors_of(there), tensors_of(here), strict=True):
        e = e.detach()
        bound = ulps * ULPS.get(e.dtype, 0.01)
        torch.testing.assert_close(a.detach().cpu(), e, rtol=bound, atol=bound)



@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind, options", CASES, ids=IDS)
def test_fused_steps_follow_the_cpu(kind, options, dtype):
    here, there = parameters(SHAPES, dtype)
    optimizers = [kind(here, lr=0.01, fused=True, **options), kind(there, lr=0.01, fused=True, **options)]
    for step in range(4):
        give_gradients(here, there, seed=step)
        for optimizer in optimizers:
            optimizer.step()
    assert_close(optimizers[1], optimizers[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad])
def test_fused_steps_of_halves_compute_in_float32(kind, dtype):
    """A step rounds what it stores, nothing else: from equal states it is the step of float32, rounded."""
    here, there = parameters(SHAPES, dtype)
    full = [p.detach().float().requires_grad_() for p in here]
    give_gradients(here, there)
    for p, g in zip(full, here):
        p.grad = g.grad.float()
    for params in (there, full):
        kind(params, lr=0.25, weight_decay=0.125, fused=True).step()
    for p, e in zip(there, full):
        torch.testing.assert_close(p.detach().cpu(), e.detach().to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-6)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad])
@pytest.mark.parametrize("place", ["cpu", "device"])
def test_the_rate_may_be_a_tensor(kind, place):
    here, there = parameters(SHAPES)
    rate = torch.tensor(0.01)
    optimizers = [kind(here, lr=rate, weight_decay=0.1, fused=True),
                  kind(there, lr=rate.to(DEVICE) if place == "device" else rate, weight_decay=0.1, fused=True)]
    for step in range(3):
        give_gradients(here, there, seed=step)
        for optimizer in optimizers:
            optimizer.step()
    assert_close(optimizers[1], optimizers[0])


@pytest.mark.parametrize("found", [0.0, 1.0])
@pytest.mark.parametrize("kind, options", CASES, ids=IDS)
def test_fused_steps_unscale_and_skip(kind, options, found):
    here, there = parameters(SHAPES)
    optimizers = [kind(here, lr=0.01, fused=True, **options), kind(there, lr=0.01, fused=True, **options)]
    for step in range(3):
        give_gradients(here, there, scale=1024.0, seed=step)
        for optimizer, device in zip(optimizers, ("cpu", DEVICE)):
            skipped = found if step else 0.0          # the first step makes the states
            optimizer.grad_scale, optimizer.found_inf = torch.tensor(1024.0, device=device), torch.tensor(skipped, device=device)
            optimizer.step()
    assert_close(optimizers[1], optimizers[0])


def test_fused_steps_of_strided_parameters():
    here, there = parameters([(4, 6, 3, 3), (5, 8)])
    for params in (here, there):
        params[0].data = params[0].data.to(memory_format=torch.channels_last)
        params[1].data = params[1].data.t()
    give_gradients(here, there)
    assert there[0].grad.is_contiguous() and not there[0].is_contiguous()
    reference, _ = parameters([(4, 6, 3, 3), (8, 5)])
    with torch.no_grad():
        for r, p in zip(reference, here):
            r.copy_(p)
            r.grad = p.grad.contiguous()
    for params in (reference, there):
        optimizer = torch.optim.AdamW(params, lr=0.01, fused=True)
        for _ in range(3):
            optimizer.step()
    torch.testing.assert_close([p.detach().cpu() for p in there], [p.detach() for p in reference], rtol=1e-6, atol=1e-6)


def test_parameters_may_share_a_buffer():
    results = []
    for device in ("cpu", DEVICE):
        torch.manual_seed(0)
        buffer = torch.randn(100).to(device)
        params = [buffer[:40].view(5, 8).requires_grad_(), buffer[40:].requires_grad_()]
        optimizer = torch.optim.Adam(params, lr=0.01, fused=True)
        for step in range(3):
            give_gradients(params, seed=step)
            optimizer.step()
        results.append(buffer.detach().cpu())
    torch.testing.assert_close(results[1], results[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"fused": True}, {"foreach": True}], ids=str)
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad])
def test_a_graph_finds_out_about_a_step(kind, options):
    """As on the CPU with what it takes by default, where a step between forward and backward is an error."""
    weight = torch.ones(3, device=DEVICE, requires_grad=True)
    state_options = {torch.optim.SGD: {"momentum": 0.9}, torch.optim.Adam: {"amsgrad": True}}.get(kind, {})
    optimizer = kind([weight], lr=0.1, **state_options, **options)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    states = {k: v for k, v in optimizer.state[weight].items() if isinstance(v, torch.Tensor) and v.dim()}
    before = {k: v._version for k, v in states.items()}
    loss = weight.square().sum()
    optimizer.step()
    assert all(v._version > before[k] for k, v in states.items())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    weight.square().sum().backward()
    with torch.inference_mode():        # whose tensors count no changes
        weight = torch.ones(3, device=DEVICE)
        weight.grad = torch.ones(3, device=DEVICE)
        kind([weight], lr=0.1, **options).step()
        assert (weight < 1).all()


def test_a_parameter_without_elements_is_left_alone():
    here, there = parameters([(0, 3), (2,)])
    optimizers = [torch.optim.Adam(here, fused=True), torch.optim.Adam(there, fused=True)]
    give_gradients(here, there)
    for optimizer in optimizers:
        optimizer.step()
    assert_close(optimizers[1], optimizers[0])


@pytest.mark.parametrize("break_it, words", [
    (lambda a: a["grads"].pop(), "one for each parameter"),
    (lambda a: a.update(grads=[g[:1] for g in a["grads"]]), "shape of their parameter"),
    (lambda a: a.update(grads=[g.double() for g in a["grads"]]), "dtype and the shape"),
    (lambda a: a.update(grads=[g.cpu() for g in a["grads"]]), "on the same device"),
    (lambda a: a.update(state_steps=[torch.ones(2, device=DEVICE)] * 2), "one element"),
    (lambda a: [a.update({k: [t.to(torch.complex64) for t in a[k]]}) for k in ("self", "grads", "exp_avgs", "exp_avg_sqs")],
     "floating point"),
])
def test_bad_lists_are_refused(break_it, words):
    arguments = {k: [torch.ones(3, device=DEVICE) for _ in range(2)] for k in ("self", "grads", "exp_avgs", "exp_avg_sqs")}
    arguments |= {"max_exp_avg_sqs": [], "state_steps": [torch.ones((), device=DEVICE) for _ in range(2)]}
    break_it(arguments)
    with pytest.raises(RuntimeError, match=words):
        torch._fused_adam_(*arguments.values(), lr=0.1, beta1=0.9, beta2=0.99, weight_decay=0.0, eps=1e-8, amsgrad=False,
                           maximize=False)


# ---- launches and compilation ----

KINDS = {
    "adam": lambda p, **k: torch.optim.Adam(p, **k),
    "adamw": lambda p, **k: torch.optim.AdamW(p, **k),
    "amsgrad": lambda p, **k: torch.optim.Adam(p, amsgrad=True, **k),
    "sgd": lambda p, **k: torch.optim.SGD(p, momentum=0.9, **k),
    "adagrad": lambda p, **k: torch.optim.Adagrad(p, **k),
}


def steps_launched(make, count, clip=False):
    """Kernels that one step over `count` parameters launches."""
    _, there = parameters([(5, 3), (40,), (300, 200)] * (count // 3))
    optimizer = make(there)
    give_gradients(there)
    torch.hologram.synchronize()

    def step():
        if clip:
            nn.utils.clip_grad_norm_(there, 0.5)
        optimizer.step()
    step()
    return launches(step)


@deferred
@pytest.mark.parametrize("path", [{"fused": True}, {"foreach": True}, {"foreach": False}], ids=["fused", "foreach", "for-loop"])
@pytest.mark.parametrize("name", KINDS)
def test_launches_do_not_grow_with_the_parameters(name, path):
    few, many = (steps_launched(lambda p: KINDS[name](p, lr=0.01, **path), count) for count in (6, 60))
    assert many <= max(few, 4), f"{few} launches for 6 parameters, {many} for 60"


@deferred
@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_launches_with_a_rate_in_a_tensor_do_not_grow(name):
    few, many = (steps_launched(lambda p: KINDS[name](p, lr=torch.tensor(0.01, device=DEVICE), fused=True), count)
                 for count in (6, 60))
    assert many <= max(few, 4), f"{few} launches for 6 parameters, {many} for 60"


@deferred
def test_launches_of_a_clipped_step_do_not_grow():
    few, many = (steps_launched(lambda p: torch.optim.AdamW(p, fused=True), count, clip=True) for count in (6, 60))
    assert many <= few <= 12, f"{few} launches for 6 parameters, {many} for 60"


@pytest.mark.parametrize("path, place", [("fused", "number"), ("fused", "tensor"), ("foreach", "number"), ("for-loop", "number")])
def test_nothing_compiles_after_the_second_step(path, place):
    _, there = parameters(SHAPES)
    optimizer = torch.optim.AdamW(there, lr=torch.tensor(0.01, device=DEVICE) if place == "tensor" else 0.01,
                                  fused=path == "fused", foreach=path == "foreach")
    misses = []
    for step in range(6):
        give_gradients(there, seed=step)
        nn.utils.clip_grad_norm_(there, 1.0)
        optimizer.step()
        misses.append(torch.hologram.counters()["cache_misses"])
        optimizer.param_groups[0]["lr"] *= 0.5
    assert misses[2:] == misses[1:2] * 4, "a later step, or a new learning rate, compiled a kernel"


@pytest.mark.parametrize("kind, options", CASES, ids=IDS)
def test_state_dicts_go_through_files(kind, options):
    """Half of the steps on the device, a checkpoint, the rest on the device and on the CPU."""
    _, there = parameters(SHAPES)
    optimizer = kind(there, lr=0.01, fused=True, **options)
    for step in range(2):
        give_gradients(there, seed=step)
        optimizer.step()
    buffer = io.BytesIO()
    torch.save({"parameters": [p.detach() for p in there], "optimizer": optimizer.state_dict()}, buffer)

    def resumed(device):
        buffer.seek(0)
        saved = torch.load(buffer, map_location=device, weights_only=True)
        params = [p.requires_grad_() for p in saved["parameters"]]
        again = kind(params, lr=0.5, fused=True)
        again.load_state_dict(saved["optimizer"])
        return again, params
    again, params = resumed(DEVICE)
    back, on_cpu = resumed("cpu")
    for step in range(2, 4):
        give_gradients(there, params, on_cpu, seed=step)
        for o in (optimizer, again, back):
            o.step()
    for a, b in zip(there, params):
        assert torch.equal(a, b)
    assert_close(again, back)


# ---- GradScaler ----

@pytest.mark.parametrize("bad", [None, float("inf"), float("nan")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_gradients_are_unscaled_and_searched(dtype, bad):
    torch.manual_seed(0)
    here = [torch.randn(s).to(dtype) for s in [(3, 4), (70000,), (1,), (0,), (5, 6)]]
    here[4] = here[4].t()
    if bad is not None:
        here[1][69999] = bad
    there = [g.to(DEVICE) for g in here]
    results = []
    for grads, device in ((here, "cpu"), (there, DEVICE)):
        found, inverse = torch.zeros((), device=device), torch.tensor(0.37, device=device)
        torch._amp_foreach_non_finite_check_and_unscale_(grads, found, inverse)
        results.append([found.item(), *(g.cpu() for g in grads)])
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0, equal_nan=True)
    assert results[1][0] == (bad is not None)


def test_found_inf_stays_set():
    found = torch.ones((), device=DEVICE)
    torch._amp_foreach_non_finite_check_and_unscale_([torch.ones(3, device=DEVICE)], found, torch.ones((), device=DEVICE))
    assert found.item() == 1


@deferred
def test_the_search_of_many_gradients_is_a_few_launches():
    def search(count):
        grads = [torch.ones(n, device=DEVICE) for n in (50, 30, 100000) for _ in range(count)]
        found, inverse = torch.zeros((), device=DEVICE), torch.ones((), device=DEVICE)
        torch.hologram.synchronize()

        def call():
            torch._amp_foreach_non_finite_check_and_unscale_(grads, found, inverse)
            return grads
        return launches(call)
    assert search(15) <= search(3) + 1


@pytest.mark.parametrize("found", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("tracker", [0, 3, 4])
@pytest.mark.parametrize("scale", [2.0 ** 16, 2.0 ** 127, 3.3])
def test_the_scale_follows(scale, tracker, found):
    results = []
    for device in ("cpu", DEVICE):
        s = torch.tensor(scale, device=device)
        t = torch.tensor(tracker, dtype=torch.int32, device=device)
        assert torch._amp_update_scale_(s, t, torch.tensor(found, device=device), 2.1, 0.7, 5) is s
        results.append((s.item(), t.item()))
    assert results[0] == results[1]


@pytest.mark.parametrize("call", [
    lambda ones: torch._amp_update_scale_(ones(2), ones(1).int(), ones(1), 2.0, 0.5, 3),
    lambda ones: torch._amp_update_scale_(ones(1), ones(1), ones(1), 2.0, 0.5, 3),
    lambda ones: torch._amp_foreach_non_finite_check_and_unscale_([ones(1)], ones(1).double(), ones(1)),
])
def test_bad_scales_are_refused_like_on_the_cpu(call):
    messages = []
    for device in ("cpu", DEVICE):
        with pytest.raises(RuntimeError) as caught:
            call(lambda n, device=device: torch.ones(n, device=device))
        messages.append(str(caught.value).splitlines()[0])
    assert messages[0] == messages[1]


@pytest.mark.parametrize("fused", [True, False])
def test_grad_scaler_follows_the_cpu(fused):
    here, there = parameters([(4, 3), (3,)])
    results = []
    for params, device in ((here, "cpu"), (there, DEVICE)):
        optimizer = torch.optim.Adam(params, lr=0.01, fused=fused)
        scaler = torch.amp.GradScaler(device, init_scale=2.0 ** 10, growth_interval=2)
        scales = []
        for step in range(6):
            optimizer.zero_grad()
            torch.manual_seed(step)
            loss = sum((p * torch.randn(p.shape).to(device)).sum() for p in params) * (float("inf") if step == 3 else 1.0)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(params, 1.0)
            scaler.step(optimizer)
            scaler.update()
            scales.append(scaler.get_scale())
        results.append((scales, [p.detach().cpu() for p in params]))
    assert results[1][0] == results[0][0]
    torch.testing.assert_close(results[1][1], results[0][1], rtol=1e-6, atol=1e-6)


# ---- nothing is delegated ----

PROGRAM = """
import torch
from torch import nn
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2)).to("hologram")
for kind in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad):
    for path in ({"fused": True}, {"foreach": True}, {"foreach": False}):
        for rate in (0.01, torch.tensor(0.01, device="hologram")):
            if isinstance(rate, torch.Tensor) and path.get("foreach"):
                continue
            optimizer = kind(model.parameters(), lr=rate, weight_decay=0.1, **path)
            scaler = torch.amp.GradScaler("hologram")
            for _ in range(2):
                optimizer.zero_grad()
                scaler.scale(model(torch.randn(5, 6, device="hologram")).square().mean()).backward()
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                scaler.step(optimizer)
                scaler.update()
print("ok", bool(torch.isfinite(model[0].weight).all()))
"""


def test_no_optimizer_delegates():
    environment = {**os.environ, "HOLOGRAM_FALLBACK": "error",
                   "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    result = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=300)
    assert result.stdout.strip() == "ok True", result.stderr
