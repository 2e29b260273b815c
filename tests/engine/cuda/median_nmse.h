// How far a card's logits are from the CPU's.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace switchyard::test {

/// Of the middle position: a cache in F16 may flip a route at some.
inline double median_nmse(const std::vector<float>& logits, const std::vector<float>& expected,
                          std::size_t vocabulary) {
    std::vector<double> errors;
    for (std::size_t t = 0; t < expected.size(); t += vocabulary) {
        double error = 0, power = 0;
        for (std::size_t i = t; i < t + vocabulary; ++i) {
            error += std::pow(double{logits[i]} - double{expected[i]}, 2);
            power += std::pow(double{expected[i]}, 2);
        }
        errors.push_back(std::isfinite(error) ? error / power : 1e9);
    }
    std::ranges::nth_element(errors, errors.begin() + std::ssize(errors) / 2);
    return errors[errors.size() / 2];
}

} // namespace switchyard::test
