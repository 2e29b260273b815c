#include "kernels/cuda/emulation/fibers.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace switchyard::cuda::emulation {

namespace {

constexpr std::size_t kPage = 4096, kStackBytes = std::size_t{128} << 10;

thread_local Fiber* starting = nullptr; ///< whose enter() runs next

} // namespace

// Saves what a call must keep, swaps stacks, and returns on the other one. (System V ABI for x86-64: rbx, rbp
// and r12 to r15 are the callee's to keep.)
extern "C" void switchyard_switch_stacks(void** save, void* load);
asm(R"(
.text
.type switchyard_switch_stacks, @function
switchyard_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size switchyard_switch_stacks, .-switchyard_switch_stacks
)");

Fiber::Fiber() {
    void* memory =
        mmap(nullptr, kStackBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::bad_alloc();
    mprotect(memory, kPage, PROT_NONE);
    stack_ = static_cast<std::byte*>(memory) + kPage;
#if defined(__SANITIZE_THREAD__)
    sanitizer_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(sanitizer_);
#endif
    munmap(stack_ - kPage, kStackBytes + kPage);
}

void Fiber::begin(std::function<void()> body) {
    body_ = std::move(body);
    ended_ = false;
    auto top = reinterpret_cast<std::uintptr_t>(stack_ + kStackBytes) & ~std::uintptr_t{63};
    auto* frame = reinterpret_cast<void**>(top);
    *--frame = nullptr; // where enter() would return to: it never does
    *--frame = reinterpret_cast<void*>(&Fiber::enter);
    for (int i = 0; i < 6; ++i)
        *--frame = nullptr; // registers
    own_ = frame;
}

void Fiber::enter() { starting->run(); }

void Fiber::run() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &outside_stack_, &outside_size_);
#endif
    body_();
    ended_ = true;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(nullptr, outside_stack_, outside_size_); // its fake stack goes
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(sanitizer_outside_, __tsan_switch_to_fiber_no_sync);
#endif
    switchyard_switch_stacks(&own_, outside_);
}

void Fiber::resume() {
    starting = this;
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack_, kStackBytes);
#endif
#if defined(__SANITIZE_THREAD__)
    sanitizer_outside_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(sanitizer_, __tsan_switch_to_fiber_no_sync);
#endif
    switchyard_switch_stacks(&outside_, own_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void Fiber::pause() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&sanitizer_, outside_stack_, outside_size_);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(sanitizer_outside_, __tsan_switch_to_fiber_no_sync);
#endif
    switchyard_switch_stacks(&own_, outside_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(sanitizer_, &outside_stack_, &outside_size_);
#endif
}

} // namespace switchyard::cuda::emulation
