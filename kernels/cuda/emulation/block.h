// A block of CUDA threads at work on the CPU.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/emulation/fibers.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <random>
#include <vector>

namespace switchyard::cuda::emulation {

/// What a lane gives the others of its warp.
struct Words {
    std::uint32_t word[6];
};

struct Index {
    unsigned x = 0, y = 0, z = 0;
};

class Block;

/// One CUDA thread.
class Thread {
  public:
    enum class State : std::uint8_t { Ready, AtWarp, AtBlock, AtPrevious, Ended };

    Index thread_index() const { return {number_, 0, 0}; }
    Index block_index() const;
    Index block_size() const;
    Index grid_size() const;
    int lane() const { return static_cast<int>(number_ % 32); }
    std::byte* shared_memory() const;

    void meet_warp();
    void meet_block() { stop_at(State::AtBlock); }
    void wait_for_previous();
    /// Gives `words` and returns those of all lanes, which stay until the warp's exchange after the next.
    const Words* exchange(const Words& words);
    void async_copy(void* to, const void* from);
    void async_commit();
    void async_wait(std::size_t pending);
    /// Lets others run: in loops that wait for another block.
    void yield() { stop_at(State::Ready); }

  private:
    friend class Block;
    struct Copy {
        void* to;
        const void* from;
    };
    void stop_at(State state);
    void land(std::size_t groups);

    Block* block_ = nullptr;
    unsigned number_ = 0;
    State state_ = State::Ended;
    unsigned exchanges_ = 0;
    std::vector<std::vector<Copy>> groups_; ///< of copies under way, the oldest first
    std::vector<Copy> open_;                ///< not yet committed
    Fiber fiber_;
};

/// The thread that runs.
Thread& this_thread();

/// A kernel and its grid.
struct Work {
    void (*kernel)(const void* params) = nullptr;
    const void* params = nullptr;
    GridSize grid;
    unsigned threads = 0;
    std::size_t shared_bytes = 0;
};

class Block {
  public:
    /// What a run of a block came to.
    enum class Outcome : std::uint8_t {
        Ended,
        Waiting, ///< for the launch before (wait_for_previous())
        Spinning ///< its threads wait for other blocks
    };

    void begin(const Work& work, unsigned x, unsigned y);
    /// Runs until all its threads have ended or wait. `may_pass`: the launch before has ended. Warps take
    /// turns in an order drawn from `order`. Throws std::logic_error where threads wait for some that cannot
    /// come.
    Outcome run(bool may_pass, std::minstd_rand& order);

  private:
    friend class Thread;
    bool run_warp(std::size_t warp);
    bool release(std::size_t first, std::size_t count, Thread::State from);
    [[noreturn]] void fail(const char* what) const;

    Work work_;
    unsigned x_ = 0, y_ = 0;
    bool may_pass_ = false;
    std::vector<std::byte> memory_;
    std::byte* shared_ = nullptr;
    std::vector<std::unique_ptr<Thread>> threads_;
    std::vector<Words> exchanged_; ///< [warp][2][lane]
    std::vector<std::size_t> warps_;
    std::exception_ptr failure_; ///< of one of its threads
};

float half_value(std::uint16_t bits);
std::uint16_t half_bits(float x); ///< to nearest, ties to even
float e4m3_value(std::uint8_t bits);
std::uint8_t e4m3_bits(float x); ///< to nearest, ties to even, at most +-448
/// One lane's part of a product of tiles, from the fragments of all: `steps` times 16 columns of bytes.
void mma_bytes(std::int32_t (&c)[4], const Words* lanes, int lane, int steps, bool signed_b);
/// The same with 16 columns of 16-bit floats; sums in double, rounded once.
void mma_floats(float (&c)[4], const Words* lanes, int lane, float (*value)(std::uint16_t));
std::uint64_t device_time();

/// Puts a launch into an emulated stream.
int enqueue(void* stream, const Launch& launch, int threads, std::size_t shared_bytes,
            std::size_t param_bytes, void (*kernel)(const void* params));

} // namespace switchyard::cuda::emulation
