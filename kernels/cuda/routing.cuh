// Routing and sorting as device functions: Route, Units and whoever fuses them.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/plain_floats.cuh"
#include "kernels/cuda/ranked.cuh"
#include "kernels/cuda/routing_kernels.h"

namespace switchyard::cuda {

inline constexpr int kExpertsPerLane = kMostExperts / kWarpLanes;

/// The experts of a row, as its warp holds them: lane l has expert l + 32 j at j.
struct RowExperts {
    float probability[kExpertsPerLane];
    std::uint32_t rank[kExpertsPerLane]; ///< of the score; 0: not to be chosen
};

/// Runs the gate function over logits of the whole warp.
__device__ inline void apply_gate(const RouteRule& rule, RowExperts& row) {
    if (rule.gate == RouterGate::SoftmaxChosen)
        return;
    if (rule.gate != RouterGate::Softmax) {
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j) {
            if (j * kWarpLanes >= rule.experts)
                continue;
            const float x = row.probability[j];
            row.probability[j] = rule.gate == RouterGate::Sigmoid
                                     ? 1.0f / (1.0f + expf(-x))
                                     // log(1 + e^x) without overflow
                                     : sqrtf(fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))));
        }
        return;
    }
    float largest = -kInfinity, sum = 0;
#pragma unroll
    for (int j = 0; j < kExpertsPerLane; ++j)
        if (j * kWarpLanes + lane_index() < rule.experts)
            largest = fmaxf(largest, row.probability[j]);
    largest = warp_max(largest);
#pragma unroll
    for (int j = 0; j < kExpertsPerLane; ++j)
        if (j * kWarpLanes + lane_index() < rule.experts)
            sum += row.probability[j] = expf(row.probability[j] - largest);
    sum = warp_sum(sum);
#pragma unroll
    for (int j = 0; j < kExpertsPerLane; ++j)
        if (j * kWarpLanes < rule.experts)
            row.probability[j] /= sum;
}

/// Ranks the scores; experts that the row's dials leave out get none.
__device__ inline void rank_experts(const RouteParams& p, const RowInput& input, RowExperts& row) {
    const float* selection = plain_floats(p.selection_bias);
    const std::uint32_t* off =
        p.off_masks && input.off_mask >= 0 ? p.off_masks + input.off_mask * p.off_mask_stride : nullptr;
    const int pool = input.pool > 0 ? min(input.pool, p.rule.experts) : p.rule.experts;
#pragma unroll
    for (int j = 0; j < kExpertsPerLane; ++j) {
        const int e = j * kWarpLanes + lane_index();
        row.rank[j] = 0;
        if (e >= pool || (off && (off[j] >> lane_index() & 1u)))
            continue;
        row.rank[j] = ranked(selection ? row.probability[j] + selection[e] : row.probability[j]);
    }
}

/// The two highest ranks of experts first .. last - 1, for all lanes.
struct GroupBest {
    std::uint32_t first, second;
};
__device__ inline GroupBest best_of_group(const RowExperts& row, int first, int last, int experts) {
    std::uint32_t best = 0, next = 0;
#pragma unroll
    for (int j = 0; j < kExpertsPerLane; ++j) {
        if (j * kWarpLanes >= experts)
            continue;
        const int e = j * kWarpLanes + lane_index();
        const std::uint32_t rank = e >= first && e < last ? row.rank[j] : 0;
        next = max(next, min(best, rank));
        best = max(best, rank);
    }
    const std::uint32_t all = max_of_lanes(best);
    const bool winner = lane_index() == lowest_bit(ballot(best == all));
    return {all, max_of_lanes(winner ? next : best)};
}

/// Leaves the best groups' experts alone to be chosen.
__device__ inline void limit_groups(const RouteRule& rule, RowExperts& row) {
    const int size = rule.experts / rule.groups;
    std::uint32_t own = 0; // of the group with the lane's number
    for (int g = 0; g < rule.groups; ++g) {
        const GroupBest best = best_of_group(row, g * size, (g + 1) * size, rule.experts);
        std::uint32_t rank = best.first;
        if (rule.group_score_top2 && best.second > 1)
            rank = ranked(ranked_value(best.first) + ranked_value(best.second));
        own = lane_index() == g ? rank : own;
    }
    std::uint32_t kept = 0;
    for (int i = 0; i < min(rule.groups_kept, rule.groups); ++i) {
        const std::uint32_t best = max_of_lanes(own);
        if (best == 0)
            break; // the same for all lanes
        const int winner = lowest_bit(ballot(own == best));
        kept |= 1u << winner;
        own = lane_index() == winner ? 0 : own;
    }
#pragma unroll
    for (int j = 0; j < kExpertsPerLane; ++j) {
        const int group = (j * kWarpLanes + lane_index()) / size;
        if (j * kWarpLanes < rule.experts && (group >= kWarpLanes || !(kept >> group & 1u)))
            row.rank[j] = 0;
    }
}

/// Writes the `count` best experts and their probabilities.
__device__ inline void choose_best(int experts, int count, RowExperts& row, ExpertChoice* choices) {
    for (int i = 0; i < count; ++i) {
        std::uint32_t best = 0;
        int expert = kMostExperts;
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j)
            if (j * kWarpLanes < experts && row.rank[j] > best) {
                best = row.rank[j];
                expert = j * kWarpLanes + lane_index();
            }
        const std::uint32_t all = max_of_lanes(best);
        const auto chosen = static_cast<int>(
            min_of_lanes(best == all ? static_cast<std::uint32_t>(expert) : std::uint32_t{kMostExperts}));
        const bool own = chosen % kWarpLanes == lane_index();
        float probability = 0;
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j) { // registers have no index that is found at run time
            const bool it = own && j == chosen / kWarpLanes;
            probability = it ? row.probability[j] : probability;
            row.rank[j] = it ? 0 : row.rank[j];
        }
        if (own)
            choices[i] = {chosen, probability};
    }
    sync_warp();
}

/// The sum of the choices' weights, in an order of their number alone.
__device__ inline float sum_weights(const ExpertChoice* choices, int count) {
    float sum = 0;
    for (int i = lane_index(); i < count; i += kWarpLanes)
        sum += choices[i].weight;
    return warp_sum(sum);
}
/// The largest that is a number; -infinity where none is.
__device__ inline float largest_weight(const ExpertChoice* choices, int count) {
    float largest = -kInfinity;
    for (int i = lane_index(); i < count; i += kWarpLanes)
        largest = fmaxf(largest, choices[i].weight);
    return warp_max(largest);
}

/// How many of the first choices hold this share of all their weights.
__device__ inline int count_for_mass(const ExpertChoice* choices, int count, float share) {
    const float wanted = share * sum_weights(choices, count);
    float before = 0;
    for (int base = 0; base < count; base += kWarpLanes) {
        const int i = base + lane_index();
        float sum = i < count ? choices[i].weight : 0.0f;
        for (int distance = 1; distance < kWarpLanes; distance *= 2) {
            const float left = shuffle_up(sum, distance);
            sum += lane_index() >= distance ? left : 0.0f;
        }
        const std::uint32_t reached = ballot(i < count && before + sum >= wanted);
        if (reached != 0)
            return base + lowest_bit(reached) + 1;
        before += shuffle(sum, kWarpLanes - 1);
    }
    return count;
}

/// Drops choices whose weight is too small; how many stay.
__device__ inline int drop_light(ExpertChoice* choices, int count, float share) {
    const float least = fminf(share, 1.0f) * largest_weight(choices, count);
    int kept = 0;
    for (int base = 0; base < count; base += kWarpLanes) {
        const int i = base + lane_index();
        const ExpertChoice choice = i < count ? choices[i] : ExpertChoice{-1, 0.0f};
        const bool stays = i < count && !(choice.weight < least);
        const std::uint32_t all = ballot(stays);
        sync_warp(); // everyone has read, which a vote alone does not promise
        if (stays)
            choices[kept + count_bits(all & ((1u << lane_index()) - 1u))] = choice;
        kept += count_bits(all);
        sync_warp();
    }
    return kept;
}

/// From weights as the gate function gave them to those that experts' results are multiplied with; how many
/// choices stay.
__device__ inline int weigh_choices(const RouteRule& rule, const RowInput& input, ExpertChoice* choices,
                                    int count) {
    const bool chosen_only = rule.gate == RouterGate::SoftmaxChosen;
    if (chosen_only) {
        const float largest = largest_weight(choices, count);
        for (int i = lane_index(); i < count; i += kWarpLanes)
            choices[i].weight = expf(choices[i].weight - largest);
        sync_warp();
    }
    if (input.routing_mass < 1.0f && count > 0)
        count = count_for_mass(choices, count, input.routing_mass);
    if (input.gate_threshold > 0.0f && count > 0)
        count = drop_light(choices, count, input.gate_threshold);
    const float sum = rule.normalise || chosen_only ? sum_weights(choices, count) : 0.0f;
    for (int i = lane_index(); i < count; i += kWarpLanes) {
        float weight = choices[i].weight;
        if (chosen_only)
            weight /= sum;
        // Those of SoftmaxChosen come to 1 already.
        const float factor = rule.normalise ? rule.scale / ((chosen_only ? 1.0f : sum) + 1e-20f) : rule.scale;
        choices[i].weight = weight * factor;
    }
    return count;
}

/// What a router does with the logits and choices of a row; others have the same functions (routing.cu).
struct UsualRouter {
    __device__ float logit(float x) const { return x; }
    __device__ void gate(const RouteRule& rule, RowExperts& row) const { apply_gate(rule, row); }
    __device__ void narrow(const RowInput&, const RouteRule&, RowExperts&) const {}
    __device__ void choose(int experts, int count, RowExperts& row, ExpertChoice* choices) const {
        choose_best(experts, count, row, choices);
    }
    __device__ void finish(ExpertChoice*, int) const {}
};

/// By a warp: the choices of one row, to `choices` [p.most]; how many they are.
template <class Router = UsualRouter>
__device__ inline int route_row(const RouteParams& p, int index, ExpertChoice* choices,
                                const Router& router = {}) {
    const RouteRule& rule = p.rule;
    const RowInput& input = p.rows[index];
    int count = 0;
    if (input.position >= 0) {
        RowExperts row;
        const float* logits = p.logits + std::int64_t{index} * rule.experts;
        const float* bias = plain_floats(p.bias);
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j) {
            const int e = j * kWarpLanes + lane_index();
            row.probability[j] = 0;
            if (e >= rule.experts)
                continue;
            float x = router.logit(logits[e]);
            if (bias)
                x += bias[e];
            if (p.constant_bias)
                x += p.constant_bias[e];
            row.probability[j] = x;
        }
        router.gate(rule, row);
        rank_experts(p, input, row);
        router.narrow(input, rule, row);
        if (rule.groups > 1)
            limit_groups(rule, row);
        int left = 0;
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j)
            if (j * kWarpLanes < rule.experts)
                left += count_bits(ballot(row.rank[j] != 0));
        const int wished = input.experts > 0 ? input.experts : rule.active;
        count = min(min(max(wished, 1), left), p.most);
        router.choose(rule.experts, count, row, choices);
        count = weigh_choices(rule, input, choices, count);
        sync_warp();
        router.finish(choices, count);
    }
    for (int i = count + lane_index(); i < p.most; i += kWarpLanes)
        choices[i] = {-1, 0.0f};
    return count;
}
/// The same to where Route writes them.
template <class Router = UsualRouter>
__device__ inline void store_route(const RouteParams& p, int index, const Router& router = {}) {
    const int count = route_row(p, index, p.choices + std::int64_t{index} * p.most, router);
    if (lane_index() == 0)
        p.counts[index] = count;
}

/// By a warp: how much of the dense blocks' results a row gets. `rows`: [row_count][in_stride], as
/// RouteParams::in.
__device__ inline void gate_row(const RouteParams& p, int index, const float* rows) {
    for (int b = 0; b < p.block_count; ++b) {
        const float* gate = plain_floats(p.blocks[b].output_gate);
        if (!gate)
            continue;
        const float* x = rows + index * p.in_stride;
        float sum = 0;
        for (int i = lane_index(); i < p.in_width; i += kWarpLanes)
            sum = fmaf(gate[i], x[i], sum);
        sum = warp_sum(sum);
        if (lane_index() == 0)
            p.blocks[b].output_weights[index] = 1.0f / (1.0f + expf(-sum));
    }
}

/// The sums of all threads before this one in a block of kWarps warps, and of all.
template <int kWarps>
__device__ inline PairCounts counts_before(PairCounts (&of_warp)[kWarps], PairCounts own, PairCounts& all) {
    PairCounts sum = own;
    for (int distance = 1; distance < kWarpLanes; distance *= 2) {
        const int pairs = shuffle_up(sum.pairs, distance), units = shuffle_up(sum.units, distance);
        sum.pairs += lane_index() >= distance ? pairs : 0;
        sum.units += lane_index() >= distance ? units : 0;
    }
    if (lane_index() == kWarpLanes - 1)
        of_warp[warp_index()] = sum;
    sync_block();
    PairCounts before = {sum.pairs - own.pairs, sum.units - own.units};
    all = {0, 0};
    for (int w = 0; w < kWarps; ++w) {
        before.pairs += w < warp_index() ? of_warp[w].pairs : 0;
        before.units += w < warp_index() ? of_warp[w].units : 0;
        all.pairs += of_warp[w].pairs;
        all.units += of_warp[w].units;
    }
    return before;
}

/// By a warp: notes which of 32 rows chose each expert.
__device__ inline void note_rows(const UnitsParams& p, int first, std::uint32_t* rows_of) {
    const int row = first + lane_index();
    const int count = row < p.row_count ? p.counts[row] : 0;
    const auto most = static_cast<int>(max_of_lanes(static_cast<std::uint32_t>(count)));
    for (int i = 0; i < most; ++i) {
        const int expert = i < count ? p.choices[std::int64_t{row} * p.most + i].expert : -1;
        const std::uint32_t alike = lanes_with(static_cast<std::uint32_t>(expert));
        if (expert >= 0 && lowest_bit(alike) == lane_index())
            rows_of[expert] |= alike;
        sync_warp();
    }
}

/// By a block of kUnitsThreads: the list of units. `Shared`: UnitsShared<kSorters>, whose sorters take the
/// rows in turns of 32, each a stretch of its own. The choices were written before a meeting of the block.
template <int kSorters>
__device__ inline void build_units(const UnitsParams& p, UnitsShared<kSorters>& shared) {
    const int sorter = warp_index(), experts = p.experts;
    const int stretch = (p.row_count + 32 * kSorters - 1) / (32 * kSorters) * 32;
    const int first = min(sorter * stretch, p.row_count), last = min(first + stretch, p.row_count);
    const bool all_rows_fit = p.row_count <= 32; // a bit each
    if (sorter < kSorters) {
        std::uint32_t* rows_of = shared.rows_of[sorter];
        for (int e = lane_index(); e < experts; e += kWarpLanes) {
            rows_of[e] = 0;
            shared.places[sorter][e] = 0;
        }
        sync_warp();
        for (int row = first; row < last; row += 32) {
            note_rows(p, row, rows_of);
            for (int e = lane_index(); e < experts; e += kWarpLanes) {
                shared.places[sorter][e] =
                    static_cast<std::uint16_t>(shared.places[sorter][e] + count_bits(rows_of[e]));
                rows_of[e] = all_rows_fit ? rows_of[e] : 0;
            }
            sync_warp();
        }
    }
    sync_block();
    // A thread an expert: where its rows begin, and those of each sorter among them.
    const auto e = static_cast<int>(threadIdx.x);
    int count = 0;
    for (int s = 0; s < kSorters && e < experts; ++s) {
        const int more = shared.places[s][e];
        shared.places[s][e] = static_cast<std::uint16_t>(count);
        count += more;
    }
    PairCounts all;
    const PairCounts before = counts_before(shared.of_warp, {count, count > 0 ? 1 : 0}, all);
    if (e < experts)
        shared.starts[e] = before.pairs;
    if (count > 0)
        p.units[before.units] = {p.expert.gate[e],
                                 p.expert.up[e],
                                 p.expert.down[e],
                                 e,
                                 before.pairs,
                                 count,
                                 all_rows_fit ? shared.rows_of[0][e] : 0};
    if (e == 0)
        *p.list = {all.units, all.pairs};
    sync_block();
    if (sorter >= kSorters)
        return; // no meetings follow
    std::uint32_t* rows_of = shared.rows_of[sorter];
    for (int base = first; base < last; base += 32) {
        note_rows(p, base, rows_of);
        const int row = base + lane_index();
        const int chosen = row < p.row_count ? p.counts[row] : 0;
        const ExpertChoice* choices = p.choices + std::int64_t{row} * p.most;
        for (int i = 0; i < chosen; ++i) {
            const int expert = choices[i].expert;
            const int place = shared.starts[expert] + shared.places[sorter][expert] +
                              count_bits(rows_of[expert] & ((1u << lane_index()) - 1u));
            p.pair_rows[place] = row;
            p.pair_weights[place] = choices[i].weight;
            if (p.row_pairs)
                p.row_pairs[std::int64_t{row} * p.most + i] = place;
        }
        sync_warp();
        for (int x = lane_index(); x < experts; x += kWarpLanes) {
            shared.places[sorter][x] =
                static_cast<std::uint16_t>(shared.places[sorter][x] + count_bits(rows_of[x]));
            rows_of[x] = 0;
        }
        sync_warp();
    }
}

} // namespace switchyard::cuda
