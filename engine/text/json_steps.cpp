// Normalizers, pre-tokenizers and decoders of tokenizer.json.
#include "engine/base/error.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/unicode.h"

#include <algorithm>

namespace switchyard {

using nlohmann::json;

namespace {

constexpr int most_nested = 16;
constexpr std::size_t most_steps = 256;
// \w+|[^\w\s]+ in Rust's dialect, where the joiners are word characters.
constexpr std::string_view words_and_marks = R"([\w\x{200c}\x{200d}]+|[^\w\s\x{200c}\x{200d}]+)";

// Calls `use` for each step of nested Sequences, in order.
template <typename Use>
void each_step(const json& description, const char* list, Use&& use, int depth = 0) {
    if (depth > most_nested)
        throw Error("Sequences are nested too deep");
    if (json_text(description, "type") != "Sequence") {
        use(description);
        return;
    }
    const json* steps = json_field(description, list);
    if (!steps || !steps->is_array())
        throw Error(std::string("a Sequence has no list '") + list + "'");
    if (steps->size() > most_steps)
        throw Error("a Sequence has too many steps");
    for (const json& step : *steps)
        each_step(step, list, use, depth + 1);
}

// A pattern is {"String": literal} or {"Regex": expression}.
struct Pattern {
    std::string text;
    bool literal = false;
};

Pattern pattern_of(const json& step) {
    const json* pattern = json_field(step, "pattern");
    if (!pattern)
        throw Error("'pattern' is missing");
    if (json_field(*pattern, "String"))
        return {json_text(*pattern, "String"), true};
    return {json_text(*pattern, "Regex"), false};
}

SplitBehavior behavior_of(const json& step, const char* fallback) {
    const std::string name = json_text_or(step, "behavior", fallback);
    if (name == "Isolated")
        return SplitBehavior::Isolated;
    if (name == "Removed")
        return SplitBehavior::Removed;
    if (name == "MergedWithPrevious")
        return SplitBehavior::MergedWithPrevious;
    if (name == "MergedWithNext")
        return SplitBehavior::MergedWithNext;
    if (name == "Contiguous")
        return SplitBehavior::Contiguous;
    throw Error("Unknown split behavior '" + name + "'");
}

bool is_punctuation_mark(char32_t code) {
    return (code >= 0x21 && code <= 0x2F) || (code >= 0x3A && code <= 0x40) ||
           (code >= 0x5B && code <= 0x60) || (code >= 0x7B && code <= 0x7E) || is_punctuation(code);
}

void add_metaspace(const json& step, JsonPreTokenizer& out) {
    const std::string mark = json_text_or(step, "replacement", "\u2581");
    if (mark.empty() || utf8_at(mark, 0).length != mark.size())
        throw Error("Metaspace's replacement is not one character");
    std::string scheme = json_text_or(step, "prepend_scheme", "always");
    if (!json_field(step, "prepend_scheme") && !json_flag_or(step, "add_prefix_space", true))
        scheme = "never";
    if (scheme != "always" && scheme != "first" && scheme != "never")
        throw Error("Unknown prepend_scheme '" + scheme + "'");
    out.space_prefix = scheme == "always"  ? SpacePrefix::AfterSpecial
                       : scheme == "first" ? SpacePrefix::AtStart
                                           : SpacePrefix::None;
    out.steps.push_back(space_mark_step(mark, out.space_prefix == SpacePrefix::AfterSpecial,
                                        out.space_prefix == SpacePrefix::AtStart));
    if (json_flag_or(step, "split", true))
        out.steps.push_back(split_step(Regex(literal_pattern(mark)), SplitBehavior::MergedWithNext, false));
}

void add_pre_tokenizer(const json& step, JsonPreTokenizer& out) {
    const std::string type = json_text(step, "type");
    if (out.ends_in_byte_level) { // something follows it, so the alphabet is really needed
        out.steps.push_back(byte_alphabet_step());
        out.ends_in_byte_level = false;
    }
    if (type == "ByteLevel") {
        if (json_flag_or(step, "add_prefix_space", true))
            out.steps.push_back(prefix_space_step());
        if (json_flag_or(step, "use_regex", true))
            out.steps.push_back(split_step(Regex(gpt2_pattern), SplitBehavior::Isolated, false));
        out.ends_in_byte_level = true;
    } else if (type == "Split") {
        const Pattern pattern = pattern_of(step);
        out.steps.push_back(split_step(Regex(pattern.literal ? literal_pattern(pattern.text) : pattern.text),
                                       behavior_of(step, "Isolated"), json_flag_or(step, "invert", false)));
    } else if (type == "Digits") {
        out.steps.push_back(split_step(is_number, json_flag_or(step, "individual_digits", false)
                                                      ? SplitBehavior::Isolated
                                                      : SplitBehavior::Contiguous));
    } else if (type == "Metaspace") {
        add_metaspace(step, out);
    } else if (type == "Whitespace") {
        out.steps.push_back(split_step(Regex(words_and_marks), SplitBehavior::Removed, true));
    } else if (type == "WhitespaceSplit") {
        out.steps.push_back(split_step(is_white_space, SplitBehavior::Removed));
    } else if (type == "Punctuation") {
        out.steps.push_back(split_step(is_punctuation_mark, behavior_of(step, "Isolated")));
    } else if (type == "BertPreTokenizer") {
        out.steps.push_back(split_step(is_white_space, SplitBehavior::Removed));
        out.steps.push_back(split_step(is_punctuation_mark, SplitBehavior::Isolated));
    } else if (type == "CharDelimiterSplit") {
        out.steps.push_back(
            split_step(Regex(literal_pattern(json_text(step, "delimiter"))), SplitBehavior::Removed, false));
    } else {
        throw Error("Pre-tokenizer '" + type + "' is not supported");
    }
}

void add_normalizer(const json& step, Normalizer& out) {
    const std::string type = json_text(step, "type");
    if (type == "NFC")
        out.push_back(normal_form_step(NormalForm::NFC));
    else if (type == "NFD")
        out.push_back(normal_form_step(NormalForm::NFD));
    else if (type == "NFKC")
        out.push_back(normal_form_step(NormalForm::NFKC));
    else if (type == "NFKD")
        out.push_back(normal_form_step(NormalForm::NFKD));
    else if (type == "Lowercase")
        out.push_back(lower_case_step());
    else if (type == "StripAccents")
        out.push_back(strip_accents_step());
    else if (type == "Strip")
        out.push_back(
            strip_step(json_flag_or(step, "strip_left", true), json_flag_or(step, "strip_right", true)));
    else if (type == "Prepend")
        out.push_back(prepend_step(json_text(step, "prepend")));
    else if (type == "Replace") {
        Pattern pattern = pattern_of(step);
        std::string content = json_text(step, "content");
        out.push_back(pattern.literal ? replace_step(std::move(pattern.text), std::move(content))
                                      : replace_step(Regex(pattern.text), std::move(content)));
    } else if (type == "ByteLevel")
        out.push_back(byte_alphabet_normalizer_step());
    else
        throw Error("Normalizer '" + type + "' is not supported");
}

void replace_all(std::string& text, std::string_view from, std::string_view to, std::size_t limit) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        check_growth(text.replace(at, from.size(), to).size(), limit);
}

} // namespace

Normalizer normalizer_from_json(const json* description) {
    Normalizer out;
    if (description)
        each_step(*description, "normalizers", [&](const json& step) { add_normalizer(step, out); });
    return out;
}

JsonPreTokenizer pre_tokenizer_from_json(const json* description) {
    JsonPreTokenizer out;
    if (description)
        each_step(*description, "pretokenizers", [&](const json& step) { add_pre_tokenizer(step, out); });
    return out;
}

JsonDecoder::JsonDecoder(const json* description) {
    if (description)
        each_step(*description, "decoders", [this](const json& step) { add(step); });
}

void JsonDecoder::add(const json& step) {
    const std::string type = json_text(step, "type");
    if (type == "ByteLevel") {
        byte_level_ = true;
    } else if (type == "ByteFallback") {
        byte_fallback_ = true;
    } else if (type == "Metaspace") {
        replacements_.emplace_back(json_text_or(step, "replacement", "\u2581"), " ");
        strips_first_space_ = json_text_or(step, "prepend_scheme", "always") != "never" &&
                              json_flag_or(step, "add_prefix_space", true);
    } else if (type == "Replace") {
        const Pattern pattern = pattern_of(step);
        if (!pattern.literal || pattern.text.empty())
            throw Error("A decoder that replaces a regular expression is not supported");
        replacements_.emplace_back(pattern.text, json_text(step, "content"));
    } else if (type == "BPEDecoder") {
        replacements_.emplace_back(json_text_or(step, "suffix", "</w>"), " ");
        space_behind_words_ = true;
    } else if (type == "Strip") {
        if (json_text(step, "content") == " " && json_integer_or(step, "start", 0) > 0)
            strips_first_space_ = true;
    } else if (type != "Fuse") {
        throw Error("Decoder '" + type + "' is not supported");
    }
}

std::string JsonDecoder::bytes(std::string_view token) const {
    std::string out;
    if (byte_level_ && alphabet_.append_bytes(out, token))
        return out;
    if (byte_fallback_)
        if (const int byte = byte_of_token(token); byte >= 0)
            return std::string(1, static_cast<char>(byte));
    out = token;
    for (const auto& [from, to] : replacements_)
        if (!from.empty())
            replace_all(out, from, to, growth_limit(token.size()));
    return out;
}

} // namespace switchyard
