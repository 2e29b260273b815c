#include "kernels/draw_row.h"

#include "kernels/draw.h"
#include "kernels/logit_math.h"
#include "kernels/race.h"
#include "kernels/splitmix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace switchyard {
namespace {

/// Index of the largest logit, the lowest among equals; NaN never wins. -1: none is a number.
std::int32_t best_token(std::span<const float> logits) {
    constexpr std::size_t kStretch = 1024; // few of which are looked through for the very place
    float best = -std::numeric_limits<float>::infinity();
    std::span<const float> there;
    for (std::size_t begin = 0; begin < logits.size(); begin += kStretch) {
        const auto stretch = logits.subspan(begin, std::min(kStretch, logits.size() - begin));
        if (const float largest = largest_logit(stretch); largest > best) {
            best = largest;
            there = stretch;
        }
    }
    if (!std::isfinite(best))
        return -1;
    return static_cast<std::int32_t>(&*std::ranges::find(there, best) - logits.data());
}

/// A penalty divides what speaks for a token and multiplies what speaks against it (Keskar et al., CTRL,
/// 2019).
float penalised_logit(float logit, const DrawWish& wish) {
    const auto penalty = static_cast<float>(wish.repetition_penalty);
    return logit > 0 ? logit / penalty : logit * penalty;
}

bool greedy(const DrawWish& wish) { return !(wish.temperature >= kLeastTemperature); }

} // namespace

double uniform_at(std::uint64_t seed, std::uint64_t position) {
    const std::uint64_t key = splitmix(seed + kGoldenGamma);
    const std::uint64_t bits = splitmix(key ^ splitmix((position + 1) * kGoldenGamma));
    return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// With the penalty, and without what is not allowed.
std::span<const float> RowDrawer::adjusted(std::span<const float> logits, const DrawWish& wish) {
    const bool penalty = !wish.penalised.empty() && wish.repetition_penalty != 1.0;
    if (!penalty && !wish.allowed)
        return logits;
    adjusted_.assign(logits.begin(), logits.end());
    for (const std::int32_t id : wish.penalised)
        if (penalty && static_cast<std::size_t>(id) < adjusted_.size()) {
            float& logit = adjusted_[static_cast<std::size_t>(id)];
            logit = penalised_logit(logit, wish);
        }
    for (std::size_t id = 0; wish.allowed && id < adjusted_.size(); ++id)
        if (id / 64 >= wish.allowed->size() || ((*wish.allowed)[id / 64] >> (id % 64) & 1) == 0)
            adjusted_[id] = -std::numeric_limits<float>::infinity();
    return adjusted_;
}

/// The best tokens that together reach at least top_p of all, best first. A histogram over the distance from
/// the best says how far down they go, so that only they are sorted.
void RowDrawer::keep_top_p(std::span<const float> logits, float best, const DrawWish& wish) {
    constexpr std::size_t kBins = 1024;
    constexpr float kBinsPerNat = 32;
    const auto inverse = static_cast<float>(1.0 / wish.temperature);
    const auto bin_of = [&](float logit) {
        const float distance = (best - logit) * inverse * kBinsPerNat;
        return distance < kBins - 1 ? static_cast<std::size_t>(distance) : kBins - 1;
    };
    weights_.resize(logits.size() + 3);
    const double wanted = wish.top_p * mass(logits, best, inverse, weights_.data());
    std::array<double, kBins> bins{};
    for (std::size_t i = 0; i < logits.size(); ++i)
        bins[bin_of(logits[i])] += weights_[i];
    std::size_t last = 0;
    for (double sum = bins[0]; sum < wanted && last + 1 < kBins; sum += bins[++last]) {
    }
    last = std::min(last + 1, kBins - 1); // sums in another order may differ in the last digit
    candidates_.clear();
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (weights_[i] > 0 && bin_of(logits[i]) <= last)
            candidates_.push_back({logits[i], static_cast<std::int32_t>(i)});
    std::ranges::sort(candidates_, better);
    double sum = 0;
    std::size_t count = 0;
    do
        sum += weights_[static_cast<std::size_t>(candidates_[count++].id)];
    while (count < candidates_.size() && sum < wanted);
    candidates_.resize(count);
}

/// From all tokens but those below min_p of the best.
std::int32_t RowDrawer::draw_from_all(std::span<const float> logits, float best, const DrawWish& wish) {
    weights_.resize(logits.size() + 3);
    double total = mass(logits, best, static_cast<float>(1.0 / wish.temperature), weights_.data());
    const auto floor = static_cast<float>(wish.min_p); // the best token's weight is 1
    if (wish.version != DrawVersion::Cumulative) {
        return race_all(std::span(weights_).first(logits.size()), floor, wish.seed, wish.position);
    }
    if (floor > 0) {
        total = 0;
        for (std::size_t i = 0; i < logits.size(); ++i)
            total += weights_[i] = weights_[i] >= floor ? weights_[i] : 0.0f;
    }
    double target = total * uniform_at(wish.seed, wish.position);
    std::int32_t last = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (weights_[i] > 0) {
            last = static_cast<std::int32_t>(i);
            if ((target -= weights_[i]) < 0)
                break;
        }
    return last;
}

std::int32_t RowDrawer::draw_cut(std::span<const float> logits, float best, const DrawWish& wish) {
    const bool cut_by_count = wish.top_k > 0 && static_cast<std::size_t>(wish.top_k) < logits.size();
    const bool cut_by_mass = wish.top_p < 1.0;
    if (!cut_by_count && !cut_by_mass)
        return draw_from_all(logits, best, wish);
    if (cut_by_count)
        candidates_ = best_candidates(logits, static_cast<std::size_t>(wish.top_k));
    else
        keep_top_p(logits, best, wish);

    const auto inverse = static_cast<float>(1.0 / wish.temperature);
    weights_.clear();
    double total = 0;
    for (const Candidate& candidate : candidates_)
        total += weights_.emplace_back(exp_negative((candidate.logit - best) * inverse));
    const double nucleus = cut_by_count && cut_by_mass ? wish.top_p * total : total;
    const auto floor = static_cast<float>(wish.min_p);
    double kept = weights_.front();
    std::size_t count = 1;
    while (count < weights_.size() && kept < nucleus && weights_[count] >= floor)
        kept += weights_[count++];
    return draw_from_best(count, kept, wish);
}

/// From the first `count` candidates, whose weights come to `kept`.
std::int32_t RowDrawer::draw_from_best(std::size_t count, double kept, const DrawWish& wish) const {
    if (wish.version != DrawVersion::Cumulative) {
        RaceLeader leader;
        for (std::size_t i = 0; i < count; ++i)
            race(leader, wish.seed, wish.position, candidates_[i].id, weights_[i]);
        return leader.id;
    }
    double target = uniform_at(wish.seed, wish.position) * kept;
    for (std::size_t i = 0; i + 1 < count; ++i)
        if ((target -= weights_[i]) < 0)
            return candidates_[i].id;
    return candidates_[count - 1].id;
}

Drawn RowDrawer::draw(std::span<const float> logits, const DrawWish& wish) {
    const std::int32_t likeliest = best_token(logits);
    if (likeliest < 0)
        return {};
    const float raw_best = logits[static_cast<std::size_t>(likeliest)];
    const std::span<const float> view = adjusted(logits, wish);
    Drawn drawn;
    const std::int32_t best = view.data() == logits.data() ? likeliest : best_token(view);
    drawn.none_allowed = best < 0 && wish.allowed;
    if (best < 0)
        return drawn;
    drawn.id = greedy(wish) ? best : draw_cut(view, view[static_cast<std::size_t>(best)], wish);
    drawn.probability =
        exp_negative(logits[static_cast<std::size_t>(drawn.id)] - raw_best) / mass(logits, raw_best, 1.0f);
    return drawn;
}

// From candidates.

void DrawWish::penalise(std::int32_t id) {
    if (repetition_penalty == 1.0 || id < 0)
        return;
    const auto at = std::ranges::lower_bound(penalised, id);
    if (at == penalised.end() || *at != id)
        penalised.insert(at, id);
}

void RowDrawer::reserve(std::size_t logits) {
    adjusted_.reserve(logits);
    candidates_.reserve(logits);
    weights_.reserve(logits + 3);
}

std::optional<CandidateWish> RowDrawer::candidates_for(const DrawWish& wish) {
    constexpr int kUsual = 128; // tokens that hold the mass of a top-p in most rows
    if (wish.version == DrawVersion::Cumulative || wish.allowed)
        return std::nullopt;
    CandidateWish candidates;
    if (!greedy(wish)) {
        if (wish.top_k <= 0 && wish.top_p >= 1.0 && wish.min_p <= 0)
            return std::nullopt;
        candidates.best = wish.top_k > 0 ? wish.top_k : kUsual;
        candidates.inverse_temperature = static_cast<float>(1.0 / wish.temperature);
    }
    if (wish.repetition_penalty != 1.0)
        candidates.gather = wish.penalised;
    candidates.best += static_cast<std::int32_t>(candidates.gather.size()); // those may all fall behind
    constexpr std::int32_t kFew = 64;                                       // as no vocabulary has
    candidates.own_mass = !greedy(wish) && (wish.top_k <= 0 || wish.top_k > kFew); // as cut() reads it
    return candidates;
}

/// Tokens at the top of candidates_ that are the best of all, penalties included.
std::size_t RowDrawer::rank(const Candidates& candidates, const CandidateWish& gathered,
                            const DrawWish& wish) {
    candidates_.clear();
    for (const Candidate& candidate : candidates.best)
        if (!std::ranges::binary_search(gathered.gather, candidate.id))
            candidates_.push_back(candidate);
    for (std::size_t i = 0; i < gathered.gather.size(); ++i)
        if (const float logit = penalised_logit(candidates.gathered[i], wish);
            logit > -std::numeric_limits<float>::infinity())
            candidates_.push_back({logit, gathered.gather[i]});
    std::ranges::sort(candidates_, better);
    if (candidates.best.size() < static_cast<std::size_t>(gathered.best))
        return candidates_.size();                 // they are all there are
    const Candidate last = candidates.best.back(); // nothing unseen is better
    return static_cast<std::size_t>(
        std::ranges::find_if(candidates_, [&](const Candidate& c) { return better(last, c); }) -
        candidates_.begin());
}

/// How many of the ranked candidates the samplers keep, their weights at the front of weights_.
std::optional<std::size_t> RowDrawer::cut(const Candidates& candidates, const DrawWish& wish,
                                          std::size_t ranked, bool all) {
    const float best = candidates_.front().logit, inverse = candidates.inverse_temperature;
    const auto vocabulary = static_cast<std::size_t>(candidates.vocabulary);
    const bool by_count = wish.top_k > 0 && static_cast<std::size_t>(wish.top_k) < vocabulary;
    std::size_t most = ranked;
    bool complete = all;
    if (by_count) {
        most = std::min(most, static_cast<std::size_t>(wish.top_k));
        complete = all || most == static_cast<std::size_t>(wish.top_k);
        if (!complete)
            return std::nullopt;
    }
    weights_.clear();
    double total = 0;
    for (std::size_t i = 0; i < most; ++i)
        total += weights_.emplace_back(exp_negative((candidates_[i].logit - best) * inverse));
    if (!by_count && wish.top_p < 1.0) {
        // Of all: what was not gathered, in units of the best as it now is, and what was, with its penalty.
        const double units = std::exp(static_cast<double>(candidates.maximum - best) * inverse);
        if (!(units < 1e30) || (candidates.own.sum == 0 && candidates.gathered.size() < vocabulary))
            return std::nullopt;
        total = candidates.own.sum * units;
        for (const float logit : candidates.gathered)
            total += exp_negative((penalised_logit(logit, wish) - best) * inverse);
    }
    const double nucleus = wish.top_p < 1.0 ? wish.top_p * total : std::numeric_limits<double>::infinity();
    const auto floor = static_cast<float>(wish.min_p);
    double kept = weights_.front();
    std::size_t count = 1;
    while (count < most && kept < nucleus && weights_[count] >= floor)
        kept += weights_[count++];
    const bool proven = complete || count < most || kept >= nucleus;
    return proven ? std::optional(count) : std::nullopt;
}

std::optional<Drawn> RowDrawer::draw(const Candidates& candidates, const CandidateWish& gathered,
                                     const DrawWish& wish) {
    if (!std::isfinite(candidates.maximum))
        return Drawn{};
    const std::size_t ranked = rank(candidates, gathered, wish);
    if (ranked == 0)
        return std::nullopt;
    Drawn drawn;
    if (greedy(wish)) {
        drawn.id = candidates_.front().id;
    } else {
        const auto count =
            cut(candidates, wish, ranked, candidates.best.size() < static_cast<std::size_t>(gathered.best));
        if (!count)
            return std::nullopt;
        drawn.id = draw_from_best(*count, 0, wish);
    }
    const auto at = std::ranges::lower_bound(gathered.gather, drawn.id);
    const float raw = at != gathered.gather.end() && *at == drawn.id
                          ? candidates.gathered[static_cast<std::size_t>(at - gathered.gather.begin())]
                          : std::ranges::find(candidates_, drawn.id, &Candidate::id)->logit;
    drawn.probability = std::exp(static_cast<double>(raw) - candidates.log_sum_exp());
    return drawn;
}

} // namespace switchyard
