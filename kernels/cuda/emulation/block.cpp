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

#if defined(SWITCHYARD_TSAN_FIBERS)
#include <sanitizer/tsan_interface.h>
#endif

namespace switchyard::cuda::emulation {

namespace {

/// For TSan: what was done before everyone met happens before what is done after. An address serves every
/// other meeting, so that who has gone on and arrived at the next tells nothing to those still leaving.
void arrive([[maybe_unused]] void* order) {
#if defined(SWITCHYARD_TSAN_FIBERS)
    __tsan_release(order);
#endif
}
void leave([[maybe_unused]] void* order) {
#if defined(SWITCHYARD_TSAN_FIBERS)
    __tsan_acquire(order);
#endif
}

} // namespace

/// Waits in a set of its warp until somebody puts it into `ready`. Others of the warp go on directly.
void Thread::stop(std::uint32_t& place) {
    const auto lane = number_ % 32;
    warp_->ready &= ~(1u << lane);
    place |= 1u << lane;
    Fiber* next = block_->next_lane(*warp_, lane);
    if (next != &fiber_)
        fiber_.pause(next);
    running = this;
}

void Thread::meet(Meeting meeting) {
    if (warp_->at_warp == 0)
        warp_->meeting = meeting;
    else if (warp_->meeting != meeting)
        block_->fail("lanes of a warp exchange different things");
    // Values that lanes exchange bring no order between what they wrote to memory and what others read.
    char* order = meeting == Meeting::Order ? &warp_->order[warp_->meetings % 2] : nullptr;
    if (order)
        arrive(order);
    stop(warp_->at_warp);
    if (order)
        leave(order);
}

void Thread::meet_warp() {
    if (!left_out(PlantedFault::Kind::WarpMeeting))
        meet(Meeting::Order);
}

void Thread::meet_block() {
    if (left_out(PlantedFault::Kind::BlockMeeting))
        return;
    char* order = &block_->order_[block_->meetings_ % 2];
    arrive(order);
    stop(warp_->at_block);
    leave(order);
}

void Thread::wait_for_previous() {
    if (left_out(PlantedFault::Kind::PreviousWait))
        return;
    block_->has_waited_ = true;
    if (!block_->may_pass_)
        stop(warp_->at_previous);
    leave(&block_->may_pass_);
}

void Thread::yield() { stop(warp_->spinning); }

const Words* Thread::exchange(const Words& words) {
    if (left_out(PlantedFault::Kind::Exchange)) {
        static thread_local Words own[32]; // read before another fiber runs
        std::ranges::fill(own, words);
        return own;
    }
    Words* all = warp_->exchanged[warp_->exchanges % 2];
    all[lane()] = words;
    meet(Meeting::Words);
    return all;
}

void Thread::multiply(Meeting kind, const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], void* c) {
    if (left_out(PlantedFault::Kind::TileProduct))
        return;
    const int l = lane();
    std::memcpy(warp_->tile.a[l], a, sizeof a);
    std::memcpy(warp_->tile.b[l], b, sizeof b);
    std::memcpy(warp_->tile.c[l], c, sizeof warp_->tile.c[l]);
    meet(kind);
    std::memcpy(c, warp_->tile.c[l], sizeof warp_->tile.c[l]);
}

void Thread::run() {
    running = this;
    leave(&block_->work_);
    try {
        block_->work_.kernel(block_->work_.params);
    } catch (...) { // a stack of its own ends here
        block_->failure_ = std::current_exception();
    }
    arrive(&block_->turns_);
}

/// Its threads may be in the middle of something, where one of them failed.
Block::~Block() {
    for (const auto& thread : threads_)
        thread->fiber_.abandon();
}

void Block::fail(const char* what) const {
    throw std::logic_error("block " + std::to_string(x_) + ", " + std::to_string(y_) + ": " + what);
}

void Block::begin(const Work& work, unsigned x, unsigned y) {
    work_ = work;
    x_ = x;
    y_ = y;
    has_waited_ = false;
    // Shared memory holds anything at first: here what is not a number, and no small one.
    constexpr std::size_t kAlignment = 128;
    memory_.assign(work.shared_bytes + kAlignment, std::byte{0xff});
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    shared_ = memory_.data() + ((address + kAlignment - 1) / kAlignment * kAlignment - address);
    const std::size_t warps = (work.threads + 31) / 32;
    warps_.resize(warps);
    turns_.resize(warps);
    for (std::size_t w = 0; w < warps; ++w) {
        const std::size_t count = std::min<std::size_t>(32, work.threads - 32 * w);
        Warp& warp = warps_[w];
        warp.lanes = warp.ready = ~0u >> (32 - count);
        warp.spinning = warp.at_warp = warp.at_block = warp.at_previous = warp.ended = 0;
        turns_[w] = w;
    }
    while (threads_.size() < work.threads)
        threads_.push_back(std::make_unique<Thread>());
    arrive(&work_);
    for (unsigned t = 0; t < work.threads; ++t) {
        Thread& thread = *threads_[t];
        thread.block_ = this;
        thread.warp_ = &warps_[t / 32];
        thread.number_ = t;
        thread.fault_uses_ = 0;
        thread.groups_.clear();
        thread.open_.clear();
        thread.fiber_.begin(
            [](void* argument) {
                auto& own = *static_cast<Thread*>(argument);
                own.run();
                const auto lane = own.number_ % 32;
                own.warp_->ready &= ~(1u << lane);
                own.warp_->ended |= 1u << lane;
                return own.block_->next_lane(*own.warp_, lane);
            },
            &thread);
    }
}

/// Who of a warp goes on when `lane` has stopped, which may be itself; nullptr: nobody can.
Fiber* Block::next_lane(Warp& warp, unsigned lane) {
    if (failure_)
        return nullptr;
    const auto fiber = [&](unsigned l) {
        const auto first = static_cast<std::size_t>(&warp - warps_.data()) * 32;
        return &threads_[first + l]->fiber_;
    };
    if (warp.ready != 0) { // in turns, lane by lane
        const std::uint32_t behind = warp.ready & ~(~0u >> (31 - lane));
        return fiber(static_cast<unsigned>(std::countr_zero(behind ? behind : warp.ready)));
    }
    if (warp.at_warp != warp.lanes)
        return nullptr;
    if (warp.meeting == Meeting::Words)
        ++warp.exchanges;
    else if (warp.meeting >= Meeting::Halves)
        multiply_floats(warp.tile, warp.meeting == Meeting::Bfloats);
    else if (warp.meeting != Meeting::Order)
        multiply_bytes(warp.tile, warp.meeting >= Meeting::SignedBytesHalf ? 16 : 32,
                       warp.meeting == Meeting::SignedBytes || warp.meeting == Meeting::SignedBytesHalf);
    else
        ++warp.meetings;
    warp.at_warp = 0;
    warp.ready = warp.lanes;
    return fiber(lane);
}

unsigned Block::lanes_in(std::uint32_t Warp::*place) const {
    unsigned count = 0;
    for (const Warp& warp : warps_)
        count += static_cast<unsigned>(std::popcount(warp.*place));
    return count;
}

void Block::release(std::uint32_t Warp::*place) {
    for (Warp& warp : warps_)
        warp.ready |= std::exchange(warp.*place, 0);
}

Block::Outcome Block::run(bool may_pass, std::minstd_rand& order) {
    may_pass_ = may_pass;
    if (may_pass) {
        arrive(&may_pass_);
        release(&Warp::at_previous);
    }
    for (;;) {
        std::shuffle(turns_.begin(), turns_.end(), order);
        bool ran = false;
        for (const std::size_t warp : turns_)
            ran |= run_warp(warp);
        const unsigned ended = lanes_in(&Warp::ended), at_block = lanes_in(&Warp::at_block);
        if (ended == work_.threads) {
            leave(&turns_);
            return Outcome::Ended;
        }
        if (ended + at_block == work_.threads) {
            if (ended > 0)
                fail("some threads wait for the block and others have ended");
            ++meetings_;
            release(&Warp::at_block);
            continue;
        }
        if (lanes_in(&Warp::spinning) > 0)
            return Outcome::Spinning;
        if (!ran) {
            if (lanes_in(&Warp::at_previous) > 0 && !may_pass)
                return Outcome::Waiting;
            fail("threads wait in different places for each other");
        }
    }
}

/// Runs a warp's lanes until none can go on; whether any ran.
bool Block::run_warp(std::size_t number) {
    Warp& warp = warps_[number];
    warp.ready |= std::exchange(warp.spinning, 0);
    const bool ran = warp.ready != 0;
    while (warp.ready != 0) {
        threads_[number * 32 + static_cast<std::size_t>(std::countr_zero(warp.ready))]->fiber_.resume();
        if (failure_)
            std::rethrow_exception(std::exchange(failure_, nullptr));
    }
    if (warp.at_warp != 0 && warp.spinning == 0)
        fail("some lanes of a warp exchange values and others do not");
    return ran;
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

std::uint64_t device_time() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

} // namespace switchyard::cuda::emulation
