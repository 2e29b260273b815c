#include "kernels/cuda/launchers.h"
#include "kernels/cuda/logit_math.cuh"
#include "kernels/cuda/ranked.cuh"

namespace switchyard::cuda {

namespace {

constexpr int kPartIds = static_cast<int>(kCandidatePart);
constexpr int kIdsPerThread = kPartIds / kCandidateThreads;
constexpr int kRunIds = 64; ///< terms summed in single precision

/// A part's logits, as a block holds them: thread t has id first + 256 j + t at j.
struct PartLogits {
    std::uint32_t rank[kIdsPerThread]; ///< 0: no number, -infinity or beyond the vocabulary
};

/// How many logits of the block pass `test(rank, id within the part)`. One meeting of the block; `turn` goes
/// up by one from call to call.
template <typename Test>
__device__ int count_logits(PartBestShared& shared, int turn, const PartLogits& logits, Test test) {
    int own = 0;
#pragma unroll
    for (int j = 0; j < kIdsPerThread; ++j)
        own += test(logits.rank[j], j * kCandidateThreads + static_cast<int>(threadIdx.x)) ? 1 : 0;
    const std::uint32_t sum = sum_of_lanes(static_cast<std::uint32_t>(own));
    if (lane_index() == 0)
        shared.counts[turn % 2][warp_index()] = sum;
    sync_block();
    std::uint32_t all = 0;
    for (int w = 0; w < kCandidateWarps; ++w)
        all += shared.counts[turn % 2][w];
    return static_cast<int>(all);
}

/// The largest rank of the block's.
__device__ std::uint32_t largest_rank(PartBestShared& shared, const PartLogits& logits) {
    std::uint32_t largest = 0;
#pragma unroll
    for (int j = 0; j < kIdsPerThread; ++j)
        largest = max(largest, logits.rank[j]);
    largest = max_of_lanes(largest);
    if (lane_index() == 0)
        shared.maxima[warp_index()] = largest;
    sync_block();
    for (int w = 0; w < kCandidateWarps; ++w)
        largest = max(largest, shared.maxima[w]);
    return largest;
}

/// Which logits are the `count` best: those above `rank`, and those at it up to an id.
struct Cut {
    std::uint32_t rank;
    int last_id; ///< within the part
    __device__ bool holds(std::uint32_t other, int id) const {
        return other > rank || (other == rank && id <= last_id);
    }
};

/// Bit by bit. PRECOND: there are more than `count` > 0 logits with a rank.
__device__ Cut find_cut(PartBestShared& shared, const PartLogits& logits, int count, std::uint32_t largest) {
    int turn = 0;
    Cut cut = {0, kPartIds - 1};
    if (count == 1) {
        cut.rank = largest;
    } else {
        for (std::uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
            const std::uint32_t trial = cut.rank | bit;
            const int at_least =
                count_logits(shared, turn++, logits, [=](std::uint32_t rank, int) { return rank >= trial; });
            if (at_least >= count)
                cut.rank = trial;
            if (at_least == count)
                return cut; // the same for all threads
        }
    }
    const std::uint32_t rank = cut.rank;
    const int above = count_logits(shared, turn++, logits, [=](std::uint32_t r, int) { return r > rank; }),
              at = count_logits(shared, turn++, logits, [=](std::uint32_t r, int) { return r == rank; });
    if (above + at == count)
        return cut;
    int last = 0; // the lowest ids of those alike: as many as are left
    for (int bit = kPartIds / 2; bit != 0; bit /= 2) {
        const int trial = last | bit;
        const int before = count_logits(shared, turn++, logits,
                                        [=](std::uint32_t r, int id) { return r == rank && id < trial; });
        if (above + before < count)
            last = trial;
    }
    cut.last_id = last;
    return cut;
}

/// Writes the logits that the cut holds to `best`, the best first.
__device__ void write_best(PartBestShared& shared, const PartLogits& logits, Cut cut, int first_id,
                           Candidate* best) {
    int own = 0;
#pragma unroll
    for (int j = 0; j < kIdsPerThread; ++j)
        own += logits.rank[j] != 0 &&
                       cut.holds(logits.rank[j], j * kCandidateThreads + static_cast<int>(threadIdx.x))
                   ? 1
                   : 0;
    int place = own; // then: of the thread's first
    for (int distance = 1; distance < kWarpLanes; distance *= 2) {
        const int left = shuffle_up(place, distance);
        place += lane_index() >= distance ? left : 0;
    }
    sync_block(); // counts are free
    if (lane_index() == kWarpLanes - 1)
        shared.counts[0][warp_index()] = static_cast<std::uint32_t>(place);
    sync_block();
    place -= own;
    int all = 0;
    for (int w = 0; w < kCandidateWarps; ++w) {
        place += w < warp_index() ? static_cast<int>(shared.counts[0][w]) : 0;
        all += static_cast<int>(shared.counts[0][w]);
    }
#pragma unroll
    for (int j = 0; j < kIdsPerThread; ++j) {
        const int id = j * kCandidateThreads + static_cast<int>(threadIdx.x);
        if (logits.rank[j] != 0 && cut.holds(logits.rank[j], id))
            shared.chosen[place++] =
                std::uint64_t{logits.rank[j]} << 32 | static_cast<std::uint32_t>(~(first_id + id));
    }
    sync_block();
    for (int i = static_cast<int>(threadIdx.x); i < all; i += kCandidateThreads) {
        const std::uint64_t chosen = shared.chosen[i];
        int better = 0;
        for (int k = 0; k < all; ++k)
            better += shared.chosen[k] > chosen ? 1 : 0;
        best[better] = {ranked_value(static_cast<std::uint32_t>(chosen >> 32)),
                        static_cast<std::int32_t>(~static_cast<std::uint32_t>(chosen))};
    }
}

/// One of the four sums of a run of ids, which kernels/candidates.cpp computes side by side.
struct QuarterMass {
    float sum = 0, weighted = 0;
    __device__ void add(float logit, float maximum, float inverse_temperature) {
        const float x = multiply_rounded(add_rounded(logit, -maximum), inverse_temperature);
        const float e = exp_of_negative(x);
        sum = add_rounded(sum, e);
        weighted = add_rounded(weighted, e > 0.0f ? multiply_rounded(x, e) : 0.0f);
    }
};

/// The four quarters, which neighbouring lanes have, in order.
__device__ double join_quarters(float own) {
    const int first = lane_index() & ~3;
    const float a = shuffle(own, first), b = shuffle(own, first + 1), c = shuffle(own, first + 2),
                d = shuffle(own, first + 3);
    return static_cast<double>(a) + b + c + d;
}

/// Marks which of a part's ids are gathered. `ids` ascending.
__device__ void mark_gathered(JoinBestShared& shared, const std::int32_t* ids, int count, int first_id) {
    const auto word = static_cast<int>(threadIdx.x);
    if (word < kPartIds / 32) {
        const int from = first_id + 32 * word;
        int low = 0, high = count;
        while (low < high) {
            const int middle = (low + high) / 2;
            if (ids[middle] < from)
                low = middle + 1;
            else
                high = middle;
        }
        std::uint32_t bits = 0;
        for (; low < count && ids[low] < from + 32; ++low)
            bits |= 1u << (ids[low] - from);
        shared.gathered[word] = bits;
    }
    sync_block();
}

__device__ void write_masses(JoinBestShared& shared, const float* logits, int first_id, int vocabulary,
                             float maximum, float inverse_temperature, PartResult& result) {
    const auto thread = static_cast<int>(threadIdx.x);
    QuarterMass plain, own;
#pragma unroll 4
    for (int i = 0; i < kRunIds / 4; ++i) {
        const int within = thread / 4 * kRunIds + 4 * i + thread % 4;
        const bool counts =
            first_id + within < vocabulary && !(shared.gathered[within / 32] >> within % 32 & 1u);
        const float logit = counts ? logits[first_id + within] : -kInfinity;
        plain.add(logit, maximum, 1.0f);
        if (inverse_temperature != 1.0f)
            own.add(logit, maximum, inverse_temperature);
    }
    const double sums[4] = {join_quarters(plain.sum), join_quarters(plain.weighted), join_quarters(own.sum),
                            join_quarters(own.weighted)};
    if (thread % 4 == 0)
        for (int k = 0; k < 4; ++k)
            shared.runs[thread / 4][k] = sums[k];
    sync_block();
    if (thread < 2 || (thread < 4 && inverse_temperature != 1.0f)) {
        double sum = 0;
        for (int run = 0; run < kPartIds / kRunIds; ++run)
            if (first_id + run * kRunIds < vocabulary)
                sum += shared.runs[run][thread];
        LogitMass& mass = thread < 2 ? result.plain : result.own;
        (thread % 2 == 0 ? mass.sum : mass.weighted) = sum;
        if (inverse_temperature == 1.0f)
            (thread == 0 ? result.own.sum : result.own.weighted) = sum;
    }
}

/// How many of some sorted candidates are better.
__device__ int count_better(const Candidate* sorted, int count, const Candidate& than) {
    int low = 0, high = count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (better(sorted[middle], than))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

} // namespace

static __global__ void __launch_bounds__(kCandidateThreads, 2)
    part_best(const __grid_constant__ CandidateParams p) {
    PartBestShared& shared = shared_memory<PartBestShared>();
    wait_for_previous();
    let_next_start();
    const SoughtRow sought = p.sought[blockIdx.y];
    if (sought.logit_row < 0)
        return; // the whole block
    const int first_id = static_cast<int>(blockIdx.x) * kPartIds;
    const float* logits = p.logits + sought.logit_row * p.logits_stride;
    PartLogits own;
#pragma unroll
    for (int j = 0; j < kIdsPerThread; ++j) {
        const int id = first_id + j * kCandidateThreads + static_cast<int>(threadIdx.x);
        const std::uint32_t rank = id < p.vocabulary ? ranked(logits[id]) : 0;
        own.rank[j] = rank > kRankOfMinusInfinity ? rank : 0;
    }
    const std::uint32_t largest = largest_rank(shared, own);
    const int numbers = count_logits(shared, 1, own, [](std::uint32_t rank, int) { return rank != 0; });
    const std::int64_t part = std::int64_t{blockIdx.y} * gridDim.x + blockIdx.x;
    const int wished = min(sought.best, p.most), count = max(min(wished, numbers), 0);
    if (threadIdx.x == 0) {
        p.parts[part].maximum = largest != 0 ? ranked_value(largest) : ranked_value(kRankOfMinusInfinity);
        p.parts[part].count = count;
    }
    if (count == 0)
        return; // the whole block
    const Cut cut = numbers > count ? find_cut(shared, own, count, largest) : Cut{0, kPartIds - 1};
    write_best(shared, own, cut, first_id, p.part_best + part * p.most);
}

static __global__ void __launch_bounds__(kCandidateThreads, 2)
    join_best(const __grid_constant__ CandidateParams p) {
    JoinBestShared& shared = shared_memory<JoinBestShared>();
    wait_for_previous();
    let_next_start();
    const SoughtRow sought = p.sought[blockIdx.y];
    if (sought.logit_row < 0)
        return; // the whole block
    const auto part = static_cast<int>(blockIdx.x), parts = static_cast<int>(gridDim.x);
    const float* logits = p.logits + sought.logit_row * p.logits_stride;
    PartResult* results = p.parts + std::int64_t{blockIdx.y} * parts;
    const std::int32_t* ids = p.gather_ids + sought.gather_first;
    const int first_id = part * kPartIds;
    float maximum = results[0].maximum;
    for (int other = 1; other < parts; ++other)
        maximum = fmaxf(maximum, results[other].maximum);

    mark_gathered(shared, ids, sought.gather_count, first_id);
    write_masses(shared, logits, first_id, p.vocabulary, maximum, sought.inverse_temperature, results[part]);
    if (part == 0)
        for (int i = static_cast<int>(threadIdx.x); i < sought.gather_count; i += kCandidateThreads)
            p.gathered[sought.gather_first + i] =
                ids[i] >= 0 && ids[i] < p.vocabulary ? logits[ids[i]] : -kInfinity;

    const Candidate* all = p.part_best + std::int64_t{blockIdx.y} * parts * p.most;
    const int most = min(sought.best, p.most);
    for (int i = static_cast<int>(threadIdx.x); i < results[part].count; i += kCandidateThreads) {
        const Candidate own = all[std::int64_t{part} * p.most + i];
        int better = i;
        for (int other = 0; other < parts && better < most; ++other)
            if (other != part)
                better += count_better(all + std::int64_t{other} * p.most, results[other].count, own);
        if (better < most)
            p.best[std::int64_t{blockIdx.y} * p.most + better] = own;
    }
}

SWITCHYARD_HEAD_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
