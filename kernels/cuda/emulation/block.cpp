#include "kernels/cuda/emulation/block.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace switchyard::cuda::emulation {

namespace {

thread_local Thread* running = nullptr;

/// For TSan: what was done before everyone met happens before what is done after.
void arrive([[maybe_unused]] void* barrier) {
#if defined(__SANITIZE_THREAD__)
    __tsan_release(barrier);
#endif
}
void leave([[maybe_unused]] void* barrier) {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(barrier);
#endif
}

} // namespace

Thread& this_thread() { return *running; }

Index Thread::block_index() const { return {block_->x_, block_->y_, 0}; }
Index Thread::block_size() const { return {block_->work_.threads, 1, 1}; }
Index Thread::grid_size() const { return {block_->work_.grid.x, block_->work_.grid.y, 1}; }
std::byte* Thread::shared_memory() const { return block_->shared_; }

void Thread::stop_at(State state) {
    void* barrier = state == State::AtWarp ? static_cast<void*>(&block_->exchanged_[number_ / 32 * 64])
                                           : static_cast<void*>(block_);
    if (state != State::Ready)
        arrive(barrier);
    state_ = state;
    fiber_.pause();
    running = this;
    if (state != State::Ready)
        leave(barrier);
}

void Thread::meet_warp() { stop_at(State::AtWarp); }

void Thread::wait_for_previous() {
    if (!block_->may_pass_)
        stop_at(State::AtPrevious);
}

const Words* Thread::exchange(const Words& words) {
    Words* all = &block_->exchanged_[number_ / 32 * 64 + (exchanges_++ % 2) * 32];
    all[lane()] = words;
    meet_warp();
    return all;
}

void Thread::async_copy(void* to, const void* from) {
    if (reinterpret_cast<std::uintptr_t>(to) % 16 != 0 || reinterpret_cast<std::uintptr_t>(from) % 16 != 0)
        block_->fail("an asynchronous copy from or to an address that is no multiple of 16");
    open_.push_back({to, from});
}

void Thread::async_commit() {
    groups_.push_back(std::move(open_));
    open_.clear();
}

void Thread::async_wait(std::size_t pending) {
    if (groups_.size() > pending)
        land(groups_.size() - pending);
}

void Thread::land(std::size_t groups) {
    for (std::size_t g = 0; g < groups; ++g)
        for (const Copy& copy : groups_[g])
            std::memcpy(copy.to, copy.from, 16);
    groups_.erase(groups_.begin(), groups_.begin() + static_cast<std::ptrdiff_t>(groups));
}

void Block::fail(const char* what) const {
    throw std::logic_error("block " + std::to_string(x_) + ", " + std::to_string(y_) + ": " + what);
}

void Block::begin(const Work& work, unsigned x, unsigned y) {
    work_ = work;
    x_ = x;
    y_ = y;
    // Shared memory holds anything at first: here what is not a number, and no small one.
    constexpr std::size_t kAlignment = 128;
    memory_.assign(work.shared_bytes + kAlignment, std::byte{0xff});
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    shared_ = memory_.data() + ((address + kAlignment - 1) / kAlignment * kAlignment - address);
    const std::size_t warps = (work.threads + 31) / 32;
    exchanged_.assign(warps * 64, Words{});
    warps_.resize(warps);
    for (std::size_t w = 0; w < warps; ++w)
        warps_[w] = w;
    while (threads_.size() < work.threads)
        threads_.push_back(std::make_unique<Thread>());
    arrive(this);
    for (unsigned t = 0; t < work.threads; ++t) {
        Thread& thread = *threads_[t];
        thread.block_ = this;
        thread.number_ = t;
        thread.state_ = Thread::State::Ready;
        thread.exchanges_ = 0;
        thread.groups_.clear();
        thread.open_.clear();
        thread.fiber_.begin([&thread, this] {
            running = &thread;
            leave(this);
            try {
                work_.kernel(work_.params);
            } catch (...) { // a stack of its own ends here
                failure_ = std::current_exception();
            }
            arrive(this);
            thread.state_ = Thread::State::Ended;
        });
    }
}

Block::Outcome Block::run(bool may_pass, std::minstd_rand& order) {
    may_pass_ = may_pass;
    const std::size_t threads = work_.threads;
    if (may_pass)
        release(0, threads, Thread::State::AtPrevious);
    for (;;) {
        std::shuffle(warps_.begin(), warps_.end(), order);
        bool ran = false;
        for (const std::size_t warp : warps_)
            ran |= run_warp(warp);
        const auto in = [&](Thread::State state) {
            return std::count_if(threads_.begin(), threads_.begin() + static_cast<std::ptrdiff_t>(threads),
                                 [&](const auto& thread) { return thread->state_ == state; });
        };
        const auto ended = in(Thread::State::Ended), at_block = in(Thread::State::AtBlock);
        if (ended == static_cast<std::ptrdiff_t>(threads)) {
            leave(this);
            return Outcome::Ended;
        }
        if (ended + at_block == static_cast<std::ptrdiff_t>(threads)) {
            if (ended > 0)
                fail("some threads wait for the block and others have ended");
            release(0, threads, Thread::State::AtBlock);
            continue;
        }
        if (in(Thread::State::Ready) > 0)
            return Outcome::Spinning;
        if (!ran) {
            if (in(Thread::State::AtPrevious) > 0 && !may_pass)
                return Outcome::Waiting;
            fail("threads wait in different places for each other");
        }
    }
}

/// Whether all `count` threads waited in `from`, and go on.
bool Block::release(std::size_t first, std::size_t count, Thread::State from) {
    bool any = false;
    for (std::size_t t = first; t < first + count; ++t)
        if (threads_[t]->state_ == from) {
            threads_[t]->state_ = Thread::State::Ready;
            any = true;
        }
    return any;
}

/// Runs a warp's lanes until none can go on; whether any ran.
bool Block::run_warp(std::size_t warp) {
    const std::size_t first = warp * 32, count = std::min<std::size_t>(32, work_.threads - first);
    bool ran = false;
    for (;;) {
        std::size_t at_warp = 0, ended = 0, ready = 0;
        for (std::size_t t = first; t < first + count; ++t) {
            Thread& thread = *threads_[t];
            if (thread.state_ == Thread::State::Ready) {
                thread.fiber_.resume();
                if (failure_)
                    std::rethrow_exception(std::exchange(failure_, nullptr));
                ran = true;
            }
            at_warp += thread.state_ == Thread::State::AtWarp;
            ended += thread.state_ == Thread::State::Ended;
            ready += thread.state_ == Thread::State::Ready;
        }
        if (at_warp == 0 || ready > 0)
            return ran;
        if (at_warp < count)
            fail("some lanes of a warp exchange values and others do not");
        for (std::size_t t = first; t < first + count; ++t)
            if (threads_[t]->exchanges_ != threads_[first]->exchanges_)
                fail("lanes of a warp exchange different things");
        release(first, count, Thread::State::AtWarp);
    }
}

float half_value(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16, rest = bits & 0x7fffu;
    if (rest >= 0x7c00u) // infinity, NaN
        return std::bit_cast<float>(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    const float magnitude = std::bit_cast<float>(rest << 13) * 0x1p112f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
}

std::uint16_t half_bits(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
    const std::uint32_t rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u)
        return static_cast<std::uint16_t>(sign | 0x7fffu);
    if (rest >= 0x477ff000u) // 65520 and more
        return static_cast<std::uint16_t>(sign | 0x7c00u);
    if (rest < 0x38800000u) { // below 2^-14: steps of 2^-24; adding 1/2 rounds to them
        const float shifted = std::bit_cast<float>(rest) + 0.5f;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) & 0x7ffu));
    }
    const std::uint32_t rounded = rest + 0xfffu + (rest >> 13 & 1u);
    return static_cast<std::uint16_t>(sign | (rounded - 0x38000000u) >> 13);
}

float e4m3_value(std::uint8_t bits) {
    const int exponent = bits >> 3 & 15, mantissa = bits & 7;
    if ((bits & 0x7f) == 0x7f)
        return std::numeric_limits<float>::quiet_NaN();
    const float size = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                     : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
    return bits & 0x80 ? -size : size;
}

std::uint8_t e4m3_bits(float x) {
    const auto sign = static_cast<std::uint8_t>(std::signbit(x) ? 0x80 : 0);
    if (std::isnan(x))
        return 0x7f;
    const float size = std::min(std::fabs(x), 448.0f);
    // The distance between numbers of its size.
    const int step = std::max(size > 0.0f ? std::ilogb(size) : -6, -6) - 3;
    const auto steps = static_cast<int>(std::nearbyint(std::ldexp(size, -step)));
    return static_cast<std::uint8_t>(sign | (((step + 9) << 3) + steps));
}

void mma_bytes(std::int32_t (&c)[4], const Words* lanes, int lane, int steps, bool signed_b) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
        const int half = i / 2, column = 2 * t + i % 2; // rows g or g + 8
        for (int step = 0; step < steps; ++step)
            for (int part = 0; part < 4; ++part) {
                const std::uint32_t a = lanes[4 * g + part].word[2 * step + half],
                                    b = lanes[4 * column + part].word[4 + step];
                for (int byte = 0; byte < 4; ++byte) {
                    const auto x = static_cast<std::int8_t>(a >> (8 * byte));
                    const auto y = static_cast<std::uint8_t>(b >> (8 * byte));
                    c[i] += x * (signed_b ? static_cast<std::int8_t>(y) : y);
                }
            }
    }
}

void mma_floats(float (&c)[4], const Words* lanes, int lane, float (*value)(std::uint16_t)) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
        const int half = i / 2, column = 2 * t + i % 2;
        double sum = c[i];
        for (int step = 0; step < 2; ++step)
            for (int part = 0; part < 4; ++part) {
                const std::uint32_t a = lanes[4 * g + part].word[2 * step + half],
                                    b = lanes[4 * column + part].word[4 + step];
                for (int k = 0; k < 2; ++k)
                    sum += static_cast<double>(value(static_cast<std::uint16_t>(a >> (16 * k)))) *
                           value(static_cast<std::uint16_t>(b >> (16 * k)));
            }
        c[i] = static_cast<float>(sum);
    }
}

std::uint64_t device_time() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

} // namespace switchyard::cuda::emulation
