"""Lightning and Fabric on the device: accelerator="hologram", precision, checkpoints, several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.compare import DEVICE, assert_same

lightning = pytest.importorskip("lightning")

import lightning.pytorch as pl
from lightning.fabric import Fabric
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
HERE = torch.device(DEVICE, 0)
pytestmark = pytest.mark.filterwarnings("ignore")


class Net(pl.LightningModule):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 1))
        self.losses, self.dtypes = [], set()

    def training_step(self, batch):
        output = self.layers(batch[0])
        self.dtypes.add(output.dtype)
        loss = nn.functional.mse_loss(output, batch[1])
        self.log("loss", loss)
        self.losses.append(loss.detach())
        return loss

    def validation_step(self, batch):
        self.log("validation", nn.functional.mse_loss(self.layers(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


def data():
    x = torch.linspace(-1, 1, 64).view(16, 4)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True)), batch_size=4)


def trainer(folder, **options):
    settings = {"accelerator": DEVICE, "max_epochs": 2, "logger": False, "enable_progress_bar": False, "enable_model_summary": False,
                "enable_checkpointing": False, "default_root_dir": folder, "num_sanity_val_steps": 0, **options}
    return pl.Trainer(**settings)


def fitted(folder, net=None, checkpoint=None, **options):
    pl.seed_everything(0, verbose=False)
    net = net or Net()
    run = trainer(folder, **options)
    run.fit(net, data(), data(), ckpt_path=checkpoint)
    return net, run


@pytest.mark.parametrize("options", [{}, {"devices": 1}, {"devices": "auto"}, {"devices": [0]}, {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1}],
                         ids=str)
def test_training_has_the_losses_of_the_cpu(tmp_path, options):
    net, run = fitted(tmp_path, **options)
    assert run.strategy.root_device == HERE and {loss.device for loss in net.losses} == {HERE}
    reference, of_the_cpu = fitted(tmp_path, **{**options, "accelerator": "cpu", "devices": 1})
    assert_same(torch.stack(net.losses).cpu(), torch.stack(reference.losses), rtol=1e-4, atol=1e-5)
    assert run.callback_metrics["validation"].item() == pytest.approx(of_the_cpu.callback_metrics["validation"].item(), rel=1e-4)


@pytest.mark.parametrize("precision, dtype", [("bf16-mixed", torch.bfloat16), ("16-mixed", torch.float16), ("bf16-true", torch.bfloat16),
                                              ("64-true", torch.float64)])
def test_precision(tmp_path, precision, dtype):
    net, run = fitted(tmp_path, precision=precision)
    assert net.dtypes == {dtype} and net.losses[-1].item() < net.losses[0].item()
    if precision == "16-mixed":
        assert run.precision_plugin.scaler._device == DEVICE and run.precision_plugin.scaler.is_enabled()
    fabric = Fabric(accelerator=DEVICE, precision=precision)
    layer = fabric.setup_module(nn.Linear(4, 2))
    seen = []
    layer.module.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    layer(torch.ones(3, 4, device=HERE, dtype=torch.float64 if dtype is torch.float64 else torch.float32))
    assert seen == [dtype]


def test_a_checkpoint_resumes_and_loads_on_the_cpu(tmp_path):
    whole, run = fitted(tmp_path, max_epochs=3)
    first, run = fitted(tmp_path, max_epochs=2)
    run.save_checkpoint(tmp_path / "x.ckpt")
    rest, run = fitted(tmp_path, checkpoint=tmp_path / "x.ckpt", max_epochs=3)
    assert run.current_epoch == 3 and len(rest.losses) == 4
    assert_same(torch.stack(first.losses + rest.losses).cpu(), torch.stack(whole.losses).cpu(), rtol=1e-6, atol=1e-7)
    loaded = Net.load_from_checkpoint(tmp_path / "x.ckpt", map_location="cpu")
    assert loaded.device == torch.device("cpu")
    assert_same(loaded.layers[0].weight.detach(), first.layers[0].weight.detach().cpu())


def test_fabric(tmp_path):
    def program(accelerator):
        fabric = Fabric(accelerator=accelerator, devices=1)
        fabric.seed_everything(0, verbose=False)
        net = nn.Linear(4, 1)
        net, optimizer = fabric.setup(net, torch.optim.SGD(net.parameters(), lr=0.1))
        for x, y in fabric.setup_dataloaders(data()):
            optimizer.zero_grad()
            fabric.backward(nn.functional.mse_loss(net(x), y))
            optimizer.step()
        state = {"net": net, "optimizer": optimizer, "step": 4}
        fabric.save(tmp_path / accelerator, state)
        weight = net.weight.detach().clone()
        with torch.no_grad():
            net.weight.zero_()
        fabric.load(tmp_path / accelerator, state)
        assert torch.equal(net.weight, weight) and weight.device == fabric.device
        return weight

    assert_same(program(DEVICE).cpu(), program("cpu"), rtol=1e-5, atol=1e-6)


def test_devices_that_are_not_there_are_an_error(tmp_path):
    for devices in ([5], 0, [-2]):
        with pytest.raises(Exception, match="devices"):
            trainer(tmp_path, devices=devices)
    with pytest.raises(ValueError, match="was given cpu"):
        trainer(tmp_path).accelerator.setup_device(torch.device("cpu"))


def test_a_program_that_does_not_ask_stays_where_it_was(tmp_path):
    net, run = fitted(tmp_path, accelerator="auto")
    assert run.strategy.root_device == torch.device("cpu") and net.losses[0].device == torch.device("cpu")
    assert Fabric(accelerator="auto", devices=1).device == torch.device("cpu")


PROGRAM = """
import pathlib, torch, lightning.pytorch as pl
from tests.integrations.test_lightning import Net, data, trainer
if __name__ == "__main__":
    pl.seed_everything(0, verbose=False)
    net, run = Net(), trainer(".", devices=2, precision="bf16-mixed")
    run.fit(net, data())
    weight = net.layers[0].weight.detach()
    said = (run.world_size, str(run.strategy.root_device), type(run.strategy).__name__, len(net.losses), torch.equal(*run.strategy.all_gather(weight)))
    pathlib.Path(f"rank{run.global_rank}").write_text(repr(said))
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without torch.distributed")
def test_two_processes(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert [(tmp_path / f"rank{rank}").read_text() for rank in range(2)] == ["(2, 'hologram:0', 'DDPStrategy', 4, True)"] * 2
