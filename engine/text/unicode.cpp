#include "engine/text/unicode.h"

#include <utility>

namespace switchyard {

namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The range of the second byte, which rules out overlong forms, surrogates and codes past U+10FFFF.
std::pair<unsigned char, unsigned char> second_byte_range(unsigned char lead) {
    switch (lead) {
    case 0xE0:
        return {0xA0, 0xBF};
    case 0xED:
        return {0x80, 0x9F};
    case 0xF0:
        return {0x90, 0xBF};
    case 0xF4:
        return {0x80, 0x8F};
    default:
        return {0x80, 0xBF};
    }
}

} // namespace

std::size_t utf8_length(unsigned char lead) {
    return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

Utf8Char utf8_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) -> char32_t { return static_cast<unsigned char>(text[at + i]); };
    const char32_t lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    if (lead < 0xE0)
        return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    if (lead < 0xF0)
        return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

Utf8Char utf8_before(std::string_view text, std::size_t end) {
    std::size_t at = end - 1;
    while (at > 0 && is_continuation(static_cast<unsigned char>(text[at])))
        --at;
    return utf8_at(text, at);
}

void append_utf8(std::string& out, char32_t code) {
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

Utf8Piece utf8_check(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80)
        return {Utf8State::Whole, 1};
    if (lead < 0xC2 || lead > 0xF4)
        return {Utf8State::Invalid, 1};
    const std::size_t length = utf8_length(lead);
    const auto [low, high] = second_byte_range(lead);
    for (std::size_t i = 1; i < length; ++i) {
        if (at + i == text.size())
            return {Utf8State::CutOff, i};
        const auto byte = static_cast<unsigned char>(text[at + i]);
        if (i == 1 ? byte < low || byte > high : !is_continuation(byte))
            return {Utf8State::Invalid, i};
    }
    return {Utf8State::Whole, length};
}

bool utf8_valid(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Piece piece = utf8_check(text, at);
        if (piece.state != Utf8State::Whole)
            return false;
        at += piece.length;
    }
    return true;
}

std::string utf8_repaired(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Piece piece = utf8_check(text, at);
        if (piece.state == Utf8State::Whole)
            out.append(text, at, piece.length);
        else
            append_utf8(out, 0xFFFD);
        at += piece.length;
    }
    return out;
}

bool is_white_space(char32_t code) {
    return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
           code == 0x205F || code == 0x3000;
}

ByteAlphabet::ByteAlphabet() : spelling_(256), byte_(256 + 68, -1) {
    char32_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
        const bool printable =
            (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
        const char32_t code = printable ? static_cast<char32_t>(byte) : next++;
        append_utf8(spelling_[byte], code);
        byte_[code] = static_cast<std::int16_t>(byte);
    }
}

bool ByteAlphabet::append_bytes(std::string& out, std::string_view token) const {
    const std::size_t before = out.size();
    for (std::size_t at = 0; at < token.size();) {
        const Utf8Piece piece = utf8_check(token, at);
        const int value = piece.state == Utf8State::Whole ? byte(utf8_at(token, at).code) : -1;
        if (value < 0) {
            out.resize(before);
            return false;
        }
        out.push_back(static_cast<char>(value));
        at += piece.length;
    }
    return true;
}

} // namespace switchyard
