// Numbers of devices as people write them.
#pragma once

#include <string>

namespace switchyard::cuda {

/// CUDA's own: 13010 is "13.1".
inline std::string version_text(int number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

/// Of a card: 90 is "9.0".
inline std::string capability_text(int compute) {
    return std::to_string(compute / 10) + "." + std::to_string(compute % 10);
}

} // namespace switchyard::cuda
