#include "torch/aten/torch_kernels/graph_calls.h"

#include <ATen/Context.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/addmv_cpu_dispatch.h>
#include <ATen/ops/baddbmm_cpu_dispatch.h>
#include <ATen/ops/bmm_cpu_dispatch.h>
#include <ATen/ops/dot_cpu_dispatch.h>
#include <ATen/ops/mm_cpu_dispatch.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "runtime/graph/capture.h"
#include "torch/aten/torch_kernels/blas.h"
#include "torch/aten/torch_kernels/few_rows.h"
#include "torch/aten/torch_kernels/narrow_product.h"
#include "torch/device/errors.h"
#include "torch/device/generator.h"

namespace hologram::aten {
namespace {

at::Tensor cpu_tensor(c10::Storage storage, const at::Tensor& like) {
  at::Tensor t =
      at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CPU), like.dtype());
  t.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
  return t;
}

c10::Storage cpu_storage(const void* data, size_t bytes) {
  return c10::Storage(c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), bytes,
                                                            c10::DataPtr(const_cast<void*>(data), c10::Device(at::kCPU)),
                                                            c10::GetAllocator(at::kCPU), /*resizable=*/false));
}

void move_storage(const c10::Storage& storage, char* address) {
  storage.unsafeGetStorageImpl()->set_data_ptr_noswap(c10::DataPtr(address, c10::Device(at::kCPU)));
}

/// f(tensor) for each tensor in the values; f may replace it.
template <class F>
void each_tensor(torch::jit::Stack& values, F f) {
  for (c10::IValue& value : values) {
    if (value.isTensor()) {
      if (value.toTensor().defined()) value = f(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& t : value.toTensorVector()) list.push_back(t.defined() ? f(t) : t);
      value = std::move(list);
    } else if (value.isList() && value.toList().elementType()->kind() == c10::TypeKind::OptionalType) {
      c10::List<std::optional<at::Tensor>> list;
      bool tensors = true;
      for (const c10::IValue& t : value.toListRef()) {
        if (t.isTensor()) list.push_back(f(t.toTensor()));
        else if (t.isNone()) list.push_back(std::nullopt);
        else tensors = false;
      }
      if (tensors) value = std::move(list);
    }
  }
}

bool same_value(const c10::IValue& a, const c10::IValue& b) {
  if (a.isTensor() && b.isTensor()) {
    const at::Tensor &x = a.toTensor(), &y = b.toTensor();
    return x.defined() == y.defined() && (!x.defined() || (x.sizes() == y.sizes() && x.strides() == y.strides() &&
                                                           x.storage_offset() == y.storage_offset() && x.dtype() == y.dtype()));
  }
  if (a.isList() && b.isList()) {
    const auto x = a.toListRef(), y = b.toListRef();
    return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), &same_value);
  }
  if (a.isGenerator() && b.isGenerator()) return true;
  if (a.tagKind() != b.tagKind()) return false;
  if (a.isDouble())
    return std::memcmp(&static_cast<const double&>(a.toDouble()), &static_cast<const double&>(b.toDouble()), sizeof(double)) == 0;
  return a.isNone() || a.isDevice() || a == b;
}

class TorchCall final : public GraphCall {
 public:
  /// Where its random numbers begin: the generator's number in the graph, and how many were drawn from it before.
  struct Drawn {
    int source;
    uint64_t relative;
    bool operator==(const Drawn& o) const { return source == o.source && relative == o.relative; }
  };

  TorchCall(const Plan& plan, torch::jit::Stack arguments, std::vector<c10::Storage> storages, std::vector<size_t> result_bytes,
            std::optional<Drawn> drawn, Queue& queue)
      : plan_(plan),
        arguments_(std::move(arguments)),
        storages_(std::move(storages)),
        result_bytes_(std::move(result_bytes)),
        results_(result_bytes_.size()),
        drawn_(drawn),
        queue_(queue) {}

  const char* name() const override { return plan_.name.c_str(); }
  void place(int i, char* address) override {
    const size_t n = static_cast<size_t>(i);
    if (n < storages_.size()) move_storage(storages_[n], address);
    else results_[n - storages_.size()] = address;
  }

  void run(Graph& graph) override {
    stack_ = arguments_;
    const auto range = graph.numbers(drawn_ ? drawn_->source : 0, drawn_ ? drawn_->relative : 0);
    const ReplayedPhilox numbers(PhiloxRange{range.seed, range.offset});
    for (size_t i = 0; i < plan_.arguments.size(); ++i)
      if (plan_.arguments[i].kind == ArgumentKind::Generator && drawn_) stack_[i] = native_generator(std::nullopt, 0, at::kCPU);
    {
      const at::AutoDispatchBelowADInplaceOrView below;
      const PoolScope pool(queue_, c10::DeviceType::CPU);
      const SeededDefault seeds(drawn_.has_value(), 0, at::kCPU);
      plan_.op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), &stack_);
    }
    size_t found = 0;
    for (size_t i = 0; i < plan_.returns.size(); ++i) {
      const c10::IValue& value = stack_[stack_.size() - plan_.returns.size() + i];
      if (plan_.returns[i] >= 0) continue;
      if (value.isTensor()) store(value.toTensor(), found);
      else if (value.isTensorList())
        for (const at::Tensor& t : value.toTensorVector()) store(t, found);
    }
    stack_.clear();
    plan_.stat->library.fetch_add(1, std::memory_order_relaxed);
  }

  bool may_vary() const override { return drawn_ || plan_.op.operator_name().name.rfind("aten::", 0) != 0; }

  std::string unlike(const GraphCall& other) const override {
    const auto* o = dynamic_cast<const TorchCall*>(&other);
    if (!o || o->plan_.name != plan_.name) return "another op the next time";
    if (o->drawn_ != drawn_ || o->result_bytes_ != result_bytes_) return "other results the next time";
    for (size_t i = 0; i < arguments_.size(); ++i)
      if (!same_value(arguments_[i], o->arguments_[i]))
        return "its argument '" + plan_.op.schema().arguments()[i].name() +
               "' changes from call to call. Make it a tensor of the device";
    return "";
  }

 private:
  bool is_argument(const at::Tensor& t) const {
    const auto* impl = t.storage().unsafeGetStorageImpl();
    return std::any_of(storages_.begin(), storages_.end(), [&](const c10::Storage& s) { return s.unsafeGetStorageImpl() == impl; });
  }
  void store(const at::Tensor& t, size_t& found) {
    if (!t.defined() || t.storage().nbytes() == 0 || is_argument(t)) return;
    TORCH_CHECK(found < results_.size() && t.storage().nbytes() == result_bytes_[found], "hologram.", plan_.name,
                ": a result of a captured graph has another size than when it was captured.");
    if (t._is_zerotensor()) std::memset(results_[found], 0, result_bytes_[found]);   // it has no memory: gradients of sign and the like
    else std::memcpy(results_[found], t.storage().data(), result_bytes_[found]);
    ++found;
  }

  const Plan& plan_;
  torch::jit::Stack arguments_, stack_;
  std::vector<c10::Storage> storages_;
  std::vector<size_t> result_bytes_;
  std::vector<char*> results_;
  const std::optional<Drawn> drawn_;
  Queue& queue_;
};

bool depends_on_data(const Plan& plan) {
  return plan.op.hasTag(at::Tag::data_dependent_output) || plan.op.hasTag(at::Tag::dynamic_output_shape);
}

}  // namespace

std::vector<uint64_t> CapturedCall::draws_so_far() {
  const Capture* capture = Capture::current();
  return capture ? capture->draws() : std::vector<uint64_t>();
}

void CapturedCall::add(const Plan& plan, torch::jit::Stack arguments, c10::ArrayRef<at::Tensor> results) {
  Capture* const capture = Capture::current();
  if (!capture || capture->refused()) return;
  if (depends_on_data(plan)) return capture->stop("the shape of what " + plan.name + " gives depends on values");
  if (!plan.has_cpu_kernel) return capture->stop(plan.name + " cannot be done again");
  std::vector<c10::Storage> storages, moved;
  std::vector<MemoryUse> uses;
  size_t number = 0;
  const auto plain = [&](const at::Tensor& t) {
    return t.layout() == c10::kStrided && t.has_storage() && !t.is_nested() && !t.is_quantized() && t.is_cpu();
  };
  bool refused = false;
  torch::jit::Stack one(1);
  for (size_t i = 0; i < arguments.size() && i < plan.arguments.size(); ++i) {
    one[0] = std::move(arguments[i]);
    each_tensor(one, [&](const at::Tensor& t) -> at::Tensor {
      if (!plain(t)) {
        refused = true;
        return t;
      }
      if (t.storage().nbytes() == 0) return t;
      auto known =
          std::find_if(storages.begin(), storages.end(), [&](const c10::Storage& s) { return s.is_alias_of(t.storage()); });
      const size_t at = static_cast<size_t>(known - storages.begin());
      if (known == storages.end()) {
        if (!capture->knows(t.storage().data())) {   // numbers that the host gives: as they are
          if (capture->is_fixed() && t.numel() > 1)
            capture->stop(plan.name +
                          " reads a tensor of the host, which a replay would not do. Copy it to a tensor of the device before");
          return t.clone();
        }
        storages.push_back(t.storage());
        moved.push_back(cpu_storage(t.storage().data(), t.storage().nbytes()));
        uses.push_back({t.storage().data(), false});
      }
      uses[at].written |= plan.arguments[i].written;
      at::Tensor alias = cpu_tensor(moved[at], t);
      if (t.unsafeGetTensorImpl()->is_wrapped_number()) alias.unsafeGetTensorImpl()->set_wrapped_number(true);
      if (t.is_conj()) alias.unsafeGetTensorImpl()->_set_conj(true);
      if (t.is_neg()) alias.unsafeGetTensorImpl()->_set_neg(true);
      return alias;
    });
    arguments[i] = std::move(one[0]);
    ++number;
  }
  if (refused) return capture->stop(plan.name + " has an argument that is sparse, nested or quantized");
  std::vector<size_t> result_bytes;
  std::vector<const void*> seen;
  for (const at::Tensor& t : results) {
    if (!t.defined()) continue;
    if (!t.has_storage() || t.layout() != c10::kStrided || t.is_nested())
      return capture->stop(plan.name + " gives a sparse or nested tensor");
    const void* const data = t.storage().data();
    const bool argument = std::any_of(uses.begin(), uses.end(), [&](const MemoryUse& use) { return use.data == data; });
    if (t.storage().nbytes() == 0 || argument || std::find(seen.begin(), seen.end(), data) != seen.end()) continue;
    seen.push_back(data);
    result_bytes.push_back(t.storage().nbytes());
  }
  for (const void* data : seen) uses.push_back({data, true});
  const std::vector<uint64_t> draws = capture->draws();
  std::optional<TorchCall::Drawn> drawn;
  for (size_t i = 0; i < draws.size() && i < draws_.size(); ++i) {
    if (draws[i] == draws_[i]) continue;
    if (drawn) return capture->stop(plan.name + " draws from two generators");
    drawn = {static_cast<int>(i), draws_[i]};
  }
  Queue& queue = current_queue(current_device());
  capture->add_call(
      std::make_unique<TorchCall>(plan, std::move(arguments), std::move(moved), std::move(result_bytes), drawn, queue), uses.data(),
      static_cast<int>(uses.size()));
}

// ---- products ----

namespace {

class ProductCall final : public GraphCall {
 public:
  ProductCall(Product kind, const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const at::Scalar& beta,
              const at::Scalar& alpha)
      : kind_(kind), beta_(beta), alpha_(alpha) {
    const at::Tensor* given[] = {&out, &a, &b};
    for (int i = 0; i < 3; ++i) {
      storages_[i] = cpu_storage(given[i]->storage().data(), given[i]->storage().nbytes());
      tensors_[i] = cpu_tensor(storages_[i], *given[i]);
      offsets_[i] = given[i]->storage_offset() * static_cast<int64_t>(given[i]->element_size());
    }
    const bool is_sum = kind == Product::addmm;
    const bool plain = kind == Product::mm || (is_sum && alpha.equal(1) && beta.equal(1));
    if (plain && is_few_rows(a, b)) few_.emplace(out, a, b, is_sum);
    else if (plain && is_narrow_product(out, a, b)) narrow_.emplace(out, a, b, is_sum);
    else prepare_gemm();
  }

  const char* name() const override {
    static constexpr const char* kNames[] = {"mm", "addmm", "bmm", "baddbmm", "mv", "dot"};
    return kNames[static_cast<int>(kind_)];
  }
  void place(int i, char* address) override {
    move_storage(storages_[i], address);
    address_[i] = address + offsets_[i];
  }

  void run(Graph&) override {
    if (direct_) return gemm();
    if (few_) return few_->run(address_[0], address_[1], address_[2]);
    if (narrow_)
      return narrow_->run(reinterpret_cast<float*>(address_[0]), reinterpret_cast<const float*>(address_[1]),
                          reinterpret_cast<const float*>(address_[2]));
    at::Tensor &out = tensors_[0], &a = tensors_[1], &b = tensors_[2];
    const at::AutoDispatchBelowADInplaceOrView below;
    switch (kind_) {
      case Product::mm: at::cpu::mm_outf(a, b, out); break;
      case Product::addmm: at::cpu::addmm_outf(out, a, b, beta_, alpha_, out); break;
      case Product::bmm: at::cpu::bmm_outf(a, b, out); break;
      case Product::baddbmm: at::cpu::baddbmm_outf(out, a, b, beta_, alpha_, out); break;
      case Product::mv: at::cpu::addmv_outf(out, a, b, 0, 1, out); break;
      case Product::dot: {
        const at::Tensor result = at::cpu::dot(a, b);
        std::memcpy(address_[0], result.const_data_ptr(), result.nbytes());
        break;
      }
    }
  }

  std::string unlike(const GraphCall& other) const override {
    const auto* o = dynamic_cast<const ProductCall*>(&other);
    if (!o || o->kind_ != kind_) return "another product the next time";
    for (int i = 0; i < 3; ++i)
      if (tensors_[i].sizes() != o->tensors_[i].sizes() || tensors_[i].strides() != o->tensors_[i].strides() ||
          tensors_[i].dtype() != o->tensors_[i].dtype() || offsets_[i] != o->offsets_[i])
        return "other shapes the next time";
    return beta_.toDouble() == o->beta_.toDouble() && alpha_.toDouble() == o->alpha_.toDouble()
               ? ""
               : "a factor changes from call to call";
  }

 private:
  /// The call of BLAS that torch's kernel would make, where it makes one and nothing else: ATen/native/LinearAlgebra.cpp,
  /// addmm_impl_cpu_, chooses the transpositions, and ATen/native/CPUBlas.cpp the leading dimensions of single rows.
  void prepare_gemm() {
    const at::Tensor &out = tensors_[0], &a = tensors_[1], &b = tensors_[2];
    if ((kind_ != Product::mm && kind_ != Product::addmm) || out.numel() == 0 || a.size(1) == 0) return;
    is_double_ = out.scalar_type() == at::kDouble;
    static const auto f32 = blas<Gemm<float>>("sgemm_");
    static const auto f64 = blas<Gemm<double>>("dgemm_");
    if (!(is_double_ ? reinterpret_cast<void*>(f64) : reinterpret_cast<void*>(f32)) ||
        (!is_double_ && out.scalar_type() != at::kFloat))
      return;
    if (at::globalContext().allowTF32OneDNN() ||
        at::globalContext().float32MatmulPrecision() != at::Float32MatmulPrecision::HIGHEST)
      return;
    // BLAS counts columns first: what lies in rows is the transposed product, of the matrices in the other order.
    const bool by_columns = out.stride(0) == 1 && (out.size(1) == 1 || out.stride(1) >= std::max<int64_t>(1, out.size(0)));
    if (!by_columns && !(out.stride(1) == 1 && (out.size(0) == 1 || out.stride(0) >= std::max<int64_t>(1, out.size(1))))) return;
    const int down = by_columns ? 0 : 1, along = 1 - down;
    const at::Tensor &first = by_columns ? a : b, &second = by_columns ? b : a;
    first_ = by_columns ? 1 : 2, second_ = by_columns ? 2 : 1;
    const int64_t m = out.size(down), n = out.size(along), k = a.size(1);
    const auto as_operand = [&](const at::Tensor& t, int64_t rows, int64_t columns, int64_t& ld, char& op) {
      if (t.stride(down) == 1 && t.stride(along) >= std::max<int64_t>(1, rows)) return op = 'n', ld = t.stride(along), true;
      if (t.stride(along) == 1 && t.stride(down) >= std::max<int64_t>(1, columns)) return op = 't', ld = t.stride(down), true;
      return false;
    };
    int64_t ld_first, ld_second, ld_out = out.stride(along);
    if (!as_operand(first, m, k, ld_first, op_first_) || !as_operand(second, k, n, ld_second, op_second_)) return;
    if (n == 1) ld_out = m;
    if (op_first_ == 't' && m == 1) ld_first = k;
    if (op_first_ == 'n' && k == 1) ld_first = m;
    if (op_second_ == 't' && k == 1) ld_second = n;
    if (op_second_ == 'n' && n == 1) ld_second = k;
    if (std::max({m, n, k, ld_first, ld_second, ld_out}) > INT32_MAX) return;
    m_ = static_cast<int>(m), n_ = static_cast<int>(n), k_ = static_cast<int>(k);
    ld_first_ = static_cast<int>(ld_first), ld_second_ = static_cast<int>(ld_second), ld_out_ = static_cast<int>(ld_out);
    f32_ = f32, f64_ = f64;
    beta64_ = kind_ == Product::mm ? 0 : beta_.toDouble();
    alpha64_ = kind_ == Product::mm ? 1 : alpha_.toDouble();
    beta32_ = static_cast<float>(beta64_), alpha32_ = static_cast<float>(alpha64_);
    direct_ = true;
  }

  void gemm() const {
    char *out = address_[0], *first = address_[first_], *second = address_[second_];
    if (is_double_)
      f64_(&op_first_, &op_second_, &m_, &n_, &k_, &alpha64_, reinterpret_cast<const double*>(first), &ld_first_,
           reinterpret_cast<const double*>(second), &ld_second_, &beta64_, reinterpret_cast<double*>(out), &ld_out_);
    else
      f32_(&op_first_, &op_second_, &m_, &n_, &k_, &alpha32_, reinterpret_cast<const float*>(first), &ld_first_,
           reinterpret_cast<const float*>(second), &ld_second_, &beta32_, reinterpret_cast<float*>(out), &ld_out_);
  }

  const Product kind_;
  const at::Scalar beta_, alpha_;
  c10::Storage storages_[3];
  at::Tensor tensors_[3];
  int64_t offsets_[3];
  char* address_[3] = {};
  std::optional<FewRows> few_;
  std::optional<NarrowProduct> narrow_;
  bool direct_ = false, is_double_ = false;
  char op_first_ = 'n', op_second_ = 'n';
  int first_ = 0, second_ = 0, m_ = 0, n_ = 0, k_ = 0, ld_first_ = 0, ld_second_ = 0, ld_out_ = 0;
  float alpha32_ = 1, beta32_ = 0;
  double alpha64_ = 1, beta64_ = 0;
  Gemm<float> f32_ = nullptr;
  Gemm<double> f64_ = nullptr;
};

class WorkCall final : public GraphCall {
 public:
  WorkCall(const char* name, size_t uses, std::string facts, std::function<void(char* const*)> f)
      : name_(name), facts_(std::move(facts)), f_(std::move(f)), addresses_(uses) {}
  const char* name() const override { return name_; }
  void place(int i, char* address) override { addresses_[static_cast<size_t>(i)] = address; }
  void run(Graph&) override { f_(addresses_.data()); }
  std::string unlike(const GraphCall& other) const override {
    const auto* o = dynamic_cast<const WorkCall*>(&other);
    return o && o->facts_ == facts_ && !std::strcmp(o->name_, name_) ? "" : "other sizes the next time";
  }

 private:
  const char* name_;
  const std::string facts_;
  const std::function<void(char* const*)> f_;
  std::vector<char*> addresses_;
};

}  // namespace

void capture_product(Product kind, const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const at::Scalar& beta,
                     const at::Scalar& alpha) {
  Capture* const capture = Capture::current();
  if (!capture || capture->refused()) return;
  capture->call(std::make_unique<ProductCall>(kind, out, a, b, beta, alpha),
                {{out.storage().data(), true}, {a.storage().data(), false}, {b.storage().data(), false}});
}

void capture_copy(const void* to, const void* from, size_t bytes, int64_t rows) {
  if (Capture* const capture = Capture::current()) capture->call(copy_call(bytes, rows), {{to, true}, {from, false}});
}

namespace {
/// The bytes from a tensor's first element to its last.
size_t span(const at::Tensor& t) {
  int64_t last = 0;
  for (int64_t d = 0; d < t.dim(); ++d) last += (t.size(d) - 1) * t.stride(d);
  return static_cast<size_t>((last + 1) * static_cast<int64_t>(t.element_size()));
}
}  // namespace

void CapturedCopy::begin(const at::Tensor& dst, const at::Tensor& src) {
  if (!is_hologram(dst)) return;
  work_.emplace();
  Capture* const capture = Capture::current();
  if (!capture || !src.is_cpu()) return;
  // A number is as good as a constant of the program. More is likely meant to be other data each time.
  if (capture->is_fixed() && src.numel() > 1)
    capture->stop(
        "it copies a tensor of the host to the device, which a replay would not do. Copy it to a tensor of the device before");
  capture->constant(src.const_data_ptr(), span(src));
}

void CapturedRead::begin() {
  if (HostWork::is_under_way()) return;
  const Capture* const capture = Capture::current();
  if (capture && capture->reads_values) work_.emplace();
}

void CapturedRead::add(const at::Tensor& value) const {
  if (!work_) return;
  if (Capture* const capture = Capture::current()) capture->read_value(value.const_data_ptr(), value.element_size());
}

void capture_values(const at::Tensor& host) {
  if (!capturing()) return;
  Capture* const capture = Capture::current();
  if (capture && !capture->refused() && capture->reads_values && capture->knows(host.const_data_ptr()))
    capture->read_value(host.const_data_ptr(), host.nbytes());
}

void capture_work(const char* name, c10::ArrayRef<MemoryUse> uses, std::string facts, std::function<void(char* const*)> f) {
  Capture* const capture = Capture::current();
  if (!capture || capture->refused()) return;
  capture->add_call(std::make_unique<WorkCall>(name, uses.size(), std::move(facts), std::move(f)), uses.data(),
                    static_cast<int>(uses.size()));
}

void capture_work(const char* name, std::initializer_list<MemoryUse> uses, std::string facts, std::function<void(char* const*)> f) {
  capture_work(name, c10::ArrayRef<MemoryUse>(uses.begin(), uses.size()), std::move(facts), std::move(f));
}

bool passes(const at::Tensor& flag, const char* message) {
  const HostWork work;
  const bool good = flag.item<bool>();
  if (const Capture* const capture = capturing() && good ? Capture::current() : nullptr) {
    const char* const who = capture->is_fixed() ? "hologram.Graph.replay: " : "hologram.jit: ";
    capture_work("check", {{flag.const_data_ptr(), false}}, message,
                 [=](char* const* at) { TORCH_CHECK(*reinterpret_cast<const bool*>(at[0]), who, message); });
  }
  return good;
}

}  // namespace hologram::aten
