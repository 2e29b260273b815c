#include "engine/model/quantize_file.h"

#include "engine/base/cores.h"
#include "engine/base/error.h"
#include "engine/base/threads.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/finite.h"
#include "engine/model/folder_tokenizer.h"
#include "engine/quant/decode_rows.h"

#include <algorithm>

namespace switchyard {

namespace {

constexpr std::int64_t kPieceValues = 1 << 23; ///< values re-encoded between two writes

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

std::int64_t all_rows(const TensorView& t) {
    std::int64_t rows = 1;
    for (std::size_t i = 1; i < t.shape.size(); ++i) {
        rows *= t.shape[i];
    }
    return rows;
}

int thread_count(const QuantizeOptions& options) {
    return options.threads > 0 ? options.threads : available_cores();
}

/// Carries one tensor over, piece by piece.
class TensorCopier {
  public:
    TensorCopier(const ModelFile& file, GgufWriter& writer, const QuantizeOptions& options,
                 const QuantizeProgress& progress, std::size_t total)
        : file_(file), writer_(writer), options_(options), progress_(progress), total_(total) {}

    void copy(const TensorView& from, BlockType to) {
        for (std::int64_t m = 0; m < all_rows(from) / from.rows(); ++m) {
            copy_matrix(from, m, to);
        }
    }

  private:
    void copy_matrix(const TensorView& from, std::int64_t matrix, BlockType to) {
        const std::int64_t rows = from.rows(), cols = from.cols();
        const std::size_t stride = row_bytes(from.type, cols);
        const std::int64_t piece = std::max<std::int64_t>(1, kPieceValues / cols);
        const float* weights =
            options_.importance == nullptr ? nullptr : options_.importance->columns(from.name, matrix, cols);
        const auto blocks = from.matrix(matrix);
        for (std::int64_t r = 0; r < rows; r += piece) {
            const std::int64_t count = std::min(piece, rows - r);
            const std::byte* in = blocks.get() + static_cast<std::size_t>(r) * stride;
            const std::size_t bytes = static_cast<std::size_t>(count) * stride;
            if (from.type == to) {
                recode_rows(from, to, count, in, nullptr, weights);
                writer_.append({in, bytes});
            } else {
                buffer_.resize(static_cast<std::size_t>(count) * row_bytes(to, cols));
                recode_rows(from, to, count, in, buffer_.data(), weights);
                writer_.append(buffer_);
            }
            done_ += bytes;
            if (progress_ && !progress_(done_, total_)) {
                throw Error("cancelled");
            }
        }
    }

    /// Re-encodes `rows` rows from `in` to `out` on several threads; without `out` they are only looked at.
    /// Throws Error naming the tensor where a value is no number.
    void recode_rows(const TensorView& from, BlockType to, std::int64_t rows, const std::byte* in,
                     std::byte* out, const float* importance) const {
        const std::size_t stride = row_bytes(to, from.cols());
        decode_rows(from.type, in, rows, from.cols(), thread_count(options_),
                    [&](std::int64_t row, const std::vector<float>& values) {
                        check_finite(file_, from, values);
                        if (out != nullptr) {
                            encode_row(to, values, out + static_cast<std::size_t>(row) * stride, importance);
                        }
                    });
    }

    const ModelFile& file_;
    GgufWriter& writer_;
    const QuantizeOptions& options_;
    const QuantizeProgress& progress_;
    std::size_t total_, done_ = 0;
    std::vector<std::byte> buffer_;
};

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
        target.bytes = static_cast<std::size_t>(all_rows(t)) * row_bytes(target.type, t.cols());
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
    TensorCopier copier(file, writer, options, progress, report.bytes_before);
    for (std::size_t i = 0; i < targets.size(); ++i) {
        copier.copy(file.tensors()[i], targets[i].type);
        file.check_whole();
    }
    writer.finish();
    return report;
}

} // namespace switchyard
