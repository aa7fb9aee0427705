"""The pools as Python sees them. (Their inner workings are tested in tests/runtime.)"""

import gc
import os
import subprocess
import sys
import threading

import pytest

from hologram_core import _runtime as rt

MiB = 1 << 20


def run(code: str, **env) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "HOLOGRAM_AUTOLOAD": "0", **env})


def passes(code: str, **env) -> str:
    done = run(code, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def current(name="allocated_bytes"):
    return rt.memory_stats()[name]["current"]


# ---- blocks ----

@pytest.mark.parametrize("nbytes", [0, 1, 63, 64, 65, 4096, 6144, 6145, 12288, 48 * 12288, 48 * 12288 + 1, 5 * MiB])
def test_a_block_is_aligned_and_large_enough(nbytes):
    block = rt.allocate(nbytes)
    assert block.address % 64 == 0 and block.nbytes == len(block) == nbytes <= block.capacity
    assert block.pool == "boundary" if nbytes <= 12288 else block.pool in ("boundary", "linear")
    assert block.capacity <= max(64, 2 * nbytes)


def test_the_buffer_protocol_shows_the_bytes():
    block = rt.allocate(1000)
    view = memoryview(block)
    view[:] = bytes(range(250)) * 4
    assert view.nbytes == 1000 and bytes(memoryview(block)[250:253]) == b"\0\1\2"
    view.release()


def test_a_view_keeps_the_block_alive():
    view = memoryview(rt.allocate(3 * MiB))
    gc.collect()
    view[-1] = 7
    assert view[-1] == 7


def test_a_freed_block_says_so():
    block = rt.allocate(100)
    block.free()
    block.free()
    for use in (lambda: block.address, lambda: block.nbytes, lambda: memoryview(block)):
        with pytest.raises((ValueError, BufferError), match="freed|buffer"):
            use()


def test_statistics_follow_blocks():
    before, blocks_before = current(), current("active_blocks")
    small, large = rt.allocate(100), rt.allocate(9 * MiB)
    assert current() - before == small.capacity + large.capacity
    assert current("active_blocks") - blocks_before == 2
    rt.reset_peak_stats()
    large.free()
    stats = rt.memory_stats()["allocated_bytes"]
    assert stats["peak"] - stats["current"] == 9 * MiB
    small.free()
    assert current() == before
    rt.reset_accumulated_stats()
    stats = rt.memory_stats()["allocated_bytes"]
    assert stats["allocated"] == stats["freed"] == 0 and stats["current"] == before


def test_empty_cache_returns_idle_segments():
    rt.empty_cache()
    before = current("reserved_bytes")
    rt.allocate(30 * MiB).free()
    assert current("reserved_bytes") >= before + 30 * MiB
    rt.empty_cache()
    assert current("reserved_bytes") <= before


# ---- the boundary pool ----

def test_the_97th_block_is_given():
    blocks = [rt.allocate(12288) for _ in range(300)]
    assert {b.pool for b in blocks} == {"boundary", "linear"}
    addresses = sorted((b.address, b.capacity) for b in blocks)
    assert all(a + n <= b for (a, n), (b, _) in zip(addresses, addresses[1:])), "two blocks overlap"


def test_classes_come_back():
    free = rt.boundary_info()["free_classes"]
    for _ in range(5):
        blocks = [rt.allocate(n) for n in (64, 3000, 12288, 100000)] + [rt.allocate(64) for _ in range(1000)]
        del blocks
    gc.collect()
    assert rt.boundary_info()["free_classes"] == free


def test_boundary_facts():
    info = rt.boundary_info()
    assert info["classes"] * info["class_bytes"] == 1_179_648 == 1.125 * MiB
    assert info["pages_per_class"] * info["page_bytes"] == info["class_bytes"] == 12_288


def test_reserving_a_taken_class_is_an_error_never_an_alias():
    passes("""
import hologram_core._runtime as rt
a = rt.reserve_classes(21, 3)
assert a.classes == (21, 3) and a.address == rt.boundary_info()["base"] + 21 * 12288 and a.nbytes == 3 * 12288
for first, count in ((21, 1), (23, 2), (20, 2), (0, 96)):
    try:
        rt.reserve_classes(first, count)
    except RuntimeError as error:
        assert "not all free" in str(error)
    else:
        raise SystemExit("aliased")
for first, count in ((-1, 1), (96, 1), (95, 2), (0, 0), (0, 97)):
    try:
        rt.reserve_classes(first, count)
    except ValueError as error:
        assert "not within [0, 96)" in str(error)
    else:
        raise SystemExit("out of range")
a.free()
assert rt.reserve_classes(0, 96).nbytes == 1_179_648
""")


# ---- limits and switches ----

def test_out_of_memory_names_the_sizes():
    with pytest.raises(MemoryError, match=r"out of memory: the system refused .* MiB on cpu with .* in use"):
        rt.allocate(1 << 62)
    assert rt.memory_stats()["num_ooms"] >= 1
    rt.allocate(100)


@pytest.mark.parametrize("guard", ["0", "1"])
def test_the_limit_of_the_environment(guard):
    passes("""
import hologram_core._runtime as rt
a = rt.allocate(3 << 20)
try:
    rt.allocate(3 << 20)
except MemoryError as error:
    assert "limit of 5.000 MiB" in str(error) and "HOLOGRAM_MEMORY_LIMIT" in str(error), error
else:
    raise SystemExit("no limit")
a.free()
b = rt.allocate((3 << 20) + 5000)     # the cached segment makes room
assert rt.memory_stats()["reserved_bytes"]["peak"] <= 5 << 20
assert rt.memory_stats()["num_ooms"] == 1
""", HOLOGRAM_MEMORY_LIMIT="5M", HOLOGRAM_GUARD=guard)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("fault", ["block.free(); ctypes.memset(address, 1, 1)", "ctypes.memset(address + 1024, 1, 1)"])
def test_guarded_blocks_fault(fault):
    code = f"""
import ctypes, hologram_core._runtime as rt
block = rt.allocate(1000); address = block.address
ctypes.memset(address, 1, 1000)
print("so far so good", flush=True)
{fault}
"""
    done = run(code, HOLOGRAM_GUARD="1")
    assert done.returncode < 0 and "so far so good" in done.stdout
    assert run(code.replace(fault, ""), HOLOGRAM_GUARD="1").returncode == 0


SHARED = """
import threading
import hologram_core as hg

for _ in range(3):
    with hg.Executor() as e:
        a, b = e.allocate(70_000), e.allocate(70_000)      # so long that the op lets go of Python's lock
        a.fill(0.5)

        def work(n):
            for round_ in range(200):
                hg.ops.tanh(e, a, b)
                if round_ % 3 == n:
                    b.to_numpy()

        threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        [t.start() for t in threads]
        [t.join() for t in threads]
"""


def test_threads_that_share_guarded_blocks_do_not_fault():
    """One records a write of what another one reads or lets a kernel write just now."""
    passes(SHARED, HOLOGRAM_GUARD="1")


# ---- threads, fork, exit ----

def test_blocks_may_die_on_another_thread():
    before = current()
    blocks = [rt.allocate(n) for n in (10, 5000, 50000, 3 * MiB) * 50]
    errors = []

    def work():
        try:
            for _ in range(300):
                rt.allocate(2000).free()
                rt.allocate(700_000).free()
            while blocks:
                blocks.pop().free()
        except IndexError:
            pass      # another thread took the last one
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors and current() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_memory():
    passes("""
import os, hologram_core._runtime as rt
kept = rt.allocate(1000)
memoryview(kept)[0] = 5
for _ in range(5):
    child = os.fork()
    if child == 0:
        ok = memoryview(kept)[0] == 5
        for n in (64, 20000, 4 << 20):
            memoryview(rt.allocate(n))[0] = 1
        rt.empty_cache()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
""")


def test_blocks_alive_at_exit_do_no_harm():
    passes("""
import threading, hologram_core._runtime as rt
kept = [rt.allocate(n) for n in (10, 100_000, 5 << 20)]
cycle = [kept]; cycle.append(cycle)
class Late:
    def __init__(self): self.block = rt.allocate(777)
    def __del__(self): self.block.free(); rt.allocate(64)
late = Late()
threading.Thread(target=lambda: [rt.allocate(500) for _ in range(1000)], daemon=True).start()
""")


def test_importing_is_light():
    assert passes("""
import sys, hologram_core, hologram_core.config, hologram_core._runtime
print([name for name in ("torch", "numpy", "llvmlite") if name in sys.modules])
""").strip() == "[]"
