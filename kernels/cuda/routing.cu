#include "kernels/cuda/launchers.h"
#include "kernels/cuda/router.cuh"
#include "kernels/cuda/routing.cuh"

namespace switchyard::cuda {
namespace {

class OtherRouter {
  public:
    __device__ explicit OtherRouter(const RouteOtherParams& p)
        : p_(p), one_by_one_(p.route.rule.gate == RouterGate::SparseMixer) {}

    __device__ float logit(float x) const {
        x = multiply_rounded(x, p_.logit_scale);
        return p_.cap > 0.0f ? multiply_rounded(p_.cap, tanhf(x / p_.cap)) : x;
    }
    __device__ void gate(const RouteRule& rule, RowExperts& row) const {
        if (!one_by_one_)
            apply_gate(rule, row);
    }
    /// Leaves those alone to be chosen that the token's list has.
    __device__ void narrow(const RowInput& input, const RouteRule& rule, RowExperts& row) const {
        const float* table = plain_floats(p_.by_token);
        if (!table)
            return;
        std::uint32_t listed = 0; // bit j: expert lane + 32 j
        for (int i = 0; i < rule.active; ++i) {
            const float entry = table[std::int64_t{input.token} * rule.active + i];
            const int expert =
                entry >= 0.0f && entry < static_cast<float>(rule.experts) ? static_cast<int>(entry) : -1;
            if (expert >= 0 && expert % kWarpLanes == lane_index())
                listed |= 1u << expert / kWarpLanes;
        }
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j)
            row.rank[j] = listed >> j & 1u ? row.rank[j] : 0;
    }
    __device__ void choose(int experts, int count, RowExperts& row, ExpertChoice* choices) const {
        std::uint32_t left = 0; // bit j: expert lane + 32 j may be chosen
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j)
            left |= row.rank[j] != 0 ? 1u << j : 0u;
        choose_best(experts, count, row, choices);
        for (int i = 0; i < count && one_by_one_; ++i) {
            const ExpertChoice own = choices[i];
            const float weight = 1.0f / warp_sum(sum_near(row, left, own.weight));
            if (own.expert % kWarpLanes == lane_index())
                left &= ~(1u << own.expert / kWarpLanes);
            sync_warp();
            if (lane_index() == 0)
                choices[i].weight = weight;
            sync_warp();
        }
    }
    __device__ void finish(ExpertChoice* choices, int count) const {
        const float* scale = plain_floats(p_.expert_scale);
        for (int i = lane_index(); scale && i < count; i += kWarpLanes)
            choices[i].weight = multiply_rounded(choices[i].weight, scale[choices[i].expert]);
    }

  private:
    /// Of the lane's experts that are left, those whose logits are near `best`.
    __device__ float sum_near(const RowExperts& row, std::uint32_t left, float best) const {
        float sum = 0.0f;
#pragma unroll
        for (int j = 0; j < kExpertsPerLane; ++j) {
            const float x = row.probability[j];
            const bool far = (best - x) / fmaxf(fabsf(x), best) > p_.nearness;
            sum += (left >> j & 1u) && !far ? expf(x - best) : 0.0f;
        }
        return sum;
    }

    const RouteOtherParams& p_;
    bool one_by_one_;
};

} // namespace

static __global__ void __launch_bounds__(kRouterThreads, 2)
    router_logits(const __grid_constant__ RouterLogitsParams p) {
    const MatrixView matrix = *p.matrix;
    wait_for_previous();
    let_next_start();
    const int expert = static_cast<int>(blockIdx.x) * (kRouterThreads / kWarpLanes) + warp_index(),
              first = static_cast<int>(blockIdx.y) * kRouterRows;
    if (expert >= p.experts)
        return; // a whole warp
    const float* rows[kRouterRows];
    for (int r = 0; r < kRouterRows; ++r)
        rows[r] = p.in + min(first + r, p.row_count - 1) * p.in_stride;
    float sums[kRouterRows];
    router_dots<kRouterRows>(RouterWeights(matrix, expert), rows, p.in_width, sums);
    for (int r = 0; r < kRouterRows; ++r)
        if (lane_index() == r && first + r < p.row_count)
            p.logits[std::int64_t{first + r} * p.experts + expert] = sums[r];
}

static __global__ void __launch_bounds__(kRouteThreads, 2) route(const __grid_constant__ RouteParams p) {
    wait_for_previous();
    let_next_start();
    const int row = static_cast<int>(blockIdx.x) * (kRouteThreads / kWarpLanes) + warp_index();
    if (row >= p.row_count)
        return; // a whole warp
    if (p.rule.experts > 0)
        store_route(p, row);
    gate_row(p, row, p.in);
}

static __global__ void __launch_bounds__(kRouteThreads, 2)
    route_other(const __grid_constant__ RouteOtherParams p) {
    wait_for_previous();
    let_next_start();
    const int row = static_cast<int>(blockIdx.x) * (kRouteThreads / kWarpLanes) + warp_index();
    if (row >= p.route.row_count)
        return; // a whole warp
    store_route(p.route, row, OtherRouter(p));
    gate_row(p.route, row, p.route.in);
}

static __global__ void __launch_bounds__(kWeighThreads, 2)
    weigh_inputs(const __grid_constant__ WeighInputsParams p) {
    wait_for_previous();
    let_next_start();
    const int pair = static_cast<int>(blockIdx.x * kWeighThreads + threadIdx.x);
    if (pair >= min(p.list->pairs, p.most))
        return;
    p.weights[pair] = p.pair_weights[pair];
    p.pair_weights[pair] = 1.0f;
    p.rows[pair] = p.first + pair;
}

static __global__ void __launch_bounds__(kUnitsThreads, 1) units(const __grid_constant__ UnitsParams p) {
    wait_for_previous();
    let_next_start();
    build_units(p, shared_memory<UnitsShared<kUnitSorters>>());
}

static __global__ void __launch_bounds__(kUnitsThreads, 1)
    route_few(const __grid_constant__ RouteFewParams p) {
    wait_for_previous();
    let_next_start();
    for (int row = warp_index(); row < p.route.row_count; row += kUnitsThreads / kWarpLanes) {
        if (p.route.rule.experts > 0)
            store_route(p.route, row);
        gate_row(p.route, row, p.route.in);
    }
    sync_block();
    build_units(p.units, shared_memory<UnitsShared<1>>());
}

SWITCHYARD_ROUTING_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
