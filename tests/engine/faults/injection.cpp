#include "tests/engine/faults/injection.h"

#include "engine/backends/cpu/thread_pool.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace switchyard::test {
namespace {

/// Counts down to the first of the failures.
struct Countdown {
    std::atomic<std::int64_t> seen{0}, first{-1}, last{-1};

    void begin(std::int64_t nth, std::int64_t count) {
        first = -1;
        seen = 0;
        last = nth + count;
        first = nth;
    }
    bool fails() {
        const std::int64_t from = first;
        if (from < 0)
            return false;
        const std::int64_t now = seen++;
        return now >= from && now < last;
    }
};

Countdown memory, threads;
std::atomic<bool> anything_failed{false};
std::atomic<std::int64_t> in_steps{0};
thread_local int spared = 0;

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    in_steps += cpu::ThreadPool::in_job();
    if (spared == 0 && memory.fails()) {
        anything_failed = true;
        return nullptr;
    }
    bytes = bytes == 0 ? 1 : bytes;
    return alignment <= alignof(std::max_align_t)
               ? std::malloc(bytes)
               : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
    void* data = allocate(bytes, alignment);
    if (!data)
        throw std::bad_alloc();
    return data;
}

} // namespace

void fail_allocations(std::int64_t nth, std::int64_t count) {
    anything_failed = false;
    memory.begin(nth, count);
}

void fail_threads(std::int64_t nth, std::int64_t count) {
    anything_failed = false;
    threads.begin(nth, count);
}

bool stop_failing() {
    memory.first = -1;
    threads.first = -1;
    return anything_failed;
}

std::int64_t allocations() { return memory.seen; }

std::int64_t allocations_in_steps() { return in_steps; }

NoFailures::NoFailures() { ++spared; }
NoFailures::~NoFailures() { --spared; }

} // namespace switchyard::test

namespace test = switchyard::test;

void* operator new(std::size_t bytes) { return test::allocate_or_throw(bytes, 1); }
void* operator new[](std::size_t bytes) { return test::allocate_or_throw(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return test::allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return test::allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return test::allocate(bytes, 1); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return test::allocate(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* data) noexcept { std::free(data); }
void operator delete[](void* data) noexcept { std::free(data); }
void operator delete(void* data, std::size_t) noexcept { std::free(data); }
void operator delete[](void* data, std::size_t) noexcept { std::free(data); }
void operator delete(void* data, std::align_val_t) noexcept { std::free(data); }
void operator delete[](void* data, std::align_val_t) noexcept { std::free(data); }
void operator delete(void* data, std::size_t, std::align_val_t) noexcept { std::free(data); }
void operator delete[](void* data, std::size_t, std::align_val_t) noexcept { std::free(data); }

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" __attribute__((visibility("default"))) int
pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*), void* argument) {
    using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
    static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
    if (test::threads.fails()) {
        test::anything_failed = true;
        return EAGAIN;
    }
    return create(thread, attributes, work, argument);
}
#endif
