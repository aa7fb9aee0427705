"""Runs entries in worker processes. A worker that dies or hangs costs only the check it was running.

A task is (database, name, dtype): the worker makes its samples once and runs its checks one by one. It answers on its
stdout, a line of JSON for each check that starts and for each that ends.
"""

import argparse
import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Observer:
    """Watches who serves the ops of a check."""

    def __init__(self):
        self.served = {"compiled": set(), "library": set(), "delegated": set()}
        self.refused = None      # the first error of a run without delegation

    def call(self, run):
        import torch

        before = torch.hologram.op_report()
        try:
            return run()
        finally:
            nothing = {}
            for name, counts in torch.hologram.op_report().items():
                old = before.get(name, nothing)
                for kind, names in self.served.items():
                    if counts[kind] > old.get(kind, 0):
                        names.add(name)

    def native(self):
        """Is the check still without delegation?"""
        return not self.served["delegated"] and self.refused is None

    @contextlib.contextmanager
    def alone(self):
        """Runs without delegation, as under HOLOGRAM_FALLBACK=error. A failure here is no failure of the check."""
        import torch

        torch.hologram.set_fallback_mode("error")
        try:
            yield
        except Exception as error:
            self.refused = f"{type(error).__name__}: {error}"[:300]
        finally:
            torch.hologram.set_fallback_mode("allow")


def databases():
    from tests.conformance import modules, ops, optims

    return {"ops": ops, "modules": modules, "optims": optims}


def dtype_named(name):
    import torch

    return getattr(torch, name)


def tasks(options):
    """[(database, name, dtype name, checks)] that the options ask for."""
    chosen = []
    for database, module in databases().items():
        if database not in options.databases:
            continue
        for name in module.NAMES:
            if options.filter and options.filter not in name:
                continue
            for dtype in module.dtypes(name):
                text = str(dtype).removeprefix("torch.")
                if options.dtypes and text not in options.dtypes:
                    continue
                checks = [c for c in module.checks(name, dtype) if not options.checks or c in options.checks]
                if checks:
                    chosen.append((database, name, text, checks))
    return chosen


# The options of a whole run, for tasks().
EVERYTHING = argparse.Namespace(databases=("ops", "modules", "optims"), filter="", dtypes=(), checks=())


def run_check(entry, key, check):
    """The row of one check."""
    observer = Observer()
    start = time.perf_counter()
    row = {"entry": f"{key}/{check}", "status": "passed", "samples": 0, "message": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row["samples"] = entry.run(check, observer)
        if not row["samples"]:
            row["status"] = "not applicable"
    except Exception as error:
        row.update(status="failed", message=str(error)[:3000])
        if os.environ.get("CONFORMANCE_TRACEBACK"):
            traceback.print_exc()
    row["seconds"] = round(time.perf_counter() - start, 3)
    row["served"] = {kind: sorted(names) for kind, names in observer.served.items() if names}
    row["native"] = row["status"] == "passed" and observer.native()
    if observer.refused:
        row["refused"] = observer.refused
    return row


def worker(limit):
    """Serves tasks from stdin until it ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)                                        # what ops print goes to stderr
    import torch

    import hologram_torch  # noqa: F401

    torch.set_num_threads(1)
    available = databases()
    answers.write(json.dumps({"ready": True}) + "\n")
    for line in sys.stdin:
        database, name, dtype, checks = json.loads(line)
        key = f"{database}/{name}/{dtype}"
        entry = None
        for check in checks:
            answers.write(json.dumps({"started": check}) + "\n")
            if os.environ.get("CONFORMANCE_DIE") == f"{key}/{check}":       # for the tests of this file
                os.abort()
            if os.environ.get("CONFORMANCE_HANG") == f"{key}/{check}":
                time.sleep(3600)
            if entry is None:
                entry = available[database].Entry(name, dtype_named(dtype), limit)
            answers.write(json.dumps(run_check(entry, key, check)) + "\n")
        answers.write(json.dumps({"finished": key}) + "\n")


class Child:
    """A worker process and its answers."""

    def __init__(self, limit):
        self.errors = tempfile.TemporaryFile("w+")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
        command = [sys.executable, "-m", "tests.conformance.runner", "--limit", str(limit or 0)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, cwd=ROOT,
                                        env=environment)
        self.buffer = b""

    def send(self, task):
        self.process.stdin.write((json.dumps(task) + "\n").encode())
        self.process.stdin.flush()

    def answer(self, timeout):
        """The next line, or None: the worker died or did not answer in time."""
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def end(self):
        """Stops the worker; says how it ended."""
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
        reason = "did not answer in time" if self.process.poll() is None else f"exit status {self.process.returncode}"
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.seek(0)
        text = self.errors.read()[-800:]
        self.errors.close()
        return f"{reason}; {text}".strip()


def serve(waiting, rows, options, progress):
    """One thread per worker: takes tasks until none is left."""
    child, served = None, 0
    while True:
        try:
            database, name, dtype, checks = waiting.get_nowait()
        except queue.Empty:
            break
        key = f"{database}/{name}/{dtype}"
        while checks:
            if child is None:
                child = Child(options.limit)
                if child.answer(120) is None:
                    raise RuntimeError(f"a worker does not start: {child.end()}")
            current, answered = checks[0], False
            try:
                child.send((database, name, dtype, checks))
                while (answer := child.answer(options.timeout)) is not None:
                    if "started" in answer:
                        current = answer["started"]
                    elif "finished" in answer:
                        answered = True
                        break
                    else:
                        rows[answer["entry"]] = answer
                        progress(answer)
            except BrokenPipeError:
                pass
            if answered:
                served += 1
                break
            row = {"entry": f"{key}/{current}", "status": "crashed", "samples": 0, "message": child.end(), "seconds": 0,
                   "served": {}, "native": False}
            child = None
            rows[row["entry"]] = row
            progress(row)
            checks = checks[checks.index(current) + 1:]
        if child is not None and served >= options.recycle:
            child.end()
            child, served = None, 0
    if child is not None:
        child.process.stdin.close()
        child.process.wait(60)
        child.end()


def run_all(chosen, options, rows=None):
    """{entry: row} of all tasks, added to `rows` as they come."""
    rows = {} if rows is None else rows
    waiting, counts, start = queue.Queue(), Counter(), time.monotonic()
    for task in chosen:
        waiting.put(task)
    lock = threading.Lock()
    last = [start]

    def progress(row):
        with lock:
            counts[row["status"]] += 1
            if row["status"] in ("failed", "crashed"):
                print(f"{row['status']}: {row['entry']}: {' '.join(row['message'].split())[:300]}", file=sys.stderr, flush=True)
            now = time.monotonic()
            if now - last[0] > 20:
                last[0] = now
                print(f"{now - start:5.0f} s, {waiting.qsize()} of {len(chosen)} tasks wait, {dict(counts)}",
                      file=sys.stderr, flush=True)

    failures = []

    def guarded():
        try:
            serve(waiting, rows, options, progress)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(options.workers)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        with waiting.mutex:
            waiting.queue.clear()                        # the threads end after their tasks
        raise
    if failures:
        raise failures[0]
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A worker; `python -m tests.conformance` starts them.")
    parser.add_argument("--limit", type=int, default=0)
    worker(parser.parse_args().limit or None)
