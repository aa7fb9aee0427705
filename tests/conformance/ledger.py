"""Entries that do not pass on the device, and why: {reason: entries}.

Strict: a run fails for an entry that fails and is not listed, and for one that is listed and passes. An entry is
`database/name/dtype/check`; a name of one of the four parts may be `*`. What depends on the processor says on which.
"""

import functools
import os
from pathlib import Path

EXPECTED = {
    "the second derivative of _fused_rms_norm is torch's formula for devices, which multiplies in 16 bits and overflows from 256 on; "
    "on the CPU rms_norm is a composite that computes in float32": [
        "ops/nn.functional.rms_norm/float16/gradgrad",
        "ops/nn.functional.rms_norm/bfloat16/gradgrad",
    ],
    "the CPU rounds rsqrt of float16 twice, the device once; what follows makes more of the difference than is allowed": [
        "ops/acos/float16/gradgrad",
    ],
    "LBFGS divides by differences of gradients: in complex64 the CPU's steps are as far from those in complex128 as the device's": [
        "optims/LBFGS/complex64/default",
        "optims/LBFGS/complex64/state_dict",
    ],
}


FAILS, PASSES = True, False
# {reason: {entry: {processor: does it fail there}}}: the CPU's result is MKL's, which sums in another order on every kind of
# processor. On those that are not named an entry is run and not judged, but for crashes: nobody has looked.
BY_PROCESSOR = {
    "float32 sums taken in another order than MKL's; what follows makes more of the difference than is allowed": {
        "ops/cov/complex64/gradient": {"Intel with AVX-512": FAILS},
        "ops/linalg.householder_product/float32/gradgrad": {"Intel with AVX-512": FAILS, "AMD with AVX-512": PASSES},
        "modules/nn.MultiheadAttention/float32/gradient": {"Intel with AVX-512": FAILS},
    },
}
MAKERS = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD"}
SWITCHES = ("MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "MKL_DEBUG_CPU_TYPE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")


@functools.cache
def processor():
    """What BY_PROCESSOR calls this one; "another" where switches tell the libraries to take it for something else."""
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines())
    except (OSError, ValueError):
        return "another"
    facts = {name.strip(): value.split() for name, value in facts.items()}
    maker = MAKERS.get(" ".join(facts.get("vendor_id", [])))
    known = maker and "avx512f" in facts.get("flags", []) and not any(switch in os.environ for switch in SWITCHES)
    return f"{maker} with AVX-512" if known else "another"


def matches(pattern, entry):
    return all(w in ("*", part) for w, part in zip(pattern.split("/"), entry.split("/"), strict=True))


def expected(where=None):
    """{reason: entries} that fail on a processor; by default on this one."""
    here = {reason: [e for e, fails in entries.items() if fails.get(where or processor())] for reason, entries in BY_PROCESSOR.items()}
    return {**EXPECTED, **{reason: entries for reason, entries in here.items() if entries}}


def unjudged(entries):
    """Those among `entries` of which nobody knows whether they pass on this processor."""
    unknown = [e for listed in BY_PROCESSOR.values() for e, fails in listed.items() if processor() not in fails]
    return {entry for entry in entries if any(matches(pattern, entry) for pattern in unknown)}


def reasons(entries, where=None):
    """{entry: reason} of those among `entries` that are listed."""
    found = {}
    for reason, patterns in expected(where).items():
        for pattern in patterns:
            found.update({entry: reason for entry in entries if matches(pattern, entry)})
    return found


def judged(rows):
    """({entry: reason} of expected failures, unexpected failures, entries that are listed and pass)."""
    listed, unknown = reasons(rows), unjudged(rows)
    bad = {entry for entry, row in rows.items() if row["status"] == "crashed" or row["status"] == "failed" and entry not in unknown}
    expected = {entry: reason for entry, reason in listed.items() if entry in bad}
    return expected, sorted(bad - set(listed)), sorted(entry for entry in listed if rows[entry]["status"] == "passed")
