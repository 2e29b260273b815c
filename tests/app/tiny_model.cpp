#include "tiny_model.h"

#include "byte_alphabet.h"

#include "engine/files/gguf_writer.h"

#include <random>

namespace switchyard {

namespace {

constexpr int kHidden = 64, kLayers = 2, kHeads = 4, kWidth = 96, kExpertWidth = 32, kBytes = 256;

std::vector<TensorView> tensorsOf(const TinyModel& model, int vocabulary) {
    std::vector<TensorView> tensors;
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
        std::size_t bytes = sizeof(float);
        for (const std::int64_t size : shape)
            bytes *= static_cast<std::size_t>(size);
        tensors.push_back({name, BlockType::F32, std::move(shape), nullptr, bytes});
    };
    add("token_embd.weight", {kHidden, vocabulary});
    for (int layer = 0; layer < kLayers; ++layer) {
        const std::string blk = "blk." + std::to_string(layer) + ".";
        for (const char* name : {"attn_norm", "ffn_norm"})
            add(blk + name + ".weight", {kHidden});
        for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"})
            add(blk + name + ".weight", {kHidden, kHidden});
        if (model.experts == 0) {
            add(blk + "ffn_gate.weight", {kHidden, kWidth});
            add(blk + "ffn_up.weight", {kHidden, kWidth});
            add(blk + "ffn_down.weight", {kWidth, kHidden});
            continue;
        }
        add(blk + "ffn_gate_inp.weight", {kHidden, model.experts});
        add(blk + "ffn_gate_exps.weight", {kHidden, kExpertWidth, model.experts});
        add(blk + "ffn_up_exps.weight", {kHidden, kExpertWidth, model.experts});
        add(blk + "ffn_down_exps.weight", {kExpertWidth, kHidden, model.experts});
        add(blk + "ffn_gate_shexp.weight", {kHidden, kExpertWidth});
        add(blk + "ffn_up_shexp.weight", {kHidden, kExpertWidth});
        add(blk + "ffn_down_shexp.weight", {kExpertWidth, kHidden});
    }
    add("output_norm.weight", {kHidden});
    add("output.weight", {kHidden, vocabulary});
    return tensors;
}

Metadata metadataOf(const TinyModel& model, std::vector<std::string> tokens) {
    const std::string architecture = model.experts > 0 ? "deepseek" : "llama";
    Metadata meta;
    const auto count = [&](const std::string& key, int value) {
        meta.set(architecture + "." + key, static_cast<std::uint64_t>(value));
    };
    meta.set("general.architecture", architecture);
    meta.set("general.name", std::string("Tiny"));
    count("block_count", kLayers);
    count("context_length", model.context);
    count("embedding_length", kHidden);
    count("feed_forward_length", kWidth);
    count("attention.head_count", kHeads);
    count("attention.head_count_kv", kHeads);
    count("rope.dimension_count", kHidden / kHeads);
    if (model.experts > 0) {
        count("expert_count", model.experts);
        count("expert_used_count", model.experts_active);
        count("expert_shared_count", 1);
        count("leading_dense_block_count", 0);
        count("expert_feed_forward_length", kExpertWidth);
    }
    std::vector<std::int64_t> kinds(tokens.size(), 1);
    kinds[kBytes] = kinds[kBytes + 1] = 3; // control
    meta.set("tokenizer.ggml.model", std::string("gpt2"));
    meta.set("tokenizer.ggml.pre", std::string("smollm"));
    meta.set("tokenizer.ggml.tokens", std::move(tokens));
    meta.set("tokenizer.ggml.token_type", std::move(kinds));
    meta.set("tokenizer.ggml.merges", std::vector<std::string>{"h e"});
    meta.set("tokenizer.ggml.eos_token_id", std::uint64_t{kBytes + 1});
    meta.set("tokenizer.chat_template",
             std::string("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
                         "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n") +
                 (model.thinks ? "<think>\n" : "") + "{% endif %}");
    return meta;
}

} // namespace

void writeTinyModel(const std::filesystem::path& path, const TinyModel& model) {
    std::vector<std::string> tokens = byteAlphabet();
    tokens.push_back("<|im_start|>");
    tokens.push_back("<|im_end|>");
    tokens.push_back("he");
    const std::vector<TensorView> tensors = tensorsOf(model, static_cast<int>(tokens.size()));
    GgufWriter writer(path, metadataOf(model, tokens), tensors);
    std::mt19937 random(model.seed);
    std::normal_distribution<float> normal(0, 0.12f);
    for (const TensorView& tensor : tensors) {
        std::vector<float> values(tensor.bytes / sizeof(float));
        const bool gain = tensor.shape.size() == 1;
        for (float& value : values)
            value = gain ? 1.0f : normal(random);
        writer.append(std::as_bytes(std::span(values)));
    }
    writer.finish();
}

} // namespace switchyard
