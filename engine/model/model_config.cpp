#include "engine/model/config_reader.h"

#include <algorithm>
#include <limits>

namespace switchyard {

namespace {

// Granite's multipliers. GGUF has the divisor of logits as a scale.
void read_scales(const ConfigReader& keys, ModelConfig& c) {
    const auto positive = [&](std::string_view key, float& value) {
        const float given = keys.real(key, value);
        value = given == 0 ? value : given; // 0: not set, as llama.cpp has it
        if (!(value > 0) || std::isinf(value))
            keys.fail(key, "is no positive number");
    };
    positive("embedding_scale", c.embedding_scale);
    positive("residual_scale", c.residual_scale);
    positive("attention.scale", c.attention_scale);
    float divisor = 1.0f;
    positive("logit_scale", divisor);
    c.logit_scale = 1.0f / divisor;
}

/// A limit of logits or scores; 0: none.
float read_cap(const ConfigReader& keys, const char* key, float usual) {
    const float cap = keys.real(key, usual);
    if (!(cap >= 0) || std::isinf(cap))
        keys.fail(key, "is no limit");
    return cap;
}

// What Gemma's have: limits, score scales, inputs by layer.
void read_gemma(const ConfigReader& keys, ModelConfig& c) {
    const bool second = c.architecture == "gemma2";
    c.attention_cap = read_cap(keys, "attn_logit_softcapping", second ? 50.0f : 0.0f);
    c.logit_cap = read_cap(keys, "final_logit_softcapping", second ? 30.0f : 0.0f);
    c.layer_input = keys.count("embedding_length_per_layer_input", 0, 0, kMostWidth / c.layers);
    if (c.architecture == "gemma4")
        c.attention_scale = 1.0f;
    if (second || c.architecture == "gemma3") {
        // The key is this program's; files of the largest have none, and its width a head is not that of the
        // others' score scale.
        const int largest = second ? 46 : 62;
        const float usual = c.layers == largest ? 1.0f / std::sqrt(static_cast<float>(c.hidden / c.heads))
                                                : c.attention_scale;
        c.attention_scale = keys.real("attention.scale", usual);
    }
}

// What GGUF has no keys for.
void read_own_keys(const Metadata& metadata, ModelConfig& c) {
    if (metadata.boolean("switchyard.rope_half_split").value_or(false))
        c.rope.interleaved = false;
    c.rope.truncate = metadata.boolean("switchyard.yarn_truncate").value_or(c.rope.truncate);
    const auto real = [&](const char* key, float& value) {
        value = static_cast<float>(metadata.real(key).value_or(value));
    };
    real("switchyard.rope_magnitude", c.rope.magnitude);
    real("switchyard.swiglu_alpha", c.silu_clamp.alpha);
    real("switchyard.swiglu_limit", c.silu_clamp.limit);
}

// What a carved file keeps for this program: the layout has no place for router biases.
void read_carve(const ModelFile& file, const ConfigReader& keys, ModelConfig& c) {
    const auto bias = file.metadata().reals("switchyard.carve.router_bias");
    if (!bias || c.dense())
        return;
    if (bias->size() !=
        static_cast<std::size_t>(c.layers - c.dense_layers) * static_cast<std::size_t>(c.experts))
        keys.fail("expert_count", "does not fit the length of switchyard.carve.router_bias");
    c.router_bias.assign(bias->begin(), bias->end());
}

int vocabulary_size(const ModelFile& file, const ConfigReader& keys) {
    const TensorView* table = file.find("token_embd.weight");
    if (!table)
        throw Error(file.path().string() + ": the tensor token_embd.weight is missing");
    if (table->rows() < 1 || table->rows() > kMostVocabulary)
        keys.fail("vocab_size", "does not fit the tensor token_embd.weight");
    return static_cast<int>(table->rows());
}

} // namespace

ModelConfig read_config(const ModelFile& file) {
    const auto name = file.metadata().text("general.architecture");
    if (!name)
        throw Error(file.path().string() + ": the key general.architecture is missing: not a language model");
    const std::optional<Architecture> architecture = architecture_of(*name);
    if (!architecture)
        throw Error(file.path().string() + ": the architecture " + in_quotes(*name) +
                    " is not known to this program" + unknown_parts(file));

    const ConfigReader keys(file, *name);
    ModelConfig c;
    c.architecture = architecture->name;
    c.name = file.metadata().text("general.name").value_or(file.path().stem().string());
    c.layers = keys.required("block_count", 1, kMostLayers);
    c.layers -= keys.count("nextn_predict_layers", 0, 0, c.layers - 1); // layers that predict further tokens
    c.hidden = keys.required("embedding_length", 1, kMostWidth);
    c.feed_forward = keys.width("feed_forward_length", 0, c.layers, c.feed_forward_widths);
    c.context = keys.count("context_length", 2048, 1, std::numeric_limits<int>::max() / 2);
    read_attention(keys, c);
    read_windows(keys, *architecture, c);
    read_window_heads(keys, c);
    c.attention_scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
    if (architecture->multipliers)
        read_scales(keys, c);
    if (architecture->embeds_scaled)
        c.embedding_scale = keys.real("embedding_scale", std::sqrt(static_cast<float>(c.hidden)));
    c.gelu = architecture->gelu;
    read_gemma(keys, c);
    if (architecture->logits_multiplied)
        c.logit_scale = keys.real("logit_scale", 1.0f);
    read_indexer(keys, *architecture, c);
    read_linear(file, keys, *architecture, c);
    if (architecture->compressed)
        read_compressed(keys, c);
    read_rotated(file, keys, *architecture, c);
    c.head_norm_last = architecture->head_norm_last;
    c.attention_gate = architecture->attention_gate;
    c.softplus_gate = architecture->softplus_gate;
    c.unit_values = architecture->unit_values;
    c.parallel_blocks = architecture->parallel_blocks;
    c.value_scale = keys.real("attention.value_scale", 1.0f);
    c.centred_norms = c.centred_norms || file.find("blk.0.attn_norm.bias") != nullptr;
    read_chunks(file, keys, *architecture, c);
    read_rope(file, keys, *architecture, c);
    read_experts(file, keys, *architecture, c);
    read_own_keys(file.metadata(), c);
    read_carve(file, keys, c);
    c.vocabulary = vocabulary_size(file, keys);
    c.chat_template = file.metadata().text("tokenizer.chat_template");
    return c;
}

} // namespace switchyard
