"""Attention over nested tensors of the jagged layout, forward and backward, against the CPU."""

import pytest
import torch
import torch.nn.functional as F

from tests.compare import DEVICE

pytestmark = pytest.mark.filterwarnings("ignore")
OFFSETS = torch.tensor([0, 5, 14, 17])


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_attention_over_jagged_tensors(dtype, tolerance):
    torch.manual_seed(0)
    values = [torch.randn(17, 4, 8, dtype=dtype) for _ in range(3)]

    def run(device):
        leaves = [v.clone().to(device).requires_grad_() for v in values]
        q, k, v = (torch.nested.nested_tensor_from_jagged(t, OFFSETS.to(device), min_seqlen=3, max_seqlen=9).transpose(1, 2) for t in leaves)
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).values()
        out.float().sin().sum().backward()
        return [out.detach(), *(t.grad for t in leaves)]

    actual = run(DEVICE)
    assert all(t.device.type == DEVICE and t.dtype == dtype for t in actual)
    torch.testing.assert_close([t.cpu() for t in actual], run("cpu"), atol=tolerance, rtol=tolerance)


def test_projections_and_attention_of_a_list_of_sequences():
    torch.manual_seed(0)
    sequences, weight = [torch.randn(n, 32) for n in (5, 9, 3)], torch.randn(96, 32) / 10

    def run(device):
        leaves = [s.clone().to(device).requires_grad_() for s in sequences]
        w = weight.clone().to(device).requires_grad_()
        nested = torch.nested.as_nested_tensor(leaves, layout=torch.jagged)
        q, k, v = (F.linear(nested, part).unflatten(-1, (4, 8)).transpose(1, 2) for part in w.chunk(3))
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2)
        (out * out).values().sum().backward()
        return [out.values().detach(), w.grad, *(t.grad for t in leaves)]

    torch.testing.assert_close([t.cpu() for t in run(DEVICE)], run("cpu"), atol=1e-5, rtol=1e-4)
