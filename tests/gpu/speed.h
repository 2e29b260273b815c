// How fast a model's steps are on a card, by measured time against what they cannot do without.
#pragma once

#include "engine/model/shapes.h"
#include "engine/run/loaded_model.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace switchyard {

/// The same architecture with every part of it, as narrow as kernels take it: for trying the way without a
/// card.
Shape tiny_shape(const Shape& shape);

struct SpeedOptions {
    std::string shape;
    std::optional<BlockType> type;
    bool small = false; ///< tiny_shape() and few tokens: the figures mean nothing
};

/// Where results go, one JSON object each, as soon as they are there: what follows may be cut short.
using Tell = std::function<void(const nlohmann::ordered_json&)>;

/// A shape with random valid blocks, and how long that took.
struct TimedModel {
    std::shared_ptr<LoadedModel> model;
    double generate_seconds = 0, load_seconds = 0;
};
TimedModel load_timed(const std::shared_ptr<Backend>& backend, const SpeedOptions& options);

/// Answers of one sequence behind a short and a long context, of 8 and of 32 sequences, and prompts of 512
/// and 4096 tokens. Throws Error.
void measure_speed(const std::shared_ptr<Backend>& backend, const SpeedOptions& options, const Tell& tell);

} // namespace switchyard
