"""Trains a small GPT, one character at a time, on the help texts that ship with Python (pydoc_data.topics).

    python examples/03_char_gpt.py
    python examples/03_char_gpt.py --device cpu --steps 300 --out build/gpt-cpu

Writes loss.png (if matplotlib is installed) and model.pt into --out.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="hologram", choices=["hologram", "cpu"])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="characters to print at the end (0: none)")
    parser.add_argument("--out", type=Path, default=Path("build/char_gpt"), metavar="FOLDER")
    return parser.parse_args()


class Block(nn.Module):
    """Pre-norm transformer block: causal self-attention, then a two-layer perceptron."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class CharGPT(nn.Module):
    def __init__(self, characters, width=128, layers=4, heads=4, context=64):
        super().__init__()
        self.context = context
        self.token = nn.Embedding(characters, width)
        self.position = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters)

    def forward(self, tokens):
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1], device=tokens.device))
        return self.head(self.norm(self.blocks(x)))

    @torch.no_grad()
    def generate(self, tokens, count):
        for _ in range(count):
            logits = self(tokens[:, -self.context:])[:, -1]
            tokens = torch.cat([tokens, torch.multinomial(logits.softmax(dim=-1), 1)], dim=1)
        return tokens


def corpus():
    """The text, its alphabet, and the text as a tensor of alphabet indices."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))
    alphabet = sorted(set(text))
    index = {character: number for number, character in enumerate(alphabet)}
    return text, alphabet, torch.tensor([index[character] for character in text])


def train(model, data, steps, batch, lr, seed):
    """Trains in place; returns the losses and the seconds it took. `seed` fixes the batches."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
    starts = torch.Generator().manual_seed(seed)
    window = torch.arange(model.context + 1, device=data.device)
    losses, start = [], time.perf_counter()
    progress = tqdm(range(steps), desc="steps", unit="step")
    for _ in progress:
        first = torch.randint(len(data) - model.context - 1, (batch, 1), generator=starts).to(data.device)
        chunk = data[first + window]
        logits = model(chunk[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), chunk[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    return losses, time.perf_counter() - start


def save_plot(losses, path):
    try:
        import matplotlib
    except ImportError:
        print(f"matplotlib is not installed: {path} was not written (pip install matplotlib)")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    axes.plot(losses)
    axes.set(xlabel="step", ylabel="cross-entropy per character", title="char GPT on pydoc_data.topics")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    print(f"saved {path}")


def main():
    args = options()
    if args.device == "hologram":
        import hologram_torch  # noqa: F401  registers the device; an installed package is loaded by `import torch`
    torch.manual_seed(args.seed)
    text, alphabet, data = corpus()
    model = CharGPT(len(alphabet)).to(args.device)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{len(text):,} characters, alphabet of {len(alphabet)}, {parameters:,} parameters")

    losses, seconds = train(model, data.to(args.device), args.steps, args.batch, args.lr, args.seed)
    last = losses[-50:]
    print(f"{args.steps} steps in {seconds:.1f} s on {args.device}: {args.steps / seconds:.2f} steps/s")
    if args.sample:
        start = torch.full((1, 1), alphabet.index("T"), device=args.device)
        sample = model.generate(start, args.sample)[0].tolist()
        print("---\n" + "".join(alphabet[token] for token in sample) + "\n---")
    args.out.mkdir(parents=True, exist_ok=True)
    save_plot(losses, args.out / "loss.png")
    torch.save({"model": model.state_dict(), "alphabet": alphabet}, args.out / "model.pt")
    print(f"saved {args.out / 'model.pt'}")
    print(f"loss {sum(last) / len(last):.4f} (mean of the last {len(last)} steps)")


if __name__ == "__main__":
    main()
