// What carving decides: which neurons of each dense layer are shared, which expert has each of the others,
// and the routers. Made once by calibration, applied in seconds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace switchyard {

struct CarveLayer {
    std::vector<std::uint8_t> owner; ///< [width]: the expert a neuron belongs to, or kSharedNeuron
    std::vector<float> router;       ///< [experts, hidden]: predicts the norm of each expert's output
    std::vector<float> intercept;    ///< [experts]
};
inline constexpr std::uint8_t kSharedNeuron = 255;

struct CarvePlan {
    int hidden = 0, width = 0; ///< of the dense model
    int experts = 0;           ///< routed
    int expert_width = 0;      ///< neurons of a routed expert; the shared ones are a multiple of it
    std::string model;         ///< general.name of the model it was made for
    std::string calibration;   ///< what it was made with, for people
    std::vector<CarveLayer> layers;

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
