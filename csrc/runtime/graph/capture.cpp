#include "runtime/graph/capture.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/copy_rows.h"
#include "runtime/base/error.h"
#include "runtime/ir/key.h"
#include "runtime/kernels/kernel.h"

namespace hologram {

namespace {

std::atomic<Capture*> under_way{nullptr};

/// What a key says of its kernel (kernel.h has the format).
struct KernelShape {
  int operands = 0;
  bool written[kMaxOperands] = {};
  int draws = 0;
  int seeds[kMaxNodes], offsets[kMaxNodes];   // numbers of scalars

  explicit KernelShape(const std::string& key) {
    const auto* p = reinterpret_cast<const uint8_t*>(key.data());
    const int nodes = p[4];
    operands = p[5];
    p += 8;
    for (int n = 0; n < nodes; ++n) {
      const auto op = static_cast<Op>(p[0] | p[1] << 8);
      if (const int at = op_facts(op).seed_argument; at >= 0) {
        seeds[draws] = p[5 + at] - kScalarRef;
        offsets[draws++] = p[6 + at] - kScalarRef;
      }
      p += 5 + p[4];
    }
    for (int i = 0; i < operands; ++i, p += 4) written[i] = p[2] != 0;
  }
};

class CopyCall final : public GraphCall {
 public:
  CopyCall(size_t bytes, int64_t rows) : bytes_(bytes), rows_(rows) {}
  const char* name() const override { return "copy"; }
  void place(int i, char* address) override {
    if (i == 0) to_ = address;
    else from_ = address;
  }
  void run(Graph&) override { copy_rows(to_, from_, bytes_, static_cast<size_t>(rows_)); }
  std::string unlike(const GraphCall& other) const override {
    const auto* o = dynamic_cast<const CopyCall*>(&other);
    return o && o->bytes_ == bytes_ && o->rows_ == rows_ ? "" : "a copy of another size";
  }

 private:
  char* to_ = nullptr;
  const char* from_ = nullptr;
  size_t bytes_;
  int64_t rows_;
};

/// A value that decided what the program did.
class ValueCheck final : public GraphCall {
 public:
  ValueCheck(const void* value, size_t bytes, const std::string& where)
      : value_(static_cast<const char*>(value), bytes), name_("a value (.item(), bool(), if)" + where) {}
  const char* name() const override { return name_.c_str(); }
  void place(int, char* address) override { at_ = address; }
  void run(Graph&) override {
    if (std::memcmp(at_, value_.data(), value_.size()) != 0) throw OtherValue{};
  }
  bool is_check() const override { return true; }
  std::string unlike(const GraphCall& other) const override {
    const auto* o = dynamic_cast<const ValueCheck*>(&other);
    return o && o->value_ == value_
               ? ""
               : "the host reads a value that changes from call to call. Return the tensor, and look at it afterwards";
  }

 private:
  const std::string value_, name_;
  const char* at_ = nullptr;
};

}  // namespace

std::unique_ptr<GraphCall> copy_call(size_t bytes, int64_t rows) { return std::make_unique<CopyCall>(bytes, rows); }

Capture::Capture(Queue& queue, std::unique_ptr<Fixed> fixed)
    : graph_(std::make_unique<Graph>(queue)), thread_(std::this_thread::get_id()), fixed_(std::move(fixed)) {
  if (fixed_) graph_->further_draws_.resize(fixed_->generators.size());
  Capture* none = nullptr;
  if (!under_way.compare_exchange_strong(none, this))
    fail(Error::Kind::Runtime,
         "hologram.capture: another graph is being captured. Capture one at a time, and none inside another.");
  capture_on.store(true);
}

Capture::~Capture() {
  undo();
  capture_on.store(false);
  under_way.store(nullptr);
  for (Block* block : held_) block->release();
  if (!graph_) return;
  for (Graph::Memory& memory : graph_->memories_)
    if (!memory.constant) memory.block = nullptr;   // seen, not held
}

Capture* Capture::any() { return under_way.load(std::memory_order_acquire); }

Capture* Capture::current() {
  Capture* const capture = any();
  if (!capture) return nullptr;
  if (std::this_thread::get_id() != capture->thread_) {
    capture->refuse("another thread used the device");
    return nullptr;
  }
  return capture;
}

void Capture::refuse(const std::string& reason) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  if (reason_.empty()) reason_ = reason;
}

void Capture::tell() {
  if (!fixed_ || !refused() || told_) return;
  told_ = true;
  const std::string where = locate ? locate() : std::string();
  fail(Error::Kind::Runtime, "hologram.Graph: ", where.empty() ? "" : where + ": ", "this cannot be captured: ", reason_, ".");
}

/// Where the program is, as a part of a reason that is told later; what is told at once says it itself.
std::string Capture::here() const {
  const std::string where = locate && !fixed_ ? locate() : std::string();
  return where.empty() ? where : " at " + where;
}

// ---- what is undone ----

void Capture::save(Block& block) {
  if (!fixed_ || block.queue != graph_->queue_ || saved_.count(&block)) return;
  std::unique_ptr<char[]> bytes(new char[block.bytes]);
  std::memcpy(bytes.get(), block.data, block.bytes);
  saved_.emplace(&block, std::move(bytes));
}

/// The memory at an address, if it was there before.
void Capture::save_under(const void* address) {
  MemoryRef ref;
  if (!find(address, ref)) return;
  const Graph::Memory& memory = graph_->memories_[static_cast<size_t>(ref.memory)];
  if (!memory.made && !memory.constant && memory.block) save(*memory.block);
}

void Capture::undo() noexcept {
  for (const auto& [block, bytes] : saved_) {
    std::memcpy(block->data, bytes.get(), block->bytes);
    note_write(*block);
  }
  saved_.clear();
}

size_t Capture::saved_bytes() const {
  size_t bytes = 0;
  for (const auto& [block, _] : saved_) bytes += block->bytes;
  return bytes;
}

// ---- memory ----

int Capture::add_memory(char* data, size_t bytes, Block* block, bool made) {
  if (block && block->queue != graph_->queue_) refuse("it uses memory of another backend or device");
  Graph::Memory memory;
  memory.block = block;
  memory.bytes = bytes;
  memory.made = made;
  if (!made) memory.kind = Graph::Kind::Kept;
  const int number = static_cast<int>(graph_->memories_.size());
  graph_->memories_.push_back(memory);
  ranges_[data] = {bytes, number};
  if (block) numbers_[block] = number;
  return number;
}

int Capture::give(Block& block) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  if (numbers_.count(&block)) {
    refuse("two arguments share memory");
    return numbers_[&block];
  }
  const int number = add_memory(block.data, block.bytes, &block, false);
  graph_->memories_.back().kind = Graph::Kind::Given;
  return number;
}

int Capture::give_host(const void* data, size_t bytes) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  const int number = add_memory(static_cast<char*>(const_cast<void*>(data)), bytes, nullptr, false);
  graph_->memories_.back().kind = Graph::Kind::Given;
  gives_host_ = true;
  return number;
}

int Capture::number_of(const Block& block) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  const auto found = numbers_.find(&block);
  return found == numbers_.end() ? -1 : found->second;
}

int Capture::result(Block& block) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  see(block);
  const int number = numbers_[&block];
  Graph::Memory& memory = graph_->memories_[static_cast<size_t>(number)];
  if (memory.made) memory.kind = Graph::Kind::Given;
  return number;
}

void Capture::see(Block& block) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  if (numbers_.count(&block)) return;
  if (block.pool == Block::Pool::External && block.bytes) {   // an array of the host may be brought in twice
    MemoryRef ref;
    const auto next = ranges_.upper_bound(block.data);
    size_t left = 0;     // bytes from the block's begin to the end of the memory that it begins in
    if (find(block.data, ref)) left = graph_->memories_[static_cast<size_t>(ref.memory)].bytes - static_cast<size_t>(ref.offset);
    const bool begins_inside = left > 0;
    if (begins_inside ? block.bytes > left : next != ranges_.end() && next->first < block.data + block.bytes)
      refuse("it uses memory that overlaps other memory in part");
    if (begins_inside) {
      numbers_[&block] = ref.memory;
      return;
    }
  }
  add_memory(block.data, block.bytes, &block, false);
  if (!fixed_) return;
  block.retain();
  held_.push_back(&block);
}

void Capture::see(const Circuit& circuit) {
  for (int i = 0; i < circuit.num_operands; ++i)
    if (circuit.operands[i].block) see(*circuit.operands[i].block);
}

void Capture::allocated(Block& block) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  add_memory(block.data, block.bytes, &block, true);
  if (hashes_nodes && block.pool != Block::Pool::External) std::memset(block.data, 0, block.bytes);
}

bool Capture::knows(const void* address) const {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  MemoryRef ref;
  return find(address, ref);
}

void Capture::constant(const void* data, size_t bytes) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  MemoryRef ref;
  if (refused() || find(data, ref)) return;
  if (gives_host_ && std::find(allowed_.begin(), allowed_.end(), data) == allowed_.end())
    return refuse("it copies memory of the host that is no argument. Pass it as an argument, or make it on the device before");
  const int number = static_cast<int>(graph_->memories_.size());
  Block* const block = allocate_block(*graph_->queue_, bytes);
  std::memcpy(block->data, data, bytes);
  Graph::Memory& memory = graph_->memories_[static_cast<size_t>(number)];
  memory.made = false;
  memory.constant = true;
  memory.kind = Graph::Kind::Kept;
  has_constants_ = true;
  constants_.push_back({static_cast<const char*>(data), bytes, number});
}

void Capture::released(const Block& block) noexcept {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  const auto found = numbers_.find(&block);
  if (found == numbers_.end()) return;
  Graph::Memory& memory = graph_->memories_[static_cast<size_t>(found->second)];
  if (memory.block != &block) {   // a further one over the same memory
    numbers_.erase(found);
    return;
  }
  memory.block = nullptr;
  const auto range = ranges_.find(block.data);
  if (range != ranges_.end() && range->second.memory == found->second) ranges_.erase(range);
  numbers_.erase(found);
}

bool Capture::find(const void* address, MemoryRef& ref) const {
  const char* const at = static_cast<const char*>(address);
  for (auto known = constants_.rbegin(); known != constants_.rend(); ++known)
    if (at >= known->host && at < known->host + known->bytes) return ref = {known->memory, at - known->host}, true;
  auto next = ranges_.upper_bound(at);
  if (next == ranges_.begin()) return false;
  const auto& [begin, range] = *--next;
  if (at > begin + range.bytes) return false;   // an operand without elements may lie at the end
  ref = {range.memory, at - begin};
  return true;
}

/// The memory under an address, used by the node that is added next.
MemoryRef Capture::use(const void* address, bool written, int node, bool has_run) {
  MemoryRef ref{-1, 0};
  if (!address && !ranges_.count(nullptr)) {   // of a tensor without elements: it lies nowhere, in each run
    add_memory(nullptr, 0, nullptr, false);
    graph_->memories_.back().kind = Graph::Kind::Given;
  }
  if (!find(address, ref)) {
    refuse("it reads memory of the host that is no argument. Pass it as an argument, or make it on the device before");
    return ref;
  }
  Graph::Memory& memory = graph_->memories_[static_cast<size_t>(ref.memory)];
  if (memory.first < 0) memory.first = node;
  memory.last = node;
  memory.written |= written;
  if (fixed_ && has_run && written && !memory.made && !memory.constant && memory.block && !saved_.count(memory.block))
    refuse("memory that was there before was written without notice");
  return ref;
}

// ---- nodes ----

void Capture::launched(const Kernel& kernel, const Launch* launches, int count) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  if (refused() && !fixed_) return;
  Graph& g = *graph_;
  const KernelShape shape(kernel.key);
  if (fixed_)      // what runs is undone, even where it cannot be captured
    for (int l = 0; l < count; ++l)
      for (int i = 0; i < shape.operands; ++i)
        if (shape.written[i]) save_under(launches[l].operands[i]);
  if (refused()) return;
  Key key;
  key_from_bytes(kernel.key.data(), kernel.key.size(), key);
  const int num_args = num_kernel_args(key), node = static_cast<int>(g.nodes_.size());
  g.nodes_.push_back({&kernel, static_cast<int>(g.records_.size()), count, node});
  for (int l = 0; l < count; ++l) {
    const Launch& launch = launches[l];
    g.records_.push_back(
        {g.operand_refs_.size(), g.args_.size(), shape.operands, num_args, launch.items, launch.elements_per_item});
    for (int i = 0; i < shape.operands; ++i) {
      g.operand_refs_.push_back(use(launch.operands[i], shape.written[i], node));
      g.operand_written_.push_back(shape.written[i]);
    }
    const size_t args = g.args_.size();
    g.args_.insert(g.args_.end(), launch.args, launch.args + num_args);
    for (int d = 0; d < shape.draws; ++d) {
      const size_t seed = args + static_cast<size_t>(shape.seeds[d]), offset = args + static_cast<size_t>(shape.offsets[d]);
      const auto found = std::find_if(drawn_.begin(), drawn_.end(), [&](const Drawn& drawn) {
        return drawn.seed == static_cast<uint64_t>(g.args_[seed]) && drawn.offset == static_cast<uint64_t>(g.args_[offset]);
      });
      if (found == drawn_.end() && draws_are_named) {
        g.draw_places_.push_back({seed, offset, static_cast<uint64_t>(g.args_[offset]), Graph::kNamedDraw});
        continue;
      }
      if (found == drawn_.end()) return refuse("random numbers come from a generator that it does not know");
      g.draw_places_.push_back({seed, offset, found->relative, found->source});
      g.args_[seed] = g.args_[offset] = 0;
    }
  }
  constants_.clear();
}

void Capture::add_call(std::unique_ptr<GraphCall> call, const MemoryUse* uses, int count) {
  {
    std::lock_guard<std::recursive_mutex> hold(lock_);
    if (refused()) return;
    Graph& g = *graph_;
    const int node = static_cast<int>(g.nodes_.size());
    g.nodes_.push_back({nullptr, static_cast<int>(g.calls_.size()), 1, node});
    g.calls_.push_back({std::move(call), static_cast<int>(g.call_refs_.size()), count});
    for (int i = 0; i < count; ++i) {
      g.call_refs_.push_back(use(uses[i].data, uses[i].written, node, true));
      g.call_written_.push_back(uses[i].written);
    }
    constants_.clear();
  }
  ran();
}

void Capture::ran() {
  if (!hashes_nodes) return;
  std::string where = here();   // no lock is held: it may wait for the interpreter
  std::lock_guard<std::recursive_mutex> hold(lock_);
  if (refused() || graph_->nodes_.empty()) return;
  const size_t node = graph_->nodes_.size() - 1;
  hashes_.resize(node);
  std::vector<int> seen;
  NodeRun run{node_name(static_cast<int>(node)), std::move(where), 0};
  graph_->each_ref(graph_->nodes_[node], [&](MemoryRef ref, bool written) {
    const Graph::Memory& memory = graph_->memories_[static_cast<size_t>(ref.memory)];
    if (!written || !memory.block || std::find(seen.begin(), seen.end(), ref.memory) != seen.end()) return;
    seen.push_back(ref.memory);
    run.bits += hash_of(memory.block->data, memory.bytes);
  });
  hashes_.push_back(std::move(run));
}

void Capture::read_value(const void* data, size_t bytes) {
  call(std::make_unique<ValueCheck>(data, bytes, here()), {{data, false}});
}

uint64_t Capture::drew(uint64_t seed, uint64_t offset, uint64_t count, int source) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  uint64_t& draws = draws_of(source);
  drawn_.push_back({seed, offset, count, draws, source});
  draws += count;
  return drawn_.back().relative;
}

bool Capture::moved(int source, uint64_t seed, uint64_t offset) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  for (const Drawn& before : drawn_)
    if (before.source == source && before.seed == seed && (offset == before.offset || offset == before.offset + before.count)) {
      draws_of(source) = before.relative + (offset - before.offset);
      return true;
    }
  return false;
}

int Capture::source_of(const void* generator) const {
  if (!fixed_) return -1;
  const auto found = std::find(fixed_->generators.begin(), fixed_->generators.end(), generator);
  return found == fixed_->generators.end() ? -1 : 1 + static_cast<int>(found - fixed_->generators.begin());
}

void Capture::accessed(Block& block, bool written) {
  see(block);
  if (!HostWork::is_under_way()) {
    if (!refused())   // no lock is held here: locate may wait
      refuse("the host reads or writes a tensor (.item(), .cpu(), numpy, data_ptr, or an op that looks at values)" + here());
    return tell();
  }
  std::lock_guard<std::recursive_mutex> hold(lock_);
  if (written && !made(numbers_[&block])) save(block);
}

void Capture::check_owners(const std::vector<int>& known) {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  const auto& memories = graph_->memories_;
  for (size_t m = 0; m < memories.size(); ++m) {
    const Graph::Memory& memory = memories[m];
    if (memory.kind == Graph::Kind::Given || memory.first < 0 || memory.constant || (memory.made && !memory.block)) continue;
    if (std::find(known.begin(), known.end(), static_cast<int>(m)) != known.end()) continue;
    const std::string where = "node " + std::to_string(memory.first) + ", " + node_name(memory.first);
    if (!memory.block)
      return refuse("it uses a tensor that was there before and is gone afterwards (" + where +
                    "). Pass what one call leaves to the next as an argument");
    if (memory.made) return refuse("a tensor that it makes is kept outside and is no result (" + where + "). Return it");
    return refuse("it uses a tensor that is neither an argument nor found around the function (" + where +
                  "). Pass it as an argument");
  }
}

std::string Capture::node_name(int n) const {
  const Graph::Node& node = graph_->nodes_[static_cast<size_t>(n)];
  return node.kernel ? node.kernel->name : graph_->calls_[static_cast<size_t>(node.first)].call->name();
}

std::unique_ptr<Graph> Capture::finish() {
  std::lock_guard<std::recursive_mutex> hold(lock_);
  for (Graph::Memory& memory : graph_->memories_) {
    if (memory.kind != Graph::Kind::Given && memory.block && memory.first >= 0) {
      memory.kind = Graph::Kind::Kept;   // known outside: it keeps its place
      if (!memory.constant) memory.block->retain();
    } else {
      if (memory.constant && memory.block) memory.block->release();
      memory.block = nullptr;
      if (memory.kind == Graph::Kind::Kept) memory.kind = Graph::Kind::Temporary;   // there before, and gone now
    }
  }
  ranges_.clear();
  numbers_.clear();
  return std::move(graph_);
}

}  // namespace hologram
