// What a step cannot do without, counted from its rows: the bytes that it has to read and the operations that
// it has to do. Times are compared with these, never with what a kernel happens to read.
#pragma once

#include "engine/model/plan.h"
#include "engine/run/batch.h"

#include <array>
#include <map>

namespace switchyard {

struct StageCounts {
    double weight_bytes = 0; ///< of matrices and vectors, each once however many rows meet it
    double cache_bytes = 0;  ///< of keys and values that attention sees, once a sequence
    double macs = 0;         ///< multiply-adds, with weights and in attention
    double bytes() const { return weight_bytes + cache_bytes; }
};

/// Weights of one type that a step's products multiply, counted once for each tile of eight rows that meets
/// them. Routers have a kernel of their own and are not among them.
struct TiledWeights {
    double alone = 0; ///< by a single row
    double first = 0; ///< by the first eight of several rows
    double more = 0;  ///< by each further eight
};

struct StepCounts {
    std::array<StageCounts, kStageKinds> stages{};
    std::map<BlockType, TiledWeights> tiles; ///< of matrices, by the type they are placed in

    StageCounts& of(StageKind kind) { return stages[static_cast<std::size_t>(kind)]; }
    const StageCounts& of(StageKind kind) const { return stages[static_cast<std::size_t>(kind)]; }
    double bytes() const;
    double macs() const;
    StepCounts& operator+=(const StepCounts& other);
    void divide(double by);
};

/// Counts a step of `batch`, whose rows all told their routing (`routing`; with no router in the plan it is
/// not looked at). `kv`: the type of the cache. Latent attention (MLA) counts as many operations as its form
/// with keys and values a head, which is the least for many rows.
StepCounts count_step(const Plan& plan, const WeightSet& weights, const Batch& batch,
                      const RoutingTable& routing, BlockType kv);

} // namespace switchyard
