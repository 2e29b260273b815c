#include "engine/model/folder_tensors.h"

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/model/folder_names.h"
#include "engine/model/folder_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace switchyard {

namespace {

using Kind = FolderName::Kind;

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
    const std::size_t bytes = row_bytes(type, folder_shape[0]) *
                              (value_count(folder_shape) / static_cast<std::size_t>(folder_shape[0]));
    views_.push_back({std::move(name), type, std::move(folder_shape), nullptr, bytes});
    return views_.back();
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
    if (m.shape.empty()) {
        m.shape.push_back(1); // one number
    }
    if (shape_.interleave) {
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
    if (m.make && m.shape.size() > 2 && (m.shape.size() > 3 || m.shape[1] != 1)) {
        fail(tensor, "has more dimensions than the rows that are made of it");
    }
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
