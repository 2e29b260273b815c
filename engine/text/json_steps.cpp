// Normalizers and pre-tokenizers of tokenizer.json.
#include "engine/base/error.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/unicode.h"

#include <algorithm>

namespace switchyard {

using nlohmann::json;

namespace {

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

// The marks of \w+|[^\w\s]+: what is neither.
bool is_mark(char32_t code) { return !is_word(code) && !is_white_space(code); }

void add_metaspace(const json& step, JsonPreTokenizer& out) {
    const std::string mark = json_text_or(step, "replacement", "\u2581");
    if (mark.empty() || utf8_at(mark, 0).length != mark.size())
        throw Error("Metaspace's replacement is not one character");
    std::string scheme = json_text_or(step, "prepend_scheme", "always");
    if (!json_field(step, "prepend_scheme") && !json_flag_or(step, "add_prefix_space", true))
        scheme = "never";
    if (scheme != "always" && scheme != "first" && scheme != "never")
        throw Error("Unknown prepend_scheme '" + scheme + "'");
    out.steps.push_back(space_mark_step(mark, scheme == "always", scheme == "first"));
    out.looks_at_start |= scheme == "first";
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
        const JsonPattern pattern = json_pattern(step);
        out.steps.push_back(
            split_step(pattern.regex(), behavior_of(step, "Isolated"), json_flag_or(step, "invert", false)));
    } else if (type == "Digits") {
        out.steps.push_back(split_step(is_number, json_flag_or(step, "individual_digits", false)
                                                      ? SplitBehavior::Isolated
                                                      : SplitBehavior::Contiguous));
    } else if (type == "Metaspace") {
        add_metaspace(step, out);
    } else if (type == "Whitespace") {
        out.steps.push_back(split_step(is_white_space, SplitBehavior::Removed));
        out.steps.push_back(split_step(is_mark, SplitBehavior::Contiguous));
    } else if (type == "WhitespaceSplit") {
        out.steps.push_back(split_step(is_white_space, SplitBehavior::Removed));
    } else if (type == "Punctuation") {
        out.steps.push_back(split_step(is_punctuation, behavior_of(step, "Isolated")));
    } else if (type == "BertPreTokenizer") {
        out.steps.push_back(split_step(is_white_space, SplitBehavior::Removed));
        out.steps.push_back(split_step(is_punctuation, SplitBehavior::Isolated));
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
        JsonPattern pattern = json_pattern(step);
        std::string content = json_text(step, "content");
        out.push_back(pattern.literal && !pattern.text.empty()
                          ? replace_step(std::move(pattern.text), std::move(content))
                          : replace_step(pattern.regex(), std::move(content)));
    } else if (type == "ByteLevel")
        out.push_back(byte_alphabet_normalizer_step());
    else
        throw Error("Normalizer '" + type + "' is not supported");
}

// Whether what replaces a match begins where the match began: so it is for one character.
bool keeps_its_place(const json& step) {
    const JsonPattern pattern = json_pattern(step);
    const bool one =
        pattern.literal && !pattern.text.empty() && utf8_at(pattern.text, 0).length == pattern.text.size();
    return one && !json_text(step, "content").empty();
}

} // namespace

Normalizer normalizer_from_json(const json* description) {
    Normalizer out;
    if (description)
        each_json_step(*description, "normalizers", [&](const json& step) { add_normalizer(step, out); });
    return out;
}

bool removes_text(const json* normalizer) {
    bool removes = false;
    if (normalizer)
        each_json_step(*normalizer, "normalizers", [&](const json& step) {
            const std::string type = json_text(step, "type");
            removes |= type == "StripAccents" ||
                       (type == "Strip" && json_flag_or(step, "strip_left", true)) ||
                       (type == "Replace" && !keeps_its_place(step));
        });
    return removes;
}

JsonPreTokenizer pre_tokenizer_from_json(const json* description) {
    JsonPreTokenizer out;
    if (description)
        each_json_step(*description, "pretokenizers",
                       [&](const json& step) { add_pre_tokenizer(step, out); });
    return out;
}

} // namespace switchyard
