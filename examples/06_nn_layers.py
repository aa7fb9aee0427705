"""hologram's layers in an ordinary PyTorch program on CPU tensors: no device, no copies, gradients included.

    python examples/06_nn_layers.py
"""

import torch

import hologram_torch as hg

torch.manual_seed(0)
model = torch.nn.Sequential(hg.nn.Linear(2, 64), hg.nn.LayerNorm(64), hg.nn.GELU(), hg.nn.Linear(64, 2))
criterion = hg.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

points = torch.rand(512, 2) * 2 - 1
inside = (points.norm(dim=1) < 0.7).long()
for step in range(201):
    loss = criterion(model(points), inside)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step:3d}  loss {loss.item():.4f}")

fresh = torch.rand(2000, 2) * 2 - 1
right = (model(fresh).argmax(1) == (fresh.norm(dim=1) < 0.7)).float().mean().item()
print(f"right on new points: {100 * right:.1f} %")

with hg.Executor() as executor:
    print(hg.functional.softmax(executor, torch.tensor([1.0, 2.0, 3.0]), dim=0))
