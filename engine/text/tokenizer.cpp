// A tokenizer from GGUF metadata.
#include "engine/text/tokenizer.h"

#include "engine/base/error.h"
#include "engine/text/pipeline_tokenizer.h"
#include "engine/text/turn_tokens.h"
#include "engine/text/unicode.h"

#include <cmath>
#include <string>
#include <utility>

namespace switchyard {

namespace {

constexpr std::string_view space_mark = "\xE2\x96\x81"; // U+2581
constexpr std::size_t most_tokens = std::size_t{1} << 28;

void check(const TokenizerData& data) {
    const std::size_t count = data.tokens.size();
    if (count == 0)
        throw Error("The tokenizer has no tokens");
    if (count > most_tokens)
        throw Error("The tokenizer has " + std::to_string(count) + " tokens, which is too many");
    if (!data.kinds.empty() && data.kinds.size() != count)
        throw Error("The tokenizer has " + std::to_string(count) + " tokens but " +
                    std::to_string(data.kinds.size()) + " token types");
    const auto in_range = [&](std::int32_t id, const char* name) {
        if (id < -1 || (id >= 0 && static_cast<std::size_t>(id) >= count))
            throw Error("The tokenizer's " + std::string(name) + " token " + std::to_string(id) +
                        " is not one of its " + std::to_string(count) + " tokens");
    };
    in_range(data.bos, "BOS");
    in_range(data.eos, "EOS");
    in_range(data.unknown, "unknown");
    in_range(data.padding, "padding");
    for (const std::int32_t id : data.end_of_turn)
        in_range(id, "end-of-turn");
}

// A file may leave the kinds out; then they follow from what else it says.
void fill_kinds(TokenizerData& data) {
    if (!data.kinds.empty())
        return;
    data.kinds.assign(data.tokens.size(), TokenKind::Normal);
    for (std::size_t id = 0; data.model != "gpt2" && id < data.tokens.size(); ++id)
        if (byte_of_token(data.tokens[id]) >= 0)
            data.kinds[id] = TokenKind::Byte;
    for (const std::int32_t id : {data.bos, data.eos, data.padding})
        if (id >= 0)
            data.kinds[id] = TokenKind::Control;
    if (data.unknown >= 0)
        data.kinds[data.unknown] = TokenKind::Unknown;
}

bool is_found_in_text(TokenKind kind) {
    return kind == TokenKind::Control || kind == TokenKind::UserDefined || kind == TokenKind::Unknown;
}

// Phi-3's files do not say it, but its special tokens take the white space behind them, except for these.
bool phi3_strips(std::string_view token) {
    return token != "<unk>" && token != "<s>" && token != "<|endoftext|>";
}

void take_special_tokens(const TokenizerData& data, TokenizerParts& parts) {
    const std::size_t count = data.tokens.size();
    parts.special.resize(count);
    parts.ends.resize(count);
    const auto has_special = [&](std::string_view text) {
        for (std::size_t id = 0; id < count; ++id)
            if (is_found_in_text(data.kinds[id]) && data.tokens[id] == text)
                return true;
        return false;
    };
    const bool phi3 = data.model == "llama" && has_special("<|placeholder1|>");
    const bool harmony = has_special("<|return|>");
    for (std::size_t id = 0; id < count; ++id) {
        const TokenKind kind = data.kinds[id];
        const std::string& token = data.tokens[id];
        parts.special[id] = kind == TokenKind::Control || kind == TokenKind::Unknown;
        parts.ends[id] =
            (kind == TokenKind::Control || kind == TokenKind::UserDefined) && ends_answer(token, harmony);
        if (is_found_in_text(kind)) {
            AddedToken added{token, static_cast<std::int32_t>(id)};
            added.rstrip = phi3 && phi3_strips(token);
            added.special = parts.special[id];
            parts.added.push_back(std::move(added));
        }
    }
    parts.bos = data.bos;
    parts.eos = data.eos;
    if (data.eos >= 0)
        parts.ends[data.eos] = true;
    for (const std::int32_t id : data.end_of_turn)
        if (id >= 0)
            parts.ends[id] = true;
    if (adds_bos(data) && data.bos >= 0)
        parts.first.push_back(data.bos);
    if (data.add_eos && data.eos >= 0)
        parts.last.push_back(data.eos);
}

/// A merge's two sides.
std::pair<std::string_view, std::string_view> sides_of(const std::string& merge) {
    const std::size_t gap = merge.find(' ', 1);
    if (gap == std::string::npos)
        throw Error("The tokenizer's merge '" + merge + "' is not two tokens with a space between them");
    return {std::string_view(merge).substr(0, gap), std::string_view(merge).substr(gap + 1)};
}

// Byte-level BPE: tokens spelled in the byte alphabet become bytes; those that are not can only be added.
void build_byte_level(TokenizerData& data, TokenizerParts& parts) {
    NamedPreTokenizer named = pre_tokenizer_by_name(data.pre);
    if (!named.known)
        parts.note =
            "The pre-tokenizer '" + data.pre +
            "' (tokenizer.ggml.pre) is unknown; the default one cuts the text, so some tokens may not be "
            "those the model was trained with";
    parts.pre_tokenizer = std::move(named.steps);
    if (named.nfc)
        parts.normalizer.push_back(normal_form_step(NormalForm::NFC));
    const ByteAlphabet alphabet;
    std::vector<std::string> tokens(data.tokens.size());
    parts.bytes.resize(data.tokens.size());
    for (std::size_t id = 0; id < data.tokens.size(); ++id) {
        const bool plain = !is_found_in_text(data.kinds[id]);
        if (plain && alphabet.append_bytes(tokens[id], data.tokens[id]))
            parts.bytes[id] = tokens[id];
        else
            parts.bytes[id] = data.tokens[id];
    }
    std::vector<std::string> sides;
    sides.reserve(2 * data.merges.size());
    for (const std::string& merge : data.merges) {
        const auto [left, right] = sides_of(merge);
        sides.emplace_back();
        alphabet.append_bytes(sides.back(), left);
        sides.emplace_back();
        alphabet.append_bytes(sides.back(), right);
    }
    std::vector<std::pair<std::string_view, std::string_view>> merges;
    for (std::size_t i = 0; i < sides.size(); i += 2)
        merges.emplace_back(sides[i], sides[i + 1]);
    BpeOptions options;
    options.bytes_are_symbols = true;
    options.ignore_merges = named.ignore_merges;
    options.unknown = data.unknown >= 0 && data.kinds[data.unknown] == TokenKind::Unknown ? data.unknown : -1;
    parts.model = std::make_unique<BpeModel>(std::move(tokens), merges, options);
}

std::string with_spaces(std::string_view token) {
    std::string out;
    for (std::size_t at = 0; at < token.size();) {
        if (token.substr(at).starts_with(space_mark)) {
            out += ' ';
            at += space_mark.size();
        } else {
            out += token[at++];
        }
    }
    return out;
}

/// SentencePiece's alphabet and marks for spaces, with scores, or with merges over the whole text (Gemma 4).
void build_sentencepiece(TokenizerData& data, TokenizerParts& parts) {
    const std::size_t count = data.tokens.size();
    const bool merged = data.model == "gemma4";
    if (merged)
        data.scores.assign(count, 0.0f);
    if (data.scores.size() != count)
        throw Error("The tokenizer has " + std::to_string(count) + " tokens but " +
                    std::to_string(data.scores.size()) + " scores");
    for (std::size_t id = 0; id < count; ++id)
        if (std::isnan(data.scores[id]))
            throw Error("The score of the tokenizer's token " + std::to_string(id) + " is not a number");
    if (data.add_space_prefix) {
        parts.normalizer.push_back(prepend_step(std::string(space_mark)));
        parts.space_prefix = SpacePrefix::AfterSpecial;
    }
    parts.normalizer.push_back(replace_step(" ", std::string(space_mark)));
    for (AddedToken& token : parts.added)
        if (data.kinds[token.id] == TokenKind::UserDefined)
            token.text = with_spaces(token.text);
    std::vector<bool> usable(count);
    parts.bytes.resize(count);
    for (std::size_t id = 0; id < count; ++id) {
        const TokenKind kind = data.kinds[id];
        const std::string& token = data.tokens[id];
        usable[id] = kind == TokenKind::Normal || kind == TokenKind::UserDefined;
        const int byte = kind == TokenKind::Byte ? byte_of_token(token) : -1;
        if (byte >= 0)
            parts.bytes[id] = std::string(1, static_cast<char>(byte));
        else
            parts.bytes[id] = parts.special[id] ? token : with_spaces(token);
    }
    BpeOptions options;
    options.byte_fallback = true;
    options.fuse_unknown = true;
    options.unknown = data.unknown;
    if (!merged) {
        parts.model = std::make_unique<BpeModel>(data.tokens, data.scores, usable, options);
        return;
    }
    std::vector<std::pair<std::string_view, std::string_view>> merges;
    for (const std::string& merge : data.merges)
        merges.push_back(sides_of(merge));
    parts.model = std::make_unique<BpeModel>(data.tokens, merges, options);
}

} // namespace

bool adds_bos(const TokenizerData& data) {
    if (data.model == "gemma4")
        return true; // whatever the file says: the models know no text without
    const bool usual =
        data.model == "llama" || (data.model == "gpt2" && pre_tokenizer_by_name(data.pre).adds_bos);
    return data.add_bos.value_or(usual);
}

std::unique_ptr<Tokenizer> make_tokenizer(TokenizerData data) {
    check(data);
    fill_kinds(data);
    retype_turn_tokens(data);
    TokenizerParts parts;
    take_special_tokens(data, parts);
    if (data.model == "gpt2")
        build_byte_level(data, parts);
    else if (data.model == "llama" || data.model == "gemma4")
        build_sentencepiece(data, parts);
    else
        throw Error("Unknown tokenizer model '" + data.model +
                    "' (tokenizer.ggml.model); gpt2, llama and gemma4 are supported");
    return make_pipeline_tokenizer(std::move(parts));
}

} // namespace switchyard
