// Threads of one OS thread, switched by hand: what a CUDA thread is where kernels run on the CPU.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace switchyard::cuda::emulation {

/// Runs a function on a stack of its own, with pauses. Used from one OS thread. The sanitizers are told of
/// every switch, so that ASan knows the stacks and TSan takes fibers for threads.
class Fiber {
  public:
    Fiber();
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// Readies it to run `body`, which must not throw. PRECOND: nothing is under way in it.
    void begin(std::function<void()> body);
    /// Goes on in it until it pauses or ends. From outside of fibers.
    void resume();
    /// From inside: back to who resumed it.
    void pause();
    bool ended() const { return ended_; }

  private:
    static void enter();
    void run();

    std::byte* stack_ = nullptr; ///< kStackBytes behind a page that nobody may touch
    void* own_ = nullptr;        ///< stack pointers, while the other side runs
    void* outside_ = nullptr;
    std::function<void()> body_;
    bool ended_ = true;
    void* sanitizer_ = nullptr; ///< ASan's fake stack or TSan's fiber
    void* sanitizer_outside_ = nullptr;
    const void* outside_stack_ = nullptr;
    std::size_t outside_size_ = 0;
};

} // namespace switchyard::cuda::emulation
