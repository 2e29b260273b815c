// Which experts each row passes, and the list of units that follows from it, all on the device.
#pragma once

#include "kernels/cuda/feed_forward_data.h"
#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

/// As engine/model/plan.h's GateFunction.
enum class RouterGate : std::int32_t { Softmax, Sigmoid, SoftmaxChosen, SqrtSoftplus, SparseMixer };

/// As engine/model/plan.h's Routing. At most kMostExperts in at most kMostExpertGroups.
struct RouteRule {
    std::int32_t experts, active;
    RouterGate gate;
    std::int32_t normalise;
    float scale;
    std::int32_t groups, groups_kept, group_score_top2;
};

/// Chooses the experts of each row, in the order of engine/model/router.cpp: logits + biases -> gate function
/// -> + selection bias -> groups -> the best -> weights -> normalised -> scaled. A row's dials:
///  - Experts beyond its `pool` and those of its off mask are not chosen, and count for no group. The gate
///    function still runs over all.
///  - Of RowInput::experts (or the plan's number) as many are chosen as groups and these leave, which may be
///    none: the row then passes no expert.
///  - `routing_mass` below 1: of the chosen, in the order of choice, the shortest beginning that holds this
///    share of their weights stays, at least one. (Weights as the gate function gave them; of SoftmaxChosen,
///    over the chosen.)
///  - `gate_threshold` above 0: of those left, the ones whose weight is below this share (1 at most) of the
///    largest weight among them go.
/// What normalises (`normalise`, SoftmaxChosen) runs over those that stay.
/// Of equal scores the lower number wins; one that is no number loses to all others, and its weight says what
/// it is. Rows with position < 0 choose none.
struct RouteParams {
    const RowInput* rows; ///< [row_count]
    std::int32_t row_count;
    RouteRule rule;      ///< experts 0: no router, only the blocks' output gates are computed
    const float* logits; ///< [row_count][experts]
    /// Null, or [experts] plain floats each.
    const MatrixView *bias, *selection_bias;
    const float* constant_bias;     ///< null, or [experts]
    const std::uint32_t* off_masks; ///< of this router: mask m at m * off_mask_stride, bit e: e is off
    std::int64_t off_mask_stride;   ///< words
    std::int32_t most;              ///< room for choices of a row; no row chooses more
    ExpertChoice* choices;          ///< [row_count][most], the best first; behind a row's last, expert -1
    std::int32_t* counts;           ///< [row_count]
    // Output gates of the layer's dense blocks.
    const float* in; ///< [row_count][in_stride] floats, the blocks' own input; may be null without gates
    std::int64_t in_stride;
    std::int32_t in_width;
    std::int32_t block_count;
    DenseBlock blocks[kMostDenseBlocks];
};
inline constexpr int kRouteThreads = 256; ///< a warp a row
inline GridSize route_grid(std::int32_t rows) {
    return {static_cast<unsigned>((rows + kRouteThreads / 32 - 1) / (kRouteThreads / 32)), 1};
}

/// Route for routers that do more, which no other launch has on its way. SparseMixer is such a router too.
struct RouteOtherParams {
    RouteParams route;
    float logit_scale = 1.0f; ///< of logits, before their biases
    float cap = 0.0f;         ///< logits l become cap * tanh(l / cap) after; 0: they stay
    float nearness = 0.0f;    ///< SparseMixer's
    const MatrixView* expert_scale =
        nullptr;                          ///< [experts]: multiplies the weights of the chosen; null: nothing
    const MatrixView* by_token = nullptr; ///< [vocabulary][active]: a token's experts alone are chosen from
};

/// Weights of the experts' inputs, where these are what they multiply: to `weights`, and 1 is left where they
/// were. Pair i's input becomes row first + i of what is prepared.
struct WeighInputsParams {
    const FeedForwardList* list;
    float *pair_weights, *weights; ///< [pairs]
    std::int32_t* rows;            ///< [pairs]
    std::int32_t first, most;      ///< pairs that there may be
};
inline constexpr int kWeighThreads = 256;
inline GridSize weigh_grid(std::int32_t pairs) {
    return {static_cast<unsigned>((pairs + kWeighThreads - 1) / kWeighThreads), 1};
}

/// Logits of a router's experts for rows of answers, in floats whatever the matrix' type: each by one warp,
/// whose lanes share the columns, so that a row's bits are its own.
struct RouterLogitsParams {
    const MatrixView* matrix; ///< [experts][in_width], any tiled type
    const float* in;          ///< [row_count][in_stride], zeros behind in_width up to whole 64s
    std::int64_t in_stride;
    std::int32_t in_width, row_count, experts;
    float* logits; ///< [row_count][experts]
};
inline constexpr int kRouterThreads = 256,
                     kRouterRows = 2; ///< rows that a warp takes with one reading of weights
inline GridSize router_grid(std::int32_t experts, std::int32_t rows) {
    return {static_cast<unsigned>((experts + kRouterThreads / 32 - 1) / (kRouterThreads / 32)),
            static_cast<unsigned>((rows + kRouterRows - 1) / kRouterRows)};
}

/// Makes the list of chosen experts from what Route wrote. One block. At most kMostUnitRows rows.
struct UnitsParams {
    const ExpertChoice* choices; ///< [row_count][most]
    const std::int32_t* counts;  ///< [row_count]
    std::int32_t row_count, most, experts;
    GatedMatrices expert; ///< their views are copied into the list
    FeedForwardList* list;
    FeedForwardUnit* units;  ///< [experts], in ascending order of their number
    std::int32_t* pair_rows; ///< [row_count * most]: the rows of each unit, ascending, one unit after another
    float* pair_weights;     ///< the same
    std::int32_t* row_pairs; ///< [row_count][most]: a row's pairs in the order of its choices; may be null
};
inline constexpr int kMostUnitRows = 4096;
inline constexpr int kUnitsThreads = kMostExperts;
inline constexpr int kUnitSorters = kUnitsThreads / 32;

/// Route and Units in one launch of one block, for at most kFewRouteRows rows.
struct RouteFewParams {
    RouteParams route;
    UnitsParams units; ///< of the same rows and choices
};
inline constexpr int kFewRouteRows = 32;

/// Pairs of a row and an expert, and experts that have any.
struct PairCounts {
    std::int32_t pairs, units;
};

/// What `kSorters` warps need to sort pairs by expert.
template <int kSorters>
struct UnitsShared {
    std::uint32_t rows_of[kSorters][kMostExperts]; ///< of 32 rows, those that chose the expert
    std::uint16_t places[kSorters][kMostExperts];  ///< rows of the expert before the sorter's next 32
    std::int32_t starts[kMostExperts];             ///< pairs of the experts before
    PairCounts of_warp[kUnitSorters];
};

#define SWITCHYARD_ROUTING_KERNELS(X)                                                                        \
    X(RouterLogits, router_logits, RouterLogitsParams, NoShared, kRouterThreads, 2)                          \
    X(Route, route, RouteParams, NoShared, kRouteThreads, 2)                                                 \
    X(RouteOther, route_other, RouteOtherParams, NoShared, kRouteThreads, 2)                                 \
    X(WeighInputs, weigh_inputs, WeighInputsParams, NoShared, kWeighThreads, 2)                              \
    X(Units, units, UnitsParams, UnitsShared<kUnitSorters>, kUnitsThreads, 1)                                \
    X(RouteFew, route_few, RouteFewParams, UnitsShared<1>, kUnitsThreads, 1)

} // namespace switchyard::cuda
