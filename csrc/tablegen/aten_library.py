"""Writes library_0.inc ...: the aten overloads that torch's own CPU kernels serve on the device's memory, by choice.

The names below are a decision: these ops have no rows, because torch's kernels are as good as ours would be, or because no
kernel of ours is worth having. One name serves every overload that the installed torch has a CPU kernel for: functional,
in-place and out=. Where torch composes an op for every device in a way that suits only its own (mode, kaiser_window), the name
serves those overloads. An overload with a kernel of its own keeps it (csrc/torch/aten/torch_kernels/library.h). Everything that is listed
nowhere goes to the fallback (csrc/torch/aten/torch_kernels/fallback.h).

From the schemas the build takes only which overloads exist: arguments and results come from torch's C++ classes
(at::_ops::X), so that one tree serves every version.
"""

from __future__ import annotations

import sys
from collections import defaultdict

from csrc.tablegen.aten_table import Schemas, header_of, op_class, qualified, type_name, writes
from hologram_core.versions import release

PARTS = 4   # translation units; each names its file in csrc/torch/aten

LIBRARY = {
    "indexing": """
        index _index_put_impl_ index_select index_add index_add_ index_copy index_copy_ index_fill_ index_reduce
        index_reduce_ gather scatter scatter_ scatter_add scatter_add_ scatter_reduce scatter_reduce_ masked_select
        masked_scatter_ nonzero nonzero_static take put_ embedding_dense_backward embedding_renorm_ _embedding_bag
        _embedding_bag_forward_only _embedding_bag_backward _embedding_bag_dense_backward
        _embedding_bag_per_sample_weights_backward searchsorted bucketize repeat_interleave unfold_backward
        segment_reduce _segment_reduce_backward unique_dim_consecutive tril_indices triu_indices""",
    "rearranging": """
        cat _stack flip roll channel_shuffle native_channel_shuffle pixel_shuffle pixel_unshuffle im2col col2im
        reflection_pad1d reflection_pad1d_backward reflection_pad2d reflection_pad2d_backward reflection_pad3d
        reflection_pad3d_backward replication_pad1d replication_pad1d_backward replication_pad2d
        replication_pad2d_backward replication_pad3d replication_pad3d_backward narrow_copy addr addr_""",
    "order": """
        sort topk kthvalue median nanmedian mode mode.values unique_consecutive unique_dim _unique _unique2 isin histc histogram
        _histogramdd_bin_edges _histogramdd_from_bin_cts _histogramdd_from_bin_tensors bincount""",
    "sampling: torch's own samplers, seeded from the device's generator": """
        randperm multinomial poisson binomial _standard_gamma _sample_dirichlet rrelu_with_noise rrelu_with_noise_
        _standard_gamma_grad _dirichlet_grad""",
    "random numbers of keys that the caller holds": """
        _philox_key_split _philox_key_fold_in _philox_uniform_ _philox_normal_ _philox_randint_""",
    "pooling and interpolation": """
        avg_pool2d avg_pool2d_backward avg_pool3d avg_pool3d_backward _adaptive_avg_pool2d
        _adaptive_avg_pool2d_backward _adaptive_avg_pool3d _adaptive_avg_pool3d_backward adaptive_avg_pool2d
        adaptive_avg_pool3d adaptive_avg_pool3d_backward adaptive_max_pool2d adaptive_max_pool2d_backward
        adaptive_max_pool3d adaptive_max_pool3d_backward max_pool2d_with_indices max_pool2d_with_indices_backward
        max_pool3d_with_indices max_pool3d_with_indices_backward max_unpool2d max_unpool3d fractional_max_pool2d
        fractional_max_pool2d_backward fractional_max_pool3d fractional_max_pool3d_backward grid_sampler_2d
        grid_sampler_2d_backward grid_sampler_3d grid_sampler_3d_backward upsample_nearest1d
        upsample_nearest1d_backward upsample_nearest2d upsample_nearest2d_backward upsample_nearest3d
        upsample_nearest3d_backward _upsample_nearest_exact1d _upsample_nearest_exact1d_backward
        _upsample_nearest_exact2d _upsample_nearest_exact2d_backward _upsample_nearest_exact3d
        _upsample_nearest_exact3d_backward upsample_linear1d upsample_linear1d_backward upsample_bilinear2d
        upsample_bilinear2d_backward upsample_trilinear3d upsample_trilinear3d_backward upsample_bicubic2d
        upsample_bicubic2d_backward _upsample_bilinear2d_aa _upsample_bilinear2d_aa_backward _upsample_bicubic2d_aa
        _upsample_bicubic2d_aa_backward _upsample_lanczos2d_aa _upsample_lanczos2d_aa_backward""",
    "normalization over batches and groups": """
        native_batch_norm native_batch_norm_backward _native_batch_norm_legit _batch_norm_with_update
        batch_norm_backward batch_norm_update_stats native_group_norm native_group_norm_backward
        _weight_norm_interface _weight_norm_interface_backward""",
    "losses over alignments, distances": """
        _ctc_loss _ctc_loss_backward _cdist_forward _cdist_backward _pdist_forward _pdist_backward multi_margin_loss
        multi_margin_loss_backward multilabel_margin_loss_forward multilabel_margin_loss_backward""",
    "transformer blocks": """
        _native_multi_head_attention _transformer_encoder_layer_fwd _transform_bias_rescale_qkv _masked_softmax
        _masked_softmax_backward _scaled_dot_product_flash_attention_for_cpu
        _scaled_dot_product_flash_attention_for_cpu_backward""",
    "BLAS and LAPACK": """
        vdot addmv addmv_ addbmm addbmm_ _addmm_activation _int_mm _scaled_mm _scaled_mm_v2 trace cholesky
        cholesky_inverse _cholesky_solve_helper geqrf ormqr lu_unpack triangular_solve _linalg_det _linalg_eigh
        _linalg_eigvals _linalg_slogdet _linalg_solve_ex _linalg_svd linalg_cholesky_ex linalg_cross linalg_eig
        linalg_eigvals linalg_householder_product linalg_inv_ex linalg_ldl_factor_ex linalg_ldl_solve linalg_lstsq
        linalg_lu linalg_lu_factor_ex linalg_lu_solve linalg_matrix_exp linalg_matrix_sqrth linalg_polar linalg_qr
        linalg_solve_triangular
        _compute_linear_combination mm addmm addmm_ bmm baddbmm baddbmm_ dot linalg__powsum
        _weight_int8pack_mm _weight_int4pack_mm_for_cpu _convert_weight_to_int4pack_for_cpu
        _dyn_quant_pack_4bit_weight _dyn_quant_matmul_4bit""",
    "Fourier transforms": """
        _fft_c2c _fft_c2r _fft_r2c""",
    "special functions, and elementwise ops without rows": """
        gcd gcd_ lcm lcm_ igamma igamma_ igammac igammac_ polygamma mvlgamma special_airy_ai special_bessel_j0
        special_bessel_j1 special_bessel_y0 special_bessel_y1 special_chebyshev_polynomial_t
        special_chebyshev_polynomial_u special_chebyshev_polynomial_v special_chebyshev_polynomial_w
        special_hermite_polynomial_h special_hermite_polynomial_he special_laguerre_polynomial_l
        special_legendre_polynomial_p special_modified_bessel_i0 special_modified_bessel_i1
        special_modified_bessel_k0 special_modified_bessel_k1 special_scaled_modified_bessel_k0
        special_scaled_modified_bessel_k1 special_shifted_chebyshev_polynomial_t
        special_shifted_chebyshev_polynomial_u special_shifted_chebyshev_polynomial_v
        special_shifted_chebyshev_polynomial_w special_spherical_bessel_j0 special_zeta glu glu_backward glu_jvp
        glu_backward_jvp frexp complex polar conj_physical_ renorm renorm_ hash_tensor _aminmax _assert_async
        _functional_assert_async _efficientzerotensor
        logspace kaiser_window range __ilshift__
        __irshift__ __lshift__ __rshift__ conj_physical""",
    "convolutions by name": """
        _slow_conv2d_forward _slow_conv2d_backward slow_conv_transpose2d slow_conv3d_forward slow_conv_transpose3d
        slow_conv_dilated2d slow_conv_dilated3d""",
    "rounding to a quantized grid, in floating point": """
        fake_quantize_per_tensor_affine_cachemask _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
        fake_quantize_per_channel_affine_cachemask _fake_quantize_learnable_per_tensor_affine
        _fake_quantize_learnable_per_tensor_affine_backward _fake_quantize_learnable_per_channel_affine
        _fake_quantize_learnable_per_channel_affine_backward _fused_moving_avg_obs_fq_helper""",
    "dense tensors to sparse and ragged ones, and the indices of these": """
        _to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc _spdiags
        _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo _validate_compressed_sparse_indices
        _jagged_to_padded_dense_forward _padded_dense_to_jagged_forward""",
}

# Names with a CPU kernel in some of the supported releases only: the first that has it, the first that has it no more.
NEWEST = (1 << 30, 0)
RELEASES = {
    "_upsample_lanczos2d_aa": ((2, 12), NEWEST),
    "_upsample_lanczos2d_aa_backward": ((2, 12), NEWEST),
    "_scaled_mm_v2": ((2, 12), NEWEST),
    "cholesky": ((2, 0), (2, 14)),
    "linalg_matrix_sqrth": ((2, 14), NEWEST),
    "linalg_polar": ((2, 14), NEWEST),
    "_philox_key_split": ((2, 14), NEWEST),
    "_philox_key_fold_in": ((2, 14), NEWEST),
    "_philox_uniform_": ((2, 14), NEWEST),
    "_philox_normal_": ((2, 14), NEWEST),
    "_philox_randint_": ((2, 15), NEWEST),
}


def in_release(name: str, torch_release: tuple[int, int]) -> bool:
    first, end = RELEASES.get(name, ((2, 0), NEWEST))
    return first <= torch_release < end


def kind(schema) -> tuple:
    """Overloads of one kind have one C++ signature."""
    return (*((type_name(a), writes(a)) for a in schema.arguments), *(str(r.type) for r in schema.returns))


def overloads(schemas: Schemas):
    """(the schemas the names stand for, names that stand for none)."""
    have_cpu_kernel = set(schemas.torch._C._dispatch_get_registrations_for_dispatch_key("CPU"))
    composed = set(schemas.torch._C._dispatch_get_registrations_for_dispatch_key("CompositeExplicitAutograd"))
    found, missing = [], []
    for name in dict.fromkeys(" ".join(LIBRARY.values()).split()):
        base = name.partition(".")[0]
        named = [s for s in schemas.by_base[base] if name in (base, qualified(s)[6:])]
        own = [s for s in named if qualified(s) in have_cpu_kernel] or [s for s in named if qualified(s) in composed]
        found += own
        missing += [] if own else [name]
    return found, missing


def library_tables() -> list[str]:
    """The texts of the parts. Names that this torch unexpectedly has no CPU kernel for are reported, not fatal."""
    schemas = Schemas()
    found, missing = overloads(schemas)
    kinds = defaultdict(list)
    for schema in found:
        if header_of(schema, schemas.torch) is None:
            missing.append(f"{qualified(schema)} (no header declares it)")
        else:
            kinds[kind(schema)].append(schema)
    for name in missing:
        if in_release(name, release(schemas.torch.__version__)):
            print(f"library table: {name}: no CPU kernel in torch {schemas.torch.__version__}", file=sys.stderr)
    parts = [[] for _ in range(PARTS)]
    for number, group in enumerate(sorted(kinds.values(), key=len)):
        parts[number % PARTS] += group
    return [part_text(part, number, schemas.torch) for number, part in enumerate(parts)]


def part_text(part, number: int, torch) -> str:
    headers = sorted({header_of(schema, torch) for schema in part})
    lines = [f"// Generated by csrc/tablegen/aten_library.py for torch {torch.__version__}. Do not edit.",
             *headers,
             "namespace hologram::aten {", f"void register_library_{number}(torch::Library& m) {{"]
    lines += [f"  HG_TYPED_CALL({op_class(schema)})" for schema in part]
    return "\n".join([*lines, "}", "}  // namespace hologram::aten", ""])
