#include "kernels/candidates.h"

#include "kernels/logit_math.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace switchyard {
namespace {

LogitMass mass_of(const RunMass& run) { return {run.sum, run.weighted}; }

void add(LogitMass& to, const LogitMass& more) {
    to.sum += more.sum;
    to.weighted += more.weighted;
}

/// The best of the logits that it is shown, which are not below `least`; `best` has the worst of them on top
/// until finish().
class BestSoFar {
  public:
    BestSoFar(std::vector<Candidate>& best, std::size_t count, float least)
        : best_(best), count_(count), least_(least) {
        best_.clear();
    }

    /// What a logit must not be below to be of interest.
    float needed() const { return best_.size() < count_ ? least_ : std::max(least_, best_.front().logit); }

    void look_at(std::span<const float> logits, std::int32_t first) {
        for (std::size_t i = 0; i < logits.size(); ++i)
            if (logits[i] >= least_)
                take({logits[i], first + static_cast<std::int32_t>(i)});
    }

    void finish() { std::ranges::sort(best_, better); }

  private:
    void take(const Candidate& candidate) {
        if (!(candidate.logit > -std::numeric_limits<float>::infinity()))
            return;
        if (best_.size() < count_) {
            best_.push_back(candidate);
            std::ranges::push_heap(best_, better);
        } else if (candidate.logit > best_.front().logit) {
            std::ranges::pop_heap(best_, better);
            best_.back() = candidate;
            std::ranges::push_heap(best_, better);
        }
    }

    std::vector<Candidate>& best_;
    std::size_t count_;
    float least_;
};

/// The whole of a softmax: what was not gathered, and what was.
LogitMass whole(const Candidates& c, bool own_temperature) {
    LogitMass mass = own_temperature ? c.own : c.plain;
    const float inverse = own_temperature ? c.inverse_temperature : 1.0f;
    for (const float logit : c.gathered)
        add(mass, mass_of(run_mass(std::span(&logit, 1), c.maximum, inverse)));
    return mass;
}

} // namespace

std::vector<Candidate> best_candidates(std::span<const float> logits, std::size_t count) {
    std::vector<Candidate> best;
    if (count == 0)
        return best;
    best.reserve(std::min(count, logits.size()));
    BestSoFar found(best, count, -std::numeric_limits<float>::infinity());
    for (std::size_t begin = 0; begin < logits.size(); begin += kLogitRun) {
        const auto run = logits.subspan(begin, std::min(kLogitRun, logits.size() - begin));
        if (largest_logit(run) >= found.needed())
            found.look_at(run, static_cast<std::int32_t>(begin));
    }
    found.finish();
    return best;
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

void candidate_part(std::span<const float> logits, std::size_t part, const LogitBounds& bounds,
                    const CandidateWish& wish, CandidatePart& result) {
    const std::size_t begin = part * kCandidatePart;
    const auto here = logits.subspan(begin, std::min(kCandidatePart, logits.size() - begin));
    const bool own_differs = wish.inverse_temperature != 1.0f;
    result.plain = result.own = {};
    BestSoFar best(result.best, static_cast<std::size_t>(std::max(wish.best, 0)), bounds.least_best);
    std::array<float, kLogitRun> others; // without those that are gathered
    auto gathered = std::ranges::lower_bound(wish.gather, static_cast<std::int32_t>(begin));
    for (std::size_t start = 0; start < here.size(); start += kLogitRun) {
        const auto all = here.subspan(start, std::min(kLogitRun, here.size() - start));
        std::span<const float> run = all;
        const auto first = static_cast<std::int32_t>(begin + start);
        const auto end = first + static_cast<std::int32_t>(run.size());
        const bool some_gathered = gathered != wish.gather.end() && *gathered < end;
        if (some_gathered) {
            std::ranges::copy(all, others.begin());
            for (; gathered != wish.gather.end() && *gathered < end; ++gathered)
                others[static_cast<std::size_t>(*gathered - first)] = -std::numeric_limits<float>::infinity();
            run = std::span(others).first(run.size());
        }
        const RunMass mass = run_mass(run, bounds.largest, 1.0f);
        add(result.plain, mass_of(mass));
        if (own_differs && wish.own_mass)
            add(result.own, mass_of(run_mass(run, bounds.largest, wish.inverse_temperature)));
        // Differences round in the order of their logits.
        if (wish.best > 0 && (some_gathered || !(mass.most < best.needed() - bounds.largest)))
            best.look_at(all, first);
    }
    if (!own_differs)
        result.own = result.plain;
    best.finish();
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
