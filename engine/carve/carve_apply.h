// Applying a carve plan: the dense model's neurons, moved into shared and routed experts (carve_layout.h).
#pragma once

#include "engine/carve/calibrate.h"
#include "engine/carve/carve_plan.h"
#include "engine/files/gguf.h"
#include "engine/model/model_config.h"

#include <optional>

namespace switchyard {

struct CarveOptions {
    int active = 0; ///< experts active at the start; 0: all
    std::optional<BlockType>
        down; ///< type of the down matrices; nullopt: Q8_0, or as in the file where that is exact
};

struct CarveReport {
    BlockType down_type = BlockType::F32; ///< of the down matrices
    bool only_here = false;               ///< the layout cannot hold this model for other programs
    std::string note;                     ///< why, for people; may be empty
};

/// Writes the carved model. Moving neurons permutes the rows of gate and up (their blocks stay as they are)
/// and the columns of down (which are encoded anew). Throws Error (plan of another model, no space, stopped).
CarveReport apply_carve_plan(const ModelFile& dense, const ModelConfig& config, const CarvePlan& plan,
                             const std::filesystem::path& out, const CarveOptions& options,
                             const CarveProgress& progress);

/// Metadata keys of our own in a carved file. Other programs ignore them.
inline constexpr const char* kCarveScaleKey =
    "switchyard.carve.router_scale"; ///< logits = scale * predicted norms

} // namespace switchyard
