// The objects of the fake Metal (fake_metal.cpp): what they hold, and how command buffers run. Included once.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "driver.h"

namespace {

using fake::Address;
using UInt = unsigned long;
using Selector = const std::string*;

[[noreturn]] void stop(const std::string& what) {
  std::fprintf(stderr, "fake Metal: %s\n", what.c_str());
  std::abort();
}

std::recursive_mutex lock_;
using Lock = std::lock_guard<std::recursive_mutex>;

// ---- objects ----

struct Object {
  explicit Object(const char* name) : name(name) {
    Lock hold(lock_);
    alive().insert(this);
  }
  virtual ~Object() { alive().erase(this); }   // with the lock held
  static std::set<Object*>& alive() {
    static auto& all = *new std::set<Object*>;
    return all;
  }
  const char* const name;
  long refs = 1;
};
using Id = Object*;

fake::Memory memory("Metal", 16384);
fake::Calls calls;
thread_local std::vector<std::vector<Id>> pools;

Id check(Id object) {
  if (!Object::alive().count(object)) stop("a message to an object that is gone");
  return object;
}
void give_back(Id object) {
  if (--check(object)->refs == 0) delete object;
}
template <class T>
T* keep(T* object) {
  if (object) ++check(object)->refs;
  return object;
}
template <class T>
T* autoreleased(T* object) {
  if (pools.empty()) stop(std::string("a ") + object->name + " is autoreleased without a pool");
  pools.back().push_back(object);
  return object;
}
/// A counted reference to T.
template <class T>
struct Ref {
  Ref(T* object = nullptr) : object(keep(object)) {}
  Ref(const Ref& o) : object(keep(o.object)) {}
  Ref& operator=(Ref o) { std::swap(object, o.object); return *this; }
  ~Ref() { if (object) give_back(object); }
  T* operator->() const { return object; }
  T* object;
};

struct Class : Object { using Object::Object; };
struct String : Object {
  explicit String(std::string text) : Object("NSString"), text(std::move(text)) {}
  std::string text;
};
struct Error : Object {
  explicit Error(std::string text) : Object("NSError"), text(std::move(text)) {}
  std::string text;
};
struct Options : Object {
  Options() : Object("MTLCompileOptions") {}
  bool exact = false;
};
struct Device : Object {
  explicit Device(int index) : Object("MTLDevice"), index(index) { refs = 1; }
  int index;
};
struct Array : Object {
  Array() : Object("NSArray") {}
  std::vector<Ref<Device>> items;
};

struct Allocation { size_t bytes; int device; Id buffer; };
std::map<Address, Allocation> allocations;
size_t used_by(int device) {
  size_t used = 0;
  for (const auto& [a, block] : allocations) used += block.device == device ? block.bytes : 0;
  return used;
}
size_t device_memory() { return static_cast<size_t>(fake::setting("FAKE_METAL_MEMORY", long(8) << 30)); }

struct Buffer : Object {
  Buffer(int device, Address a, size_t bytes) : Object("MTLBuffer"), gpu(a), bytes(bytes) {
    allocations[a] = {bytes, device, this};
    mprotect(memory.shadow(a), whole(), PROT_READ | PROT_WRITE);
  }
  ~Buffer() override {
    allocations.erase(gpu);
    madvise(memory.shadow(gpu), whole(), MADV_DONTNEED);
    mprotect(memory.shadow(gpu), whole(), PROT_NONE);
  }
  size_t whole() const { return (bytes + 16383) / 16384 * 16384; }
  char* contents() const { return memory.shadow(gpu); }
  Address gpu;
  size_t bytes;
};

struct Library : Object {
  Library() : Object("MTLLibrary") {}
  std::string text;
  fake::KernelFn on_cpu = nullptr;
  void* compiled = nullptr;        // of dlopen
};
struct Function : Object {
  Function(Library* library, void* entry) : Object("MTLFunction"), library(library), entry(entry) {}
  Ref<Library> library;
  void* entry;
};
struct Pipeline : Object {
  explicit Pipeline(Function* f, int device) : Object("MTLComputePipelineState"), function(f), device(device) {
    const std::string& text = f->library->text;
    operands = fake::operands_of(fake::key_in(text));
    words = fake::words_in(text);
  }
  Ref<Function> function;
  int device, operands, words;
};

// ---- queues ----

struct Queue;
struct SharedEvent;
struct CommandBuffer : Object {
  explicit CommandBuffer(Queue* q);
  ~CommandBuffer() override;
  Queue* queue;
  std::vector<std::function<void()>> work;
  std::vector<Ref<Object>> kept;
  Id encoder = nullptr;
  bool committed = false, started = false;
  UInt status = 0;
  Ref<Error> error;
  double start = 0, end = 0;
};
struct Queue : Object {
  explicit Queue(Device* d) : Object("MTLCommandQueue"), device(d) {}
  Ref<Device> device;
  std::deque<CommandBuffer*> committed;       // one reference each
  int uncompleted = 0;
};
CommandBuffer::CommandBuffer(Queue* q) : Object("MTLCommandBuffer"), queue(keep(q)) { ++queue->uncompleted; }
CommandBuffer::~CommandBuffer() {
  if (encoder) stop("a command buffer went with its encoder open");
  if (status < 4) --queue->uncompleted;
  work.clear();
  give_back(queue);
}
struct SharedEvent : Object {
  SharedEvent() : Object("MTLSharedEvent") {}
  uint64_t value = 0;
  std::map<uint64_t, CommandBuffer*> signals;   // committed, not yet there
};

void run_first(Queue& q);
void finish(CommandBuffer* b) {
  if (!b->committed) stop("a wait for a command buffer that was not committed");
  Ref<CommandBuffer> hold(b);
  while (b->status < 4) {
    if (b->started) stop("queues wait for each other for ever");
    run_first(*b->queue);
  }
}
double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void run_first(Queue& q) {
  if (q.committed.empty()) return;
  CommandBuffer* b = q.committed.front();
  if (b->started) stop("queues wait for each other for ever");
  b->started = true;
  b->start = now();
  if (const int failed = calls.enter("execute")) {
    Error* e = new Error("Caused GPU Address Fault Error (" + std::to_string(failed) + ")");
    b->error = e;
    give_back(e);
  }
  for (auto& step : b->work)
    if (!b->error.object) step();
  b->end = now();
  b->status = b->error.object ? 5 : 4;
  --q.uncompleted;
  b->work.clear();
  b->kept.clear();
  q.committed.pop_front();
  give_back(b);
}
void fault(CommandBuffer& b, const std::string& text) {
  std::fprintf(stderr, "fake Metal: %s\n", text.c_str());
  Error* e = new Error(text);
  b.error = e;
  give_back(e);
}

struct Size { UInt width, height, depth; };

struct Encoder : Object {
  Encoder(CommandBuffer* b, const char* name) : Object(name), buffer(b) { b->encoder = this; }
  ~Encoder() override {
    if (open) stop("an encoder went before endEncoding");
  }
  void check_open() const {
    if (!open) stop("a command after endEncoding");
  }
  Ref<CommandBuffer> buffer;
  bool open = true;
};
struct Compute : Encoder {
  explicit Compute(CommandBuffer* b) : Encoder(b, "MTLComputeCommandEncoder"), declared(std::make_shared<std::set<Id>>()) {}
  std::shared_ptr<std::set<Id>> declared;
  Ref<Pipeline> pipeline;
  std::vector<char> bytes;
  Ref<Buffer> records;
  size_t offset = 0;
};

// ---- kernels ----

/// Where an operand's bytes are; null after a fault.
char* operand_at(CommandBuffer& b, int device, const std::set<Id>& declared, Address a, int i) {
  const Allocation* block = fake::live(allocations, a, 1);
  char text[200];
  if (!block || block->device != device) {
    std::snprintf(text, sizeof text, "operand %d of a kernel lies at %#llx, which is no memory of device %d", i, a, device);
    fault(b, text);
    return nullptr;
  }
  if (!declared.count(block->buffer)) {
    std::snprintf(text, sizeof text, "operand %d of a kernel lies in a buffer that the encoder does not declare", i);
    fault(b, text);
    return nullptr;
  }
  return memory.shadow(a);
}

void run_grid(CommandBuffer& b, const Pipeline& p, const std::set<Id>& declared, const int64_t* records, Size grid, Size group) {
  std::vector<int64_t> copy(records, records + p.words * static_cast<int64_t>(grid.height));
  for (UInt y = 0; y < grid.height; ++y) {
    int64_t* record = copy.data() + y * static_cast<UInt>(p.words);
    for (int i = 0; i < p.operands; ++i) {
      if (!record[2 + i]) continue;
      char* const at = operand_at(b, p.device, declared, static_cast<Address>(record[2 + i]), i);
      if (!at) return;
      record[2 + i] = reinterpret_cast<int64_t>(at);
    }
  }
  if (void* compiled = p.function->library->compiled) {
    using Run = int (*)(void*, const void*, int, int, int);
    const auto run = reinterpret_cast<Run>(dlsym(compiled, "hg_run"));
    if (run(p.function->entry, copy.data(), static_cast<int>(grid.width), static_cast<int>(grid.height), static_cast<int>(group.width)))
      fault(b, "threads of a kernel wait for each other for ever");
    return;
  }
  for (UInt y = 0; y < grid.height; ++y) {
    int64_t* record = copy.data() + y * static_cast<UInt>(p.words);
    p.function->library->on_cpu(reinterpret_cast<void* const*>(record + 2), record + 2 + p.operands, record[0], record[1]);
  }
}

/// The text as machine code of this host.
void* compile_text(const std::string& text) {
  char folder[] = "/tmp/fake-metal-XXXXXX";
  if (!mkdtemp(folder)) return nullptr;
  const std::string base = folder, source = base + "/k.cpp", binary = base + "/k.so";
  if (FILE* file = std::fopen(source.c_str(), "w")) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  }
  const std::string command = "g++ -std=c++17 -O0 -w -fPIC -shared -fno-gnu-unique -ffp-contract=off -isystem " FAKE_METAL_STUB " -o " + binary + " " + source;
  void* made = std::system(command.c_str()) == 0 ? dlopen(binary.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  unlink(source.c_str());
  unlink(binary.c_str());
  rmdir(folder);
  return made;
}

Id fail_with(Id* error, const char* text) {
  if (error) *error = autoreleased(new Error(text));
  return nullptr;
}

}  // namespace
