"""Tests that do not pass yet, and why.

`GAPS`: {reason: test ids}. Strict: conftest.py marks them as expected failures, so that a test that starts to pass fails the
run until its line here is removed. `UNSTABLE`: {test id: reason} for tests whose outcome depends on the machine or on how
the package was installed; either outcome is accepted until they are repaired.
"""

GAPS = {
    "integer division by zero gives 0 instead of an error": [
        'torch/test_elementwise.py::test_dtypes[torch.uint8-remainder:remainder.Scalar_Tensor]',
        'torch/test_elementwise.py::test_dtypes[torch.bool-remainder:remainder.Scalar_Tensor]',
        'torch/test_bad_input.py::test_mistakes_raise_what_the_cpu_raises[numbers_int_zero]',
        'torch/test_bad_input.py::test_mistakes_raise_what_the_cpu_raises[numbers_remainder_zero]',
    ],
    "memory format of results of expanded inputs": [
        'torch/test_bad_input.py::test_layouts[expanded]',
    ],
    "the nested-tensor fast path refuses instead of stepping aside": [
        'torch/test_traps.py::test_transformer_encoder_in_eval_mode_with_padding',
    ],
}

UNSTABLE = {
    'torch/test_autoload.py::test_the_switch': "expects a checkout that is not installed, or an idle machine",
    'torch/test_autoload.py::test_another_device_is_left_alone': "expects a checkout that is not installed, or an idle machine",
    'torch/test_autoload.py::test_a_torch_that_is_too_old[2.10.2]': "expects a checkout that is not installed, or an idle machine",
    'torch/test_autoload.py::test_a_torch_that_is_too_old[1.13.0+cu117]': "expects a checkout that is not installed, or an idle machine",
    'torch/test_autoload.py::test_backend_by_environment': "expects a checkout that is not installed, or an idle machine",
    'torch/test_autoload.py::test_loading_is_quick_and_light': "expects a checkout that is not installed, or an idle machine",
    'torch/test_bad_input.py::test_a_freed_generator_leaves_no_trace': "depends on the order of the tests",
    'torch/test_generator.py::test_fork_rng_and_checkpoint': "depends on the order of the tests",
    'torch/test_generator.py::test_generators_of_the_other_device_are_refused': "depends on the order of the tests",
    'torch/test_memory.py::test_peak_of_a_process_is_at_most_the_cpus_plus_five_percent': "the peak includes the compiler, and depends on the machine",
    'torch/test_packaging.py::test_it_is_complete': "a module is missing from the list of packages",
}

KNOWN_GAPS = {test: reason for reason, tests in GAPS.items() for test in tests}
