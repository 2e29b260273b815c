// Making a carve plan: the model reads calibration text twice; the first time neurons are ranked and grouped,
// the second time each layer's router learns to predict the norm of each expert's output. Method: neurons of
// a dense layer split into shared and routed experts (arXiv 2502.04416, 2602.15521).
#pragma once

#include "engine/carve/carve_layout.h"
#include "engine/carve/carve_plan.h"
#include "engine/run/loaded_model.h"

#include <functional>
#include <stop_token>

namespace switchyard {

struct CarveShape {
    int routed = 8;            ///< experts
    int dense_layers = 0;      ///< leading layers that stay as they are
    double shared_share = 0.5; ///< of the neurons; rounded so that shared and routed widths fit
};

struct CarveProgress {
    std::function<void(double share, const std::string& stage)> report; ///< may be empty
    std::stop_token stop;
};

/// The plan's counts for a model. Throws Error where the model is not dense, or its width does not divide.
CarvePlan shape_plan(const ModelFile& file, const ModelConfig& config, const CarveShape& shape);

/// `texts`: token sequences of calibration text. The model's executor is used; nothing else may run on it
/// meanwhile. Throws Error (stopped; too few tokens).
CarvePlan make_carve_plan(LoadedModel& model, const CarveShape& shape,
                          const std::vector<std::vector<std::int32_t>>& texts, const CarveProgress& progress);

} // namespace switchyard
