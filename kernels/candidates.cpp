#include "kernels/candidates.h"

#include "kernels/logit_math.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace switchyard {
namespace {

constexpr std::size_t kRun = 64; ///< terms summed in single precision

/// Four sums of the terms of every fourth logit each.
struct RunSums {
    Float4 sum{}, weighted{};
};

[[gnu::always_inline]] inline void add_four(RunSums& sums, const Float4& x, const Float4& e) {
    sums.sum += e;
    sums.weighted += e > 0.0f ? x * e : Float4{};
}

/// `from`: the first that is not in the sums yet.
void add_run(std::span<const float> logits, std::size_t from, float maximum, float inverse_temperature,
             RunSums& sums) {
    for (std::size_t i = from; i < logits.size(); i += 4) {
        const Float4 x = (load(logits, i) - maximum) * inverse_temperature;
        add_four(sums, x, exp_negative(x));
    }
}

#if defined(__x86_64__)
/// Eight at a time, added four by four: the same sums.
[[gnu::target("avx2")]] void add_run_avx2(std::span<const float> logits, float maximum,
                                          float inverse_temperature, RunSums& sums) {
    using Float8 = float __attribute__((vector_size(32)));
    using Int8 = std::int32_t __attribute__((vector_size(32)));
    std::size_t i = 0;
    for (; i + 8 <= logits.size(); i += 8) {
        Float8 x, e;
        std::memcpy(&x, logits.data() + i, sizeof x);
        x = (x - maximum) * inverse_temperature;
        exp_negative_to<Float8, Int8>(x, e);
        Float4 x4[2], e4[2];
        std::memcpy(x4, &x, sizeof x);
        std::memcpy(e4, &e, sizeof e);
        add_four(sums, x4[0], e4[0]);
        add_four(sums, x4[1], e4[1]);
    }
    add_run(logits, i, maximum, inverse_temperature, sums);
}
const bool kHasAvx2 = __builtin_cpu_supports("avx2");
#else
constexpr bool kHasAvx2 = false;
void add_run_avx2(std::span<const float>, float, float, RunSums&) {}
#endif

/// Of some logits, at most kRun; those that are no number count as nothing.
LogitMass run_mass(std::span<const float> logits, float maximum, float inverse_temperature) {
    RunSums sums;
    if (kHasAvx2)
        add_run_avx2(logits, maximum, inverse_temperature, sums);
    else
        add_run(logits, 0, maximum, inverse_temperature, sums);
    const Float4 &sum = sums.sum, &weighted = sums.weighted;
    return {static_cast<double>(sum[0]) + sum[1] + sum[2] + sum[3],
            static_cast<double>(weighted[0]) + weighted[1] + weighted[2] + weighted[3]};
}

void add(LogitMass& to, const LogitMass& more) {
    to.sum += more.sum;
    to.weighted += more.weighted;
}

/// The whole of a softmax: what was not gathered, and what was.
LogitMass whole(const Candidates& c, bool own_temperature) {
    LogitMass mass = own_temperature ? c.own : c.plain;
    const float inverse = own_temperature ? c.inverse_temperature : 1.0f;
    for (const float logit : c.gathered)
        add(mass, run_mass(std::span(&logit, 1), c.maximum, inverse));
    return mass;
}

} // namespace

std::vector<Candidate> best_candidates(std::span<const float> logits, std::int32_t first, std::size_t count) {
    std::vector<Candidate> best;
    find_best(logits, first, count, best);
    return best;
}

void find_best(std::span<const float> logits, std::int32_t first, std::size_t count,
               std::vector<Candidate>& best, float least) {
    best.clear();
    if (count == 0)
        return;
    best.reserve(std::min(count, logits.size()));
    const auto take = [&](const Candidate& candidate) {
        if (!(candidate.logit > -std::numeric_limits<float>::infinity()))
            return;
        if (best.size() < count) {
            best.push_back(candidate);
            std::ranges::push_heap(best, better); // the worst on top
        } else if (candidate.logit > best.front().logit) {
            std::ranges::pop_heap(best, better);
            best.back() = candidate;
            std::ranges::push_heap(best, better);
        }
    };
    for (std::size_t run = 0; run < logits.size(); run += kRun) {
        const std::span<const float> some = logits.subspan(run, std::min(kRun, logits.size() - run));
        const float needed = best.size() < count ? least : std::max(least, best.front().logit);
        if (!(largest_logit(some) >= needed))
            continue;
        for (std::size_t i = 0; i < some.size(); ++i)
            if (some[i] >= least)
                take({some[i], first + static_cast<std::int32_t>(run + i)});
    }
    std::ranges::sort(best, better);
}

LogitBounds bound_logits(std::span<const float> logits, std::size_t count) {
    constexpr std::size_t kRuns = 1024;
    const float none = -std::numeric_limits<float>::infinity();
    // Of `count` runs with the largest maxima each has a logit that is not below the last of these maxima.
    std::array<float, kRuns> maxima;
    const std::size_t length = (logits.size() + kRuns - 1) / kRuns;
    std::size_t runs = 0;
    float largest = none;
    for (std::size_t begin = 0; begin < logits.size(); begin += length) {
        maxima[runs] = largest_logit(logits.subspan(begin, std::min(length, logits.size() - begin)));
        largest = std::max(largest, maxima[runs++]);
    }
    if (count == 0 || count > runs)
        return {largest, none};
    const auto last = maxima.begin() + static_cast<std::ptrdiff_t>(count - 1);
    std::nth_element(maxima.begin(), last, maxima.begin() + static_cast<std::ptrdiff_t>(runs),
                     std::greater<>());
    return {largest, *last};
}

void reserve_candidates(std::size_t logits, const CandidateWish& wish, std::span<CandidatePart> parts,
                        Candidates& result) {
    const std::size_t most = static_cast<std::size_t>(std::max(wish.best, 0));
    std::size_t all = 0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
        const std::size_t best = std::min({most, kCandidatePart, logits - part * kCandidatePart});
        parts[part].best.reserve(best);
        all += best;
    }
    result.best.reserve(all);
    result.gathered.reserve(wish.gather.size());
}

float largest_logit(std::span<const float> logits) {
    Float4 best = Float4{} - std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < logits.size(); i += 4) {
        const Float4 four = load(logits, i);
        best = four > best ? four : best;
    }
    return std::max({best[0], best[1], best[2], best[3]});
}

void candidate_part(std::span<const float> logits, std::size_t part, const LogitBounds& bounds,
                    const CandidateWish& wish, CandidatePart& result) {
    const std::size_t begin = part * kCandidatePart;
    const auto here = logits.subspan(begin, std::min(kCandidatePart, logits.size() - begin));
    result.plain = result.own = {};
    std::array<float, kRun> others; // without those that are gathered
    auto gathered = std::ranges::lower_bound(wish.gather, static_cast<std::int32_t>(begin));
    for (std::size_t start = 0; start < here.size(); start += kRun) {
        std::span<const float> run = here.subspan(start, std::min(kRun, here.size() - start));
        const auto first = static_cast<std::int32_t>(begin + start);
        const auto end = first + static_cast<std::int32_t>(run.size());
        if (gathered != wish.gather.end() && *gathered < end) {
            std::ranges::copy(run, others.begin());
            for (; gathered != wish.gather.end() && *gathered < end; ++gathered)
                others[static_cast<std::size_t>(*gathered - first)] = -std::numeric_limits<float>::infinity();
            run = std::span(others).first(run.size());
        }
        add(result.plain, run_mass(run, bounds.largest, 1.0f));
        if (wish.inverse_temperature != 1.0f)
            add(result.own, run_mass(run, bounds.largest, wish.inverse_temperature));
    }
    if (wish.inverse_temperature == 1.0f)
        result.own = result.plain;
    find_best(here, static_cast<std::int32_t>(begin), static_cast<std::size_t>(std::max(wish.best, 0)),
              result.best, bounds.least_best);
}

/// `result` is as new, but may have room.
void join_parts(std::span<const float> logits, float maximum, const CandidateWish& wish,
                std::span<const CandidatePart> parts, Candidates& result) {
    result.maximum = maximum;
    result.inverse_temperature = wish.inverse_temperature;
    result.vocabulary = static_cast<std::int32_t>(logits.size());
    for (const CandidatePart& part : parts) {
        add(result.plain, part.plain);
        add(result.own, part.own);
        result.best.insert(result.best.end(), part.best.begin(), part.best.end());
    }
    const std::size_t count = std::min(result.best.size(), static_cast<std::size_t>(std::max(wish.best, 0)));
    std::ranges::partial_sort(result.best, result.best.begin() + static_cast<std::ptrdiff_t>(count), better);
    result.best.resize(count);
    for (const std::int32_t id : wish.gather)
        result.gathered.push_back(static_cast<std::size_t>(id) < logits.size()
                                      ? logits[static_cast<std::size_t>(id)]
                                      : -std::numeric_limits<float>::infinity());
}

Candidates find_candidates(std::span<const float> logits, const CandidateWish& wish) {
    const LogitBounds bounds = bound_logits(logits, static_cast<std::size_t>(std::max(wish.best, 0)));
    std::vector<CandidatePart> parts(candidate_parts(logits.size()));
    for (std::size_t part = 0; part < parts.size(); ++part)
        candidate_part(logits, part, bounds, wish, parts[part]);
    Candidates result;
    join_parts(logits, bounds.largest, wish, parts, result);
    return result;
}

double Candidates::log_sum_exp(bool own_temperature) const {
    const float inverse = own_temperature ? inverse_temperature : 1.0f;
    return static_cast<double>(maximum) * inverse + std::log(whole(*this, own_temperature).sum);
}

double Candidates::entropy(bool own_temperature) const {
    const LogitMass mass = whole(*this, own_temperature);
    return std::log(mass.sum) - mass.weighted / mass.sum;
}

} // namespace switchyard
