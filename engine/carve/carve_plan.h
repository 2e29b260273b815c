// What carving decides: which layers become experts, which neurons of each are shared, which expert has each
// of the others, and the routers. Made once by calibration, applied in seconds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace switchyard {

struct CarveLayer {
    std::vector<std::uint8_t> owner; ///< [width]: the expert a neuron belongs to, or one of those below
    std::vector<float> router;       ///< [experts, hidden]: predicts the norm of each expert's output
    std::vector<float>
        direction; ///< [hidden]: the layer's mean input, so long that inputs times it are about 1
};
inline constexpr std::uint8_t kSharedNeuron = 255;
/// Shared, and its column of down is kept exact: at some tokens (the first of a text) it says many times what
/// a whole layer does elsewhere, so that rounding it would change every later layer.
inline constexpr std::uint8_t kExactNeuron = 254;
inline constexpr bool is_shared(std::uint8_t owner) { return owner >= kExactNeuron; }
inline constexpr int kMostCarvedExperts = 253;

struct CarvePlan {
    int hidden = 0, width = 0;      ///< of the dense model
    int experts = 0;                ///< routed
    int expert_width = 0;           ///< neurons of a routed expert
    std::string model;              ///< general.name of the model it was made for
    std::string calibration;        ///< what it was made with, for people
    int dense_layers = 0;           ///< leading layers that stay as they are
    std::vector<CarveLayer> layers; ///< those behind them

    std::size_t model_layers() const { return static_cast<std::size_t>(dense_layers) + layers.size(); }
    /// PRECOND: layer >= dense_layers
    const CarveLayer& of_layer(int layer) const {
        return layers[static_cast<std::size_t>(layer - dense_layers)];
    }
    int shared_width() const { return width - experts * expert_width; }
};

/// Router weights are stored as F16: under 0.5 MB for a small model.
/// Throws Error naming the file.
void save_plan(const CarvePlan& plan, const std::filesystem::path& path);
/// Throws Error where the file is not a plan, is truncated, or is inconsistent.
CarvePlan load_plan(const std::filesystem::path& path);
/// Throws Error where the counts do not fit each other.
void check_plan(const CarvePlan& plan);

} // namespace switchyard
