// Decoders of tokenizer.json.
#include "engine/base/error.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/unicode.h"

#include <algorithm>

namespace switchyard {

using nlohmann::json;

namespace {

std::unique_ptr<DecoderStep> strip_from_json(const json& step) {
    const std::string content = json_text(step, "content");
    if (content.empty() || utf8_at(content, 0).length != content.size())
        throw Error("The decoder Strip's content is not one character");
    const auto count = [&](const char* key) {
        return static_cast<std::size_t>(std::max<std::int64_t>(json_integer_or(step, key, 0), 0));
    };
    return strip_decoder_step(content, count("start"), count("stop"));
}

std::unique_ptr<DecoderStep> step_from_json(const json& step) {
    const std::string type = json_text(step, "type");
    if (type == "ByteLevel")
        return byte_alphabet_decoder_step();
    if (type == "ByteFallback")
        return byte_fallback_step();
    if (type == "Fuse")
        return fuse_step();
    if (type == "Strip")
        return strip_from_json(step);
    if (type == "Replace")
        return replace_decoder_step(json_pattern(step).regex(), json_text(step, "content"));
    if (type == "Metaspace") {
        const std::string scheme = json_text_or(step, "prepend_scheme", "always");
        const bool prepends = scheme != "never" && json_flag_or(step, "add_prefix_space", true);
        const std::string mark = json_text_or(step, "replacement", "\u2581");
        if (mark.empty())
            throw Error("The decoder Metaspace's replacement is empty");
        return space_mark_decoder_step(mark, prepends);
    }
    if (type == "BPEDecoder") {
        const std::string suffix = json_text_or(step, "suffix", "</w>");
        if (suffix.empty())
            throw Error("The decoder BPEDecoder's suffix is empty");
        return word_end_step(suffix);
    }
    throw Error("Decoder '" + type + "' is not supported");
}

} // namespace

Decoder decoder_from_json(const json* description) {
    Decoder out;
    if (!description)
        out.push_back(spaced_step());
    else
        each_json_step(*description, "decoders",
                       [&](const json& step) { out.push_back(step_from_json(step)); });
    return out;
}

TokenSpeller::TokenSpeller(const json* decoder) : spaced_(!decoder) {
    bool fused = false; // what strips after that strips the whole text
    if (decoder)
        each_json_step(*decoder, "decoders", [&](const json& step) {
            const std::string type = json_text(step, "type");
            if (type == "ByteLevel")
                byte_level_ = fused = true;
            else if (type == "ByteFallback")
                byte_fallback_ = true;
            else if (type == "Fuse")
                fused = true;
            else if (type != "Strip" || !fused)
                within_.push_back(step_from_json(step));
        });
}

std::string TokenSpeller::bytes(std::string_view token) const {
    std::string out;
    if (byte_level_ && alphabet_.append_bytes(out, token))
        return out;
    if (byte_fallback_)
        if (const int byte = byte_of_token(token); byte >= 0)
            return std::string(1, static_cast<char>(byte));
    return (spaced_ ? " " : "") + decode(within_, {"", std::string(token), ""});
}

} // namespace switchyard
