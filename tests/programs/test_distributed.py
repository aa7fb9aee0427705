"""torch.distributed with two processes: every collective against gloo on CPU tensors, and what stands on them."""

import importlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch.distributed as dist

from tests.programs.distributed_ranks import CHECKS, FOUR

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="this torch has no gloo")


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")}
    return {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", **more}


def ranks(folder, backend, *names, size=2, **more):
    """{check: what failed, by rank}, of two processes."""
    children = [subprocess.Popen([sys.executable, "-m", "tests.programs.distributed_ranks", str(r), str(size), str(folder / "store"), backend,
                                  *names], cwd=ROOT, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for r in range(size)]
    results, backends = {}, {}
    for r, child in enumerate(children):
        try:
            out, error = child.communicate(timeout=200)
        except subprocess.TimeoutExpired:
            for other in children:
                other.kill()
            out, error = child.communicate()
            error = "ran into its time limit\n" + error
        for line in out.splitlines():
            if line.startswith("BACKEND "):
                backends[r] = line.split()[1]
            if line.startswith("RESULT "):
                name, failure = json.loads(line.removeprefix("RESULT "))
                results.setdefault(name, {})[r] = failure
        results[f"end of rank {r}"] = {r: None if child.returncode == 0 else error}
    if set(backends.values()) != {"cpu"}:
        results["backend"] = backends
    return results


@pytest.fixture(scope="module")
def undefined(tmp_path_factory):
    return ranks(tmp_path_factory.mktemp("undefined"), "none")


@pytest.mark.parametrize("name", CHECKS)
def test_two_ranks(undefined, name):
    assert undefined.get(name) == {0: None, 1: None}, "\n".join(str(undefined.get(key)) for key in (name, "end of rank 0", "end of rank 1"))


def test_ranks_end(undefined):
    assert undefined["end of rank 0"] == {0: None} and undefined["end of rank 1"] == {1: None}


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return ranks(tmp_path_factory.mktemp("four"), "none", *FOUR, size=4)


@pytest.mark.parametrize("name", FOUR)
def test_four_ranks(four, name):
    assert four.get(name) == dict.fromkeys(range(4)), "\n".join(str(four.get(key)) for key in (name, *(f"end of rank {r}" for r in range(4))))


BASICS = ("split_groups", "all_reduce", "point_to_point", "objects_and_barriers", "groups", "ddp_with_uneven_inputs")


@pytest.mark.parametrize("backend", ["gloo", "hologram", "cpu:gloo,hologram:hologram", "device_id"])
def test_named_backends(tmp_path, backend):
    results = ranks(tmp_path, backend, *BASICS)
    assert all(set(failures.values()) == {None} for failures in results.values()), results


@pytest.mark.parametrize("mode", [{"HOLOGRAM_GUARD": "1"}, {"HOLOGRAM_FUSION": "0"}, {"HOLOGRAM_SYNC": "1"}], ids=lambda mode: next(iter(mode)))
def test_modes(tmp_path, mode):
    results = ranks(tmp_path, "none", *BASICS, "asynchronous", "reads_what_is_recorded_and_orders_what_comes", **mode)
    assert all(set(failures.values()) == {None} for failures in results.values()), results


@pytest.mark.parametrize("backend", ["cuda", "metal"])
def test_memory_that_the_host_does_not_see(tmp_path, backend):
    fake = importlib.import_module(f"tests.backends.{backend}.fake")
    results = ranks(tmp_path, "none", "all_reduce", "all_gather", "gather_and_scatter", "point_to_point", "functional", "asynchronous",
                    HOLOGRAM_BACKEND=backend, **{f"HOLOGRAM_{backend.upper()}_DRIVER": fake.build()})
    assert results.pop("backend") == {0: backend, 1: backend}
    assert all(set(failures.values()) == {None} for failures in results.values()), results


def test_collectives_that_torch_checks(tmp_path):
    """Without DDP: with gloo alone torch 2.13 ends with a segmentation fault there."""
    results = ranks(tmp_path, "none", "all_reduce", "point_to_point", "groups", TORCH_DISTRIBUTED_DEBUG="DETAIL")
    assert all(set(failures.values()) == {None} for failures in results.values()), results


def run(*arguments, **more):
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment(**more), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def run_code(code, **more):
    return run("-c", textwrap.dedent(code), **more)


def test_programs_of_tutorials_by_torchrun(tmp_path):
    """The lines that each tutorial of several GPUs has: the device of the LOCAL_RANK."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent("""
        import os
        import sys
        import torch
        import torch.distributed as dist
        from torch import nn

        dist.init_process_group()
        local_rank = int(os.environ["LOCAL_RANK"])
        torch.hologram.set_device(local_rank)
        device = torch.device("hologram", local_rank)
        model = nn.Linear(4, 2).to(device)
        model = nn.parallel.DistributedDataParallel(model, device_ids=[local_rank])
        x = torch.ones(3, 4, device=f"hologram:{local_rank}") * (local_rank + 1)
        model(x).sum().backward()
        gradient = model.module.weight.grad
        assert torch.equal(gradient.cpu(), torch.full((2, 4), 4.5)), gradient
        assert torch.hologram.device_count() == torch.accelerator.device_count() == 2
        assert x.device == torch.device("hologram:0") and torch.hologram.current_device() == 0
        try:
            torch.hologram.set_device(2)
        except RuntimeError as error:
            assert "invalid device index" in str(error)
        else:
            raise AssertionError
        sys.stdout.write(f"done {dist.get_rank()}\\n")       # both at once
        dist.destroy_process_group()
    """))
    out = run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program))
    assert sorted(line for line in out.splitlines() if line.startswith("done")) == ["done 0", "done 1"]


def test_example():
    last = run(str(ROOT / "examples/09_ddp.py"), "--epochs", "2").splitlines()[-1]
    assert last.startswith("largest difference of a weight: ") and float(last.split()[-1]) < 1e-4


def test_what_cannot_be_exchanged_is_refused(tmp_path):
    code = f"""
        import torch, torch.distributed as dist
        dist.init_process_group(store=dist.FileStore({str(tmp_path / "s")!r}, 1), rank=0, world_size=1)
        t = torch.ones(3, device="hologram")
        dist.all_reduce(t)
        assert torch.equal(t.cpu(), torch.ones(3))
        try:
            dist.all_reduce(t.to_sparse())
        except (RuntimeError, NotImplementedError) as error:
            print("refused:", error)
        dist.destroy_process_group()
    """
    assert run_code(code).count("refused:") == 1


def test_names_of_backends(tmp_path):
    """get_backend() says what was asked for, as it does of other backends."""
    code = """
        import sys, torch, torch.distributed as dist
        for i, name in enumerate((None, "gloo", "hologram", "cpu:gloo,hologram:hologram")):
            dist.init_process_group(name, store=dist.FileStore(sys.argv[1] + str(i), 1), rank=0, world_size=1)
            group = dist.new_group([0])
            dist.all_reduce(torch.ones(1, device="hologram"), group=group)
            print(dist.get_backend(), dist.get_backend(group), dist.get_backend_config().replace(",", "+"))
            dist.destroy_process_group()
    """
    names = [line.split() for line in run("-c", textwrap.dedent(code), str(tmp_path / "s")).splitlines()]
    assert [name[:2] for name in names] == [[name] * 2 for name in ("undefined", "gloo", "hologram", "cpu:gloo,hologram:hologram")]
    assert [name[2] for name in names[2:]] == ["cpu:hologram+hologram:hologram", "cpu:gloo+hologram:hologram"]


def test_as_many_processes_as_there_are_cores():
    code = """
        from torch.distributed.run import determine_local_world_size
        print(determine_local_world_size("auto"))
    """
    assert int(run_code(code)) == int(run_code(code, HOLOGRAM_AUTOLOAD="0")) == os.cpu_count()


def test_a_killed_rank_comes_back(tmp_path):
    """torchrun starts all ranks anew; what was saved is there, and the group works."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(f"""
        import os, signal, sys, torch, torch.distributed as dist
        rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
        store = dist.FileStore({str(tmp_path / "store")!r} + str(attempt), 2)      # that of torchrun keeps addresses of the first attempt
        dist.init_process_group(store=store, rank=rank, world_size=2)
        path = {str(tmp_path)!r} + f"/checkpoint{{rank}}.pt"
        t = torch.load(path) if attempt else torch.zeros(3, device="hologram")
        while t[0] < 6:
            step = torch.ones(3, device="hologram")
            dist.all_reduce(step)
            t += step
            torch.save(t, path)
            dist.barrier()
            if not attempt and rank == 1 and t[0] == 4:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.stdout.write(f"done {{rank}} {{attempt}} {{t.tolist()}}\\n")
        dist.destroy_process_group()
    """))
    out = run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1", str(program))
    done = sorted(line for line in out.splitlines() if line.startswith("done"))
    assert done == ["done 0 1 [6.0, 6.0, 6.0]", "done 1 1 [6.0, 6.0, 6.0]"]


def test_a_timeout_names_the_rank(tmp_path):
    """monitored_barrier says which rank did not come; a collective ends with the group's timeout."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(f"""
        import datetime, sys, time, torch, torch.distributed as dist
        rank = int(sys.argv[1])
        dist.init_process_group("gloo", store=dist.FileStore({str(tmp_path / "s")!r}, 2), rank=rank, world_size=2, timeout=datetime.timedelta(seconds=3))
        dist.barrier()
        if rank == 1:
            time.sleep(9)
        else:
            for wait in (lambda: dist.monitored_barrier(), lambda: dist.all_reduce(torch.ones(3, device="hologram"))):
                try:
                    wait()
                except RuntimeError as error:
                    print("told:", error, flush=True)
    """))
    other = subprocess.Popen([sys.executable, str(program), "1"], cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)
    told = run(str(program), "0").splitlines()
    other.wait()
    assert len([line for line in told if line.startswith("told:")]) == 2
    assert "Rank 1" in told[0] or "rank 1" in told[0].lower(), told


def test_programs_without_the_device_do_as_ever(tmp_path):
    code = f"""
        import torch, torch.distributed as dist
        dist.init_process_group(store=dist.FileStore({str(tmp_path / "s")!r}, 1), rank=0, world_size=1)
        from torch.distributed.fsdp import fully_shard
        model = fully_shard(torch.nn.Linear(3, 2))
        print(dist.get_backend(), model.weight.device, model.weight.device_mesh.device_type)
        dist.destroy_process_group()
    """
    assert run_code(code) == run_code(code.replace("/s'", "/t'"), HOLOGRAM_AUTOLOAD="0")
