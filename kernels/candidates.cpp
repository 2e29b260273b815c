#include "kernels/candidates.h"

#include "kernels/logit_math.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace switchyard {
namespace {

constexpr std::size_t kRun = 64; ///< terms summed in single precision

/// Of some logits, at most kRun; those that are no number count as nothing.
LogitMass run_mass(std::span<const float> logits, float maximum, float inverse_temperature) {
    Float4 sum{}, weighted{};
    for (std::size_t i = 0; i < logits.size(); i += 4) {
        const Float4 x = (load(logits, i) - maximum) * inverse_temperature;
        const Float4 e = exp_negative(x);
        sum += e;
        weighted += e > 0.0f ? x * e : Float4{};
    }
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
               std::vector<Candidate>& best) {
    best.clear();
    if (count == 0)
        return;
    best.reserve(std::min(count, logits.size()));
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const Candidate candidate{logits[i], first + static_cast<std::int32_t>(i)};
        if (!(candidate.logit > -std::numeric_limits<float>::infinity()))
            continue;
        if (best.size() < count) {
            best.push_back(candidate);
            std::ranges::push_heap(best, better); // the worst on top
        } else if (candidate.logit > best.front().logit) {
            std::ranges::pop_heap(best, better);
            best.back() = candidate;
            std::ranges::push_heap(best, better);
        }
    }
    std::ranges::sort(best, better);
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

void candidate_part(std::span<const float> logits, std::size_t part, float maximum, const CandidateWish& wish,
                    CandidatePart& result) {
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
        add(result.plain, run_mass(run, maximum, 1.0f));
        if (wish.inverse_temperature != 1.0f)
            add(result.own, run_mass(run, maximum, wish.inverse_temperature));
    }
    if (wish.inverse_temperature == 1.0f)
        result.own = result.plain;
    find_best(here, static_cast<std::int32_t>(begin), static_cast<std::size_t>(std::max(wish.best, 0)),
              result.best);
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
    const float maximum = largest_logit(logits);
    std::vector<CandidatePart> parts(candidate_parts(logits.size()));
    for (std::size_t part = 0; part < parts.size(); ++part)
        candidate_part(logits, part, maximum, wish, parts[part]);
    Candidates result;
    join_parts(logits, maximum, wish, parts, result);
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
