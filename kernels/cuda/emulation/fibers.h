// Threads of one OS thread, switched by hand: what a CUDA thread is where kernels run on the CPU.
#pragma once

#include <cstddef>

namespace switchyard::cuda::emulation {

/// Runs a function on a stack of its own, with pauses. Used from one OS thread. The sanitizers are told of
/// every switch, so that ASan knows the stacks and TSan takes fibers for threads.
class Fiber {
  public:
    /// Returns who goes on when it has ended, as pause() takes it. Must not throw.
    using Body = Fiber* (*)(void* argument);

    Fiber();
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// Readies it to run `body`. PRECOND: nothing is under way in it.
    void begin(Body body, void* argument);
    /// From outside of fibers: goes on in it until one pauses for the outside.
    void resume();
    /// From inside: goes on in `next`, or, with nullptr, where a fiber was resumed last.
    void pause(Fiber* next);
    /// From outside: it is not gone on with. For TSan, what it did happens before what the outside does now.
    void abandon();

  private:
    static void enter();
    void run();
    void leave_for(Fiber* next, bool for_good);
    void arrive();

    std::byte* stack_ = nullptr; ///< kStackBytes behind a page that nobody may touch
    std::byte* top_ = nullptr;   ///< where it begins to be used
    void* paused_at_ = nullptr;  ///< the stack pointer, while others run
    Body body_ = nullptr;
    void* argument_ = nullptr;
    bool under_way_ = false;
    void* sanitizer_ = nullptr; ///< ASan's fake stack or TSan's fiber
};

} // namespace switchyard::cuda::emulation
