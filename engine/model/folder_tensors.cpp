#include "engine/model/folder_tensors.h"

#include "engine/base/error.h"
#include "engine/base/work_gate.h"
#include "engine/files/mapped_file.h"
#include "engine/model/folder_names.h"
#include "engine/model/folder_rows.h"
#include "engine/quant/float8.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

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

/// What part `which` of a fused tensor is called.
std::string fused_name(bool gate_and_up, std::int64_t which) {
    return !gate_and_up ? "ffn_down_exps" : which == 0 ? "ffn_gate_exps" : "ffn_up_exps";
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

/// What is a shared block elsewhere is the only one where there are no experts; and a gate of linear
/// attention has the name of attention's.
std::string FolderTensors::own_name(const std::string& name) const {
    constexpr std::string_view kShared = "_shexp.weight", kGate = "attn_gate.weight";
    if (shape_.experts == 0 && name.ends_with(kShared)) {
        return name.substr(0, name.size() - kShared.size()) + ".weight";
    }
    const std::string prefix = name.ends_with(kGate) ? name.substr(0, name.size() - kGate.size()) : "";
    for (std::size_t i = 0; i < shape_.linear_layers.size(); ++i) {
        if (shape_.linear_layers[i] && prefix == "blk." + std::to_string(i) + ".") {
            return prefix + "ssm_g_a.weight";
        }
    }
    return name;
}

void FolderTensors::add(const FolderTensor& tensor) {
    if (std::ranges::find(tensor.shape, 0) != tensor.shape.end()) {
        notes_.push_back("The tensor " + in_quotes(tensor.name) + " is empty and is left out.");
        return;
    }
    const FolderName name = folder_name(tensor.name, shape_.architecture, shape_.layers);
    switch (name.kind) {
    case Kind::Whole:
        if (!(shape_.tied && name.gguf == "output.weight")) {
            add_whole(tensor, own_name(name.gguf));
        }
        return;
    case Kind::Expert:
        return add_expert(tensor, name.gguf, name.expert);
    case Kind::KvB:
        return add_kv_b(tensor, name.gguf);
    case Kind::Joined:
        return add_joined(tensor, name.gguf, name.part);
    case Kind::Fused:
        return add_fused(tensor, name.gguf, name.part);
    case Kind::Beside:
    case Kind::Further:
        return;
    case Kind::Unknown:
        // Outside of the layers, and of the steps around them, it may be anything.
        for (const std::string_view start :
             {"model.layers.", "model.embed_tokens.", "model.norm", "lm_head."}) {
            if (language_name(tensor.name).starts_with(start)) {
                fail(tensor, "is not known in a model of architecture " + shape_.architecture);
            }
        }
        notes_.push_back("The tensor " + in_quotes(tensor.name) + " is not known and is left out.");
    }
}

TensorView& FolderTensors::push(std::string name, BlockType type, std::vector<std::int64_t> folder_shape) {
    std::ranges::reverse(folder_shape); // GGUF counts from the row length up
    if (folder_shape.empty()) {
        folder_shape.push_back(1);
    }
    const std::size_t bytes =
        row_bytes(type, folder_shape[0]) * (values(folder_shape) / static_cast<std::size_t>(folder_shape[0]));
    views_.push_back({std::move(name), type, std::move(folder_shape), nullptr, bytes});
    return views_.back();
}

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
    const std::size_t count = values(tensor.shape);
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
    const std::int64_t rows = halves.shape[0], dim = rows / heads;
    if (rows % heads != 0 || dim % 2 != 0) {
        fail(tensor, "does not fit " + std::to_string(heads) + " heads");
    }
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
    const std::size_t count = values(before.shape), cols = count / static_cast<std::size_t>(before.shape[0]);
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

/// Qwen3-Next's queries, keys, values and gates, key head by key head: sorted, as converters do.
void FolderTensors::add_qkvz(const FolderTensor& tensor, const std::string& prefix) {
    const Matrix m = plain(tensor);
    const std::int64_t heads = shape_.linear_key_heads, keys = shape_.linear_key_dim,
                       values = shape_.linear_values, each = 2 * (keys + values);
    if (m.shape.size() != 2 || m.shape[0] != heads * each) {
        fail(tensor, "does not fit the heads of linear attention");
    }
    struct Part {
        std::int64_t begin, count; ///< of a key head's rows
    };
    const auto add = [&](const char* name, std::vector<Part> parts) {
        std::vector<std::int64_t> rows;
        for (const Part& part : parts) {
            for (std::int64_t h = 0; h < heads; ++h) {
                for (std::int64_t r = 0; r < part.count; ++r) {
                    rows.push_back(h * each + part.begin + r);
                }
            }
        }
        TensorView& view = push(prefix + name, m.type, {std::ssize(rows), m.shape[1]});
        view.make = [m, rows = std::move(rows)](std::int64_t, std::byte* out) {
            std::vector<std::byte> buffer;
            for (const std::int64_t row : rows) {
                std::memcpy(out, m.rows(row, 1, buffer), m.stride());
                out += m.stride();
            }
        };
    };
    add("attn_qkv.weight", {{0, keys}, {keys, keys}, {2 * keys, values}});
    add("attn_gate.weight", {{2 * keys + values, values}});
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
    if (shape_.norms_above_one && name.ends_with("_norm.weight") && !name.ends_with("ssm_norm.weight")) {
        m = changed(m, [](std::int64_t, float gain) { return gain + 1.0f; });
    } else if (name.ends_with(".ssm_a")) {
        if (m.shape.size() > 1) { // a decay a head stands among ones in some
            std::erase(m.shape, 1);
        }
        if (m.shape.empty()) {
            m.shape.push_back(1);
        }
        m = changed(m, [](std::int64_t, float logarithm) { return -std::exp(logarithm); });
    }
    m = multiplied(name, m);
    if (name.ends_with(".attn_output_a.weight") && shape_.output_groups > 0 && m.shape.size() == 2 &&
        m.shape[0] % shape_.output_groups == 0) {
        m.shape = {shape_.output_groups, m.shape[0] / shape_.output_groups, m.shape[1]};
    }
    if (m.shape.size() == 3 && m.shape[1] == 1 && name.find("conv") != name.npos) {
        m.shape.erase(m.shape.begin() + 1); // a channel of a depthwise convolution has one input
    }
    if (name == "token_embd.weight" && shape_.vocabulary > 0 && !m.shape.empty() &&
        m.shape[0] != shape_.vocabulary) {
        fail(tensor, "has " + std::to_string(m.shape[0]) + " rows, but vocab_size is " +
                         std::to_string(shape_.vocabulary));
    }
    TensorView& view = push(std::move(name), m.type, m.shape);
    view.data = m.data;
    if (m.make) {
        const std::int64_t rows = m.shape.size() == 3 ? m.shape[1] : m.shape[0]; // of a matrix
        view.make = [make = std::move(m.make), rows](std::int64_t matrix, std::byte* out) {
            make(matrix * rows, rows, out);
        };
    }
}

void FolderTensors::add_expert(const FolderTensor& tensor, const std::string& name, int expert) {
    Matrix m = plain(tensor);
    if (m.shape.size() != 2 || expert >= shape_.experts) {
        fail(tensor, "does not fit a model of " + std::to_string(shape_.experts) + " experts");
    }
    const auto count = static_cast<std::size_t>(shape_.experts), at = static_cast<std::size_t>(expert);
    Experts& experts =
        experts_
            .try_emplace(name,
                         Experts{{name, m.type, {m.shape[1], m.shape[0], shape_.experts}, nullptr, 0}, {}})
            .first->second;
    TensorView& view = experts.view;
    view.pieces.resize(count);
    experts.makes.resize(count);
    if (view.type != m.type || view.shape[0] != m.shape[1] || view.shape[1] != m.shape[0]) {
        fail(tensor, "has another shape or type than the other experts'");
    }
    view.pieces[at] = m.data;
    experts.makes[at] = std::move(m.make);
    view.bytes += m.bytes;
}

void FolderTensors::finish_experts() {
    for (auto& [name, experts] : experts_) {
        TensorView& view = experts.view;
        bool made = false;
        for (std::size_t e = 0; e < experts.makes.size(); ++e) {
            if (!view.pieces[e] && !experts.makes[e]) {
                throw Error(folder_.path().string() + ": expert " + std::to_string(e) + " of " + name +
                            " is missing");
            }
            made = made || experts.makes[e];
        }
        if (made) { // all have the same type, so all are
            view.pieces.clear();
            view.make = [makes = std::move(experts.makes), rows = view.rows()](std::int64_t m,
                                                                               std::byte* out) {
                makes[static_cast<std::size_t>(m)](0, rows, out);
            };
        }
        views_.push_back(std::move(view));
    }
}

/// Rows of a head's key part, then of its value part. Keys are transposed: k_b is [rank, nope] a head.
void FolderTensors::add_kv_b(const FolderTensor& tensor, const std::string& prefix) {
    const Matrix m = plain(tensor);
    const std::int64_t nope = shape_.nope_dim, value = shape_.value_dim, heads = shape_.heads;
    if (m.shape.size() != 2 || m.shape[0] != heads * (nope + value) || nope == 0 || value == 0) {
        fail(tensor, "does not fit the heads' dimensions");
    }
    const std::int64_t rank = m.shape[1];
    // FP8 stays FP8 where the 64 values of a block have one scale the other way, too.
    const bool whole = nope % 64 == 0 && value % 64 == 0;
    const BlockType key_type = m.type == BlockType::FP8 && !whole ? BlockType::F32 : m.type;
    push(prefix + "attn_k_b.weight", key_type, {heads, rank, nope}).make =
        [m, key_type, nope, value, rank](std::int64_t head, std::byte* out) {
            std::vector<std::byte> buffer;
            transpose(m.type, m.rows(head * (nope + value), nope, buffer), nope, rank, key_type, out);
        };
    TensorView& v = push(prefix + "attn_v_b.weight", m.type, {heads, value, rank});
    if (m.make) {
        v.make = [make = m.make, nope, value](std::int64_t head, std::byte* out) {
            make(head * (nope + value) + nope, value, out);
        };
        return;
    }
    for (std::int64_t head = 0; head < heads; ++head) {
        v.pieces.push_back(m.data + static_cast<std::size_t>(head * (nope + value) + nope) * m.stride());
    }
}

/// Queries, keys and values, or gate and up: rows behind each other, of each matrix.
void FolderTensors::add_joined(const FolderTensor& tensor, const std::string& prefix,
                               const std::string& part) {
    if (part.starts_with("qkvz")) {
        return add_qkvz(tensor, prefix);
    }
    const Matrix m = plain(tensor);
    const bool qkv = part.starts_with("attn_qkv"), experts = part.starts_with("ffn_gate_up_exps");
    const std::string kind = part.substr(part.rfind('.')), suffix = experts               ? "_exps"
                                                                    : shape_.experts == 0 ? ""
                                                                                          : "_shexp";
    const std::size_t extents = kind == ".bias" ? 1 : experts ? 3 : 2;
    if (!m.data || m.shape.size() != extents || (experts && m.shape[0] != shape_.experts)) {
        fail(tensor, "has another shape or type than this program knows");
    }
    const std::size_t rows_at = experts ? 1 : 0;
    const std::int64_t all = m.shape[rows_at], dim = shape_.head_dim;
    const std::vector<std::pair<std::string, std::int64_t>> parts =
        qkv ? std::vector<std::pair<std::string, std::int64_t>>{{"attn_q", shape_.heads * dim},
                                                                {"attn_k", shape_.kv_heads * dim},
                                                                {"attn_v", shape_.kv_heads * dim}}
            : std::vector<std::pair<std::string, std::int64_t>>{{"ffn_gate" + suffix, all / 2},
                                                                {"ffn_up" + suffix, all / 2}};
    std::int64_t sum = 0;
    for (const auto& [name, rows] : parts) {
        sum += rows;
    }
    if (sum != all) {
        fail(tensor, "does not fit the model's dimensions");
    }
    const std::size_t row = kind == ".bias" ? row_bytes(m.type, 1) : row_bytes(m.type, m.shape.back());
    const std::byte* data = m.data;
    for (const auto& [name, rows] : parts) {
        std::vector<std::int64_t> shape = m.shape;
        shape[rows_at] = rows;
        TensorView& view = push(prefix + name + kind, m.type, std::move(shape));
        if (experts) {
            for (std::int64_t e = 0; e < m.shape[0]; ++e) {
                view.pieces.push_back(data + static_cast<std::size_t>(e * all) * row);
            }
        } else {
            view.data = data;
        }
        data += static_cast<std::size_t>(rows) * row;
    }
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

/// gpt-oss: biases [experts, rows], matrices [experts, cols, rows]; gate and up rows alternate. Llama 4 has
/// gates first.
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
    const bool turns = shape_.architecture != "llama4";
    for (std::int64_t which = 0; which < step; ++which) {
        const std::int64_t rows = all_rows / step;
        const std::int64_t begin = turns ? which : which * rows, stride = turns ? step : 1;
        const std::string name = prefix + fused_name(both, which);
        std::vector<std::int64_t> shape{shape_.experts, rows};
        if (!bias) {
            shape.push_back(cols);
        }
        // One matrix an expert, but all biases together are one.
        const std::int64_t together = bias ? shape_.experts : 1;
        push(name + (bias ? ".bias" : ".weight"), m.type, std::move(shape)).make =
            [=, data = m.data](std::int64_t matrix, std::byte* out) {
                for (std::int64_t e = matrix; e < matrix + together; ++e) {
                    for (std::int64_t r = 0; r < rows; ++r) {
                        pause_point();
                        for (std::int64_t c = 0; c < cols; ++c, out += size) {
                            const std::int64_t from = (e * cols + c) * all_rows + begin + r * stride;
                            std::memcpy(out, data + static_cast<std::size_t>(from) * size, size);
                        }
                    }
                }
            };
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
        push(prefix + fused_name(both, which) + ".weight", BlockType::MXFP4,
             {shape_.experts, rows, row_blocks * 32})
            .make = [=, values = blocks.data, scales = exponents->data](std::int64_t e, std::byte* out) {
            auto* to = reinterpret_cast<BlockMXFP4*>(out);
            for (std::int64_t r = 0; r < rows; ++r, to += row_blocks) {
                pause_point();
                const std::int64_t from = (e * all_rows + r * step + which) * row_blocks;
                pack_mxfp4_row(values + from * 16, scales + from, row_blocks * 32, to);
            }
        };
    }
}

void FolderTensors::add_rope_factors() {
    if (shape_.rope_factors.empty()) {
        return;
    }
    const std::int64_t count = std::ssize(shape_.rope_factors);
    rope_factors_ = shape_.rope_factors;
    rope_factors_.insert(rope_factors_.end(), shape_.long_rope_factors.begin(),
                         shape_.long_rope_factors.end());
    const auto* data = reinterpret_cast<const std::byte*>(rope_factors_.data());
    if (shape_.long_rope_factors.empty()) {
        push("rope_freqs.weight", BlockType::F32, {count}).data = data;
        return;
    }
    push("rope_factors_short.weight", BlockType::F32, {count}).data = data;
    push("rope_factors_long.weight", BlockType::F32, {std::ssize(shape_.long_rope_factors)}).data =
        data + shape_.rope_factors.size() * sizeof(float);
}

} // namespace switchyard
