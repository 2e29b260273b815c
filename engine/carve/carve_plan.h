// What carving decides: which layers become experts, which neurons of each are shared, which expert has each
// of the others, and the routers. Made once by calibration, applied in seconds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace switchyard {

struct CarveLayer {
    int layer = 0;                        ///< of the model, from 0
    int width = 0;                        ///< neurons
    int expert_width = 0;                 ///< neurons of a routed expert
    std::vector<std::uint8_t> owner = {}; ///< [width]: the expert a neuron belongs to, or one of those below
    std::vector<float> router = {};       ///< [experts, hidden]: predicts the norm of each expert's output
    std::vector<float> direction =
        {}; ///< [hidden]: the layer's mean input, so long that inputs times it are about 1

    int shared_width(int experts) const { return width - experts * expert_width; }
};
inline constexpr std::uint8_t kSharedNeuron = 255;
/// Shared, and its column of down is kept exact: at some tokens (the first of a text) it says many times what
/// a whole layer does elsewhere, so that rounding it would change every later layer.
inline constexpr std::uint8_t kExactNeuron = 254;
inline constexpr bool is_shared(std::uint8_t owner) { return owner >= kExactNeuron; }
inline constexpr int kMostCarvedExperts = 253;

struct CarvePlan {
    int hidden = 0, model_layers = 0; ///< of the dense model
    int experts = 0;                  ///< routed, of each layer
    std::string model;                ///< general.name of the model it was made for
    std::string calibration;          ///< what it was made with, for people
    std::vector<CarveLayer> layers;   ///< those that become experts, ascending; the others stay as they are

    /// nullptr: it stays as it is.
    const CarveLayer* of_layer(int layer) const {
        const auto found = std::ranges::lower_bound(layers, layer, {}, &CarveLayer::layer);
        return found == layers.end() || found->layer != layer ? nullptr : &*found;
    }
    /// Leading layers that stay as they are.
    int dense_layers() const { return layers.empty() ? model_layers : layers.front().layer; }
    /// Whether only leading layers stay as they are.
    bool all_behind_dense() const { return static_cast<int>(layers.size()) == model_layers - dense_layers(); }
    bool alike() const { // widths of all layers
        return std::ranges::all_of(layers, [&](const CarveLayer& l) {
            return l.width == layers.front().width && l.expert_width == layers.front().expert_width;
        });
    }
};

/// Router weights are stored as F16: under 0.5 MB for a small model.
/// Throws Error naming the file.
void save_plan(const CarvePlan& plan, const std::filesystem::path& path);
/// Throws Error where the file is not a plan, is truncated, or is inconsistent.
CarvePlan load_plan(const std::filesystem::path& path);
/// Throws Error where the counts do not fit each other.
void check_plan(const CarvePlan& plan);

} // namespace switchyard
