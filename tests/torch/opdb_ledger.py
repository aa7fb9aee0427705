"""Entries of PyTorch's op_db that do not pass on the device, and why: {entry: reason}.

test_opdb.py is strict both ways: an entry that fails and is not listed fails the test, and so does one that is
listed and passes.
"""

# Not for this device: they cannot run on the CPU of this machine either.
NOT_APPLICABLE = {
    "jiterator_unary": "CUDA and ROCm only",
    "jiterator_binary": "CUDA and ROCm only",
    "jiterator_4inputs_with_extra_args": "CUDA and ROCm only",
    "jiterator_binary_return_by_ref": "CUDA and ROCm only",
    "jiterator_2inputs_2outputs": "CUDA and ROCm only",
}

FORWARD = {
}

BACKWARD = {
}
