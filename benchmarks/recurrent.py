"""LSTM, GRU and RNN layers and their cells, training and inference, against eager PyTorch on the CPU, alternating in one process.

    python -m benchmarks.recurrent [--quick] [--threads 1 2] [--filter "LSTM training"]
"""

import torch
from torch import nn

from benchmarks.harness import ONLY, at_threads, compare, options, result_row, speed_cells

STEPS, BATCHES, WIDTHS, TARGET = 35, (1, 8, 64), (32, 128, 512), 1.3
LAYERS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
CELLS = {"LSTM cell": nn.LSTMCell, "GRU cell": nn.GRUCell, "RNN cell": nn.RNNCell}


def work(name, batch, width, training, device):
    """A pass of a layer over STEPS steps, or of a cell over one."""
    torch.manual_seed(0)
    layer = {**LAYERS, **CELLS}[name](width, width).to(device)
    shape = (STEPS, batch, width) if name in LAYERS else (batch, width)
    x = torch.randn(shape).to(device).requires_grad_(training)

    def output():
        result = layer(x)
        return result[0] if isinstance(result, tuple) else result

    def train():
        layer.zero_grad()
        x.grad = None
        output().sum().backward()

    return train if training else torch.no_grad()(output)


def measure(threads=(1, 2), quick=False, only="", progress=lambda text: None):
    rows = []
    cases = [(f"{name} {'training' if training else 'inference'}, {batch} x {width}", name, batch, width, training)
             for name in (*LAYERS, *CELLS) for training in (True, False) for width in WIDTHS for batch in BATCHES]
    for number in at_threads(threads[-1:] if quick else threads):
        for case, *what in cases:
            if only not in case:
                continue
            progress(f"{case} ({number} threads)")
            stock, ours = ({"inputs": [{"_": 0}], "step": work(*what, device)} for device in ("cpu", "hologram"))
            result = compare("step()", stock, ours, 0.2 if quick else 1.0)
            rows.append(result_row(result, TARGET if what[-1] else 1.0, "us", case=case, threads=number))
    return rows


def markdown(rows):
    lines = [f"| {STEPS} steps, or one of a cell; batch x width | threads | torch CPU, us | hologram, us | speed | quartiles | target | |",
             "|---|--:|--:|--:|--:|---|--:|---|"]
    lines += [f"| {r['case']} | {r['threads']} | {r['cpu_us']:.0f} | {r['hologram_us']:.0f} | {speed_cells(r)} |" for r in rows]
    return "\n".join(lines)


def main():
    chosen = options(__doc__, ONLY)
    import hologram_torch  # noqa: F401

    print(markdown(measure(chosen.threads, chosen.quick, chosen.filter)))


if __name__ == "__main__":
    main()
