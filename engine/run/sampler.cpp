#include "engine/run/sampler.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace switchyard {
namespace {

using Float4 = float __attribute__((vector_size(16)));
using Int4 = std::int32_t __attribute__((vector_size(16)));

/// e^x for x <= 0 to 2e-7 relative, 0 below -87 and for NaN.
inline Float4 exp_negative(Float4 x) {
    const Int4 usable = x >= -87.0f;
    const Float4 safe = usable ? x : Float4{} - 87.0f;
    const Int4 n = __builtin_convertvector(safe * 1.44269504f - 0.5f, Int4);
    const Float4 steps = __builtin_convertvector(n, Float4);
    const Float4 f = (safe - steps * 0.693359375f) + steps * 2.12194440e-4f; // ln 2 in two parts
    Float4 p = f * (1.0f / 5040) + 1.0f / 720;
    p = p * f + 1.0f / 120;
    p = p * f + 1.0f / 24;
    p = p * f + 1.0f / 6;
    p = p * f + 0.5f;
    p = p * f + 1.0f;
    p = p * f + 1.0f;
    const Float4 power = p * std::bit_cast<Float4>((n + 127) << 23);
    return usable ? power : Float4{};
}

inline float exp_negative(float x) { return exp_negative(Float4{x, x, x, x})[0]; }

/// Four values from `at` on; beyond the end there is nothing likely.
inline Float4 load(std::span<const float> values, std::size_t at) {
    Float4 four;
    if (at + 4 <= values.size()) {
        std::memcpy(&four, values.data() + at, sizeof four);
        return four;
    }
    four = Float4{} - std::numeric_limits<float>::infinity();
    std::memcpy(&four, values.data() + at, (values.size() - at) * sizeof(float));
    return four;
}

/// Sum of e^((logit - best) * inverse_temperature), always in the same order. With `terms`, they are kept:
/// room for 3 more than there are logits.
double mass(std::span<const float> logits, float best, float inverse_temperature, float* terms = nullptr) {
    constexpr std::size_t kRun = 64; // terms summed in single precision
    double total = 0;
    for (std::size_t start = 0; start < logits.size(); start += kRun) {
        Float4 sum{};
        for (std::size_t i = start; i < std::min(logits.size(), start + kRun); i += 4) {
            const Float4 four = exp_negative((load(logits, i) - best) * inverse_temperature);
            sum += four;
            if (terms)
                std::memcpy(terms + i, &four, sizeof four);
        }
        total += static_cast<double>(sum[0]) + sum[1] + sum[2] + sum[3];
    }
    return total;
}

/// Index of the largest logit, the lowest among equals; NaN never wins.
std::int32_t best_token(std::span<const float> logits) {
    Float4 best4 = Float4{} - std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < logits.size(); i += 4) {
        const Float4 four = load(logits, i);
        best4 = four > best4 ? four : best4;
    }
    const float best = std::max({best4[0], best4[1], best4[2], best4[3]});
    if (!std::isfinite(best))
        throw Error("the model computed no usable logits: its weights or the file are damaged");
    return static_cast<std::int32_t>(std::ranges::find(logits, best) - logits.begin());
}

std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

} // namespace

double uniform_at(std::uint64_t seed, std::uint64_t position) {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ull;
    const std::uint64_t key = mix(seed + kGolden);
    const std::uint64_t bits = mix(key ^ mix((position + 1) * kGolden));
    return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

std::span<const float> Sampler::penalised(std::span<const float> logits, const SequenceTuning& tuning,
                                          std::span<const std::int32_t> history) {
    const auto window = std::min(history.size(), static_cast<std::size_t>(tuning.repetition_window));
    if (tuning.repetition_penalty == 1.0 || window == 0)
        return logits;
    penalised_.assign(logits.begin(), logits.end());
    recent_.assign(history.end() - static_cast<std::ptrdiff_t>(window), history.end());
    std::ranges::sort(recent_);
    const auto repeated = std::ranges::unique(recent_);
    recent_.erase(repeated.begin(), repeated.end());
    const auto penalty = static_cast<float>(tuning.repetition_penalty);
    // A penalty divides what speaks for a token and multiplies what speaks against it (Keskar et al., CTRL,
    // 2019).
    for (std::int32_t id : recent_)
        if (id >= 0 && static_cast<std::size_t>(id) < penalised_.size()) {
            float& logit = penalised_[static_cast<std::size_t>(id)];
            logit = logit > 0 ? logit / penalty : logit * penalty;
        }
    return penalised_;
}

/// The `count` best, best first. A heap of `count` over one pass: few logits beat its worst.
void Sampler::keep_best(std::span<const float> logits, std::size_t count) {
    candidates_.clear();
    const auto id = [&](std::size_t i) { return static_cast<std::int32_t>(i); };
    std::size_t i = 0;
    for (; i < logits.size() && candidates_.size() < count; ++i)
        if (logits[i] > -std::numeric_limits<float>::infinity())
            candidates_.push_back({logits[i], id(i)});
    std::ranges::make_heap(candidates_, better); // the worst on top
    for (; i < logits.size(); ++i)
        if (logits[i] > candidates_.front().logit) { // an equal one comes later: it is worse
            std::ranges::pop_heap(candidates_, better);
            candidates_.back() = {logits[i], id(i)};
            std::ranges::push_heap(candidates_, better);
        }
    std::ranges::sort(candidates_, better);
}

/// The best tokens that together reach at least top_p of all, best first. A histogram over the distance from
/// the best says how far down they go, so that only they are sorted.
void Sampler::keep_top_p(std::span<const float> logits, float best, const SequenceTuning& tuning) {
    constexpr std::size_t kBins = 1024;
    constexpr float kBinsPerNat = 32;
    const auto inverse = static_cast<float>(1.0 / tuning.temperature);
    const auto bin_of = [&](float logit) {
        const float distance = (best - logit) * inverse * kBinsPerNat;
        return distance < kBins - 1 ? static_cast<std::size_t>(distance) : kBins - 1;
    };
    weights_.resize(logits.size() + 3);
    const double wanted = tuning.top_p * mass(logits, best, inverse, weights_.data());
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
std::int32_t Sampler::draw_from_all(std::span<const float> logits, float best, const SequenceTuning& tuning,
                                    double uniform) {
    weights_.resize(logits.size() + 3);
    double total = mass(logits, best, static_cast<float>(1.0 / tuning.temperature), weights_.data());
    const auto floor = static_cast<float>(tuning.min_p); // the best token's weight is 1
    if (floor > 0) {
        total = 0;
        for (std::size_t i = 0; i < logits.size(); ++i)
            total += weights_[i] = weights_[i] >= floor ? weights_[i] : 0.0f;
    }
    double target = total * uniform;
    std::int32_t last = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (weights_[i] > 0) {
            last = static_cast<std::int32_t>(i);
            if ((target -= weights_[i]) < 0)
                break;
        }
    return last;
}

std::int32_t Sampler::draw(std::span<const float> logits, float best, const SequenceTuning& tuning,
                           double uniform) {
    const bool cut_by_count = tuning.top_k > 0 && static_cast<std::size_t>(tuning.top_k) < logits.size();
    const bool cut_by_mass = tuning.top_p < 1.0;
    if (!cut_by_count && !cut_by_mass)
        return draw_from_all(logits, best, tuning, uniform);
    if (cut_by_count)
        keep_best(logits, static_cast<std::size_t>(tuning.top_k));
    else
        keep_top_p(logits, best, tuning);

    const auto inverse = static_cast<float>(1.0 / tuning.temperature);
    weights_.clear();
    double total = 0;
    for (const Candidate& candidate : candidates_)
        total += weights_.emplace_back(exp_negative((candidate.logit - best) * inverse));
    const double nucleus = cut_by_count && cut_by_mass ? tuning.top_p * total : total;
    const auto floor = static_cast<float>(tuning.min_p);
    double kept = weights_.front();
    std::size_t count = 1;
    while (count < weights_.size() && kept < nucleus && weights_[count] >= floor)
        kept += weights_[count++];
    double target = uniform * kept;
    for (std::size_t i = 0; i + 1 < count; ++i)
        if ((target -= weights_[i]) < 0)
            return candidates_[i].id;
    return candidates_[count - 1].id;
}

SampledToken Sampler::sample(std::span<const float> logits, const SequenceTuning& tuning,
                             std::span<const std::int32_t> history, std::uint64_t position) {
    const std::int32_t likeliest = best_token(logits);
    const float raw_best = logits[static_cast<std::size_t>(likeliest)];
    const std::span<const float> view = penalised(logits, tuning, history);
    SampledToken token;
    const std::int32_t best = view.data() == logits.data() ? likeliest : best_token(view);
    if (!(tuning.temperature >= kLeastTemperature))
        token.id = best;
    else
        token.id =
            draw(view, view[static_cast<std::size_t>(best)], tuning, uniform_at(tuning.seed, position));
    token.probability =
        exp_negative(logits[static_cast<std::size_t>(token.id)] - raw_best) / mass(logits, raw_best, 1.0f);
    return token;
}

} // namespace switchyard
