#include "engine/model/folder_tensors.h"

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/model/folder_names.h"
#include "engine/model/kv_b.h"
#include "engine/quant/float8.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cstring>

namespace switchyard {

namespace {

using Kind = FolderName::Kind;

std::size_t values(const std::vector<std::int64_t>& shape) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) {
        count *= static_cast<std::size_t>(extent);
    }
    return count;
}

} // namespace

FolderTensors::FolderTensors(const SafetensorsFolder& folder, const FolderShape& shape)
    : folder_(folder), shape_(shape) {
    for (const FolderTensor& tensor : folder.tensors()) {
        add(tensor);
    }
    finish_experts();
    add_rope_factors();
}

void FolderTensors::fail(const FolderTensor& tensor, const std::string& why) const {
    throw Error(folder_.path().string() + ": tensor " + in_quotes(tensor.name) + " " + why);
}

void FolderTensors::add(const FolderTensor& tensor) {
    if (std::ranges::find(tensor.shape, 0) != tensor.shape.end()) {
        fail(tensor, "is empty");
    }
    const FolderName name = folder_name(tensor.name, shape_.architecture, shape_.layers);
    switch (name.kind) {
    case Kind::Whole:
        if (!(shape_.tied && name.gguf == "output.weight")) {
            add_whole(tensor, name.gguf);
        }
        return;
    case Kind::Expert:
        return add_expert(tensor, name.gguf, name.expert);
    case Kind::KvB:
        return add_kv_b(tensor, name.gguf);
    case Kind::Fused:
        return add_fused(tensor, name.gguf, name.part);
    case Kind::Beside:
    case Kind::Further:
        return;
    case Kind::Unknown:
        fail(tensor, "is not known in a model of architecture " + shape_.architecture);
    }
}

std::byte* FolderTensors::allocate(std::size_t bytes) {
    memory_.push_back(std::make_unique<std::byte[]>(bytes));
    memory_bytes_ += bytes;
    return memory_.back().get();
}

void FolderTensors::push(std::string name, BlockType type, std::vector<std::int64_t> folder_shape,
                         const std::byte* data) {
    std::ranges::reverse(folder_shape); // GGUF counts from the row length up
    if (folder_shape.empty()) {
        folder_shape.push_back(1);
    }
    const std::size_t bytes =
        row_bytes(type, folder_shape[0]) * (values(folder_shape) / static_cast<std::size_t>(folder_shape[0]));
    views_.push_back({std::move(name), type, std::move(folder_shape), data, bytes});
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
        fail(tensor, "holds plain bytes");
    case FolderType::F8_E4M3:
        break;
    }
    // FP8 comes with a matrix of scales, one for each 128 x 128 values.
    const FolderTensor* scales = folder_.find(tensor.name + "_scale_inv");
    const auto blocks = [](std::int64_t n) { return (n + kFloat8Block - 1) / kFloat8Block; };
    if (tensor.shape.size() != 2 || scales == nullptr || scales->type != FolderType::F32 ||
        scales->shape != std::vector{blocks(tensor.shape[0]), blocks(tensor.shape[1])}) {
        fail(tensor, "is FP8 without a scale for each 128 x 128 values");
    }
    const auto rows = static_cast<std::size_t>(tensor.shape[0]),
               cols = static_cast<std::size_t>(tensor.shape[1]);
    std::vector<float> row_scales(static_cast<std::size_t>(scales->shape[1]));
    std::byte* out = allocate(rows * cols * sizeof(float));
    for (std::size_t r = 0; r < rows; ++r) {
        std::memcpy(row_scales.data(), scales->data + r / kFloat8Block * row_scales.size() * sizeof(float),
                    row_scales.size() * sizeof(float));
        decode_f8_row(tensor.data + r * cols, row_scales.data(),
                      {reinterpret_cast<float*>(out) + r * cols, cols});
    }
    m.data = out;
    m.bytes = rows * cols * sizeof(float);
    return m;
}

FolderTensors::Matrix FolderTensors::interleaved(const FolderTensor& tensor, const Matrix& halves,
                                                 int heads) {
    const std::int64_t rows = halves.shape[0], dim = rows / heads;
    if (rows % heads != 0 || dim % 2 != 0) {
        fail(tensor, "does not fit " + std::to_string(heads) + " heads");
    }
    const std::size_t stride = halves.bytes / static_cast<std::size_t>(rows);
    std::byte* out = allocate(halves.bytes);
    for (std::int64_t r = 0; r < rows; ++r) { // row i of a head's first half and of its second become a pair
        const std::int64_t head = r / dim, i = r % dim;
        const std::int64_t to = head * dim + i % (dim / 2) * 2 + i / (dim / 2);
        std::memcpy(out + static_cast<std::size_t>(to) * stride,
                    halves.data + static_cast<std::size_t>(r) * stride, stride);
    }
    Matrix m = halves;
    m.data = out;
    return m;
}

void FolderTensors::add_whole(const FolderTensor& tensor, std::string name) {
    Matrix m = plain(tensor);
    if (shape_.interleave && !m.shape.empty()) {
        if (name.find(".attn_q.") != name.npos) {
            m = interleaved(tensor, m, shape_.heads);
        } else if (name.find(".attn_k.") != name.npos) {
            m = interleaved(tensor, m, shape_.kv_heads);
        }
    }
    if (name == "token_embd.weight" && shape_.vocabulary > 0 && !m.shape.empty() &&
        m.shape[0] != shape_.vocabulary) {
        fail(tensor, "has " + std::to_string(m.shape[0]) + " rows, but vocab_size is " +
                         std::to_string(shape_.vocabulary));
    }
    push(std::move(name), m.type, std::move(m.shape), m.data);
}

void FolderTensors::add_expert(const FolderTensor& tensor, const std::string& name, int expert) {
    const Matrix m = plain(tensor);
    if (m.shape.size() != 2 || expert >= shape_.experts) {
        fail(tensor, "does not fit a model of " + std::to_string(shape_.experts) + " experts");
    }
    auto& view =
        experts_
            .try_emplace(name,
                         TensorView{name, m.type, {m.shape[1], m.shape[0], shape_.experts}, nullptr, 0, {}})
            .first->second;
    view.pieces.resize(static_cast<std::size_t>(shape_.experts));
    if (view.type != m.type || view.shape[0] != m.shape[1] || view.shape[1] != m.shape[0]) {
        fail(tensor, "has another shape or type than the other experts'");
    }
    view.pieces[static_cast<std::size_t>(expert)] = m.data;
    view.bytes += m.bytes;
}

void FolderTensors::finish_experts() {
    for (auto& [name, view] : experts_) {
        const auto missing = std::ranges::find(view.pieces, nullptr);
        if (missing != view.pieces.end()) {
            throw Error(folder_.path().string() + ": expert " +
                        std::to_string(missing - view.pieces.begin()) + " of " + name + " is missing");
        }
        views_.push_back(std::move(view));
    }
}

void FolderTensors::add_kv_b(const FolderTensor& tensor, const std::string& prefix) {
    const Matrix m = plain(tensor);
    const std::int64_t nope = shape_.nope_dim, value = shape_.value_dim, heads = shape_.heads;
    if (m.shape.size() != 2 || m.shape[0] != heads * (nope + value) || nope == 0 || value == 0) {
        fail(tensor, "does not fit the heads' dimensions");
    }
    const TensorView whole{tensor.name, m.type, {m.shape[1], m.shape[0]}, m.data, m.bytes};
    SplitKvB split = split_kv_b(whole, prefix, heads, nope, value);
    memory_bytes_ += split.k.bytes;
    views_.push_back(std::move(split.k));
    views_.push_back(std::move(split.v));
    memory_.push_back(std::move(split.memory));
}

void FolderTensors::add_fused(const FolderTensor& tensor, const std::string& prefix,
                              const std::string& part) {
    if (part.ends_with("_scales")) {
        return; // read with their blocks
    }
    if (part.ends_with("_blocks")) {
        return add_fused_mxfp4(tensor, prefix, part);
    }
    add_fused_floats(tensor, prefix, part);
}

/// gpt-oss: biases [experts, rows], matrices [experts, cols, rows]; gate and up rows alternate.
void FolderTensors::add_fused_floats(const FolderTensor& tensor, const std::string& prefix,
                                     const std::string& part) {
    const bool bias = part.ends_with("_bias"), both = part.starts_with("gate_up_proj");
    const Matrix m = plain(tensor);
    if ((!both && !part.starts_with("down_proj")) || m.shape.size() != (bias ? 2u : 3u) ||
        m.shape[0] != shape_.experts || (both && m.shape.back() % 2 != 0)) {
        fail(tensor, "is not known in a model of architecture " + shape_.architecture);
    }
    const auto size = static_cast<std::size_t>(traits(m.type).bytes);
    const std::int64_t cols = bias ? 1 : m.shape[1], all_rows = m.shape.back(), step = both ? 2 : 1;
    for (std::int64_t which = 0; which < step; ++which) {
        const std::int64_t rows = all_rows / step;
        std::byte* out = allocate(static_cast<std::size_t>(shape_.experts * rows * cols) * size);
        for (std::int64_t e = 0; e < shape_.experts; ++e) {
            for (std::int64_t r = 0; r < rows; ++r) {
                for (std::int64_t c = 0; c < cols; ++c) {
                    std::memcpy(out + static_cast<std::size_t>((e * rows + r) * cols + c) * size,
                                m.data +
                                    static_cast<std::size_t>((e * cols + c) * all_rows + r * step + which) *
                                        size,
                                size);
                }
            }
        }
        const std::string name = prefix + (!both        ? "ffn_down_exps"
                                           : which == 0 ? "ffn_gate_exps"
                                                        : "ffn_up_exps");
        std::vector<std::int64_t> shape{shape_.experts, rows};
        if (!bias) {
            shape.push_back(cols);
        }
        push(name + (bias ? ".bias" : ".weight"), m.type, std::move(shape), out);
    }
}

/// gpt-oss as released: blocks [experts, rows, cols / 32, 16], exponents [experts, rows, cols / 32].
void FolderTensors::add_fused_mxfp4(const FolderTensor& blocks, const std::string& prefix,
                                    const std::string& part) {
    const std::string base = blocks.name.substr(0, blocks.name.size() - std::strlen("_blocks"));
    const FolderTensor* exponents = folder_.find(base + "_scales");
    const bool both = part.starts_with("gate_up_proj");
    if (blocks.type != FolderType::U8 || blocks.shape.size() != 4 || blocks.shape[3] != 16 ||
        blocks.shape[0] != shape_.experts || exponents == nullptr || exponents->type != FolderType::U8 ||
        exponents->bytes * 16 != blocks.bytes || (both && blocks.shape[1] % 2 != 0) ||
        (!both && !part.starts_with("down_proj"))) {
        fail(blocks, "is not MXFP4 with its exponents");
    }
    const std::int64_t all_rows = blocks.shape[1], row_blocks = blocks.shape[2], step = both ? 2 : 1;
    for (std::int64_t which = 0; which < step; ++which) {
        const std::int64_t rows = all_rows / step;
        auto* out = reinterpret_cast<BlockMXFP4*>(
            allocate(static_cast<std::size_t>(shape_.experts * rows * row_blocks) * sizeof(BlockMXFP4)));
        const auto* data = reinterpret_cast<const std::byte*>(out);
        for (std::int64_t e = 0; e < shape_.experts; ++e) {
            for (std::int64_t r = 0; r < rows; ++r, out += row_blocks) {
                const std::int64_t from = (e * all_rows + r * step + which) * row_blocks;
                pack_mxfp4_row(blocks.data + from * 16, exponents->data + from, row_blocks * 32, out);
            }
        }
        const std::string name = !both ? "ffn_down_exps" : which == 0 ? "ffn_gate_exps" : "ffn_up_exps";
        push(prefix + name + ".weight", BlockType::MXFP4, {shape_.experts, rows, row_blocks * 32}, data);
    }
}

void FolderTensors::add_rope_factors() {
    if (shape_.rope_factors.empty()) {
        return;
    }
    const std::size_t bytes = shape_.rope_factors.size() * sizeof(float);
    std::byte* out = allocate(bytes);
    std::memcpy(out, shape_.rope_factors.data(), bytes);
    push("rope_freqs.weight", BlockType::F32, {static_cast<std::int64_t>(shape_.rope_factors.size())}, out);
}

} // namespace switchyard
