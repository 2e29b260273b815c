#include "kernels/cuda/emulation/fibers.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(SWITCHYARD_TSAN_FIBERS)
#include <sanitizer/tsan_interface.h>
#endif

namespace switchyard::cuda::emulation {

namespace {

constexpr std::size_t kPage = 4096, kStackBytes = std::size_t{128} << 10;

/// The OS thread's own stack, while a fiber runs on it.
struct Outside {
    void* paused_at = nullptr;
    void* sanitizer = nullptr; ///< ASan's fake stack or TSan's fiber
    const void* stack = nullptr;
    std::size_t stack_bytes = 0;
    bool left_just_now = false; ///< ASan tells its stack to the first who runs
};
thread_local Outside outside;
thread_local Fiber* starting = nullptr; ///< whose enter() runs next

/// Stacks that began at the same place of their pages would fight for the same lines of the cache.
std::size_t next_shift() {
    static thread_local std::size_t count = 0;
    return count++ % 8 * 448;
}

struct Stack {
    std::byte* begin = nullptr; ///< kStackBytes behind a page that nobody may touch
    void* sanitizer = nullptr;  ///< TSan's fiber
};

/// Stacks that serve again: new ones cost more than most kernels of tests. Not more than some: who ends
/// fibers may be another thread than the one that makes them, and a process has a limit of maps.
struct Stacks {
    static constexpr std::size_t kMost = 4096;
    std::vector<Stack> unused;
    ~Stacks() {
        for (const Stack& stack : unused)
            give_up(stack);
    }
    static void give_up(const Stack& stack) {
#if defined(SWITCHYARD_TSAN_FIBERS)
        __tsan_destroy_fiber(stack.sanitizer);
#endif
        munmap(stack.begin - kPage, kStackBytes + kPage);
    }
    Stack take() {
        if (!unused.empty()) {
            const Stack stack = unused.back();
            unused.pop_back();
            return stack;
        }
        void* memory =
            mmap(nullptr, kStackBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            throw std::bad_alloc();
        mprotect(memory, kPage, PROT_NONE);
        Stack stack{static_cast<std::byte*>(memory) + kPage};
#if defined(SWITCHYARD_TSAN_FIBERS)
        stack.sanitizer = __tsan_create_fiber(0);
#endif
        return stack;
    }
};
thread_local Stacks stacks;

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
    const Stack stack = stacks.take();
    stack_ = stack.begin;
    sanitizer_ = stack.sanitizer;
    top_ = stack_ + kStackBytes - next_shift();
}

Fiber::~Fiber() {
    const Stack stack{stack_, sanitizer_};
    // TSan would think one under way still in the middle.
    if (under_way_ || stacks.unused.size() >= Stacks::kMost)
        Stacks::give_up(stack);
    else
        stacks.unused.push_back(stack);
}

void Fiber::begin(Body body, void* argument) {
    body_ = body;
    argument_ = argument;
    auto* frame = reinterpret_cast<void**>(top_);
    *--frame = nullptr; // where enter() would return to: it never does
    *--frame = reinterpret_cast<void*>(&Fiber::enter);
    for (int i = 0; i < 6; ++i)
        *--frame = nullptr; // registers
    paused_at_ = frame;
#if defined(__SANITIZE_ADDRESS__)
    sanitizer_ = nullptr;
#endif
}

void Fiber::enter() { starting->run(); }

void Fiber::run() {
    under_way_ = true;
    arrive();
    Fiber* next = body_(argument_);
    under_way_ = false;
    leave_for(next, true);
}

void Fiber::pause(Fiber* next) {
    leave_for(next, false);
    arrive();
}

/// Goes on elsewhere; returns when somebody comes back.
void Fiber::leave_for(Fiber* next, [[maybe_unused]] bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &sanitizer_, next ? next->stack_ : outside.stack,
                                   next ? kStackBytes : outside.stack_bytes);
#endif
#if defined(SWITCHYARD_TSAN_FIBERS)
    __tsan_switch_to_fiber(next ? next->sanitizer_ : outside.sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
    starting = next;
    switchyard_switch_stacks(&paused_at_, next ? next->paused_at_ : outside.paused_at);
}

void Fiber::arrive() {
#if defined(__SANITIZE_ADDRESS__)
    const void* stack = nullptr;
    std::size_t bytes = 0;
    __sanitizer_finish_switch_fiber(sanitizer_, &stack, &bytes);
    sanitizer_ = nullptr;
    if (outside.left_just_now) {
        outside.stack = stack;
        outside.stack_bytes = bytes;
        outside.left_just_now = false;
    }
#endif
}

void Fiber::abandon() {
#if defined(SWITCHYARD_TSAN_FIBERS)
    void* own = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(sanitizer_, __tsan_switch_to_fiber_no_sync);
    __tsan_release(this);
    __tsan_switch_to_fiber(own, __tsan_switch_to_fiber_no_sync);
    __tsan_acquire(this);
#endif
}

void Fiber::resume() {
    starting = this;
#if defined(__SANITIZE_ADDRESS__)
    outside.left_just_now = true;
    __sanitizer_start_switch_fiber(&outside.sanitizer, stack_, kStackBytes);
#endif
#if defined(SWITCHYARD_TSAN_FIBERS)
    outside.sanitizer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(sanitizer_, __tsan_switch_to_fiber_no_sync);
#endif
    switchyard_switch_stacks(&outside.paused_at, paused_at_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(outside.sanitizer, nullptr, nullptr);
#endif
}

} // namespace switchyard::cuda::emulation
