#include "engine/carve/refine.h"

#include "engine/carve/carve_plan.h"
#include "engine/carve/ridge.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace switchyard {

namespace {

constexpr int kRefineRounds = 6;
constexpr int kExchangeRounds = 10;
constexpr double kRefineRidge = 1e-3;
// A router that has seen a token knows more of it than it will of others, so each half of the sample is
// judged by a router of the other half. Halves are made of stretches: neighbours are alike.
constexpr std::size_t kStretch = 64;
std::size_t half_of(std::size_t token) { return token / kStretch % 2; }

class Refinement {
  public:
    Refinement(std::vector<std::uint8_t>& owner, const LayerSample& sample, std::span<const double> norms,
               int hidden, int experts)
        : owner_(owner), hidden_(static_cast<std::size_t>(hidden)), width_(owner.size()),
          experts_(static_cast<std::size_t>(experts)), tokens_(sample.activations.size() / width_) {
        set_inputs(sample);
        set_energies(sample, norms);
    }

    void run() {
        std::array<RidgeSums, 2> sums{input_sums(0), input_sums(1)};
        const std::array<RidgeSolver, 2> solvers{RidgeSolver(sums[0], kRefineRidge),
                                                 RidgeSolver(sums[1], kRefineRidge)};
        const int shared = static_cast<int>(experts_), exact = shared + 1;
        std::vector<int> group(owner_.begin(), owner_.end());
        std::replace(group.begin(), group.end(), static_cast<int>(kSharedNeuron), shared);
        std::replace(group.begin(), group.end(), static_cast<int>(kExactNeuron), exact);
        for (int round = 0; round < kRefineRounds; ++round) {
            const std::vector<float> norms = expert_norms(group);
            std::array<std::vector<float>, 2> routers;
            for (std::size_t half = 0; half < 2; ++half) {
                add_targets(sums[half], norms, half);
                routers[half] = solvers[half].fit(sums[half]);
            }
            const std::vector<int> before = group;
            exchange_members(group, gains(routers), shared + 1); // the exact ones are in none of its groups
            if (group == before)
                break;
        }
        for (std::size_t n = 0; n < width_; ++n)
            owner_[n] = group[n] == exact    ? kExactNeuron
                        : group[n] == shared ? kSharedNeuron
                                             : static_cast<std::uint8_t>(group[n]);
    }

  private:
    void set_inputs(const LayerSample& sample) {
        inputs_.resize(sample.inputs.size());
        std::transform(sample.inputs.begin(), sample.inputs.end(), inputs_.begin(), bf16_to_float);
    }

    // The squared norm of what a neuron adds, as a share of what the whole layer says for that token, so that
    // a few tokens with huge activations do not decide alone. Neurons are taken as orthogonal.
    void set_energies(const LayerSample& sample, std::span<const double> norms) {
        energies_.resize(sample.activations.size());
        std::vector<float> whole(tokens_);
        for (std::size_t t = 0; t < tokens_; ++t)
            for (std::size_t n = 0; n < width_; ++n) {
                const float a =
                    bf16_to_float(sample.activations[t * width_ + n]) * static_cast<float>(norms[n]);
                energies_[t * width_ + n] = a * a;
                whole[t] += a * a;
            }
        std::vector<float> sorted = whole;
        const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(tokens_ / 2);
        std::nth_element(sorted.begin(), middle, sorted.end());
        for (std::size_t t = 0; t < tokens_; ++t) {
            const float most = whole[t] + *middle;
            for (std::size_t n = 0; most > 0 && n < width_; ++n)
                energies_[t * width_ + n] /= most;
        }
    }

    RidgeSums input_sums(std::size_t half) const {
        RidgeSums s;
        s.inputs = static_cast<int>(hidden_);
        s.outputs = static_cast<int>(experts_);
        s.xx.resize(hidden_ * hidden_);
        for (std::size_t t = 0; t < tokens_; ++t) {
            if (half_of(t) != half)
                continue;
            const float* x = inputs_.data() + t * hidden_;
            for (std::size_t i = 0; i < hidden_; ++i) {
                for (std::size_t j = 0; j <= i; ++j)
                    s.xx[i * hidden_ + j] += x[i] * x[j];
            }
            s.rows += 1;
        }
        for (std::size_t i = 0; i < hidden_; ++i)
            for (std::size_t j = 0; j < i; ++j)
                s.xx[j * hidden_ + i] = s.xx[i * hidden_ + j];
        return s;
    }

    std::vector<float> expert_norms(const std::vector<int>& group) const {
        std::vector<float> norms(tokens_ * experts_);
        for (std::size_t t = 0; t < tokens_; ++t) {
            float* out = norms.data() + t * experts_;
            for (std::size_t n = 0; n < width_; ++n)
                if (group[n] < static_cast<int>(experts_))
                    out[group[n]] += energies_[t * width_ + n];
            std::transform(out, out + experts_, out, [](float v) { return std::sqrt(v); });
        }
        return norms;
    }

    void add_targets(RidgeSums& s, const std::vector<float>& norms, std::size_t half) const {
        s.xy.assign(experts_ * hidden_, 0.0);
        for (std::size_t t = 0; t < tokens_; ++t)
            for (std::size_t e = 0; half_of(t) == half && e < experts_; ++e) {
                const double norm = norms[t * experts_ + e];
                for (std::size_t i = 0; i < hidden_; ++i)
                    s.xy[e * hidden_ + i] += norm * inputs_[t * hidden_ + i];
            }
    }

    // [width, experts + 1]: what is kept of a neuron's energy where it belongs to each expert, or is shared.
    // The dial is unknown: a quarter, half and three quarters of the experts count alike.
    std::vector<double> gains(const std::array<std::vector<float>, 2>& routers) const {
        std::vector<double> kept((experts_ + 1) * width_);
        std::vector<float> score(experts_);
        std::vector<std::size_t> order(experts_);
        for (std::size_t t = 0; t < tokens_; ++t) {
            const std::vector<float>& router = routers[1 - half_of(t)];
            for (std::size_t e = 0; e < experts_; ++e)
                score[e] =
                    std::inner_product(inputs_.begin() + static_cast<std::ptrdiff_t>(t * hidden_),
                                       inputs_.begin() + static_cast<std::ptrdiff_t>((t + 1) * hidden_),
                                       router.begin() + static_cast<std::ptrdiff_t>(e * hidden_), 0.0f);
            std::iota(order.begin(), order.end(), std::size_t{0});
            std::stable_sort(order.begin(), order.end(),
                             [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
            add_kept(kept, t, experts_, 1.0f);
            for (std::size_t rank = 0; rank < experts_; ++rank) {
                int times = 0;
                for (std::size_t quarters = 1; quarters < 4; ++quarters)
                    times += rank < std::max<std::size_t>(1, experts_ * quarters / 4);
                if (times > 0)
                    add_kept(kept, t, order[rank], static_cast<float>(times) / 3.0f);
            }
        }
        std::vector<double> gain(kept.size());
        for (std::size_t n = 0; n < width_; ++n)
            for (std::size_t e = 0; e <= experts_; ++e)
                gain[n * (experts_ + 1) + e] = kept[e * width_ + n];
        return gain;
    }

    void add_kept(std::vector<double>& kept, std::size_t token, std::size_t expert, float share) const {
        for (std::size_t n = 0; n < width_; ++n)
            kept[expert * width_ + n] += share * energies_[token * width_ + n];
    }

    std::vector<std::uint8_t>& owner_;
    std::size_t hidden_, width_, experts_, tokens_;
    std::vector<float> inputs_;   ///< [tokens, hidden]
    std::vector<float> energies_; ///< [tokens, width]
};

struct Candidate {
    double gain;
    std::size_t member;
};

std::vector<Candidate> candidates(const std::vector<int>& group, const std::vector<double>& gain,
                                  std::size_t groups, int from, int to) {
    std::vector<Candidate> out;
    for (std::size_t n = 0; n < group.size(); ++n)
        if (group[n] == from)
            out.push_back({gain[n * groups + static_cast<std::size_t>(to)] -
                               gain[n * groups + static_cast<std::size_t>(from)],
                           n});
    std::stable_sort(out.begin(), out.end(),
                     [](const Candidate& a, const Candidate& b) { return a.gain > b.gain; });
    return out;
}

} // namespace

void exchange_members(std::vector<int>& group, const std::vector<double>& gain, int groups) {
    for (int round = 0; round < kExchangeRounds; ++round) {
        bool moved = false;
        for (int a = 0; a < groups; ++a)
            for (int b = 0; b < a; ++b) {
                const auto there = candidates(group, gain, static_cast<std::size_t>(groups), a, b),
                           back = candidates(group, gain, static_cast<std::size_t>(groups), b, a);
                for (std::size_t i = 0;
                     i < std::min(there.size(), back.size()) && there[i].gain + back[i].gain > 1e-12; ++i) {
                    group[there[i].member] = b;
                    group[back[i].member] = a;
                    moved = true;
                }
            }
        if (!moved)
            return;
    }
}

void refine_owners(std::vector<std::uint8_t>& owner, const LayerSample& sample, std::span<const double> norms,
                   int hidden, int experts) {
    Refinement(owner, sample, norms, hidden, experts).run();
}

} // namespace switchyard
