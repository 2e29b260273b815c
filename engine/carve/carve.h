// Carving from one call: load, calibrate or take a plan, write, and compare with the dense model.
#pragma once

#include "engine/carve/carve_apply.h"

#include <optional>

namespace switchyard {

struct CarveRequest {
    std::filesystem::path in, out;
    CarveShape shape;
    CarveOptions options;
    std::optional<std::filesystem::path> plan;      ///< use this plan instead of calibrating
    std::optional<std::filesystem::path> save_plan; ///< keep the plan
    std::optional<std::filesystem::path> save_text; ///< keep the calibration text, as token ids
    std::vector<std::filesystem::path> calibration; ///< text files; empty: the model's own text
    std::size_t calibration_tokens = 40'000;        ///< of the model's own text
    int threads = 0;                                ///< 0: all
    bool compare = true;                            ///< measure the loss with all experts active
};

struct CarveResult {
    CarveReport report;
    std::string calibration;    ///< what the plan was made with
    std::optional<double> nmse; ///< of the logits, all experts active, against the dense model
};

/// Throws Error; a stop leaves no file behind. Loads models of its own: what else runs is not disturbed.
CarveResult carve_model(const CarveRequest& request, const CarveProgress& progress);

} // namespace switchyard
