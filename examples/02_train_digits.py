"""Trains a classifier on scikit-learn's handwritten digits (1797 images of 8x8 pixels).

    python examples/02_train_digits.py
    python examples/02_train_digits.py --device cpu --seed 3 --save build/digits.pt
"""

import argparse
import time

import torch
from torch import nn
from tqdm import tqdm


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="hologram", choices=["hologram", "cpu"])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0,
                        help="splits the data, initialises the model, orders the batches")
    parser.add_argument("--save", metavar="PATH", help="write the trained weights here")
    return parser.parse_args()


def digits(seed, held_out=360):
    """Training and held-out images (float32, standardised) and labels, split by `seed`, on the CPU."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(images).float()
    labels = torch.from_numpy(labels).long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    train, test = order[held_out:], order[:held_out]
    images = (images - images[train].mean()) / images[train].std()
    return images[train], labels[train], images[test], labels[test]


def build_model():
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def train(model, images, labels, epochs, batch, lr, seed):
    """Trains in place and returns (steps, seconds). `seed` fixes the order of the batches."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    order = torch.Generator().manual_seed(seed)
    steps, start = 0, time.perf_counter()
    progress = tqdm(range(epochs), desc="epochs", unit="epoch")
    for _ in progress:
        total = 0.0
        for chosen in torch.randperm(len(images), generator=order).to(images.device).split(batch):
            output = model(images[chosen])
            loss = criterion(output, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
            steps += 1
        progress.set_postfix(loss=f"{total / len(images):.4f}", refresh=False)
    return steps, time.perf_counter() - start


@torch.no_grad()
def accuracy(model, images, labels):
    return (model(images).argmax(dim=1) == labels).float().mean().item()


def main():
    args = options()
    if args.device == "hologram":
        import hologram_torch  # noqa: F401  registers the device; an installed package is loaded by `import torch`
    torch.manual_seed(args.seed)
    model = build_model().to(args.device)
    images, labels, test_images, test_labels = (t.to(args.device) for t in digits(args.seed))

    steps, seconds = train(model, images, labels, args.epochs, args.batch, args.lr, args.seed)
    print(f"{steps} steps in {seconds:.2f} s on {args.device}: {steps / seconds:.0f} steps/s")
    if args.save:
        torch.save({"model": model.state_dict(), "seed": args.seed, "epochs": args.epochs}, args.save)
        print(f"saved {args.save} (on any machine: torch.load({args.save!r}, map_location='cpu'))")
    print(f"accuracy {accuracy(model, test_images, test_labels):.4f}")


if __name__ == "__main__":
    main()
