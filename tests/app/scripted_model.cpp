#include "scripted_model.h"

#include "byte_alphabet.h"

#include "engine/files/gguf_writer.h"

#include <span>

namespace switchyard {

namespace {

constexpr int kHiddenStep = 32, kInner = 32;

struct Matrix {
    Matrix(std::string matrix_name, std::vector<std::int64_t> matrix_shape, float value = 0)
        : name(std::move(matrix_name)), shape(std::move(matrix_shape)) {
        std::size_t size = 1;
        for (const std::int64_t side : shape)
            size *= static_cast<std::size_t>(side);
        values.assign(size, value);
    }
    std::string name;
    std::vector<std::int64_t> shape; ///< row length first
    std::vector<float> values;
};

} // namespace

ScriptedModel::ScriptedModel() : tokens_(byteAlphabet()), kinds_(tokens_.size(), 1) {}

int ScriptedModel::word(const std::string& text) {
    tokens_.push_back(spelledBytes(text));
    kinds_.push_back(1);
    return static_cast<int>(tokens_.size()) - 1;
}

int ScriptedModel::control(const std::string& text) {
    tokens_.push_back(text);
    kinds_.push_back(3);
    return static_cast<int>(tokens_.size()) - 1;
}

void ScriptedModel::chain(int token, std::vector<int> next) {
    for (const int follower : next) {
        follows_[token] = follower;
        token = follower;
    }
}

std::vector<int> ScriptedModel::bytes(const std::string& text) const {
    std::vector<int> ids;
    for (const char byte : text)
        ids.push_back(static_cast<unsigned char>(byte));
    return ids;
}

void ScriptedModel::write(const std::filesystem::path& path) const {
    const int vocabulary = static_cast<int>(tokens_.size());
    const int hidden = (vocabulary + kHiddenStep - 1) / kHiddenStep * kHiddenStep;
    std::vector<Matrix> matrices;
    const auto row = [hidden](int token) {
        return static_cast<std::size_t>(token) * static_cast<std::size_t>(hidden);
    };
    Matrix& embedding =
        matrices.emplace_back("token_embd.weight", std::vector<std::int64_t>{hidden, vocabulary});
    for (int token = 0; token < vocabulary; ++token)
        embedding.values[row(token) + static_cast<std::size_t>(token)] = 1;
    Matrix& table = matrices.emplace_back("output.weight", std::vector<std::int64_t>{hidden, vocabulary});
    for (const auto& [token, next] : follows_)
        table.values[row(next) + static_cast<std::size_t>(token)] = 2;
    for (const char* name : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"})
        matrices.emplace_back(std::string(name) + ".weight", std::vector<std::int64_t>{hidden}, 1.0f);
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"})
        matrices.emplace_back(std::string("blk.0.") + name + ".weight",
                              std::vector<std::int64_t>{hidden, hidden});
    matrices.emplace_back("blk.0.ffn_gate.weight", std::vector<std::int64_t>{hidden, kInner});
    matrices.emplace_back("blk.0.ffn_up.weight", std::vector<std::int64_t>{hidden, kInner});
    matrices.emplace_back("blk.0.ffn_down.weight", std::vector<std::int64_t>{kInner, hidden});
    for (const auto& [name, size] : strange_tensors)
        matrices.emplace_back(name, std::vector<std::int64_t>{size});

    Metadata meta;
    const auto count = [&](const std::string& key, int value) {
        meta.set("llama." + key, static_cast<std::uint64_t>(value));
    };
    meta.set("general.architecture", std::string("llama"));
    meta.set("general.name", std::string("Scripted"));
    count("block_count", 1);
    count("context_length", context);
    count("embedding_length", hidden);
    count("feed_forward_length", kInner);
    count("attention.head_count", 1);
    count("attention.head_count_kv", 1);
    count("rope.dimension_count", hidden);
    meta.set("tokenizer.ggml.model", std::string("gpt2"));
    meta.set("tokenizer.ggml.pre", std::string("gpt-2"));
    meta.set("tokenizer.ggml.tokens", tokens_);
    meta.set("tokenizer.ggml.token_type", kinds_);
    meta.set("tokenizer.ggml.merges", std::vector<std::string>());
    if (end >= 0)
        meta.set("tokenizer.ggml.eos_token_id", static_cast<std::uint64_t>(end));
    if (!chat_template.empty())
        meta.set("tokenizer.chat_template", chat_template);
    for (const auto& [key, value] : more.entries())
        meta.set(key, value);

    std::vector<TensorView> views;
    for (const Matrix& matrix : matrices)
        views.push_back(
            {matrix.name, BlockType::F32, matrix.shape, nullptr, matrix.values.size() * sizeof(float)});
    GgufWriter writer(path, meta, views);
    for (const Matrix& matrix : matrices)
        writer.append(std::as_bytes(std::span(matrix.values)));
    writer.finish();
}

ScriptedModel chatScript(const std::vector<std::string>& words, bool ends) {
    ScriptedModel model;
    const int start = model.control("<|im_start|>");
    model.end = model.control("<|im_end|>");
    model.chain(start, {model.end}); // nothing but the prompt has it
    std::vector<int> said;
    for (const std::string& text : words)
        said.push_back(model.word(text));
    const int last = said.empty() ? '\n' : said.back();
    model.chain('\n', said);
    model.chain(last, {ends || said.empty() ? model.end : said.front()});
    model.chat_template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
                          "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    return model;
}

} // namespace switchyard
