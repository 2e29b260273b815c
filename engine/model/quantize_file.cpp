#include "engine/model/quantize_file.h"

#include "engine/base/error.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/folder_tokenizer.h"
#include "engine/model/tensor_copier.h"
#include "engine/quant/quant.h"

#include <algorithm>

namespace switchyard {

namespace {

/// The number by which GGUF's general.file_type calls a file of mostly that type.
std::uint64_t file_type(BlockType type) {
    switch (type) {
    case BlockType::F32:
        return 0;
    case BlockType::F16:
        return 1;
    case BlockType::Q4_0:
        return 2;
    case BlockType::Q4_1:
        return 3;
    case BlockType::Q8_0:
        return 7;
    case BlockType::Q5_0:
        return 8;
    case BlockType::Q5_1:
        return 9;
    case BlockType::Q2_K:
        return 10;
    case BlockType::Q3_K:
        return 11;
    case BlockType::Q4_K:
        return 14;
    case BlockType::Q5_K:
        return 16;
    case BlockType::Q6_K:
        return 18;
    case BlockType::IQ4_NL:
        return 25;
    case BlockType::IQ4_XS:
        return 30;
    case BlockType::BF16:
        return 32;
    case BlockType::MXFP4:
        return 38;
    default:
        return 1024; // "guessed"
    }
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// A type for the tables that every token passes through: at least 6 bits.
BlockType table_type(BlockType type) {
    return bits_per_weight(type) < bits_per_weight(BlockType::Q6_K) ? BlockType::Q6_K : type;
}

/// The type asked for by role, if any.
std::optional<BlockType> role_type(std::string_view tensor, const QuantizeOptions& options) {
    if (contains(tensor, ".attn_")) {
        return options.attention;
    }
    if (contains(tensor, "_shexp")) {
        return options.shared;
    }
    return contains(tensor, "_exps") ? options.routed : std::nullopt;
}

int layer_count(const ModelFile& file) {
    int layers = 0;
    for (const TensorView& t : file.tensors()) {
        layers = std::max(layers, layer_of(t.name) + 1);
    }
    return layers;
}

BlockType wanted_type(const ModelFile& file, const TensorView& tensor, const QuantizeOptions& options) {
    if (const auto by_role = role_type(tensor.name, options)) {
        return *by_role;
    }
    const BlockType base = options.mix != nullptr ? options.mix->base : options.type;
    if (options.pure) {
        return base;
    }
    const bool tied = file.find("output.weight") == nullptr;
    if (tensor.name == "output.weight" || (tied && tensor.name == "token_embd.weight")) {
        return table_type(base);
    }
    return options.mix != nullptr ? mix_type(*options.mix, tensor.name, layer_count(file)) : base;
}

} // namespace

bool is_matrix(const TensorView& t) {
    if (t.shape.size() < 2 || t.rows() == 1 || !t.name.ends_with(".weight")) {
        return false;
    }
    // What chooses, convolves, mixes streams or is a table of something else stays as it is.
    for (const char* part : {"norm", "ffn_gate_inp", "exp_probs", "conv1d", "shortconv.conv", "indexer.proj",
                             "compressor_ape", "hc_", "tid2eid"}) {
        if (contains(t.name, part)) {
            return false;
        }
    }
    return true;
}

bool writable(BlockType type) {
    return encodable(type) && type != BlockType::Q8_K && traits(type).gguf_type >= 0;
}

BlockType quantized_type(const ModelFile& file, const TensorView& tensor, const QuantizeOptions& options,
                         std::vector<QuantizeFallback>* fallbacks) {
    if (!is_matrix(tensor)) {
        return BlockType::F32;
    }
    const BlockType wanted = wanted_type(file, tensor, options);
    const BlockType used = fallback_type(wanted, tensor.cols());
    if (used != wanted && fallbacks != nullptr) {
        fallbacks->push_back({tensor.name, wanted, used});
    }
    return used;
}

QuantizeReport quantize_file(const ModelFile& file, const std::filesystem::path& out,
                             const QuantizeOptions& options, const QuantizeProgress& progress) {
    for (const auto& type :
         {std::optional(options.type), options.attention, options.shared, options.routed}) {
        if (type && !writable(*type)) {
            throw Error("models are not written as " + std::string(traits(*type).name));
        }
    }
    QuantizeReport report;
    std::vector<TensorView> targets;
    for (const TensorView& t : file.tensors()) {
        TensorView target = t;
        target.type = quantized_type(file, t, options, &report.fallbacks);
        target.bytes = stored_bytes(t, target.type);
        ++report.tensors;
        report.recoded += target.type != t.type;
        report.bytes_before += t.bytes;
        report.bytes_after += target.bytes;
        targets.push_back(std::move(target));
    }
    Metadata metadata = file.metadata();
    report.no_tokenizer = carry_tokenizer(file, metadata);
    const std::uint64_t kind = options.mix != nullptr ? options.mix->file_type : file_type(options.type);
    metadata.set_stored("general.file_type", kind, GgufType::U32);
    metadata.set_stored("general.quantization_version", std::uint64_t{2}, GgufType::U32);

    GgufWriter writer(out, metadata, targets);
    TensorCopier copier(file, writer, {options.threads, options.importance, progress, report.bytes_before});
    for (std::size_t i = 0; i < targets.size(); ++i) {
        copier.copy(file.tensors()[i], targets[i].type);
        file.check_whole();
    }
    writer.finish();
    return report;
}

} // namespace switchyard
