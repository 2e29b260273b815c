// A plan's steps in the groups that backends compute together: what reads the same input after the same norm,
// what is done to single rows before attention, a router with its experts and the blocks beside them. A
// backend makes a stage of each.
#pragma once

#include "engine/model/plan.h"

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

namespace switchyard {

/// cos and sin of a rope's angles are the same for all layers that share these.
struct RopeFrequencies {
    std::vector<float> inverse; ///< [dims/2]
    float magnitude = 1.0f;
    std::vector<float> long_inverse; ///< in long texts; empty: the same
    float long_magnitude = 1.0f;
};

/// A norm or a rotation of single rows, in place.
struct RowStep {
    std::optional<NormStep> norm;
    std::optional<RopeStep> rope;
    std::size_t ropes = 0; ///< index into FusedPlan::ropes

    ValueId value() const { return norm ? norm->in : rope->value; }
};

/// A norm, where there is one, and the projections that read its result.
struct FusedProjection {
    ValueId in;
    std::optional<NormStep> norm;
    std::vector<ProjectStep> steps;
};

struct FusedAttention {
    int layer;
    std::vector<RowStep> rows; ///< first
    AttentionStep step;
};

struct FusedLatentAttention {
    int layer;
    std::vector<RowStep> rows;
    LatentAttentionStep step;
};

struct FusedIndex {
    std::vector<RowStep> rows;
    IndexStep step;
};

struct FusedCompressedAttention {
    int layer;
    std::vector<RowStep> rows;
    CompressedAttentionStep step;
    RowStep back; ///< what its result is rotated by
};

struct FusedRecurrence {
    ValueId in;
    std::optional<NormStep> norm;
    RecurrenceStep step;
};

/// A norm whose result is kept, or added to other rows.
struct FusedAddedNorm {
    NormStep step;
};

/// Feed-forward blocks over one input: a dense one, or routed experts and those beside them.
struct FusedFeedForward {
    ValueId in = kNoValue, out = kNoValue;
    std::optional<NormStep> norm;
    std::optional<NormStep>
        route_norm; ///< the router's own, of the same input; else it reads what experts do
    std::optional<RouteStep> route;
    std::optional<ExpertsStep> experts;
    std::vector<FeedForwardStep> blocks;
    int number = 0; ///< dense ones before it

    bool dense() const { return !route; }
};

struct FusedHead {
    ValueId in;
    std::optional<NormStep> norm;
    HeadStep step;
};

using FusedStep =
    std::variant<EmbedStep, FusedProjection, FusedAttention, FusedLatentAttention, FusedIndex, CompressStep,
                 FusedCompressedAttention, MixStreamsStep, SpreadStreamsStep, GroupedProjectStep,
                 FusedRecurrence, ConvolutionStep, DeltaRuleStep, StateSpaceStep, SplitStep, FusedAddedNorm,
                 AddStep, ScaleStep, GateStep, FusedFeedForward, FusedHead>;

struct FusedPlan {
    std::vector<FusedStep> steps;
    std::vector<RopeFrequencies> ropes;
};

FusedPlan fuse(const Plan& plan);

} // namespace switchyard
