#include "kernels/cpu/machine_rates.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace switchyard {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTime = std::chrono::milliseconds(150);

using Word8 = std::uint64_t __attribute__((vector_size(64)));

/// Sums memory, so that all of it is read.
std::uint64_t sum(const std::uint64_t* words, std::size_t count) {
    Word8 a{}, b{};
    for (std::size_t i = 0; i + 16 <= count; i += 16) {
        Word8 x, y;
        __builtin_memcpy(&x, words + i, sizeof x);
        __builtin_memcpy(&y, words + i + 8, sizeof y);
        a += x;
        b += y;
    }
    a += b;
    return a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}

constexpr int kAccumulators = 10; // what the latency of two units needs

template <typename Vector>
float multiply_add_of(int rounds) {
    Vector acc[kAccumulators] = {}, x = Vector{} + 1.0001f, y = Vector{} + 1e-7f;
    for (int r = 0; r < rounds; ++r)
        for (Vector& a : acc)
            a = a * x + y;
    for (int i = 1; i < kAccumulators; ++i)
        acc[0] += acc[i];
    return acc[0][0];
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] float multiply_add_wide(int rounds) {
    const __m256 x = _mm256_set1_ps(1.0001f), y = _mm256_set1_ps(1e-7f);
    __m256 a0 = y, a1 = y, a2 = y, a3 = y, a4 = y, a5 = y, a6 = y, a7 = y, a8 = y, a9 = y;
    for (int r = 0; r < rounds; ++r) {
        a0 = _mm256_fmadd_ps(a0, x, y);
        a1 = _mm256_fmadd_ps(a1, x, y);
        a2 = _mm256_fmadd_ps(a2, x, y);
        a3 = _mm256_fmadd_ps(a3, x, y);
        a4 = _mm256_fmadd_ps(a4, x, y);
        a5 = _mm256_fmadd_ps(a5, x, y);
        a6 = _mm256_fmadd_ps(a6, x, y);
        a7 = _mm256_fmadd_ps(a7, x, y);
        a8 = _mm256_fmadd_ps(a8, x, y);
        a9 = _mm256_fmadd_ps(a9, x, y);
    }
    const __m256 sum =
        _mm256_add_ps(_mm256_add_ps(_mm256_add_ps(_mm256_add_ps(a0, a1), _mm256_add_ps(a2, a3)),
                                    _mm256_add_ps(_mm256_add_ps(a4, a5), _mm256_add_ps(a6, a7))),
                      _mm256_add_ps(a8, a9));
    return _mm256_cvtss_f32(sum);
}
#endif

bool wide() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

float multiply_add(int rounds) {
#if defined(__x86_64__)
    if (wide())
        return multiply_add_wide(rounds);
#endif
    using Float4 = float __attribute__((vector_size(16)));
    return multiply_add_of<Float4>(rounds);
}

/// Units of work a second that all threads do together; `work` does some and says how many.
double rate_of(int threads, const std::function<double(int thread)>& work) {
    std::vector<double> done(static_cast<std::size_t>(threads));
    std::atomic<int> ready{0};
    Clock::time_point begin;
    {
        std::vector<std::jthread> others;
        const auto run = [&](int thread) {
            ++ready;
            while (ready < threads)
                std::this_thread::yield();
            const auto until = Clock::now() + kTime;
            while (Clock::now() < until)
                done[static_cast<std::size_t>(thread)] += work(thread);
        };
        for (int t = 1; t < threads; ++t)
            others.emplace_back(run, t);
        begin = Clock::now();
        run(0);
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    double all = 0;
    for (const double d : done)
        all += d;
    return all / seconds;
}

} // namespace

MachineRates measure_machine(int threads) {
    threads = std::max(1, threads);
    constexpr std::size_t kBytes = std::size_t{192} << 20; // beyond any cache
    const std::vector<std::uint64_t> memory(kBytes / 8, 1);
    const std::size_t part = memory.size() / static_cast<std::size_t>(threads), piece = part / 16;
    std::atomic<std::uint64_t> kept{0};
    std::vector<std::size_t> next(static_cast<std::size_t>(threads));
    MachineRates rates;
    rates.read_bytes_per_second = rate_of(threads, [&](int thread) {
        const auto t = static_cast<std::size_t>(thread);
        kept += sum(memory.data() + t * part + next[t] * piece, piece);
        next[t] = (next[t] + 1) % 16;
        return static_cast<double>(piece * 8);
    });
    constexpr int kRounds = 20000;
    rates.macs_per_second = rate_of(threads, [&](int) {
        kept += multiply_add(kRounds) > 0 ? 1 : 0;
        return static_cast<double>(kRounds) * kAccumulators * (wide() ? 8 : 4);
    });
    return rates;
}

} // namespace switchyard
