// Metal without a Mac, for tests: the Objective-C runtime's C interface and the classes that hologram sends messages to.
//
//  * A buffer's gpuAddress lies in pages nobody may touch; its contents lie at a fixed distance, and cannot be touched once the
//    buffer is gone.
//  * Command buffers are lazy: they run when something waits for them, so that a missing wait shows as stale data. Asking for
//    the status makes one step of progress.
//  * Kernels: hologram's text names the key of its circuit in a comment; the CPU backend compiles the same key, and that runs.
//    With FAKE_METAL_COMPILE=1 the text itself runs, compiled by a C++ compiler against tests/compiler/metal_stub. Operands must lie
//    in buffers of the device that the encoder declares.
//  * A message to an object that is gone, or that its class does not know, ends the process with its name; so does what Metal
//    forbids: two open encoders, commands after endEncoding, a wait for what was not committed, an autorelease without a pool.
//  * Every message is counted by its selector, messages can be made to fail, and what is alive can be asked for (fake_* below).
//
// FAKE_METAL_DEVICES, FAKE_METAL_FAMILY, FAKE_METAL_UNIFIED, FAKE_METAL_MEMORY (bytes per device), FAKE_METAL_MATH_MODE (0: only
// setFastMathEnabled:), FAKE_METAL_THREADS (of a threadgroup at most).
#include "fake_objects.h"

namespace {

// ---- methods ----

using Method = void (*)();
template <class F>
Method method(F f) { return reinterpret_cast<Method>(+f); }

Compute& compute(Id self) { return *static_cast<Compute*>(self); }
CommandBuffer& commands(Id self) { return *static_cast<CommandBuffer*>(self); }
Device& device(Id self) { return *static_cast<Device*>(self); }

CommandBuffer& outside_encoders(Id self) {
  CommandBuffer& b = commands(self);
  if (b.encoder) stop("a command of a command buffer while an encoder is open");
  if (b.committed) stop("a command after commit");
  return b;
}
void end_encoding(Id self, Selector) {
  Lock hold(lock_);
  auto& e = *static_cast<Encoder*>(self);
  e.check_open();
  e.open = false;
  e.buffer->encoder = nullptr;
}

std::map<std::string, int> failing;   // what is asked to fail this time, by selector

bool ordered(const char* name) { return failing.erase(name) != 0; }

const std::map<std::pair<std::string, std::string>, Method>& methods() {
  static const auto& all = *new std::map<std::pair<std::string, std::string>, Method>{
      {{"class NSString", "stringWithUTF8String:"}, method([](Id, Selector, const char* text) -> Id { return autoreleased(new String(text)); })},
      {{"NSString", "UTF8String"}, method([](Id self, Selector) { return static_cast<String*>(self)->text.c_str(); })},
      {{"NSError", "localizedDescription"}, method([](Id self, Selector) -> Id { return autoreleased(new String(static_cast<Error*>(self)->text)); })},
      {{"NSArray", "count"}, method([](Id self, Selector) -> UInt { return static_cast<Array*>(self)->items.size(); })},
      {{"NSArray", "objectAtIndex:"}, method([](Id self, Selector, UInt i) -> Id { return static_cast<Array*>(self)->items.at(i).object; })},
      {{"class MTLCompileOptions", "alloc"}, method([](Id, Selector) -> Id { return new Options; })},
      {{"MTLCompileOptions", "init"}, method([](Id self, Selector) { return self; })},
      {{"MTLCompileOptions", "respondsToSelector:"}, method([](Id, Selector, Selector asked) {
         return *asked == "setFastMathEnabled:" || (*asked == "setMathMode:" && fake::setting("FAKE_METAL_MATH_MODE", 1));
       })},
      {{"MTLCompileOptions", "setMathMode:"}, method([](Id self, Selector, long mode) {
         if (!fake::setting("FAKE_METAL_MATH_MODE", 1)) stop("unknown selector -[MTLCompileOptions setMathMode:]");
         static_cast<Options*>(self)->exact = mode == 0;
       })},
      {{"MTLCompileOptions", "setFastMathEnabled:"}, method([](Id self, Selector, bool on) { static_cast<Options*>(self)->exact = !on; })},

      {{"MTLDevice", "name"}, method([](Id self, Selector) -> Id { return autoreleased(new String("Fake M" + std::to_string(device(self).index))); })},
      {{"MTLDevice", "hasUnifiedMemory"}, method([](Id, Selector) -> bool { return fake::setting("FAKE_METAL_UNIFIED", 1); })},
      {{"MTLDevice", "supportsFamily:"}, method([](Id, Selector, long family) -> bool { return family <= fake::setting("FAKE_METAL_FAMILY", 5001); })},
      {{"MTLDevice", "recommendedMaxWorkingSetSize"}, method([](Id, Selector) -> uint64_t { return device_memory(); })},
      {{"MTLDevice", "currentAllocatedSize"}, method([](Id self, Selector) -> UInt { Lock hold(lock_); return used_by(device(self).index); })},
      {{"MTLDevice", "maxBufferLength"}, method([](Id, Selector) -> UInt { return device_memory(); })},
      {{"MTLDevice", "newCommandQueue"}, method([](Id self, Selector) -> Id { Lock hold(lock_); return new Queue(&device(self)); })},
      {{"MTLDevice", "newSharedEvent"}, method([](Id, Selector) -> Id { Lock hold(lock_); return new SharedEvent; })},
      {{"MTLDevice", "newBufferWithLength:options:"}, method([](Id self, Selector, UInt bytes, UInt options) -> Id {
         Lock hold(lock_);
         if (ordered("newBufferWithLength:options:") || !bytes || options != 0) return nullptr;
         if (bytes > device_memory() - used_by(device(self).index)) return nullptr;
         const Address a = memory.place(allocations, bytes);
         return a ? new Buffer(device(self).index, a, bytes) : nullptr;
       })},
      {{"MTLDevice", "newLibraryWithSource:options:error:"}, method([](Id, Selector, Id source, Id options, Id* error) -> Id {
         {
           Lock hold(lock_);
           if (ordered("newLibraryWithSource:options:error:")) return fail_with(error, "program_source:7: as the test ordered");
           if (!options || !static_cast<Options*>(options)->exact) return fail_with(error, "fast math is on");
         }
         auto made = std::make_unique<Library>();
         made->text = static_cast<String*>(source)->text;
         const std::string key = fake::key_in(made->text);
         if (key.empty()) return fail_with(error, "program_source: no key in the text");
         // Both may take Python's lock or long: ours is free.
         if (fake::setting("FAKE_METAL_COMPILE", 0)) made->compiled = compile_text(made->text);
         else made->on_cpu = fake::compile_on_cpu(key);
         if (!made->compiled && !made->on_cpu) return fail_with(error, "program_source: does not compile");
         return made.release();
       })},
      {{"MTLDevice", "newComputePipelineStateWithFunction:error:"}, method([](Id self, Selector, Id function, Id* error) -> Id {
         Lock hold(lock_);
         if (ordered("newComputePipelineStateWithFunction:error:")) return fail_with(error, "as the test ordered");
         return new Pipeline(static_cast<Function*>(function), device(self).index);
       })},
      {{"MTLLibrary", "newFunctionWithName:"}, method([](Id self, Selector, Id name) -> Id {
         Lock hold(lock_);
         auto* library = static_cast<Library*>(self);
         const std::string& text = static_cast<String*>(name)->text;
         if (library->compiled) {
           void* entry = dlsym(library->compiled, text.c_str());
           return entry ? new Function(library, entry) : nullptr;
         }
         return library->text.find("kernel void " + text + "(") == std::string::npos ? nullptr : new Function(library, nullptr);
       })},
      {{"MTLComputePipelineState", "maxTotalThreadsPerThreadgroup"}, method([](Id, Selector) -> UInt { return static_cast<UInt>(fake::setting("FAKE_METAL_THREADS", 1024)); })},

      {{"MTLBuffer", "contents"}, method([](Id self, Selector) { return static_cast<void*>(static_cast<Buffer*>(self)->contents()); })},
      {{"MTLBuffer", "gpuAddress"}, method([](Id self, Selector) -> uint64_t { return static_cast<Buffer*>(self)->gpu; })},

      {{"MTLCommandQueue", "commandBuffer"}, method([](Id self, Selector) -> Id {
         Lock hold(lock_);
         auto& q = *static_cast<Queue*>(self);
         if (ordered("commandBuffer")) return nullptr;
         if (q.uncompleted >= 64) {             // Metal waits
           if (q.committed.empty()) stop("64 command buffers are open and none is committed");
           run_first(q);
         }
         return autoreleased(new CommandBuffer(&q));
       })},
      {{"MTLCommandBuffer", "computeCommandEncoder"}, method([](Id self, Selector) -> Id {
         Lock hold(lock_);
         return autoreleased(new Compute(&outside_encoders(self)));
       })},
      {{"MTLCommandBuffer", "blitCommandEncoder"}, method([](Id self, Selector) -> Id {
         Lock hold(lock_);
         return autoreleased(new Encoder(&outside_encoders(self), "MTLBlitCommandEncoder"));
       })},
      {{"MTLCommandBuffer", "encodeSignalEvent:value:"}, method([](Id self, Selector, Id event, uint64_t value) {
         Lock hold(lock_);
         CommandBuffer* b = &outside_encoders(self);
         auto* e = static_cast<SharedEvent*>(check(event));
         e->signals[value] = b;
         b->work.push_back([e = Ref<SharedEvent>(e), value] {
           e->value = value;
           e->signals.erase(value);
         });
       })},
      {{"MTLCommandBuffer", "encodeWaitForEvent:value:"}, method([](Id self, Selector, Id event, uint64_t value) {
         Lock hold(lock_);
         CommandBuffer& b = outside_encoders(self);
         b.work.push_back([e = Ref<SharedEvent>(static_cast<SharedEvent*>(check(event))), value] {
           while (e->value < value) {
             const auto next = e->signals.begin();
             if (next == e->signals.end()) stop("a queue waits for an event that nobody signals");
             finish(next->second);
           }
         });
       })},
      {{"MTLCommandBuffer", "commit"}, method([](Id self, Selector) {
         Lock hold(lock_);
         CommandBuffer& b = outside_encoders(self);
         b.committed = true;
         b.status = 2;
         b.queue->committed.push_back(keep(&b));
       })},
      {{"MTLCommandBuffer", "waitUntilCompleted"}, method([](Id self, Selector) { Lock hold(lock_); finish(&commands(self)); })},
      {{"MTLCommandBuffer", "status"}, method([](Id self, Selector) -> UInt {
         Lock hold(lock_);
         CommandBuffer& b = commands(self);
         const UInt status = b.status;
         if (status < 4 && b.committed) run_first(*b.queue);
         return status;
       })},
      {{"MTLCommandBuffer", "error"}, method([](Id self, Selector) -> Id { return commands(self).error.object; })},
      {{"MTLCommandBuffer", "GPUEndTime"}, method([](Id self, Selector) -> double { return commands(self).end; })},

      {{"MTLComputeCommandEncoder", "endEncoding"}, method(&end_encoding)},
      {{"MTLComputeCommandEncoder", "setComputePipelineState:"}, method([](Id self, Selector, Id pipeline) {
         Lock hold(lock_);
         compute(self).check_open();
         compute(self).pipeline = Ref<Pipeline>(static_cast<Pipeline*>(pipeline));
       })},
      {{"MTLComputeCommandEncoder", "setBytes:length:atIndex:"}, method([](Id self, Selector, const void* bytes, UInt length, UInt index) {
         Lock hold(lock_);
         compute(self).check_open();
         if (length > 4096 || !length || index != 0) stop("setBytes of " + std::to_string(length) + " bytes at " + std::to_string(index));
         const char* begin = static_cast<const char*>(bytes);
         compute(self).bytes.assign(begin, begin + length);
         compute(self).records = Ref<Buffer>();
       })},
      {{"MTLComputeCommandEncoder", "setBuffer:offset:atIndex:"}, method([](Id self, Selector, Id buffer, UInt offset, UInt index) {
         Lock hold(lock_);
         compute(self).check_open();
         if (index != 0 || offset % 256) stop("setBuffer at offset " + std::to_string(offset));
         compute(self).records = Ref<Buffer>(static_cast<Buffer*>(check(buffer)));
         compute(self).offset = offset;
       })},
      {{"MTLComputeCommandEncoder", "useResource:usage:"}, method([](Id self, Selector, Id buffer, UInt usage) {
         Lock hold(lock_);
         compute(self).check_open();
         if (usage != 3) stop("useResource for reading or writing only: hologram's kernels may do both");
         compute(self).declared->insert(check(buffer));
         compute(self).buffer->kept.emplace_back(buffer);
       })},
      {{"MTLComputeCommandEncoder", "dispatchThreadgroups:threadsPerThreadgroup:"}, method([](Id self, Selector, Size grid, Size group) {
         Lock hold(lock_);
         Compute& e = compute(self);
         e.check_open();
         Pipeline* p = e.pipeline.object;
         if (!p) stop("a dispatch without a pipeline");
         if (!grid.width || !grid.height || grid.depth != 1 || !group.width || group.height != 1 || group.depth != 1 ||
             group.width > static_cast<UInt>(fake::setting("FAKE_METAL_THREADS", 1024)))
           stop("a grid of " + std::to_string(grid.width) + " x " + std::to_string(grid.height) + " of " + std::to_string(group.width));
         const size_t needed = static_cast<size_t>(p->words) * 8 * grid.height;
         CommandBuffer* b = e.buffer.object;
         const Ref<Pipeline> held(p);
         if (e.records.object) {
           if (e.offset + needed > e.records->bytes) stop("records beyond the end of their buffer");
           const Ref<Buffer> ring = e.records;
           b->work.push_back([=, declared = e.declared, offset = e.offset] {
             run_grid(*b, *held.object, *declared, reinterpret_cast<const int64_t*>(ring->contents() + offset), grid, group);
           });
           return;
         }
         if (e.bytes.size() != needed) stop("records of " + std::to_string(e.bytes.size()) + " bytes where the kernel takes " + std::to_string(needed));
         b->work.push_back([=, declared = e.declared, bytes = e.bytes] {
           run_grid(*b, *held.object, *declared, reinterpret_cast<const int64_t*>(bytes.data()), grid, group);
         });
       })},

      {{"MTLBlitCommandEncoder", "endEncoding"}, method(&end_encoding)},
      {{"MTLBlitCommandEncoder", "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:"},
       method([](Id self, Selector, Id from, UInt from_offset, Id to, UInt to_offset, UInt bytes) {
         Lock hold(lock_);
         auto& e = *static_cast<Encoder*>(self);
         e.check_open();
         const Ref<Buffer> source(static_cast<Buffer*>(check(from))), target(static_cast<Buffer*>(check(to)));
         if ((from_offset | to_offset | bytes) % 4 || !bytes || from_offset + bytes > source->bytes || to_offset + bytes > target->bytes)
           stop("a copy of " + std::to_string(bytes) + " bytes from offset " + std::to_string(from_offset) + " to " + std::to_string(to_offset));
         e.buffer->work.push_back([=] { std::memcpy(target->contents() + to_offset, source->contents() + from_offset, bytes); });
       })},
  };
  return all;
}

}  // namespace

extern "C" {

Selector sel_registerName(const char* name) {
  static auto& names = *new std::set<std::string>;
  Lock hold(lock_);
  return &*names.emplace(name).first;
}
Id objc_getClass(const char* name) {
  static auto& classes = *new std::map<std::string, Class*>;
  Lock hold(lock_);
  Class*& found = classes[name];
  if (!found) found = new Class(strdup((std::string("class ") + name).c_str()));
  return found;
}
Id objc_retain(Id object) { Lock hold(lock_); return keep(object); }
void objc_release(Id object) {
  Lock hold(lock_);
  if (object) give_back(object);
}
void* objc_autoreleasePoolPush() {
  pools.emplace_back();
  return reinterpret_cast<void*>(pools.size());
}
void objc_autoreleasePoolPop(void* pool) {
  Lock hold(lock_);
  if (pools.empty() || reinterpret_cast<size_t>(pool) != pools.size()) stop("autorelease pools are popped out of order");
  const std::vector<Id> all = std::move(pools.back());
  pools.pop_back();
  for (Id object : all) give_back(object);
}

Id MTLCopyAllDevices() {
  Lock hold(lock_);
  calls.enter("MTLCopyAllDevices");
  if (memory.open()) mprotect(memory.shadow(memory.start()), fake::Memory::kRegion, PROT_NONE);   // nobody has a buffer yet
  auto* all = new Array;
  for (int i = 0; i < fake::setting("FAKE_METAL_DEVICES", 2); ++i) {
    auto* d = new Device(i);
    all->items.emplace_back(d);
    give_back(d);
  }
  return all;
}

// A message finds its method, and is passed on with its arguments as they came.
__attribute__((used, visibility("default"))) Method fake_method(Id self, Selector selector) {
  Lock hold(lock_);
  check(self);
  if (const int result = calls.enter(selector->c_str())) failing[*selector] = result;
  const auto found = methods().find({self->name, *selector});
  if (found == methods().end()) stop(std::string("unknown selector -[") + self->name + " " + *selector + "]");
  return found->second;
}
void objc_msgSend();

// ---- for tests ----

long fake_count(const char* name) { Lock hold(lock_); return calls.count(name); }
/// The nth message from now with this selector fails; "execute": the command buffer that runs.
void fake_fail(const char* name, long nth, int result) { Lock hold(lock_); calls.fail(name, nth, result); }
void fake_record(int on) { Lock hold(lock_); calls.record(on); }
const char* fake_log() { Lock hold(lock_); return calls.log(); }
/// Objects of a class that are alive.
long fake_live(const char* what) {
  Lock hold(lock_);
  long n = 0;
  for (const Object* object : Object::alive()) n += std::string(object->name) == what;
  return n;
}
/// Commands that nobody has waited for, committed or not.
long fake_waiting() {
  Lock hold(lock_);
  long n = 0;
  for (Object* object : Object::alive())
    if (auto* b = dynamic_cast<CommandBuffer*>(object)) n += static_cast<long>(b->work.size());
  return n;
}

}  // extern "C"

#if defined(__x86_64__)
asm(R"(
  .text
  .globl objc_msgSend
  .type objc_msgSend, @function
objc_msgSend:
  testq %rdi, %rdi
  je 1f
  pushq %rbp
  movq %rsp, %rbp
  subq $192, %rsp
  movq %rdi, 0(%rsp)
  movq %rsi, 8(%rsp)
  movq %rdx, 16(%rsp)
  movq %rcx, 24(%rsp)
  movq %r8, 32(%rsp)
  movq %r9, 40(%rsp)
  movups %xmm0, 48(%rsp)
  movups %xmm1, 64(%rsp)
  movups %xmm2, 80(%rsp)
  movups %xmm3, 96(%rsp)
  movups %xmm4, 112(%rsp)
  movups %xmm5, 128(%rsp)
  movups %xmm6, 144(%rsp)
  movups %xmm7, 160(%rsp)
  call fake_method@PLT
  movq %rax, %r11
  movq 0(%rsp), %rdi
  movq 8(%rsp), %rsi
  movq 16(%rsp), %rdx
  movq 24(%rsp), %rcx
  movq 32(%rsp), %r8
  movq 40(%rsp), %r9
  movups 48(%rsp), %xmm0
  movups 64(%rsp), %xmm1
  movups 80(%rsp), %xmm2
  movups 96(%rsp), %xmm3
  movups 112(%rsp), %xmm4
  movups 128(%rsp), %xmm5
  movups 144(%rsp), %xmm6
  movups 160(%rsp), %xmm7
  leave
  jmp *%r11
1:
  xorl %eax, %eax
  xorps %xmm0, %xmm0
  ret
  .size objc_msgSend, .-objc_msgSend
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl objc_msgSend
objc_msgSend:
  cbz x0, 1f
  stp x29, x30, [sp, #-224]!
  mov x29, sp
  stp x0, x1, [sp, #16]
  stp x2, x3, [sp, #32]
  stp x4, x5, [sp, #48]
  stp x6, x7, [sp, #64]
  str x8, [sp, #80]
  stp q0, q1, [sp, #96]
  stp q2, q3, [sp, #128]
  stp q4, q5, [sp, #160]
  stp q6, q7, [sp, #192]
  bl fake_method
  mov x16, x0
  ldp x0, x1, [sp, #16]
  ldp x2, x3, [sp, #32]
  ldp x4, x5, [sp, #48]
  ldp x6, x7, [sp, #64]
  ldr x8, [sp, #80]
  ldp q0, q1, [sp, #96]
  ldp q2, q3, [sp, #128]
  ldp q4, q5, [sp, #160]
  ldp q6, q7, [sp, #192]
  ldp x29, x30, [sp], #224
  br x16
1:
  fmov d0, xzr
  ret
)");
#else
#error "the fake knows how to pass messages on x86-64 and aarch64"
#endif
