"""Tensors that are written piece by piece: pieces that are apart run together, others in their order."""

import pytest
import torch

from tests.aten.test_library import compare
from tests.compare import DEVICE, launches
from tests.modes import HOST_MEMORY, deferred

FEW, MANY = 5, 60


def numbers(count, *shape, seed=0):
    return list(torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed)))


def in_rows(parts, out):
    for i, part in enumerate(parts):
        out[i] = part * 2


def in_columns(parts, out):
    for i, part in enumerate(parts):
        out[:, i] = part * 2


def in_blocks(parts, out):
    for i, part in enumerate(parts):
        out[:, 3 * i : 3 * i + 3] = part[:, None].expand(-1, 3) * 2


def from_the_end(parts, out):
    for i, part in enumerate(parts):
        out[len(out) - 1 - i] = part * 2


@deferred
@pytest.mark.parametrize("write, shape", [(in_rows, (MANY, 4)), (in_columns, (4, MANY)), (in_blocks, (4, 3 * MANY)), (from_the_end, (MANY, 4))])
def test_pieces_that_are_apart_are_one_launch(write, shape):
    parts = numbers(MANY, 4)
    there, out, expected = [p.to(DEVICE) for p in parts], torch.zeros(shape).to(DEVICE), torch.zeros(shape)
    assert launches(lambda: write(there, out)) == 1
    write(parts, expected)
    assert torch.equal(out.cpu(), expected)


def overlapping(x):
    out = torch.zeros(12, 12, device=x.device)
    for i in range(10):
        out[i : i + 3] = x[i % 6].repeat(3) + i
        out[:, i : i + 2] += x[:, i % 4].repeat(2)[:, None] * 2
    return out


def read_in_between(x):
    out = torch.zeros(6, 12, device=x.device)
    for i in range(5):
        out[i] = x[i].repeat(3)
        out[i + 1, : 6] = out[i, 3 : 9].flip(0) + out[:, i].sum()
    return out


def turned(x):
    out = torch.zeros(12, device=x.device)
    for i in range(4):
        out.as_strided((3, 2), (4, 2), i % 2)[:] = x[:3, i : i + 2] if i < 3 else x[1:4, :2]      # every second, in turn
        out.view(3, 4)[i % 3] += x[i]
    return out


@pytest.mark.parametrize("program", [overlapping, read_in_between, turned])
def test_pieces_that_are_not_apart_run_in_order(program):
    compare(program, torch.stack(numbers(6, 4)), backward=False)


JOIN = {
    "cat": lambda xs: torch.cat(xs), "cat 1": lambda xs: torch.cat(xs, 1), "stack": torch.stack, "stack 1": lambda xs: torch.stack(xs, 1),
    "stack -1": lambda xs: torch.stack(xs, -1), "numbers": lambda xs: torch.stack([x.sum() for x in xs]),
    "views": lambda xs: torch.cat([x.t() for x in xs], 1), "sizes": lambda xs: torch.cat([x[: 1 + i % 3] for i, x in enumerate(xs)]),
    "computed": lambda xs: torch.cat([x * 2 for x in xs], 1), "stacked tuples": lambda xs: torch.hstack(tuple(xs)),
    "types": lambda xs: torch.cat([xs[0].long(), xs[1].half(), *xs[2:]], 1),
}


@pytest.mark.parametrize("name", JOIN)
def test_joined_tensors(name):
    torch.manual_seed(0)
    compare(lambda x: JOIN[name](list(x.unbind())), torch.stack(numbers(7, 5, 3)))


@deferred
@pytest.mark.skipif(HOST_MEMORY, reason="where the host sees the memory it copies the pieces itself")
@pytest.mark.parametrize("name", JOIN)
def test_launches_of_joined_tensors_do_not_grow(name):
    few, many = (launches(lambda: JOIN[name](xs)) for xs in ([x.to(DEVICE) for x in numbers(count, 5, 3)] for count in (FEW, MANY)))
    assert many <= few <= 3


def test_joined_images_keep_their_layout():
    images = [torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last) for _ in range(3)]
    there = [i.to(DEVICE) for i in images]
    for expected, out in ((torch.cat(images, 1), torch.cat(there, 1)),
                          (torch.cat([*images, images[0].contiguous()]), torch.cat([*there, there[0].contiguous()]))):
        assert out.stride() == expected.stride() and torch.equal(out.cpu(), expected)
