"""The names that the documents use: `import hologram`, `import hologram_ffi`, their functions and parameters."""

import ast
import inspect
import os
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import hologram
import hologram_core
import hologram_ffi
from hologram_core import ffi

ROOT = Path(hologram_core.__file__).parents[1]
NAMES = ROOT / "hologram_core" / "names"

# What the documents' handle API says of its functions: the type of each result and parameter.
SIGNATURES = """
u64 new_executor(); u64 new_executor_with_backend(string backend); void executor_cleanup(u64 executor_handle);
u64 executor_allocate_buffer(u64 executor_handle, u32 len); u32 buffer_length(u64 buffer_handle); string buffer_pool(u64 buffer_handle);
void buffer_copy_from_slice(u64 executor_handle, u64 buffer_handle, string data_json); string buffer_to_vec(u64 executor_handle, u64 buffer_handle);
void buffer_fill(u64 executor_handle, u64 buffer_handle, f32 value, u32 len);
void vector_add_f32(u64 executor_handle, u64 a_handle, u64 b_handle, u64 c_handle, u32 len);
void vector_sub_f32(u64 executor_handle, u64 a_handle, u64 b_handle, u64 c_handle, u32 len);
void vector_mul_f32(u64 executor_handle, u64 a_handle, u64 b_handle, u64 c_handle, u32 len);
void vector_div_f32(u64 executor_handle, u64 a_handle, u64 b_handle, u64 c_handle, u32 len);
void vector_min_f32(u64 executor_handle, u64 a_handle, u64 b_handle, u64 c_handle, u32 len);
void vector_max_f32(u64 executor_handle, u64 a_handle, u64 b_handle, u64 c_handle, u32 len);
void vector_abs_f32(u64 executor_handle, u64 a_handle, u64 c_handle, u32 len);
void vector_neg_f32(u64 executor_handle, u64 a_handle, u64 c_handle, u32 len);
void vector_relu_f32(u64 executor_handle, u64 a_handle, u64 c_handle, u32 len);
void vector_clip_f32(u64 executor_handle, u64 a_handle, u64 c_handle, u32 len, f32 min_val, f32 max_val);
void scalar_add_f32(u64 executor_handle, u64 a_handle, u64 c_handle, u32 len, f32 scalar);
void scalar_mul_f32(u64 executor_handle, u64 a_handle, u64 c_handle, u32 len, f32 scalar);
f32 reduce_sum_f32(u64 executor_handle, u64 input_handle, u64 output_handle, u32 len);
f32 reduce_min_f32(u64 executor_handle, u64 input_handle, u64 output_handle, u32 len);
f32 reduce_max_f32(u64 executor_handle, u64 input_handle, u64 output_handle, u32 len);
void sigmoid_f32(u64 executor_handle, u64 input_handle, u64 output_handle, u32 len);
void tanh_f32(u64 executor_handle, u64 input_handle, u64 output_handle, u32 len);
void gelu_f32(u64 executor_handle, u64 input_handle, u64 output_handle, u32 len);
void softmax_f32(u64 executor_handle, u64 input_handle, u64 output_handle, u32 len);
f32 mse_loss_f32(u64 executor_handle, u64 pred_handle, u64 target_handle, u64 output_handle, u32 len);
f32 cross_entropy_loss_f32(u64 executor_handle, u64 pred_handle, u64 target_handle, u64 output_handle, u32 len);
f32 binary_cross_entropy_loss_f32(u64 executor_handle, u64 pred_handle, u64 target_handle, u64 output_handle, u32 len);
void gemm_f32(u64 executor_handle, u64 a_handle, u64 b_handle, u64 c_handle, u32 m, u32 n, u32 k);
void matvec_f32(u64 executor_handle, u64 a_handle, u64 x_handle, u64 y_handle, u32 m, u32 n);
u64 tensor_from_buffer(u64 buffer_handle, string shape_json); string tensor_shape(u64 tensor_handle);
u64 tensor_slice(u64 tensor_handle, u32 dim, i32 start, i32 end, i32 step);
u64 tensor_matmul(u64 executor_handle, u64 a_handle, u64 b_handle); string get_version(); void clear_all_registries()
"""
TYPES = {"u64": int, "u32": int, "i32": int, "f32": float, "string": str, "void": type(None)}


@pytest.mark.parametrize("text", [line.strip() for line in SIGNATURES.split(";")], ids=lambda text: text.split()[1].split("(")[0])
def test_signatures_are_those_of_the_documents(text):
    result, rest = text.split(" ", 1)
    name, parameters = rest.rstrip(")").split("(")
    function = getattr(hologram_ffi, name)
    hints = typing.get_type_hints(function, {**vars(ffi)})
    wanted = [p.split() for p in parameters.split(", ") if p]
    assert list(inspect.signature(function).parameters) == [name for _, name in wanted] and function.__name__ == name
    assert hints["return"] is TYPES[result]
    for kind, name in wanted:
        if name.endswith("_handle"):
            of = name if name in ("executor_handle", "tensor_handle") else "tensor_handle" if function.__name__.startswith("tensor_m") else "buffer_handle"
            taken = {"executor_handle": hologram_core.Executor, "tensor_handle": hologram_core.HologramTensor, "buffer_handle": hologram_core.Buffer}[of]
            assert set(typing.get_args(hints[name])) == {int, taken}
        else:
            assert hints[name] is TYPES[kind]


def functions():
    return {name: f for name, f in vars(ffi).items() if inspect.isfunction(f) and f.__module__ == ffi.__name__ and not name.startswith("_")}


def test_every_function_by_handle_is_typed_and_named_everywhere():
    assert len(functions()) > 80
    for name, function in functions().items():
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in signature.parameters.values():
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.annotation is not parameter.empty, name
        assert getattr(hologram_ffi, name) is function
        if name not in ("executor_of", "buffer_of", "tensor_of", *vars(hologram_core.classes)):
            assert getattr(hologram_core, name) is function and getattr(hologram, name) is function


def test_every_parameter_is_a_keyword():
    hg = hologram_ffi
    e = hg.new_executor_with_backend(backend="cpu")
    a, b, c = (hg.executor_allocate_buffer(executor_handle=e, len=4) for _ in range(3))
    hg.buffer_copy_from_slice(executor_handle=e, buffer_handle=a, data_json="[1, -2, 3, 4]")
    hg.buffer_fill(executor_handle=e, buffer_handle=b, value=2.0, len=4)
    for name, given, expected in [
            ("vector_add_f32", {"a_handle": a, "b_handle": b, "c_handle": c}, [3, 0, 5, 6]), ("vector_sub_f32", {"a_handle": a, "b_handle": b, "c_handle": c}, [-1, -4, 1, 2]),
            ("vector_mul_f32", {"a_handle": a, "b_handle": b, "c_handle": c}, [2, -4, 6, 8]), ("vector_div_f32", {"a_handle": a, "b_handle": b, "c_handle": c}, [.5, -1, 1.5, 2]),
            ("vector_min_f32", {"a_handle": a, "b_handle": b, "c_handle": c}, [1, -2, 2, 2]), ("vector_max_f32", {"a_handle": a, "b_handle": b, "c_handle": c}, [2, 2, 3, 4]),
            ("vector_abs_f32", {"a_handle": a, "c_handle": c}, [1, 2, 3, 4]), ("vector_neg_f32", {"a_handle": a, "c_handle": c}, [-1, 2, -3, -4]),
            ("vector_relu_f32", {"a_handle": a, "c_handle": c}, [1, 0, 3, 4]),
            ("vector_clip_f32", {"a_handle": a, "c_handle": c, "min_val": 0.0, "max_val": 3.0}, [1, 0, 3, 3]),
            ("scalar_add_f32", {"a_handle": a, "c_handle": c, "scalar": 1.0}, [2, -1, 4, 5]), ("scalar_mul_f32", {"a_handle": a, "c_handle": c, "scalar": 2.0}, [2, -4, 6, 8])]:
        getattr(hg, name)(executor_handle=e, len=4, **given)
        assert hg.buffer_to_vec(executor_handle=e, buffer_handle=c) == str([float(v) for v in expected]), name
    for name, expected in (("reduce_sum_f32", 6), ("reduce_min_f32", -2), ("reduce_max_f32", 4)):
        assert getattr(hg, name)(executor_handle=e, input_handle=a, output_handle=c, len=4) == expected
    assert hg.mse_loss_f32(executor_handle=e, pred_handle=a, target_handle=b, output_handle=c, len=4) == 5.5
    for handle in (a, b, c):
        hg.buffer_cleanup(buffer_handle=handle)
    hg.executor_cleanup(executor_handle=e)


def test_hologram_is_the_core():
    assert hologram.__version__ == hologram_ffi.__version__ == hologram_core.__version__
    for name in dir(hologram_core):
        if not name.startswith("_"):
            assert getattr(hologram, name) is getattr(hologram_core, name), name
    with pytest.raises(AttributeError, match="module 'hologram' has no attribute 'nonsense'"):
        hologram.nonsense
    assert {"Executor", "Buffer", "HologramTensor", "compile", "ops", "vector_add_f32"} <= set(dir(hologram))


def test_modules_of_the_documents():
    from hologram.backend import BackendType, is_cuda_available
    from hologram.buffer import Buffer
    from hologram.executor import Executor
    from hologram.ops import exp, gemm, vector_add

    assert (BackendType, is_cuda_available, Buffer) == (hologram_core.BackendType, hologram_core.is_cuda_available, hologram_core.Buffer)
    assert (Executor, vector_add, gemm, exp) == (hologram_core.Executor, hologram_core.ops.vector_add, hologram_core.ops.gemm, hologram_core.ops.exp)


def test_type_checkers_see_the_names_that_are_there():
    """The imports under TYPE_CHECKING are the table of what is loaded when it is asked for."""
    tree = ast.parse((ROOT / "hologram_core" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    listed = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names} - {"*"}
    loaded = {name for module, names in hologram_core._PLACES.items() if module != "errors" for name in names}
    assert listed == loaded | {"ops", "ffi", "classes"}
    from hologram_core import errors

    assert set(hologram_core._PLACES["errors"]) == {name for name, item in vars(errors).items() if isinstance(item, type)}


def test_importing_loads_nothing_else():
    code = "import sys, hologram; print({'numpy', 'torch', 'llvmlite', 'hologram_torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": f"{NAMES}{os.pathsep}{ROOT}"}, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
