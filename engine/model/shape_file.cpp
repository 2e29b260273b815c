#include "engine/model/shape_file.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/files/tensor_table.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <random>

namespace switchyard {

namespace {

/// Sets "<architecture>.<key>".
class KeyWriter {
  public:
    KeyWriter(Metadata& metadata, const std::string& architecture)
        : metadata_(metadata), prefix_(architecture + ".") {}
    void count(const char* key, int value) {
        metadata_.set(prefix_ + key, static_cast<std::uint64_t>(value));
    }
    void set(const char* key, MetadataValue value) { metadata_.set(prefix_ + key, std::move(value)); }

  private:
    Metadata& metadata_;
    std::string prefix_;
};

void write_attention(KeyWriter& keys, const ModelConfig& c) {
    keys.count("attention.head_count", c.heads);
    keys.count("attention.head_count_kv", c.latent() ? 1 : c.kv_heads);
    keys.set("attention.layer_norm_rms_epsilon", static_cast<double>(c.norm_epsilon));
    keys.count("rope.dimension_count", c.rope.dims);
    keys.set("rope.freq_base", static_cast<double>(c.rope.theta));
    if (!c.windows.empty())
        keys.count("attention.sliding_window", std::ranges::max(c.windows));
    if (!c.latent()) {
        keys.count("attention.key_length", c.head_dim);
        keys.count("attention.value_length", c.value_dim);
        return;
    }
    keys.count("attention.kv_lora_rank", c.kv_lora_rank);
    keys.count("attention.q_lora_rank", c.q_lora_rank);
    keys.count("attention.key_length", c.kv_lora_rank + c.rope.dims);
    keys.count("attention.value_length", c.kv_lora_rank);
    keys.count("attention.key_length_mla", c.head_dim);
    keys.count("attention.value_length_mla", c.value_dim);
}

void write_experts(KeyWriter& keys, const ModelConfig& c) {
    if (c.dense())
        return;
    keys.count("expert_count", c.experts);
    keys.count("expert_used_count", c.experts_active);
    keys.count("expert_shared_count", c.experts_shared);
    keys.count("leading_dense_block_count", c.dense_layers);
    keys.count("expert_feed_forward_length", c.expert_width);
    keys.count("expert_shared_feed_forward_length", c.shared_width);
    keys.count("expert_group_count", c.expert_groups);
    keys.count("expert_group_used_count", c.expert_groups_kept);
    keys.count("expert_gating_func", c.expert_gate);
    keys.set("expert_weights_scale", static_cast<double>(c.expert_scale));
    keys.set("expert_weights_norm", c.expert_normalise);
}

/// Layers without attention have no KV heads, where their number says it.
void write_linear(KeyWriter& keys, const ModelConfig& c) {
    if (c.linear_layers.empty())
        return;
    std::vector<std::int64_t> heads;
    for (const bool linear : c.linear_layers)
        heads.push_back(linear ? 0 : c.kv_heads);
    const bool space = c.space.heads > 0, channels = c.linear.by_channel;
    if (space || channels)
        keys.set("attention.head_count_kv", heads);
    else
        keys.set("attention.recurrent_layers", c.linear_layers);
    keys.count("ssm.conv_kernel", space ? c.space.taps : c.linear.taps);
    if (channels) {
        keys.count("kda.head_dim", c.linear.key_dim);
        return;
    }
    keys.count("ssm.state_size", space ? c.space.state_size : c.linear.key_dim);
    keys.count("ssm.group_count", space ? c.space.groups : c.linear.key_heads);
    keys.count("ssm.time_step_rank", space ? c.space.heads : c.linear.value_heads);
    keys.count("ssm.inner_size",
               space ? c.space.heads * c.space.head_dim : c.linear.value_heads * c.linear.value_dim);
}

Metadata metadata_of(const ModelConfig& c) {
    Metadata metadata;
    metadata.set("general.architecture", c.architecture);
    metadata.set("general.name", c.name);
    KeyWriter keys(metadata, c.architecture);
    keys.count("block_count", c.layers);
    keys.count("embedding_length", c.hidden);
    keys.count("feed_forward_length", c.feed_forward);
    keys.count("context_length", c.context);
    keys.count("vocab_size", c.vocabulary);
    write_attention(keys, c);
    write_experts(keys, c);
    write_linear(keys, c);
    return metadata;
}

/// Lists the tensors under GGUF's names.
class TensorList {
  public:
    TensorList(const Shape& shape, std::optional<BlockType> type)
        : c_(shape.config), parts_(shape.parts), type_(type.value_or(BlockType::BF16)),
          routed_(type.value_or(shape.published)) {}

    std::vector<TensorView> take() {
        matrix("token_embd.weight", c_.hidden, c_.vocabulary);
        vector("output_norm.weight", c_.hidden);
        if (!parts_.tied)
            matrix("output.weight", c_.hidden, c_.vocabulary);
        for (int layer = 0; layer < c_.layers; ++layer) {
            prefix_ = "blk." + std::to_string(layer) + ".";
            vector("attn_norm.weight", c_.hidden);
            if (!parts_.mixers.empty()) {
                mixer(parts_.mixers[static_cast<std::size_t>(layer)]);
                continue;
            }
            if (!c_.linear_layers.empty() && c_.linear_layers[static_cast<std::size_t>(layer)])
                c_.linear.by_channel ? key_decay_attention() : linear_attention();
            else
                c_.latent() ? latent_attention() : attention();
            vector("ffn_norm.weight", c_.hidden);
            c_.dense() || layer < c_.dense_layers ? block("", c_.feed_forward) : experts();
        }
        return std::move(tensors_);
    }

  private:
    void add(const std::string& name, BlockType wanted, std::vector<std::int64_t> shape) {
        const BlockType type = fallback_type(wanted, shape[0]);
        std::size_t bytes = row_bytes(type, shape[0]);
        for (std::size_t i = 1; i < shape.size(); ++i)
            bytes *= static_cast<std::size_t>(shape[i]);
        tensors_.push_back({prefix_ + name, type, std::move(shape), nullptr, bytes});
    }
    void matrix(const std::string& name, std::int64_t cols, std::int64_t rows) {
        add(name, type_, {cols, rows});
    }
    void matrices(const std::string& name, BlockType type, std::int64_t cols, std::int64_t rows,
                  std::int64_t count) {
        add(name, type, {cols, rows, count});
    }
    void vector(const std::string& name, std::int64_t size) { add(name, BlockType::F32, {size}); }

    void attention() {
        const std::int64_t q = std::int64_t{c_.heads} * c_.head_dim,
                           k = std::int64_t{c_.kv_heads} * c_.head_dim,
                           v = std::int64_t{c_.kv_heads} * c_.value_dim;
        matrix("attn_q.weight", c_.hidden, c_.gated_queries ? 2 * q : q);
        matrix("attn_k.weight", c_.hidden, k);
        matrix("attn_v.weight", c_.hidden, v);
        if (parts_.query_bias) {
            vector("attn_q.bias", q);
            vector("attn_k.bias", k);
            vector("attn_v.bias", v);
        }
        if (parts_.head_norms || parts_.joint_norms) {
            vector("attn_q_norm.weight", parts_.joint_norms ? q : c_.head_dim);
            vector("attn_k_norm.weight", parts_.joint_norms ? k : c_.head_dim);
        }
        if (parts_.sinks)
            vector("attn_sinks.weight", c_.heads);
        matrix("attn_output.weight", std::int64_t{c_.heads} * c_.value_dim, c_.hidden);
        if (parts_.output_bias)
            vector("attn_output.bias", c_.hidden);
    }

    void kernel(const std::string& name, int taps, std::int64_t channels) {
        add(name, BlockType::F32, {taps, channels});
    }
    void linear_attention() {
        const LinearConfig& l = c_.linear;
        const std::int64_t values = std::int64_t{l.value_heads} * l.value_dim,
                           mixed = std::int64_t{2} * l.key_heads * l.key_dim + values;
        matrix("attn_qkv.weight", c_.hidden, mixed);
        matrix("attn_gate.weight", c_.hidden, values);
        if (parts_.joined_decays) {
            matrix("ssm_ba.weight", c_.hidden, std::int64_t{2} * l.value_heads);
        } else {
            matrix("ssm_alpha.weight", c_.hidden, l.value_heads);
            matrix("ssm_beta.weight", c_.hidden, l.value_heads);
        }
        kernel("ssm_conv1d.weight", l.taps, mixed);
        vector("ssm_a", l.value_heads);
        vector("ssm_dt.bias", l.value_heads);
        vector("ssm_norm.weight", l.value_dim);
        matrix("ssm_out.weight", values, c_.hidden);
    }

    void key_decay_attention() {
        const LinearConfig& l = c_.linear;
        const std::int64_t values = std::int64_t{l.value_heads} * l.value_dim;
        for (const std::string part : {"q", "k", "v"}) {
            matrix("attn_" + part + ".weight", c_.hidden, values);
            kernel("ssm_conv1d_" + part + ".weight", l.taps, values);
        }
        matrix("ssm_beta.weight", c_.hidden, l.value_heads);
        for (const std::string part : {"ssm_f", "ssm_g"}) {
            matrix(part + "_a.weight", c_.hidden, l.key_dim);
            matrix(part + "_b.weight", l.key_dim, values);
        }
        vector("ssm_a", l.value_heads);
        vector("ssm_dt.bias", values);
        vector("ssm_norm.weight", l.value_dim);
        matrix("attn_output.weight", values, c_.hidden);
    }

    void state_space() {
        const SpaceConfig& s = c_.space;
        const std::int64_t inner = std::int64_t{s.heads} * s.head_dim,
                           mixed = inner + std::int64_t{2} * s.groups * s.state_size;
        matrix("ssm_in.weight", c_.hidden, inner + mixed + s.heads);
        kernel("ssm_conv1d.weight", s.taps, mixed);
        vector("ssm_conv1d.bias", mixed);
        for (const char* name : {"ssm_a", "ssm_d", "ssm_dt.bias"})
            vector(name, s.heads);
        vector("ssm_norm.weight", inner);
        matrix("ssm_out.weight", inner, c_.hidden);
    }

    void mixer(char kind) {
        kind == 'M'   ? state_space()
        : kind == '*' ? attention()
        : c_.dense()  ? block("", c_.feed_forward)
                      : experts();
    }

    void latent_attention() {
        const int rank = c_.kv_lora_rank, rope = c_.rope.dims;
        const std::int64_t q = std::int64_t{c_.heads} * c_.head_dim;
        matrix("attn_kv_a_mqa.weight", c_.hidden, rank + rope);
        if (c_.q_lora_rank > 0) {
            matrix("attn_q_a.weight", c_.hidden, c_.q_lora_rank);
            vector("attn_q_a_norm.weight", c_.q_lora_rank);
            matrix("attn_q_b.weight", c_.q_lora_rank, q);
        } else {
            matrix("attn_q.weight", c_.hidden, q);
        }
        vector("attn_kv_a_norm.weight", rank);
        matrices("attn_k_b.weight", type_, c_.head_dim - rope, rank, c_.heads);
        matrices("attn_v_b.weight", type_, rank, c_.value_dim, c_.heads);
        matrix("attn_output.weight", std::int64_t{c_.heads} * c_.value_dim, c_.hidden);
    }

    void block(const std::string& suffix, int width) {
        if (!c_.single_mixers)
            matrix("ffn_gate" + suffix + ".weight", c_.hidden, width);
        matrix("ffn_up" + suffix + ".weight", c_.hidden, width);
        matrix("ffn_down" + suffix + ".weight", width, c_.hidden);
    }

    void experts() {
        add("ffn_gate_inp.weight", BlockType::F32, {c_.hidden, c_.experts});
        if (parts_.router_bias)
            vector("ffn_gate_inp.bias", c_.experts);
        if (parts_.selection_bias)
            vector("exp_probs_b.bias", c_.experts);
        if (!c_.single_mixers)
            matrices("ffn_gate_exps.weight", routed_, c_.hidden, c_.expert_width, c_.experts);
        matrices("ffn_up_exps.weight", routed_, c_.hidden, c_.expert_width, c_.experts);
        matrices("ffn_down_exps.weight", routed_, c_.expert_width, c_.hidden, c_.experts);
        if (parts_.expert_biases) {
            add("ffn_gate_exps.bias", BlockType::F32, {c_.expert_width, c_.experts});
            add("ffn_up_exps.bias", BlockType::F32, {c_.expert_width, c_.experts});
            add("ffn_down_exps.bias", BlockType::F32, {c_.hidden, c_.experts});
        }
        if (c_.shared_width > 0) {
            if (parts_.shared_gate)
                vector("ffn_gate_inp_shexp.weight", c_.hidden);
            block("_shexp", c_.shared_width);
        }
    }

    const ModelConfig& c_;
    const ShapeParts& parts_;
    BlockType type_, routed_;
    std::string prefix_;
    std::vector<TensorView> tensors_;
};

/// Blocks of one type with normal random values, and where the next matrix finds its own.
class RandomBlocks {
  public:
    /// `largest`: bytes of the largest matrix.
    RandomBlocks(BlockType type, std::size_t largest) : random_(static_cast<unsigned>(type) + 1) {
        chunk_bytes_ = row_bytes(type, kChunk);
        bytes_ = bytes_for(type, largest);
        memory_.reset(new (std::nothrow) std::byte[bytes_]);
        if (!memory_)
            throw Error("random weights need " + format_bytes(bytes_) +
                        " of memory, which this machine does not have free");
        // Encoded once, then strewn about: encoding billions of values would take longer than the benchmark.
        std::vector<std::byte> patterns(kPatterns * chunk_bytes_);
        std::vector<float> values(kChunk);
        std::normal_distribution<float> normal(0.0f, kDeviation);
        for (std::size_t i = 0; i < kPatterns; ++i) {
            std::ranges::generate(values, [&] { return normal(random_); });
            encode_row(type, values, patterns.data() + i * chunk_bytes_);
        }
        for (std::size_t at = 0; at < bytes_; at += chunk_bytes_)
            std::memcpy(memory_.get() + at, patterns.data() + random_() % kPatterns * chunk_bytes_,
                        chunk_bytes_);
    }

    const std::byte* place(std::size_t bytes) {
        const std::size_t places = (bytes_ - bytes) / chunk_bytes_ + 1;
        return memory_.get() + random_() % places * chunk_bytes_;
    }
    std::size_t bytes() const { return bytes_; }
    static std::size_t bytes_for(BlockType type, std::size_t largest) {
        const std::size_t chunk = row_bytes(type, kChunk);
        return (largest / chunk + kSpare) * chunk;
    }

  private:
    static constexpr std::int64_t kChunk = 256; ///< values: whole blocks of every type
    static constexpr std::size_t kPatterns = 512, kSpare = 4096;
    static constexpr float kDeviation = 0.02f; ///< keeps activations of ordinary size through the layers
    std::mt19937 random_;
    std::size_t chunk_bytes_ = 0, bytes_ = 0;
    std::unique_ptr<std::byte[]> memory_;
};

std::size_t matrix_bytes(const TensorView& t) { return t.bytes / static_cast<std::size_t>(t.matrices()); }

/// Of each type, the bytes of its largest matrix.
std::map<BlockType, std::size_t> largest_matrices(std::span<const TensorView> tensors) {
    std::map<BlockType, std::size_t> largest;
    for (const TensorView& t : tensors)
        largest[t.type] = std::max(largest[t.type], matrix_bytes(t));
    return largest;
}

class ShapeFile final : public ModelFile {
  public:
    ShapeFile(const Shape& shape, std::optional<BlockType> type)
        : path_(shape.name), metadata_(metadata_of(shape.config)) {
        for (TensorView& tensor : TensorList(shape, type).take())
            tensors_.add(std::move(tensor));
    }

    const Metadata& metadata() const override { return metadata_; }
    std::span<const TensorView> tensors() const override { return tensors_.all(); }
    const TensorView* find(std::string_view name) const override { return tensors_.find(name); }
    const std::filesystem::path& path() const override { return path_; }
    std::size_t bytes() const override {
        std::size_t sum = 0;
        for (const TensorView& t : tensors_.all())
            sum += t.bytes;
        return sum;
    }
    std::size_t memory_bytes() const override {
        std::size_t sum = (ones_.size() + decays_.size()) * sizeof(float);
        for (const auto& [type, blocks] : blocks_)
            sum += blocks.bytes();
        return sum;
    }

    void fill() {
        for (const auto& [type, bytes] : largest_matrices(tensors_.all()))
            blocks_.try_emplace(type, type, bytes);
        std::size_t widest = 0;
        for (const TensorView& t : tensors_.all())
            widest = std::max(widest, is_gain(t) || is_decay(t) ? static_cast<std::size_t>(t.cols()) : 0);
        ones_.assign(widest, 1.0f);
        decays_.assign(widest, -1.0f);
        for (TensorView& t : tensors_.all()) {
            if (is_gain(t))
                t.data = reinterpret_cast<const std::byte*>(ones_.data());
            else if (is_decay(t))
                t.data = reinterpret_cast<const std::byte*>(decays_.data());
            else if (t.matrices() == 1)
                t.data = blocks_.at(t.type).place(t.bytes);
            else
                for (std::int64_t m = 0; m < t.matrices(); ++m)
                    t.pieces.push_back(blocks_.at(t.type).place(matrix_bytes(t)));
        }
    }

  private:
    static bool is_gain(const TensorView& t) { return t.name.ends_with("norm.weight"); }
    static bool is_decay(const TensorView& t) { return t.name.ends_with("ssm_a"); }

    std::filesystem::path path_;
    Metadata metadata_;
    TensorTable tensors_;
    std::map<BlockType, RandomBlocks> blocks_;
    std::vector<float> ones_;   ///< gains of norms
    std::vector<float> decays_; ///< of states: below 0, so that these do not grow
};

} // namespace

std::shared_ptr<const ModelFile> describe_shape(const Shape& shape, std::optional<BlockType> type) {
    return std::make_shared<ShapeFile>(shape, type);
}

std::uint64_t contents_bytes(const ModelFile& shape) {
    std::uint64_t sum = 0;
    for (const auto& [type, largest] : largest_matrices(shape.tensors()))
        sum += RandomBlocks::bytes_for(type, largest);
    return sum;
}

std::shared_ptr<const ModelFile> fill_shape(const Shape& shape, std::optional<BlockType> type) {
    auto file = std::make_shared<ShapeFile>(shape, type);
    file->fill();
    return file;
}

} // namespace switchyard
