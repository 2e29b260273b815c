// Tokenizer data from GGUF metadata (tokenizer.ggml.*).
#include "engine/base/error.h"
#include "engine/model/model_config.h"

namespace switchyard {

namespace {

std::vector<TokenKind> token_kinds(const ModelFile& file, std::size_t tokens) {
    const auto numbers = file.metadata().integers("tokenizer.ggml.token_type");
    if (!numbers)
        return {};
    if (numbers->size() != tokens)
        throw Error(file.path().string() +
                    ": tokenizer.ggml.token_type has another length than tokenizer.ggml.tokens");
    std::vector<TokenKind> kinds(tokens, TokenKind::Normal);
    for (std::size_t i = 0; i < tokens; ++i)
        if ((*numbers)[i] >= 1 && (*numbers)[i] <= 6)
            kinds[i] = static_cast<TokenKind>((*numbers)[i] - 1);
    return kinds;
}

std::int32_t token_id(const ModelFile& file, const char* key, std::size_t tokens) {
    const auto id = file.metadata().uint(key);
    if (!id || *id >= tokens) // files write -1 as a large number for "none"
        return -1;
    return static_cast<std::int32_t>(*id);
}

} // namespace

std::optional<TokenizerData> read_tokenizer(const ModelFile& file) {
    const Metadata& meta = file.metadata();
    const auto model = meta.text("tokenizer.ggml.model");
    const auto* tokens = meta.texts("tokenizer.ggml.tokens");
    if (!model || *model == "none" || !tokens)
        return std::nullopt;

    TokenizerData data;
    data.model = *model;
    data.pre = meta.text("tokenizer.ggml.pre").value_or("default");
    data.tokens = *tokens;
    data.kinds = token_kinds(file, tokens->size());
    if (const auto scores = meta.reals("tokenizer.ggml.scores")) {
        data.scores.reserve(scores->size());
        for (double s : *scores)
            data.scores.push_back(static_cast<float>(s));
    }
    if (const auto* merges = meta.texts("tokenizer.ggml.merges"))
        data.merges = *merges;
    data.bos = token_id(file, "tokenizer.ggml.bos_token_id", tokens->size());
    data.eos = token_id(file, "tokenizer.ggml.eos_token_id", tokens->size());
    data.unknown = token_id(file, "tokenizer.ggml.unknown_token_id", tokens->size());
    data.padding = token_id(file, "tokenizer.ggml.padding_token_id", tokens->size());
    for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"})
        if (const auto id = token_id(file, key, tokens->size()); id >= 0)
            data.end_of_turn.push_back(id);
    if (const auto ends = meta.integers(kEndTokensKey))
        for (const std::int64_t id : *ends)
            if (id >= 0 && id < std::ssize(*tokens))
                data.end_of_turn.push_back(static_cast<std::int32_t>(id));
    const bool sentencepiece = data.model == "llama";
    data.add_bos = meta.boolean("tokenizer.ggml.add_bos_token");
    data.add_eos = meta.boolean("tokenizer.ggml.add_eos_token").value_or(false);
    data.add_space_prefix = meta.boolean("tokenizer.ggml.add_space_prefix").value_or(sentencepiece);
    return data;
}

} // namespace switchyard
