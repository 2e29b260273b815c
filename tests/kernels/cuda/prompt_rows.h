// Prompts' rows in a device's memory, for tests of their products.
#pragma once

#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/placed_matrix.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace switchyard::cuda {

/// The sum of products of two rows, of their magnitudes and of their squares.
struct DoubleSum {
    double sum = 0, magnitude = 0, squares = 0;
    DoubleSum(const PlacedMatrix& m, int row, const float* x) {
        for (int c = 0; c < m.cols; ++c) {
            const double product = static_cast<double>(m.at(row, c)) * x[c];
            sum += product;
            magnitude += std::abs(product);
            squares += product * product;
        }
    }
};

/// A device, and rows and matrices on it.
struct PromptBench {
    explicit PromptBench(const EmulatedOptions& options = {}) : device(make_test_device(options)) {}

    std::unique_ptr<Device> device;
    std::unique_ptr<Stream> stream = device->make_stream();
    test::Random random{29};

    PlacedMatrix place(BlockType type, int rows, int cols) {
        return place_matrix(*device, *stream, type, rows, cols, random);
    }
    template <typename T>
    T* put(const std::vector<T>& values) {
        return upload(*device, *stream, values);
    }
    template <typename T>
    T* room(std::size_t count) {
        return reinterpret_cast<T*>(device->allocate(count * sizeof(T)));
    }

    /// The products of `rows` rows of `in`, from `first` on, with a matrix; `launch` starts them.
    template <typename Launch>
    std::vector<float> products(const WeightRanges& ranges, const PlacedMatrix& m, HalfRows in, int first,
                                int rows, const Launch& launch) {
        const auto count = static_cast<std::size_t>(rows * m.rows);
        in.values += static_cast<std::ptrdiff_t>(first) * in.padded;
        in.scales += first;
        PromptProductParams p{};
        p.targets[0] = {ranges.table, nullptr, put(std::vector<float>(count)), m.rows, 0, 1, m.rows, false};
        p.target_count = 1;
        p.rows = rows;
        p.in = in;
        p.ranges = ranges;
        launch(p);
        return download(*stream, p.targets[0].out, count);
    }

    /// A table of matrices with their ranges found.
    WeightRanges table(const std::vector<MatrixView>& views) {
        const WeightRanges ranges{put(views), room<std::uint32_t>(views.size() * kRangeParts)};
        std::vector<std::int32_t> entries(views.size());
        std::iota(entries.begin(), entries.end(), 0);
        launch<Kernel::FindRanges>(*stream, range_grid(static_cast<int>(views.size())),
                                   {ranges, put(entries)});
        return ranges;
    }

    HalfRows half_room(int rows, int width) {
        const int padded = padded_columns(width);
        return {room<std::uint16_t>(static_cast<std::size_t>(rows * padded)),
                room<float>(static_cast<std::size_t>(rows)), padded};
    }
    /// `behind`: rows that there is room for behind them.
    HalfRows prepare(const std::vector<float>& x, int width, int behind = 0) {
        const int rows = static_cast<int>(x.size()) / width;
        const HalfRows out = half_room(rows + behind, width);
        launch<Kernel::PreparePrompt>(*stream, prepare_grid(rows, 1),
                                      {put(x), width, 1, 0, width, nullptr, nullptr, 0, out});
        return out;
    }
    /// What prepared rows stand for: [rows][padded].
    std::vector<float> prepared_values(const HalfRows& rows, int count) {
        const auto halves = download(*stream, rows.values, static_cast<std::size_t>(count * rows.padded));
        const auto scales = download(*stream, rows.scales, static_cast<std::size_t>(count));
        std::vector<float> values(halves.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = cpu::half_value(halves[i]) * scales[i / static_cast<std::size_t>(rows.padded)];
        return values;
    }
};

} // namespace switchyard::cuda
