// Ops that run in torch's own kernels by choice: index arithmetic, sorting, pooling, normalization, interpolation,
// LAPACK and FFT. One name here serves every overload that torch's CPU has: functional, in-place and out=.
//
// Libraries whose kernels need more than the boxed road have files of their own: linalg, convolution, attention, rnn.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "torch/aten/delegate.h"

namespace hologram::aten {
namespace {

constexpr std::string_view kLibraryOps[] = {
    // indexing
    "index", "_index_put_impl_", "index_select", "index_add", "index_add_", "index_copy", "index_copy_", "index_fill_",
    "index_reduce", "index_reduce_", "gather", "scatter", "scatter_", "scatter_add", "scatter_add_", "scatter_reduce",
    "scatter_reduce_", "masked_select", "masked_scatter_", "nonzero", "nonzero_static", "take", "put_", "embedding_dense_backward",
    "embedding_renorm_", "_embedding_bag", "_embedding_bag_forward_only", "_embedding_bag_backward",
    "_embedding_bag_dense_backward", "_embedding_bag_per_sample_weights_backward", "searchsorted", "bucketize",
    "repeat_interleave", "unfold_backward", "segment_reduce", "_segment_reduce_backward",
    // rearranging
    "cat", "_stack", "flip", "roll", "channel_shuffle", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "im2col", "col2im",
    "reflection_pad1d", "reflection_pad1d_backward", "reflection_pad2d", "reflection_pad2d_backward", "reflection_pad3d",
    "reflection_pad3d_backward", "replication_pad1d", "replication_pad1d_backward", "replication_pad2d",
    "replication_pad2d_backward", "replication_pad3d", "replication_pad3d_backward",
    // order
    "sort", "topk", "kthvalue", "median", "nanmedian", "mode", "unique_consecutive", "unique_dim", "_unique", "_unique2", "isin",
    "histc", "histogram", "_histogramdd_bin_edges", "_histogramdd_from_bin_cts", "_histogramdd_from_bin_tensors", "bincount",
    // sampling: torch's own samplers, seeded from the device's generator
    "randperm", "multinomial", "poisson", "binomial", "_standard_gamma", "_sample_dirichlet",
    // pooling and interpolation
    "avg_pool2d", "avg_pool2d_backward", "avg_pool3d", "avg_pool3d_backward", "_adaptive_avg_pool2d",
    "_adaptive_avg_pool2d_backward", "_adaptive_avg_pool3d", "_adaptive_avg_pool3d_backward", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "adaptive_avg_pool3d_backward", "adaptive_max_pool2d", "adaptive_max_pool2d_backward", "adaptive_max_pool3d", "adaptive_max_pool3d_backward",
    "max_pool2d_with_indices", "max_pool2d_with_indices_backward", "max_pool3d_with_indices",
    "max_pool3d_with_indices_backward", "max_unpool2d", "max_unpool3d", "fractional_max_pool2d",
    "fractional_max_pool2d_backward", "fractional_max_pool3d", "fractional_max_pool3d_backward", "grid_sampler_2d",
    "grid_sampler_2d_backward", "grid_sampler_3d", "grid_sampler_3d_backward", "upsample_nearest1d",
    "upsample_nearest1d_backward", "upsample_nearest2d", "upsample_nearest2d_backward", "upsample_nearest3d",
    "upsample_nearest3d_backward", "_upsample_nearest_exact1d", "_upsample_nearest_exact1d_backward",
    "_upsample_nearest_exact2d", "_upsample_nearest_exact2d_backward", "_upsample_nearest_exact3d",
    "_upsample_nearest_exact3d_backward", "upsample_linear1d", "upsample_linear1d_backward", "upsample_bilinear2d",
    "upsample_bilinear2d_backward", "upsample_trilinear3d", "upsample_trilinear3d_backward", "upsample_bicubic2d",
    "upsample_bicubic2d_backward", "_upsample_bilinear2d_aa", "_upsample_bilinear2d_aa_backward", "_upsample_bicubic2d_aa",
    "_upsample_bicubic2d_aa_backward", "_upsample_lanczos2d_aa", "_upsample_lanczos2d_aa_backward",
    // normalization over batches and groups
    "native_batch_norm", "native_batch_norm_backward", "_native_batch_norm_legit", "_batch_norm_with_update",
    "batch_norm_backward", "batch_norm_update_stats", "native_group_norm", "native_group_norm_backward", "_weight_norm_interface",
    "_weight_norm_interface_backward",
    // losses over alignments, distances
    "_ctc_loss", "_ctc_loss_backward", "_cdist_forward", "_cdist_backward", "_pdist_forward", "_pdist_backward",
    // transformer blocks
    "_native_multi_head_attention", "_transformer_encoder_layer_fwd", "_transform_bias_rescale_qkv", "_masked_softmax",
    "_masked_softmax_backward", "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention_for_cpu_backward",
    // BLAS and LAPACK
    "vdot", "addmv", "addmv_", "addbmm", "addbmm_", "_addmm_activation", "_int_mm", "_scaled_mm", "_scaled_mm_v2", "trace", "cholesky",
    "cholesky_inverse", "_cholesky_solve_helper", "geqrf", "ormqr", "lu_unpack", "triangular_solve", "_linalg_det", "_linalg_eigh",
    "_linalg_eigvals", "_linalg_slogdet", "_linalg_solve_ex", "_linalg_svd", "linalg_cholesky_ex", "linalg_cross", "linalg_eig",
    "linalg_eigvals", "linalg_householder_product", "linalg_inv_ex", "linalg_ldl_factor_ex", "linalg_ldl_solve", "linalg_lstsq",
    "linalg_lu", "linalg_lu_factor_ex", "linalg_lu_solve", "linalg_matrix_exp", "linalg_qr", "linalg_solve_triangular",
    "_compute_linear_combination",
    // Fourier transforms
    "_fft_c2c", "_fft_c2r", "_fft_r2c",
};

// Overloads of the names above that have a kernel of their own (indexing.cpp, cat.cpp).
constexpr std::string_view kOwnKernels[] = {"index.Tensor", "index_select", "cat"};

}  // namespace

// The overloads are those the installed torch has a CPU kernel for: versions differ, and a name that does not exist would be
// registered in silence.
TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  std::vector<std::string_view> names(std::begin(kLibraryOps), std::end(kLibraryOps));
  std::sort(names.begin(), names.end());
  constexpr std::string_view prefix = "aten::";
  for (const c10::OperatorName& op :
       c10::Dispatcher::singleton().getRegistrationsForDispatchKey(c10::DispatchKey::CPU)) {
    if (op.name.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string base = op.name.substr(prefix.size());
    if (!std::binary_search(names.begin(), names.end(), std::string_view(base))) continue;
    const std::string full = op.overload_name.empty() ? base : base + "." + op.overload_name;
    if (std::find(std::begin(kOwnKernels), std::end(kOwnKernels), full) != std::end(kOwnKernels)) continue;
    m.impl(full.c_str(), torch::CppFunction::makeFromBoxedFunction<&library>());
  }
}

}  // namespace hologram::aten
