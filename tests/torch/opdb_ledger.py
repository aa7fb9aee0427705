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
    # Runs in the script only: its gradient crashes inside PyTorch's sparse CPU kernel called by delegation.
    "sparse.mm.reduce": "gradient of a delegated sparse product crashes the process",
}

RANDOM = "random numbers come from the device's own Philox generator, not from the CPU's Mersenne Twister"

FORWARD = {
    "bernoulli": RANDOM,
    "cauchy": RANDOM,
    "exponential": RANDOM,
    "geometric": RANDOM,
    "log_normal": RANDOM,
    "multinomial": RANDOM,
    "nn.functional.alpha_dropout": RANDOM,
    "nn.functional.dropout": RANDOM,
    "nn.functional.dropout2d": RANDOM,
    "nn.functional.dropout3d": RANDOM,
    "nn.functional.feature_alpha_dropout.with_train": RANDOM,
    "nn.functional.fractional_max_pool3d": RANDOM,
    "nn.functional.multi_head_attention_forward": RANDOM,
    "nn.functional.rrelu": RANDOM,
    "nn.functional.scaled_dot_product_attention": RANDOM,
    "normal": RANDOM,
    "normal.in_place": RANDOM,
    "normal.number_mean": RANDOM,
    "rand_like": RANDOM,
    "randint": RANDOM,
    "randint_like": RANDOM,
    "randn": RANDOM,
    "randn_like": RANDOM,
    "tensor_split": "PyTorch takes the split points on the CPU only; the harness moves them",
    "uniform": RANDOM,
}

BACKWARD = {
    "nn.functional.alpha_dropout": RANDOM,
    "nn.functional.dropout": RANDOM,
    "nn.functional.dropout2d": RANDOM,
    "nn.functional.dropout3d": RANDOM,
    "nn.functional.feature_alpha_dropout.with_train": RANDOM,
    "nn.functional.fractional_max_pool3d": RANDOM,
    "nn.functional.multi_head_attention_forward": RANDOM,
    "nn.functional.rrelu": RANDOM,
    "nn.functional.scaled_dot_product_attention": RANDOM,
    "special.log_ndtr": "the gradient in the far tail is more accurate than the CPU's",
    "tensor_split": "PyTorch takes the split points on the CPU only; the harness moves them",
}
