"""Writes down what hologram uses of the installed torch, so that two releases can be compared with `diff`.

    python -m csrc.packaging.torch_interface FOLDER EXTENSION

FOLDER/schemas.txt: every op of aten, one a line. FOLDER/symbols.txt: the symbols that the built EXTENSION (hologram_torch/_C_2_13...so)
takes from torch and this torch has; those that a later torch lacks keep the extension from loading there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch


def schemas() -> list[str]:
    return sorted(str(schema) for schema in torch._C._jit_get_all_schemas() if schema.name.startswith("aten::"))


def symbols(extension: str) -> list[str]:
    libraries = [path for path in (Path(torch.__file__).parent / "lib").iterdir() if path.name.startswith(("libc10.", "libtorch"))]
    defined = set().union(*(names(path, "--defined-only") for path in libraries))
    return sorted(names(Path(extension), "--undefined-only") & defined)


def names(library: Path, which: str) -> set[str]:
    """Symbols of a library, without the versions some carry."""
    dynamic = [] if sys.platform == "darwin" else ["-D"]
    listed = subprocess.run(["nm", *dynamic, which, str(library)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].partition("@")[0] for line in listed.splitlines() if line}


def main(folder: str, extension: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, lines in (("schemas", schemas()), ("symbols", symbols(extension))):
        Path(folder, f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
        print(f"torch {torch.__version__}: {len(lines)} {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
