// A folder's tensors as rows of types that the engine reads.
#include "engine/model/folder_rows.h"
#include "engine/model/folder_tensors.h"

#include "engine/quant/float8.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

namespace switchyard {

const std::byte* FolderTensors::Matrix::rows(std::int64_t first, std::int64_t count,
                                             std::vector<std::byte>& buffer) const {
    if (!make) {
        return data + static_cast<std::size_t>(first) * stride();
    }
    buffer.resize(static_cast<std::size_t>(count) * stride());
    make(first, count, buffer.data());
    return buffer.data();
}

FolderTensors::Matrix FolderTensors::plain(const FolderTensor& tensor) {
    Matrix m{BlockType::F32, tensor.shape, tensor.data, tensor.bytes};
    switch (tensor.type) {
    case FolderType::F32:
        return m;
    case FolderType::F16:
        m.type = BlockType::F16;
        return m;
    case FolderType::BF16:
        m.type = BlockType::BF16;
        return m;
    case FolderType::U8:
        return packed(tensor);
    case FolderType::I64:
        return integers(tensor);
    case FolderType::F8_E4M3:
        break;
    }
    // FP8 comes with a matrix of scales, one for each 128 x 128 values.
    const FolderTensor* scales = folder_.find(tensor.name + "_scale_inv");
    if (const FolderTensor* exponents = scale_of(tensor)) {
        return float8_with_exponents(tensor, *exponents);
    }
    const auto blocks = [](std::int64_t n) { return (n + kFloat8Block - 1) / kFloat8Block; };
    if (tensor.shape.size() != 2 || scales == nullptr || scales->type != FolderType::F32 ||
        scales->shape != std::vector{blocks(tensor.shape[0]), blocks(tensor.shape[1])}) {
        fail(tensor, "is FP8 without a scale for each 128 x 128 values");
    }
    const std::int64_t rows = tensor.shape[0], cols = tensor.shape[1];
    // Rows of whole blocks stay FP8; others, which no published model has, become floats.
    m.type = cols % traits(BlockType::FP8).values == 0 ? BlockType::FP8 : BlockType::F32;
    m.data = nullptr;
    m.bytes = static_cast<std::size_t>(rows) * row_bytes(m.type, cols);
    m.make = [type = m.type, codes = tensor.data, scales = scales->data,
              cols](std::int64_t first, std::int64_t count, std::byte* out) {
        make_f8_rows(type, codes, scales, cols, first, count, out);
    };
    return m;
}

/// DeepSeek-V4's scales have a name of their own, and are powers of two: bytes e that stand for 2^(e - 127).
const FolderTensor* FolderTensors::scale_of(const FolderTensor& tensor) const {
    constexpr std::string_view kWeight = ".weight";
    const std::string_view name = tensor.name;
    const FolderTensor* scales =
        name.ends_with(kWeight)
            ? folder_.find(std::string(name.substr(0, name.size() - kWeight.size())) + ".scale")
            : nullptr;
    return scales && scales->type == FolderType::U8 ? scales : nullptr;
}

FolderTensors::Matrix FolderTensors::float8_with_exponents(const FolderTensor& tensor,
                                                           const FolderTensor& exponents) {
    const auto blocks = [](std::int64_t n) { return (n + kFloat8Block - 1) / kFloat8Block; };
    if (tensor.shape.size() != 2 ||
        exponents.shape != std::vector{blocks(tensor.shape[0]), blocks(tensor.shape[1])}) {
        fail(tensor, "is FP8 without a scale for each 128 x 128 values");
    }
    const auto scales = std::make_shared<std::vector<float>>();
    for (std::size_t i = 0; i < exponents.bytes; ++i) {
        scales->push_back(std::ldexp(1.0f, static_cast<int>(exponents.data[i]) - 127));
    }
    const std::int64_t cols = tensor.shape[1];
    Matrix m{BlockType::F32, tensor.shape, nullptr, 0};
    m.type = cols % traits(BlockType::FP8).values == 0 ? BlockType::FP8 : BlockType::F32;
    m.bytes = static_cast<std::size_t>(tensor.shape[0]) * row_bytes(m.type, cols);
    m.make = [type = m.type, codes = tensor.data, scales, cols](std::int64_t first, std::int64_t count,
                                                                std::byte* out) {
        make_f8_rows(type, codes, reinterpret_cast<const std::byte*>(scales->data()), cols, first, count,
                     out);
    };
    return m;
}

/// MXFP4: two values a byte, and an exponent for each 32.
FolderTensors::Matrix FolderTensors::packed(const FolderTensor& tensor) {
    const FolderTensor* exponents = scale_of(tensor);
    if (!exponents || tensor.shape.size() != 2 || tensor.shape[1] % 16 != 0 ||
        exponents->shape != std::vector{tensor.shape[0], tensor.shape[1] / 16}) {
        fail(tensor, "holds plain bytes");
    }
    const std::int64_t rows = tensor.shape[0], cols = 2 * tensor.shape[1];
    Matrix m{BlockType::MXFP4,
             {rows, cols},
             nullptr,
             static_cast<std::size_t>(rows) * row_bytes(BlockType::MXFP4, cols)};
    m.make = [values = tensor.data, scales = exponents->data, cols](std::int64_t first, std::int64_t count,
                                                                    std::byte* out) {
        auto* to = reinterpret_cast<BlockMXFP4*>(out);
        for (std::int64_t r = first; r < first + count; ++r, to += cols / 32) {
            pack_mxfp4_row(values + r * cols / 2, scales + r * cols / 32, cols, to);
        }
    };
    return m;
}

/// As floats, which hold what is a number of an expert.
FolderTensors::Matrix FolderTensors::integers(const FolderTensor& tensor) {
    const std::size_t count = value_count(tensor.shape);
    Matrix m{BlockType::F32, tensor.shape, nullptr, count * sizeof(float)};
    const std::size_t cols = tensor.shape.empty() ? 1 : count / static_cast<std::size_t>(tensor.shape[0]);
    m.make = [data = tensor.data, cols](std::int64_t first, std::int64_t rows, std::byte* out) {
        for (std::size_t i = static_cast<std::size_t>(first) * cols;
             i < static_cast<std::size_t>(first + rows) * cols; ++i, out += sizeof(float)) {
            std::int64_t integer = 0;
            std::memcpy(&integer, data + i * sizeof integer, sizeof integer);
            const auto value = static_cast<float>(integer);
            std::memcpy(out, &value, sizeof value);
        }
    };
    return m;
}

FolderTensors::Matrix FolderTensors::interleaved(const FolderTensor& tensor, const Matrix& halves,
                                                 int heads) {
    const std::int64_t rows = halves.shape[0];
    if (heads < 1 || rows % heads != 0 || rows / heads % 2 != 0) {
        fail(tensor, "does not fit " + std::to_string(heads) + " heads");
    }
    const std::int64_t dim = rows / heads;
    Matrix m = halves;
    m.data = nullptr;
    m.make = [halves, rows, dim](std::int64_t, std::int64_t, std::byte* out) { // always all of them
        std::vector<std::byte> buffer;
        interleave_rows(halves.rows(0, rows, buffer), rows, dim, halves.stride(), out);
    };
    return m;
}

/// Floats, each changed; a vector has one row a value.
FolderTensors::Matrix FolderTensors::changed(const Matrix& before,
                                             std::function<float(std::int64_t row, float)> change) {
    const std::size_t count = value_count(before.shape),
                      cols = count / static_cast<std::size_t>(before.shape[0]);
    Matrix m{BlockType::F32, before.shape, nullptr, count * sizeof(float)};
    m.make = [before, cols, change = std::move(change)](std::int64_t first, std::int64_t rows,
                                                        std::byte* out) {
        std::vector<std::byte> buffer;
        std::vector<float> row(cols);
        for (std::int64_t r = first; r < first + rows; ++r, out += cols * sizeof(float)) {
            decode_row(before.type, before.rows(r, 1, buffer), row);
            std::ranges::transform(row, row.begin(), [&](float value) { return change(r, value); });
            std::memcpy(out, row.data(), cols * sizeof(float));
        }
    };
    return m;
}

/// By FolderShape::factors.
FolderTensors::Matrix FolderTensors::multiplied(const std::string& name, const Matrix& before) const {
    const std::size_t part = name.starts_with("blk.") ? name.find('.', 4) + 1 : 0, kind = name.rfind('.');
    const auto found =
        kind > part ? shape_.factors.find(name.substr(part, kind - part)) : shape_.factors.end();
    if (found == shape_.factors.end()) {
        return before;
    }
    if (name.ends_with(".bias")) {
        return changed(before, [factor = found->second.bias](std::int64_t, float x) { return x * factor; });
    }
    std::vector<float> factors;
    for (const RowFactors::Part& rows : found->second.parts) {
        const std::int64_t left = before.shape[0] - std::ssize(factors);
        factors.insert(factors.end(),
                       static_cast<std::size_t>(rows.rows == 0 ? left : std::min(left, rows.rows)),
                       rows.factor);
    }
    factors.resize(static_cast<std::size_t>(before.shape[0]), 1.0f);
    return changed(before, [factors = std::move(factors)](std::int64_t row, float x) {
        return x * factors[static_cast<std::size_t>(row)];
    });
}

} // namespace switchyard
