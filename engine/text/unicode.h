// UTF-8, Unicode properties and normal forms, and the byte alphabet of byte-level BPE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// Length in bytes of the UTF-8 character that begins with `lead`; 1 for a byte that begins none.
std::size_t utf8_length(unsigned char lead);

/// The character at text[at] and the bytes it takes. The text must be valid UTF-8 there.
struct Utf8Char {
    char32_t code;
    std::size_t length;
};
Utf8Char utf8_at(std::string_view text, std::size_t at);
/// The character that ends just before text[end], end > 0, in valid UTF-8.
Utf8Char utf8_before(std::string_view text, std::size_t end);

void append_utf8(std::string& out, char32_t code);

/// What the bytes at text[at] are: a whole character, the beginning of one that is cut off by the end of the
/// text, or no character. `length` counts the bytes: of the character, or of the maximal part of an
/// ill-formed one (Unicode 15, section 3.9, U+FFFD substitution of maximal subparts).
enum class Utf8State : std::uint8_t { Whole, CutOff, Invalid };
struct Utf8Piece {
    Utf8State state;
    std::size_t length;
};
Utf8Piece utf8_check(std::string_view text, std::size_t at);

bool utf8_valid(std::string_view text);
/// Every maximal ill-formed part becomes one U+FFFD.
std::string utf8_repaired(std::string_view text);

bool is_white_space(char32_t code); ///< Unicode's White_Space
bool is_number(char32_t code);      ///< as the tokenizers library's step Digits
bool is_punctuation(char32_t code); ///< as its step Punctuation: P* and ASCII's signs
bool is_word(char32_t code);   ///< as its \w: letters, marks, decimal and letter numbers, connectors, joiners
bool is_accent(char32_t code); ///< as its normalizer StripAccents
/// Whether a normal form changes the character, moves it or joins it with another.
bool is_normalized_otherwise(char32_t code);
char32_t lower_of(char32_t code); ///< where the lower case is one character

/// How long a text may become on its way to tokens. Descriptions can make texts grow without bound; honest
/// ones stay far below this.
inline std::size_t growth_limit(std::size_t bytes) { return 64 * bytes + 4096; }
/// Throws Error where `bytes` is over the limit.
void check_growth(std::size_t bytes, std::size_t limit);

enum class NormalForm : std::uint8_t { NFC, NFD, NFKC, NFKD };
/// `text` must be valid UTF-8.
std::string normalize(std::string_view text, NormalForm form);
std::string lower_case(std::string_view text);

/// Byte-level BPE spells every byte as a printable character (GPT-2, encoder.py: bytes_to_unicode).
class ByteAlphabet {
  public:
    ByteAlphabet();
    const std::string& spelling(unsigned char byte) const { return spelling_[byte]; }
    /// -1 where the character stands for no byte.
    int byte(char32_t code) const { return code < byte_.size() ? byte_[code] : -1; }
    /// Appends the bytes a token is spelled for; false (and nothing appended) where a character is foreign.
    bool append_bytes(std::string& out, std::string_view token) const;

  private:
    std::vector<std::string> spelling_; // 256
    std::vector<std::int16_t> byte_;    // by code point
};

} // namespace switchyard
