"""The build's precompiled header: for g++ alone, and nothing that editors see."""

import shlex
from types import SimpleNamespace

import torch

from csrc.packaging import precompiled_header


def test_other_compilers_do_without(tmp_path, monkeypatch):
    compiler = tmp_path / "clang++"
    compiler.write_text("#!/bin/sh\necho clang version 19.1.0\n")
    compiler.chmod(0o700)
    monkeypatch.setenv("CXX", str(compiler))
    extension = SimpleNamespace(extra_compile_args=["-O2"])
    precompiled_header.add(None, extension, torch)         # a build that is asked anything would raise
    assert extension.extra_compile_args == ["-O2"]


def test_editors_see_commands_without_it():
    command = ["c++", "-Ia folder", "-c", "x.cpp", "-o", "x.o", "-O2"]
    used = [*command, "-include", "build/torch-0123.h", *precompiled_header.FLAGS, "-std=c++20"]
    assert precompiled_header.without(shlex.join(used)) == shlex.join([*command, "-std=c++20"])
    assert precompiled_header.without(shlex.join(command)) == shlex.join(command)
