// How byte-level BPE spells bytes: printable ones stand for themselves, the others from U+0100 on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

inline std::vector<std::string> byteAlphabet() {
    std::vector<std::string> alphabet;
    unsigned next = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        const unsigned code = printable ? byte : next++;
        if (code < 0x80)
            alphabet.emplace_back(1, static_cast<char>(code));
        else
            alphabet.push_back(
                {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))});
    }
    return alphabet;
}

/// A text as the vocabulary of byte-level BPE writes it.
inline std::string spelledBytes(std::string_view text) {
    static const std::vector<std::string> alphabet = byteAlphabet();
    std::string spelled;
    for (const char byte : text)
        spelled += alphabet[static_cast<unsigned char>(byte)];
    return spelled;
}

} // namespace switchyard
