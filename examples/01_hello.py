"""A short tour of torch.device('hologram').

    python examples/01_hello.py
"""

import torch

import hologram_torch  # an installed package is loaded by `import torch` alone

# Tensors are made on the device or moved to it, and ordinary PyTorch code runs there.
x = torch.randn(4, 3, device="hologram")
y = torch.arange(12, dtype=torch.float32).reshape(4, 3).hologram()
z = torch.tanh(x) * y + 1
print("z =", z)
print("z.device =", z.device, " z.sum() =", round(z.sum().item(), 4))

# Results agree with the CPU.
expected = torch.tanh(x.cpu()) * y.cpu() + 1
print("largest difference from the CPU:", (z.cpu() - expected).abs().max().item())

# Autograd is PyTorch's own.
w = torch.randn(3, 2, device="hologram", requires_grad=True)
loss = (y @ w).softmax(dim=1)[:, 0].sum()
loss.backward()
print("w.grad =", w.grad)

# Modules, optimizers and random numbers work as on any other device.
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.GELU(), torch.nn.Linear(16, 1)).to("hologram")
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
inputs = torch.rand(256, 3, device="hologram")
target = inputs.prod(dim=1, keepdim=True)
for step in range(201):
    loss = torch.nn.functional.mse_loss(model(inputs), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step:3d}  loss {loss.item():.6f}")

# What the device is, and who served the ops above: our compiled kernels, a library (matmul), or PyTorch's CPU kernels.
print("backends:", hologram_torch.list_available_backends(), " in use:", hologram_torch.get_backend())
print("memory in use:", torch.hologram.memory_allocated(), "bytes, at most", torch.hologram.max_memory_allocated())
print(torch.hologram.op_report())
