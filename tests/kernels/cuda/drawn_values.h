// What most tests of kernels begin with: a device, and drawn numbers in its memory.
#pragma once

#include "kernels/cuda/step_data.h"
#include "tests/kernels/cuda/test_device.h"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <random>
#include <vector>

namespace switchyard::cuda {

/// A vector of a model, as kernels are given it.
inline const MatrixView* upload_vector(Device& device, Stream& stream, const std::vector<float>& values) {
    return upload(device, stream,
                  std::vector<MatrixView>{{reinterpret_cast<const std::byte*>(upload(device, stream, values)),
                                           1, static_cast<std::int32_t>(values.size()), BlockType::F32}});
}

struct DrawnValues : testing::Test {
    explicit DrawnValues(unsigned seed) : random(seed) {}

    std::unique_ptr<Device> device = make_test_device();
    std::unique_ptr<Stream> stream = device->make_stream();
    std::mt19937 random;
    std::normal_distribution<float> number;

    template <typename T>
    T* put(const std::vector<T>& values) {
        return upload(*device, *stream, values);
    }
    const MatrixView* view(const std::vector<float>& values) {
        return upload_vector(*device, *stream, values);
    }
    std::vector<float> numbers(std::integral auto count, float size = 1.0f) {
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& x : values)
            x = size * number(random);
        return values;
    }
};

} // namespace switchyard::cuda
