// A block of CUDA threads at work on the CPU.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/emulation/fibers.h"
#include "kernels/cuda/emulation/planted_fault.h"
#include "kernels/cuda/emulation/warp_tile.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <random>
#include <vector>

namespace switchyard::cuda::emulation {

/// What a lane gives the others of its warp.
struct Words {
    std::uint32_t word[4];
};

struct Index {
    unsigned x = 0, y = 0, z = 0;
};

/// What the lanes of a warp meet for.
enum class Meeting : std::uint8_t {
    Order, ///< to see what the others have written
    Words,
    SignedBytes, ///< tiles to multiply: of bytes, the second factor's signed or not, ...
    UnsignedBytes,
    SignedBytesHalf, ///< ... half as many columns, ...
    UnsignedBytesHalf,
    Halves, ///< ... and of 16-bit floats
    Bfloats
};

class Block;
struct Warp;

/// One CUDA thread.
class Thread {
  public:
    Index thread_index() const { return {number_, 0, 0}; }
    Index block_index() const;
    Index block_size() const;
    Index grid_size() const;
    int lane() const { return static_cast<int>(number_ % 32); }
    std::byte* shared_memory() const;

    void meet_warp();
    void meet_block();
    void wait_for_previous();
    /// Gives `words` and returns those of all lanes, which stay until the warp's exchange after the next.
    const Words* exchange(const Words& words);
    /// This lane's fragments of a product of tiles (warp_tile.h).
    void multiply(Meeting kind, const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], void* c);
    void async_copy(void* to, const void* from);
    void async_commit();
    void async_wait(std::size_t pending);
    /// Lets others run: in loops that wait for another block.
    void yield();
    bool waits_for_arrivals() { return !left_out(PlantedFault::Kind::ArrivalWait); }

  private:
    friend class Block;
    struct Copy {
        void* to;
        const void* from; ///< null: read already
        std::byte bytes[16];
    };
    void meet(Meeting meeting);
    /// Whether this use of an operation is one that a planted fault leaves out.
    bool left_out(PlantedFault::Kind kind);
    void stop(std::uint32_t& place);
    void run();

    Block* block_ = nullptr;
    Warp* warp_ = nullptr;
    unsigned number_ = 0;
    unsigned fault_uses_ = 0;               ///< so far, of the operation that a fault is planted into
    std::vector<std::vector<Copy>> groups_; ///< of copies under way, the oldest first
    std::vector<Copy> open_;                ///< not yet committed
    Fiber fiber_;
};

inline thread_local Thread* running = nullptr;

/// The thread that runs.
inline Thread& this_thread() { return *running; }

/// A kernel and its grid.
struct Work {
    void (*kernel)(const void* params) = nullptr;
    const void* params = nullptr;
    GridSize grid;
    unsigned threads = 0;
    std::size_t shared_bytes = 0;
    const PlantedFault* fault = nullptr; ///< null: none in this kernel
};

/// 32 threads, or fewer at a block's end. Each lane is in one of the sets but `lanes`.
struct Warp {
    std::uint32_t lanes = 0; ///< that there are
    std::uint32_t ready = 0, spinning = 0, at_warp = 0, at_block = 0, at_previous = 0, ended = 0;
    Meeting meeting = Meeting::Order;     ///< what those at_warp meet for
    unsigned meetings = 0, exchanges = 0; ///< for Order and for Words, so far
    Words exchanged[2][32];
    WarpTile tile;
    char order[2]; ///< addresses by which TSan is told of meetings for Order, in turns
};

class Block {
  public:
    /// What a run of a block came to.
    enum class Outcome : std::uint8_t {
        Ended,
        Waiting, ///< for the launch before (wait_for_previous())
        Spinning ///< its threads wait for other blocks
    };

    Block() = default;
    ~Block();
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    void begin(const Work& work, unsigned x, unsigned y);
    /// Runs until all its threads have ended or wait. `may_pass`: the launch before has ended. Warps take
    /// turns in an order drawn from `order`. Throws std::logic_error where threads wait for some that cannot
    /// come.
    Outcome run(bool may_pass, std::minstd_rand& order);
    /// Whether one of its threads has waited for the launch before.
    bool has_waited() const { return has_waited_; }

  private:
    friend class Thread;
    bool run_warp(std::size_t warp);
    Fiber* next_lane(Warp& warp, unsigned lane);
    unsigned lanes_in(std::uint32_t Warp::*place) const;
    void release(std::uint32_t Warp::*place);
    [[noreturn]] void fail(const char* what) const;

    Work work_;
    unsigned x_ = 0, y_ = 0;
    bool may_pass_ = false, has_waited_ = false;
    std::vector<std::byte> memory_;
    std::byte* shared_ = nullptr;
    std::vector<std::unique_ptr<Thread>> threads_;
    std::vector<Warp> warps_;
    std::vector<std::size_t> turns_; ///< of warps
    unsigned meetings_ = 0;          ///< of the block
    char order_[2];                  ///< as a warp's
    std::exception_ptr failure_;     ///< of one of its threads
};

inline Index Thread::block_index() const { return {block_->x_, block_->y_, 0}; }
inline Index Thread::block_size() const { return {block_->work_.threads, 1, 1}; }
inline Index Thread::grid_size() const {
    const PlantedFault* fault = block_->work_.fault;
    const unsigned more = fault && fault->kind == PlantedFault::Kind::Stride ? 1 : 0;
    return {block_->work_.grid.x + more, block_->work_.grid.y, 1};
}
inline bool Thread::left_out(PlantedFault::Kind kind) {
    const PlantedFault* fault = block_->work_.fault;
    return fault && fault->kind == kind && fault_uses_++ == fault->use;
}
inline std::byte* Thread::shared_memory() const { return block_->shared_; }

float half_value(std::uint16_t bits);
std::uint16_t half_bits(float x); ///< to nearest, ties to even
float e4m3_value(std::uint8_t bits);
std::uint8_t e4m3_bits(float x); ///< to nearest, ties to even, at most +-448
std::uint64_t device_time();
/// Fails where what is asked for ahead is not such as a device takes.
void check_prefetch(const std::byte* from, std::uint32_t bytes);

/// Puts a launch into an emulated stream.
int enqueue(void* stream, const Launch& launch, int threads, std::size_t shared_bytes,
            std::size_t param_bytes, void (*kernel)(const void* params));

} // namespace switchyard::cuda::emulation
