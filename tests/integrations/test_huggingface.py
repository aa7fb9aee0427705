"""Accelerate, transformers and PEFT on the device: where it is asked for, with the results of the CPU; and where it is not, nothing.

All models are tiny, made here, with random weights.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.compare import DEVICE, assert_same

os.environ.setdefault("HF_HUB_OFFLINE", "1")
accelerate = pytest.importorskip("accelerate")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

import tokenizers
from accelerate.state import AcceleratorState
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Trainer, TrainingArguments, pipeline, set_seed

from hologram_torch import _patches_huggingface

ROOT = Path(__file__).resolve().parents[2]
HERE = torch.device(DEVICE, 0)
TEXTS = [{"input_ids": [i % 60 + 3 for i in range(start, start + 12)], "labels": [i % 60 + 3 for i in range(start, start + 12)]}
         for start in range(16)]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def afresh():
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)
    torch._dynamo.reset()


def switch(monkeypatch, on):
    monkeypatch.setattr(_patches_huggingface, "config", _patches_huggingface.config.replace(hf=on))


@pytest.fixture(params=["HOLOGRAM_HF", "ACCELERATE_TORCH_DEVICE"])
def asked(request, monkeypatch):
    """The two ways to ask for the device."""
    switch(monkeypatch, request.param == "HOLOGRAM_HF")
    if request.param != "HOLOGRAM_HF":
        monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", DEVICE)


@pytest.fixture
def by_switch(monkeypatch):
    switch(monkeypatch, True)


def model(**options):
    set_seed(0)
    return LlamaForCausalLM(LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                                        num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                                        **options))


@pytest.fixture
def saved(tmp_path):
    model().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def trainer(folder, net=None, **options):
    settings = {"max_steps": 4, "per_device_train_batch_size": 4, "report_to": [], "logging_steps": 1, "disable_tqdm": True,
                "learning_rate": 1e-2, "save_strategy": "no", **options}
    return Trainer(net or model(), TrainingArguments(str(folder), **settings), train_dataset=TEXTS, eval_dataset=TEXTS[:4])


def losses(made, **options):
    made.train(**options)
    return [entry["loss"] for entry in made.state.log_history if "loss" in entry] + [made.evaluate()["eval_loss"]]


def expected(folder, **options):
    AcceleratorState._reset_state(True)
    with pytest.MonkeyPatch.context() as plain:
        plain.delenv("ACCELERATE_TORCH_DEVICE", raising=False)      # before use_cpu, Accelerate says
        found = losses(trainer(folder, use_cpu=True, **options))
    AcceleratorState._reset_state(True)
    return found


# ---- where it is not asked for ----

def test_a_program_that_does_not_ask_stays_where_it_was(tmp_path, saved):
    assert accelerate.Accelerator().device == torch.device("cpu")
    made = trainer(tmp_path)
    assert made.args.device == torch.device("cpu") and made.model.device == torch.device("cpu")
    assert pipeline("text-generation", model=model(), tokenizer=tokenizer()).device == torch.device("cpu")
    assert pipeline("text-generation", model=model(), tokenizer=tokenizer(), device=0).device == torch.device("cpu")
    assert LlamaForCausalLM.from_pretrained(saved, device_map="auto").device == torch.device("cpu")
    with pytest.raises(ValueError, match="bf16"):
        trainer(tmp_path, bf16=True)


def test_the_switch_is_a_variable_of_the_environment():
    program = "import torch, accelerate; print(accelerate.Accelerator().device)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "HOLOGRAM_HF": "1"}
    assert subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True).stdout.split() == ["hologram:0"]


# ---- Accelerate ----

def test_an_accelerator_prepares_for_the_device(asked):
    run = accelerate.Accelerator(mixed_precision="bf16")
    assert run.device.type == DEVICE
    net = torch.nn.Linear(3, 2)
    net, optimizer, loader = run.prepare(net, torch.optim.SGD(net.parameters(), lr=0.1), torch.utils.data.DataLoader(torch.ones(8, 3), batch_size=4))
    for batch in loader:
        assert batch.device == HERE
        with run.autocast():
            assert (batch @ batch.T).dtype == torch.bfloat16
        run.backward(net(batch).sum())
        optimizer.step()
        optimizer.zero_grad()
    assert net.weight.device == HERE


def test_an_accelerator_for_the_cpu_is_one(by_switch):
    assert accelerate.Accelerator(cpu=True).device == torch.device("cpu")


def test_float16_is_scaled(asked):
    run = accelerate.Accelerator(mixed_precision="fp16")
    assert run.device.type == DEVICE and run.native_amp and run.scaler.is_enabled() and run.scaler._device == DEVICE
    layer = torch.nn.Linear(3, 1)
    layer, optimizer = run.prepare(layer, torch.optim.SGD(layer.parameters(), lr=1.0))
    before = layer.weight.detach().cpu().clone()
    for factor in (1.0, 0.125):      # the first gradient, times 65536, is more than float16 holds: no step
        optimizer.zero_grad()
        run.backward(layer(torch.full((2, 3), 0.5, device=HERE)).sum() * factor)
        optimizer.step()
    assert_same(layer.weight.detach().cpu(), before - 0.125, rtol=1e-3, atol=1e-3)
    assert run.scaler.get_scale() == 32768


def test_what_an_accelerator_saves_has_the_devices_random_state(by_switch, tmp_path):
    run = accelerate.Accelerator()
    net, optimizer = run.prepare(*(lambda m: (m, torch.optim.Adam(m.parameters())))(torch.nn.Linear(3, 2)))
    net(torch.ones(1, 3, device=HERE)).sum().backward()
    optimizer.step()
    run.save_state(str(tmp_path))
    weight, numbers = net.weight.detach().clone(), torch.rand(4, device=HERE)
    with torch.no_grad():
        net.weight.zero_()
    run.load_state(str(tmp_path))
    assert torch.equal(net.weight, weight) and torch.equal(torch.rand(4, device=HERE), numbers)


# ---- Trainer ----

@pytest.mark.parametrize("options", [{}, {"gradient_checkpointing": True}, {"torch_compile": True}, {"gradient_accumulation_steps": 2, "max_grad_norm": 0.5}],
                         ids=str)
def test_trainers_have_the_losses_of_the_cpu(asked, tmp_path, options):
    of_the_cpu = expected(tmp_path, **{**options, "torch_compile": False})
    made = trainer(tmp_path, **options)
    assert made.args.device.type == DEVICE
    assert losses(made) == pytest.approx(of_the_cpu, rel=1e-4)
    assert {p.device for p in made.model.parameters()} == {HERE}


def test_trainers_in_bfloat16(asked, tmp_path):
    of_the_cpu = expected(tmp_path, bf16=True)
    assert losses(trainer(tmp_path, bf16=True)) == pytest.approx(of_the_cpu, rel=5e-3)


def test_trainers_in_float16(asked, tmp_path):
    """The CPU has no scaler: what it computes in float32 is the measure."""
    found = losses(trainer(tmp_path, fp16=True))
    AcceleratorState._reset_state(True)
    assert found == pytest.approx(expected(tmp_path), rel=5e-3)


def test_use_cpu_is_obeyed(by_switch, tmp_path):
    made = trainer(tmp_path, use_cpu=True)
    assert made.args.device == torch.device("cpu") and made.model.device == torch.device("cpu")


def test_a_run_that_is_resumed_goes_on_with_its_random_numbers(asked, tmp_path):
    options = {"save_strategy": "steps", "save_steps": 2, "seed": 3}
    whole = losses(trainer(tmp_path, model(attention_dropout=0.3), **options))
    again = trainer(tmp_path, model(attention_dropout=0.3), **options)
    torch.rand(7, device=DEVICE)
    assert losses(again, resume_from_checkpoint=str(tmp_path / "checkpoint-2")) == pytest.approx(whole, rel=1e-6)


def test_lora(asked, tmp_path):
    set_seed(0)
    net = peft.get_peft_model(model(), peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    made = trainer(tmp_path, net)
    found = losses(made)
    assert found[-1] < found[0] and {p.device for p in net.parameters()} == {HERE}
    net.save_pretrained(tmp_path / "lora")
    loaded = peft.PeftModel.from_pretrained(model().to(DEVICE), tmp_path / "lora")
    assert {p.device for p in loaded.parameters()} == {HERE}
    ids = torch.tensor([TEXTS[0]["input_ids"]], device=DEVICE)
    torch.testing.assert_close(loaded.eval()(ids).logits, net.eval()(ids).logits)
    assert not torch.allclose(model().to(DEVICE).eval()(ids).logits, net(ids).logits)


# ---- loading, generating, pipelines ----

@pytest.mark.parametrize("place", ["auto", "balanced", "sequential", DEVICE, "hologram:0", {"": DEVICE}, {"": 0}, 0, HERE], ids=repr)
def test_device_maps(by_switch, saved, place):
    loaded = LlamaForCausalLM.from_pretrained(saved, device_map=place)
    assert {p.device for p in loaded.parameters()} == {HERE}
    ids = torch.tensor([TEXTS[0]["input_ids"]])
    assert_same(loaded(ids.to(DEVICE)).logits.detach().cpu(), model()(ids).logits.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("place", [DEVICE, "hologram:0", {"": DEVICE}, HERE], ids=repr)
def test_device_maps_that_name_the_device_need_no_switch(saved, place):
    assert {p.device for p in LlamaForCausalLM.from_pretrained(saved, device_map=place).parameters()} == {HERE}


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"num_beams": 2, "num_return_sequences": 2}, {"use_cache": False},
                                     {"cache_implementation": "static"}, {"cache_implementation": "dynamic"},
                                     {"num_beams": 2, "cache_implementation": "static"}, {"repetition_penalty": 1.3},
                                     {"prompt_lookup_num_tokens": 2}], ids=str)
def test_generating(options):
    ids = torch.tensor([[5, 6, 7]] if "prompt_lookup_num_tokens" in options else [[5, 6, 7], [0, 9, 10]])
    options = {"max_new_tokens": 8, "do_sample": False, "attention_mask": (ids != 0).long(), **options}
    of_the_cpu = model().eval().generate(ids, **options)
    options["attention_mask"] = options["attention_mask"].to(DEVICE)
    assert_same(model().eval().to(DEVICE).generate(ids.to(DEVICE), **options), of_the_cpu, device=DEVICE)


@pytest.mark.parametrize("options", [{}, {"top_k": 5, "top_p": 0.9, "temperature": 0.7}, {"num_beams": 2}], ids=str)
def test_sampling(options):
    net, ids = model().eval().to(DEVICE), torch.tensor([[5, 6, 7]], device=DEVICE)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(net.generate(ids, max_new_tokens=12, min_new_tokens=12, do_sample=True, **options))
    assert draws[0].device == HERE and draws[0].shape == (1, 15)
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def tokenizer():
    words = ["<pad>", "<s>", "</s>", "<unk>", *(f"w{i}" for i in range(60))]
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def generated(**options):
    made = pipeline("text-generation", model=model().eval(), tokenizer=tokenizer(), **options)
    return made.device, made("w1 w2", max_new_tokens=5, do_sample=False)[0]["generated_text"]


@pytest.mark.parametrize("place", [{}, {"device": 0}, {"device": DEVICE}, {"device": "hologram:0"}, {"device": HERE}], ids=str)
def test_pipelines(by_switch, place):
    device, text = generated(**place)
    assert device.type == DEVICE and text == generated(device="cpu")[1]


def test_pipelines_that_name_another_device_have_it(by_switch, saved):
    assert generated(device=-1)[0] == generated(device="cpu")[0] == torch.device("cpu")
    mapped = pipeline("text-generation", model=str(saved), tokenizer=tokenizer(), device_map="auto")
    assert mapped.model.device == HERE and generated(device=DEVICE)[0].type == DEVICE


# ---- several processes ----

PROGRAM = """
import pathlib, torch, accelerate
run = accelerate.Accelerator()
torch.manual_seed(0)
net = torch.nn.Linear(3, 2)
net, optimizer = run.prepare(net, torch.optim.SGD(net.parameters(), lr=0.1))
x = torch.full((1, 3), run.process_index + 1.0, device=run.device)
run.backward(net(x).sum())
optimizer.step()
weights = run.gather(net.module.weight.detach()[None])
said = (run.num_processes, str(run.device), type(net).__name__, torch.equal(weights[0], weights[1]), net.module.weight.grad[0, 0].item())
pathlib.Path(f"rank{run.process_index}").write_text(repr(said))
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without torch.distributed")
def test_two_processes_average_their_gradients(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "HOLOGRAM_HF": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(tmp_path / "program.py")],
                          cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [(tmp_path / f"rank{rank}").read_text() for rank in range(2)] == ["(2, 'hologram:0', 'DistributedDataParallel', True, 1.5)"] * 2
