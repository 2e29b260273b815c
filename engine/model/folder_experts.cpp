// Experts of a folder: a tensor for each, or all of a block in one.
#include "engine/model/folder_tensors.h"

#include "engine/base/error.h"
#include "engine/base/work_gate.h"
#include "engine/quant/float8.h"

#include <cstring>

namespace switchyard {

namespace {

/// What part `which` of a fused tensor is called.
std::string fused_name(bool gate_and_up, std::int64_t which) {
    return !gate_and_up ? "ffn_down_exps" : which == 0 ? "ffn_gate_exps" : "ffn_up_exps";
}

} // namespace

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
        for (std::size_t e = 0; made && e < experts.makes.size(); ++e) {
            if (!experts.makes[e]) { // of the same type, and yet one of them as it is and another changed
                throw Error(folder_.path().string() + ": expert " + std::to_string(e) + " of " + name +
                            " is stored in another form than others");
            }
        }
        if (made) {
            view.pieces.clear();
            view.make = [makes = std::move(experts.makes), rows = view.rows()](std::int64_t m,
                                                                               std::byte* out) {
                makes[static_cast<std::size_t>(m)](0, rows, out);
            };
        }
        views_.push_back(std::move(view));
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
    if (!m.data || (!both && !part.starts_with("down_proj")) || m.shape.size() != (bias ? 2u : 3u) ||
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

} // namespace switchyard
