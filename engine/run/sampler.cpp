#include "engine/run/sampler.h"

#include "engine/base/error.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace switchyard {
namespace {

/// e^x for x <= 0 to 2e-7 relative, 0 below -87 and for NaN. Plain arithmetic: the compiler vectorises it.
inline float exp_negative(float x) {
    const float safe = x > -87.0f ? x : -87.0f;
    const auto n = static_cast<std::int32_t>(safe * 1.44269504f - 0.5f);
    const auto steps = static_cast<float>(n);
    const float f = (safe - steps * 0.693359375f) + steps * 2.12194440e-4f; // ln 2 in two parts
    float p = 1.0f / 5040;
    p = p * f + 1.0f / 720;
    p = p * f + 1.0f / 120;
    p = p * f + 1.0f / 24;
    p = p * f + 1.0f / 6;
    p = p * f + 0.5f;
    p = p * f + 1.0f;
    p = p * f + 1.0f;
    const float scale = std::bit_cast<float>((n + 127) << 23);
    return x >= -87.0f ? p * scale : 0.0f;
}

/// Sum of e^((logit - best) * inverse_temperature), in double, always in the same order.
double mass(std::span<const float> logits, float best, float inverse_temperature) {
    constexpr std::size_t kLane = 256;
    double total = 0;
    for (std::size_t start = 0; start < logits.size(); start += kLane) {
        const std::size_t end = std::min(logits.size(), start + kLane);
        float terms[kLane];
        for (std::size_t i = start; i < end; ++i)
            terms[i - start] = exp_negative((logits[i] - best) * inverse_temperature);
        for (std::size_t i = 0; i < end - start; ++i)
            total += terms[i];
    }
    return total;
}

/// Index of the largest logit, the lowest among equals; NaN never wins.
std::int32_t best_token(std::span<const float> logits) {
    float best = -std::numeric_limits<float>::infinity();
    std::int32_t at = -1;
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (logits[i] > best) {
            best = logits[i];
            at = static_cast<std::int32_t>(i);
        }
    if (at < 0 || !std::isfinite(best))
        throw Error("the model computed no usable logits: its weights or the file are damaged");
    return at;
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
    const auto worst_on_top = [](const Candidate& a, const Candidate& b) { return better(a, b); };
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const Candidate candidate{logits[i], static_cast<std::int32_t>(i)};
        if (candidates_.size() < count) {
            if (candidate.logit > -std::numeric_limits<float>::infinity()) {
                candidates_.push_back(candidate);
                std::ranges::push_heap(candidates_, worst_on_top);
            }
        } else if (better(candidate, candidates_.front())) {
            std::ranges::pop_heap(candidates_, worst_on_top);
            candidates_.back() = candidate;
            std::ranges::push_heap(candidates_, worst_on_top);
        }
    }
    std::ranges::sort(candidates_, better);
}

/// The best tokens that together reach top_p of all; takes more only where the first did not reach it.
void Sampler::keep_top_p(std::span<const float> logits, float best, const SequenceTuning& tuning) {
    const auto inverse = static_cast<float>(1.0 / tuning.temperature);
    const double wanted = tuning.top_p * mass(logits, best, inverse);
    for (std::size_t count = 64;; count *= 8) {
        keep_best(logits, std::min(count, logits.size()));
        double sum = 0;
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            sum += exp_negative((candidates_[i].logit - best) * inverse);
            if (sum >= wanted) {
                candidates_.resize(i + 1);
                return;
            }
        }
        if (count >= logits.size())
            return;
    }
}

std::int32_t Sampler::draw(std::span<const float> logits, float best, const SequenceTuning& tuning,
                           double uniform) {
    const auto inverse = static_cast<float>(1.0 / tuning.temperature);
    const bool cut_by_count = tuning.top_k > 0 && static_cast<std::size_t>(tuning.top_k) < logits.size();
    const bool cut_by_mass = tuning.top_p < 1.0;
    const float floor = static_cast<float>(tuning.min_p);
    const auto weight = [&](float logit) {
        const float w = exp_negative((logit - best) * inverse);
        return w >= floor ? w : 0.0f; // the best token's weight is 1
    };
    if (!cut_by_count && !cut_by_mass) {
        double target = 0;
        for (float logit : logits)
            target += weight(logit);
        target *= uniform;
        std::int32_t last = 0;
        for (std::size_t i = 0; i < logits.size(); ++i)
            if (const float w = weight(logits[i]); w > 0) {
                last = static_cast<std::int32_t>(i);
                if ((target -= w) < 0)
                    break;
            }
        return last;
    }
    if (cut_by_count)
        keep_best(logits, static_cast<std::size_t>(tuning.top_k));
    else
        keep_top_p(logits, best, tuning);

    double total = 0;
    for (const Candidate& candidate : candidates_)
        total += exp_negative((candidate.logit - best) * inverse);
    const double nucleus = cut_by_count && cut_by_mass ? tuning.top_p * total : total;
    double kept = 0;
    std::size_t count = 0;
    for (double seen = 0; count < candidates_.size(); ++count) {
        const float plain = exp_negative((candidates_[count].logit - best) * inverse);
        if (count > 0 && (seen >= nucleus || plain < floor))
            break;
        seen += plain;
        kept += plain;
    }
    double target = uniform * kept;
    for (std::size_t i = 0; i < count; ++i)
        if ((target -= exp_negative((candidates_[i].logit - best) * inverse)) < 0)
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
    if (tuning.temperature <= 0)
        token.id = best;
    else
        token.id =
            draw(view, view[static_cast<std::size_t>(best)], tuning, uniform_at(tuning.seed, position));
    token.probability =
        exp_negative(logits[static_cast<std::size_t>(token.id)] - raw_best) / mass(logits, raw_best, 1.0f);
    return token;
}

} // namespace switchyard
