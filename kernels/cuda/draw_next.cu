#include "kernels/cuda/launchers.h"
#include "kernels/cuda/logit_math.cuh"
#include "kernels/cuda/ranked.cuh"
#include "kernels/draw.h"

namespace switchyard::cuda {

namespace {

constexpr int kDrawWarps = kDrawThreads / kWarpLanes;

/// The block's sum of `own`; each `place` serves once between two meetings of the block.
__device__ int sum_of_block(DrawNextShared& shared, int place, int own) {
    const std::uint32_t sum = sum_of_lanes(static_cast<std::uint32_t>(own));
    if (lane_index() == 0)
        shared.counts[place][warp_index()] = sum;
    sync_block();
    std::uint32_t all = 0;
    for (int w = 0; w < kDrawWarps; ++w)
        all += shared.counts[place][w];
    return static_cast<int>(all);
}

__device__ std::uint32_t largest_of_block(DrawNextShared& shared, int place, std::uint32_t own) {
    own = max_of_lanes(own);
    if (lane_index() == 0)
        shared.counts[place][warp_index()] = own;
    sync_block();
    for (int w = 0; w < kDrawWarps; ++w)
        own = max(own, shared.counts[place][w]);
    return own;
}

__device__ float penalised(float logit, float penalty) {
    return logit > 0 ? logit / penalty : multiply_rounded(logit, penalty);
}

/// What was found for the row, all threads alike.
struct FoundRow {
    SoughtRow sought;
    DrawRow draw;
    const PartResult* parts;
    const Candidate* best;
    const float* gathered;
    float maximum;
    int count;  ///< of the best
    bool all;   ///< they are all there are
    int listed; ///< with the gathered
    int ranked; ///< at the front of `sorted`: the best of all, penalties included
    int vocabulary, part_count;
};

__device__ bool holds(const std::int32_t* sorted, int count, std::int32_t id) {
    int low = 0, high = count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (sorted[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && sorted[low] == id;
}

__device__ FoundRow read_found(DrawNextShared& shared, const DrawNextParams& p, int from) {
    FoundRow row = {};
    row.sought = p.before.sought[from];
    row.draw = p.before.draws[from];
    row.parts = p.parts + std::int64_t{from} * p.part_count;
    row.best = p.best + std::int64_t{from} * p.before.most;
    row.gathered = p.gathered + row.sought.gather_first;
    row.vocabulary = p.vocabulary;
    row.part_count = p.part_count;
    const std::int32_t* ids = p.before.gather_ids + row.sought.gather_first;
    std::uint32_t largest = 0;
    int found = 0;
    for (int i = static_cast<int>(threadIdx.x); i < p.part_count; i += kDrawThreads) {
        found += row.parts[i].count;
        largest = max(largest, ranked(row.parts[i].maximum));
    }
    for (int i = static_cast<int>(threadIdx.x); i < row.sought.gather_count; i += kDrawThreads)
        shared.ids[i] = ids[i];
    row.maximum = ranked_value(largest_of_block(shared, 0, largest));
    found = sum_of_block(shared, 1, found);
    const int wished = row.draw.best + row.sought.gather_count;
    row.count = min(found, wished);
    row.all = row.count < wished;
    row.listed = row.count + row.sought.gather_count;
    return row;
}

/// The candidates and the gathered, penalties included, the best first, in `sorted`.
__device__ void sort_candidates(DrawNextShared& shared, FoundRow& row) {
    const auto thread = static_cast<int>(threadIdx.x);
    int kept = 0;
    for (int i = thread; i < row.listed; i += kDrawThreads) {
        const int gathered = i - row.count;
        Candidate own = gathered < 0 ? row.best[i]
                                     : Candidate{penalised(row.gathered[gathered], row.draw.penalty),
                                                 shared.ids[gathered]};
        const bool drops =
            gathered < 0 ? holds(shared.ids, row.sought.gather_count, own.id) : !(own.logit > -kInfinity);
        if (drops)
            own.logit = -kInfinity; // better than nobody
        else
            ++kept;
        shared.listed[i] = own;
    }
    kept = sum_of_block(shared, 2, kept);
    const Candidate last = row.count > 0 ? row.best[row.count - 1] : Candidate{0, 0};
    int proven = 0;
    for (int i = thread; i < row.listed; i += kDrawThreads) {
        const Candidate own = shared.listed[i];
        if (!(own.logit > -kInfinity))
            continue;
        int rank = i; // the best are sorted
        if (row.sought.gather_count > 0) {
            rank = 0;
            for (int k = 0; k < row.listed; ++k)
                rank += better(shared.listed[k], own) ? 1 : 0;
        }
        shared.sorted[rank] = own;
        proven += better(last, own) ? 0 : 1; // nothing unseen is better than the last
    }
    proven = sum_of_block(shared, 0, proven);
    row.ranked = row.all ? kept : proven;
}

/// The sum of e^((logit - maximum) / temperature) over what was not gathered, in the order of the parts; in
/// the first thread.
__device__ double sum_of_parts(DrawNextShared& shared, const FoundRow& row) {
    const auto thread = static_cast<int>(threadIdx.x);
    double sum = 0;
    for (int first = 0; first < row.part_count; first += kDrawThreads) {
        sync_block();
        if (first + thread < row.part_count)
            shared.sums[thread] = row.parts[first + thread].own.sum;
        sync_block();
        if (thread == 0)
            for (int i = 0; i < min(kDrawThreads, row.part_count - first); ++i)
                sum += shared.sums[i];
    }
    return sum;
}

/// How many of `sorted` the samplers keep, their weights in `weights`; 0: the candidates do not prove it.
__device__ int cut_sorted(DrawNextShared& shared, const FoundRow& row) {
    const DrawRow& draw = row.draw;
    const float best = shared.sorted[0].logit, inverse = row.sought.inverse_temperature;
    const bool by_count = draw.top_k > 0 && draw.top_k < row.vocabulary;
    const bool by_mass = draw.top_p < 1.0, of_all = by_mass && !by_count;
    const int most = by_count ? min(row.ranked, draw.top_k) : row.ranked;
    const bool complete = row.all || (by_count && most == draw.top_k);
    if (by_count && !complete)
        return 0; // the same for all threads
    const auto thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < most; i += kDrawThreads)
        shared.weights[i] =
            exp_of_negative(multiply_rounded(add_rounded(shared.sorted[i].logit, -best), inverse));
    for (int i = thread; of_all && i < row.sought.gather_count; i += kDrawThreads)
        shared.terms[i] = exp_of_negative(
            multiply_rounded(add_rounded(penalised(row.gathered[i], draw.penalty), -best), inverse));
    const double others = of_all ? sum_of_parts(shared, row) : 0;
    sync_block();
    if (thread == 0) {
        double total = 0;
        bool known = true;
        if (of_all) {
            // In units of the best as it now is: what was not gathered, and what was, with its penalty.
            const double units =
                exp(static_cast<double>(add_rounded(row.maximum, -best)) * static_cast<double>(inverse));
            known = units < 1e30 && !(others == 0 && row.sought.gather_count < row.vocabulary);
            total = others * units;
            for (int i = 0; i < row.sought.gather_count; ++i)
                total += shared.terms[i];
        } else if (by_mass) {
            for (int i = 0; i < most; ++i)
                total += shared.weights[i];
        }
        const double nucleus = draw.top_p * total;
        double kept = shared.weights[0];
        int count = 1;
        while (count < most && (!by_mass || kept < nucleus) && shared.weights[count] >= draw.min_p)
            kept += shared.weights[count++];
        const bool proven = known && (complete || count < most || (by_mass && kept >= nucleus));
        shared.kept = proven ? count : 0;
    }
    sync_block();
    return shared.kept;
}

/// The winner's id among the first `count`, in the first thread.
__device__ std::int32_t race_of(DrawNextShared& shared, const DrawRow& draw, int count) {
    RaceLeader leader;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kDrawThreads)
        race(leader, draw.seed, draw.position, shared.sorted[i].id, shared.weights[i]);
    for (int distance = kWarpLanes / 2; distance > 0; distance /= 2) {
        const float arrival = shuffle_xor(leader.arrival, distance);
        const std::int32_t id = shuffle_xor(leader.id, distance);
        if (id >= 0)
            leader.join(arrival, id);
    }
    if (lane_index() == 0) {
        shared.arrivals[warp_index()] = leader.arrival;
        shared.leaders[warp_index()] = leader.id;
    }
    sync_block();
    leader = {};
    for (int w = 0; w < kDrawWarps; ++w)
        if (shared.leaders[w] >= 0)
            leader.join(shared.arrivals[w], shared.leaders[w]);
    return leader.id;
}

/// -1: none is known.
__device__ std::int32_t draw_of(DrawNextShared& shared, const DrawNextParams& p, int from) {
    FoundRow row = read_found(shared, p, from);
    if (!(fabsf(row.maximum) < kInfinity))
        return -1; // the same for all threads, here and below
    sort_candidates(shared, row);
    if (row.ranked == 0)
        return -1;
    if (row.draw.greedy)
        return shared.sorted[0].id;
    const int count = cut_sorted(shared, row);
    return count == 0 ? -1 : race_of(shared, row.draw, count);
}

/// Puts `id` among a row's gathered ids, which ascend, where it is not one of them.
__device__ void gather_too(DrawNextShared& shared, const SoughtRows& rows, int row, std::int32_t id) {
    const SoughtRow sought = rows.sought[row];
    std::int32_t* ids = rows.gather_ids + sought.gather_first;
    const auto thread = static_cast<int>(threadIdx.x);
    int lower = 0, same = 0;
    for (int i = thread; i < sought.gather_count; i += kDrawThreads) {
        const std::int32_t own = shared.ids[i] = ids[i];
        lower += own < id ? 1 : 0;
        same += own == id ? 1 : 0;
    }
    lower = sum_of_block(shared, 1, lower);
    same = sum_of_block(shared, 2, same);
    if (same > 0)
        return; // the whole block
    for (int i = lower + thread; i < sought.gather_count; i += kDrawThreads)
        ids[i + 1] = shared.ids[i];
    if (thread == 0) {
        ids[lower] = id;
        rows.sought[row].gather_count = sought.gather_count + 1;
        rows.sought[row].best = min(sought.best + 1, rows.most);
    }
}

} // namespace

static __global__ void __launch_bounds__(kDrawThreads, 2)
    draw_next(const __grid_constant__ DrawNextParams p) {
    DrawNextShared& shared = shared_memory<DrawNextShared>();
    wait_for_previous();
    let_next_start();
    const FollowRow follow = p.follow[blockIdx.x];
    const std::int32_t token = draw_of(shared, p, follow.from);
    if (threadIdx.x == 0) {
        p.drawn[blockIdx.x] = token;
        p.rows[follow.row].token = max(token, 0);
    }
    sync_block(); // the ids in shared memory are free
    if (token >= 0 && p.next.draws[follow.to].penalises_own)
        gather_too(shared, p.next, follow.to, token);
}

SWITCHYARD_DRAW_NEXT_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
