#include "engine/backends/cpu/compile.h"

#include "engine/backends/cpu/stages.h"
#include "engine/model/fused_plan.h"

#include <utility>

namespace switchyard::cpu {
namespace {

std::unique_ptr<Stage> stage_of(const EmbedStep& s) { return std::make_unique<EmbedStage>(s); }
std::unique_ptr<Stage> stage_of(FusedProjection& s) {
    return std::make_unique<ProjectionStage>(std::move(s));
}
std::unique_ptr<Stage> stage_of(FusedAttention& s) { return std::make_unique<AttentionStage>(std::move(s)); }
std::unique_ptr<Stage> stage_of(FusedLatentAttention& s) {
    return std::make_unique<LatentAttentionStage>(std::move(s));
}
std::unique_ptr<Stage> stage_of(FusedIndex& s) { return std::make_unique<IndexStage>(std::move(s)); }
std::unique_ptr<Stage> stage_of(const CompressStep& s) { return std::make_unique<CompressStage>(s); }
std::unique_ptr<Stage> stage_of(FusedCompressedAttention& s) {
    return std::make_unique<CompressedAttentionStage>(std::move(s));
}
std::unique_ptr<Stage> stage_of(const MixStreamsStep& s) { return std::make_unique<MixStreamsStage>(s); }
std::unique_ptr<Stage> stage_of(const SpreadStreamsStep& s) {
    return std::make_unique<SpreadStreamsStage>(s);
}
std::unique_ptr<Stage> stage_of(const GroupedProjectStep& s) {
    return std::make_unique<GroupedProjectStage>(s);
}
std::unique_ptr<Stage> stage_of(const FusedRecurrence& s) { return std::make_unique<RecurrenceStage>(s); }
std::unique_ptr<Stage> stage_of(const FusedAddedNorm& s) { return std::make_unique<AddedNormStage>(s); }
std::unique_ptr<Stage> stage_of(const ConvolutionStep& s) { return std::make_unique<ConvolutionStage>(s); }
std::unique_ptr<Stage> stage_of(const DeltaRuleStep& s) { return std::make_unique<DeltaRuleStage>(s); }
std::unique_ptr<Stage> stage_of(const StateSpaceStep& s) { return std::make_unique<StateSpaceStage>(s); }
std::unique_ptr<Stage> stage_of(const SplitStep& s) { return std::make_unique<SplitStage>(s); }
std::unique_ptr<Stage> stage_of(const AddStep& s) { return std::make_unique<AddStage>(s); }
std::unique_ptr<Stage> stage_of(const ScaleStep& s) { return std::make_unique<ScaleStage>(s); }
std::unique_ptr<Stage> stage_of(const GateStep& s) { return std::make_unique<GateStage>(s); }
std::unique_ptr<Stage> stage_of(FusedFeedForward& s) {
    return std::make_unique<FeedForwardStage>(std::move(s));
}
std::unique_ptr<Stage> stage_of(const FusedHead& s) { return std::make_unique<HeadStage>(s); }

} // namespace

std::vector<std::unique_ptr<Stage>> compile_stages(const Plan& plan, Shared& shared) {
    FusedPlan fused = fuse(plan);
    for (RopeFrequencies& ropes : fused.ropes) {
        RopeTable& table = shared.ropes.emplace_back();
        table.inverse_frequencies = std::move(ropes.inverse);
        table.magnitude = ropes.magnitude;
        table.long_frequencies = std::move(ropes.long_inverse);
        table.long_magnitude = ropes.long_magnitude;
    }
    shared.choices.resize(static_cast<std::size_t>(plan.choices));
    std::vector<std::unique_ptr<Stage>> stages;
    stages.push_back(std::make_unique<RopeTableStage>(shared.ropes.size()));
    for (FusedStep& step : fused.steps)
        stages.push_back(std::visit([](auto& s) { return stage_of(s); }, step));
    return stages;
}

} // namespace switchyard::cpu
