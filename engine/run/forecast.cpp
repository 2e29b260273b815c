#include "engine/run/forecast.h"

#include "engine/base/memory.h"
#include "engine/model/folder_model.h"
#include "engine/run/kv_cache.h"
#include "engine/run/precision.h"

#include <algorithm>
#include <numeric>

namespace switchyard {

namespace {

constexpr std::size_t kInnerString = 15; ///< bytes that a string holds without memory of its own
// Bytes that a tokenizer takes for each token and each merge. Measured with vocabularies of 32,000 to 102,400
// tokens, byte-level and SentencePiece, which are met to within 3 %.
constexpr std::uint64_t kTokenBytes = 118, kMergeBytes = 54;

std::uint64_t string_bytes(const std::string& text) {
    return sizeof text + (text.size() > kInnerString ? (text.size() + 24) / 16 * 16 : 0);
}

std::uint64_t metadata_bytes(const Metadata& metadata) {
    std::uint64_t bytes = 0;
    for (const auto& [key, value] : metadata.entries()) {
        bytes += string_bytes(key) + sizeof value;
        bytes += std::visit(
            [](const auto& v) -> std::uint64_t {
                using T = std::decay_t<decltype(v)>;
                if constexpr (std::is_same_v<T, std::string>)
                    return string_bytes(v);
                else if constexpr (std::is_same_v<T, std::vector<std::string>>)
                    return std::transform_reduce(v.begin(), v.end(), std::uint64_t{0}, std::plus<>{},
                                                 string_bytes);
                else if constexpr (std::is_same_v<T, std::vector<bool>>)
                    return v.size() / 8;
                else if constexpr (std::is_arithmetic_v<T>)
                    return 0;
                else
                    return v.size() * sizeof(v[0]);
            },
            value);
    }
    return bytes;
}

std::uint64_t tokenizer_bytes(const ModelFile& file) {
    const auto* tokens = file.metadata().texts("tokenizer.ggml.tokens");
    const auto* merges = file.metadata().texts("tokenizer.ggml.merges");
    if (tokens)
        return tokens->size() * kTokenBytes + (merges ? merges->size() * kMergeBytes : 0);
    // A folder's tokenizer is not in the metadata; byte-level ones have about as many merges as tokens.
    const TensorView* embedding = file.find("token_embd.weight");
    if (!embedding || !std::filesystem::exists(file.path() / "tokenizer.json"))
        return 0;
    return static_cast<std::uint64_t>(embedding->rows()) * (kTokenBytes + kMergeBytes);
}

} // namespace

MemoryForecast::MemoryForecast(const ModelPlan& model, const ModelFile& file, Backend& backend)
    : model_(model), file_(file), backend_(backend),
      executor_(backend.compile(std::make_shared<const Plan>(model.plan))),
      device_(backend.device_status().total > 0),
      text_(metadata_bytes(file.metadata()) + tokenizer_bytes(file)) {}

MemoryUse MemoryForecast::weights(std::optional<BlockType> type) const {
    MemoryUse use;
    for (const WeightSource& source : model_.sources) {
        const TensorView& tensor = *source.tensor;
        const auto recoded = recoded_type(source, type);
        const PlacedSize size = backend_.placed_size(source, recoded.value_or(tensor.type));
        const std::uint64_t bytes = std::uint64_t{size.bytes} * static_cast<std::uint64_t>(tensor.matrices());
        (size.mapped && !recoded ? use.mapped : size.pinned ? use.pinned : use.weights) += bytes;
    }
    use.device = device_;
    use.expert_cache = std::min<std::uint64_t>(backend_.expert_cache_bytes(), use.pinned);
    if (const Plan& plan = model_.plan; plan.experts > 0)
        use.expert_cache_least = use.pinned / static_cast<std::uint64_t>(plan.experts) *
                                 static_cast<std::uint64_t>(plan.experts_active);
    use.copies = file_.memory_bytes();
    use.text = text_;
    return use;
}

SequenceBytes MemoryForecast::kv(BlockType type) const { return KvCache::sequence_bytes(*executor_, type); }

/// Of a long conversation.
double MemoryForecast::kv_bytes_per_token(BlockType type) const {
    constexpr int kLong = 1024 * kKvBlockTokens;
    const SequenceBytes bytes = kv(type);
    return static_cast<double>(bytes.of(2 * kLong) - bytes.of(kLong)) / kLong;
}

double MemoryForecast::bytes_read_per_token(std::optional<BlockType> type, int experts) const {
    const Plan& plan = model_.plan;
    double bytes = 0;
    for (const WeightSource& source : model_.sources) {
        if (source.use == WeightUse::Table)
            continue;
        const TensorView& tensor = *source.tensor;
        const auto used = recoded_type(source, type).value_or(tensor.type);
        const double size = static_cast<double>(backend_.placed_size(source, used).bytes) *
                            static_cast<double>(tensor.matrices());
        const bool routed = source.role == WeightRole::RoutedExpert && plan.experts > 0;
        bytes += routed ? size * (experts > 0 ? experts : plan.experts_active) / plan.experts : size;
    }
    return bytes;
}

MemoryUse MemoryForecast::use(const MemoryDials& dials) const {
    MemoryUse use = weights(dials.weights);
    use.kv = kv(backend_.nearest_kv(dials.kv)).of(dials.context);
    const int rows = std::max(1, std::min(dials.chunk, dials.context));
    use.scratch = executor_->forecast_scratch(rows, std::max(rows, dials.context), dials.experts);
    return use;
}

MemoryUse usual_need(const std::filesystem::path& path, Backend& backend) {
    return usual_need(*open_model(path), backend);
}

MemoryUse usual_need(const ModelFile& file, Backend& backend) {
    constexpr int kUsualConversation = 4096; // tokens
    const ModelConfig config = read_config(file);
    const ModelPlan plan = build_plan(config, file);
    backend.expect(plan.sources);
    MemoryDials dials;
    dials.context = std::min(config.context, kUsualConversation);
    return MemoryForecast(plan, file, backend).use(dials);
}

std::string describe_shortage(const MemoryUse& use) {
    return describe_shortage(use, system_memory().available);
}

std::string describe_shortage(const MemoryUse& use, std::uint64_t free) {
    if (free == 0 || use.in_ram() <= free)
        return "";
    if (use.device)
        return "needs " + format_bytes(use.in_ram()) + " of RAM (experts " +
               format_bytes(use.pinned + use.copies) + ", tokenizer " + format_bytes(use.text) + "), " +
               format_bytes(free) + " are free";
    return "needs " + format_bytes(use.total()) + " (weights " + format_bytes(use.weights + use.copies) +
           ", KV cache " + format_bytes(use.kv) + ", scratch " + format_bytes(use.scratch) + ", tokenizer " +
           format_bytes(use.text) + "), " + format_bytes(free) + " are free";
}

} // namespace switchyard
