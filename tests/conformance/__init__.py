"""PyTorch's own databases of ops, modules and optimizers, run on the device and compared with the CPU.

    python -m tests.conformance                                   everything: build/conformance.json and .md
    python -m tests.conformance --databases ops --dtypes float32 --checks forward gradient --filter conv

An entry is `database/name/dtype/check`, for example `ops/add/float32/gradient`.
"""
