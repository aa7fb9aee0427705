"""Entries that do not pass on the device, and why: {reason: entries}.

Strict: a run fails for an entry that fails and is not listed, and for one that is listed and passes. An entry is
`database/name/dtype/check`; a name of one of the four parts may be `*`.
"""

EXPECTED = {
    "the second derivative of _fused_rms_norm is torch's formula for devices, which multiplies in 16 bits and overflows from 256 on; "
    "on the CPU rms_norm is a composite that computes in float32": [
        "ops/nn.functional.rms_norm/float16/gradgrad",
        "ops/nn.functional.rms_norm/bfloat16/gradgrad",
    ],
    "the CPU rounds rsqrt of float16 twice, the device once; what follows makes more of the difference than is allowed": [
        "ops/acos/float16/gradgrad",
    ],
    "float32 sums taken in another order; what follows makes more of the difference than is allowed": [
        "ops/cov/complex64/gradient",
        "ops/linalg.householder_product/float32/gradgrad",
        "modules/nn.MultiheadAttention/float32/gradient",
    ],
    "LBFGS divides by differences of gradients: in complex64 the CPU's steps are as far from those in complex128 as the device's": [
        "optims/LBFGS/complex64/default",
        "optims/LBFGS/complex64/state_dict",
    ],
}


def matches(pattern, entry):
    return all(w in ("*", part) for w, part in zip(pattern.split("/"), entry.split("/"), strict=True))


def reasons(entries):
    """{entry: reason} of those among `entries` that are listed."""
    found = {}
    for reason, patterns in EXPECTED.items():
        for pattern in patterns:
            found.update({entry: reason for entry in entries if matches(pattern, entry)})
    return found


def judged(rows):
    """({entry: reason} of expected failures, unexpected failures, entries that are listed and pass)."""
    listed = reasons(rows)
    bad = {entry for entry, row in rows.items() if row["status"] in ("failed", "crashed")}
    expected = {entry: reason for entry, reason in listed.items() if entry in bad}
    return expected, sorted(bad - set(listed)), sorted(entry for entry in listed if rows[entry]["status"] == "passed")
