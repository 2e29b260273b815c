// Cuts a text into the pieces that byte pairs are merged within. A chain of steps, as Hugging Face's
// tokenizer.json describes them; the pre-tokenizers that GGUF files name are such chains, too.
#pragma once

#include "engine/text/regex.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// A text and the pieces it is cut into, in order and without gaps between bytes that matter.
struct Pieces {
    struct Range {
        std::size_t begin, end;
    };
    std::string text;
    std::vector<Range> ranges;
    std::size_t limit = 0; ///< bytes that the text may grow to
    bool at_start = false; ///< the first piece begins where the whole input begins

    std::string_view view(Range range) const {
        return std::string_view(text).substr(range.begin, range.end - range.begin);
    }
};

class PreTokenizerStep {
  public:
    virtual ~PreTokenizerStep() = default;
    virtual void apply(Pieces& pieces) const = 0;
};

using PreTokenizer = std::vector<std::unique_ptr<PreTokenizerStep>>;

/// What becomes of a match: a piece of its own, nothing, a part of its neighbour, or joined with the matches
/// next to it.
enum class SplitBehavior : unsigned char {
    Isolated,
    Removed,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous
};

/// `invert`: what lies between the matches counts as the matches.
std::unique_ptr<PreTokenizerStep> split_step(Regex regex, SplitBehavior behavior, bool invert);
/// Splits where a character has a property.
std::unique_ptr<PreTokenizerStep> split_step(bool (*matches)(char32_t), SplitBehavior behavior);
/// A space in front of every piece that begins with none.
std::unique_ptr<PreTokenizerStep> prefix_space_step();
/// A mark in place of every space; and in front of every piece that begins with none (`always`), or only of
/// the piece at the start of the whole input (`at_start`).
std::unique_ptr<PreTokenizerStep> space_mark_step(std::string mark, bool always, bool at_start);
/// The GPT-2 byte alphabet in place of the bytes.
std::unique_ptr<PreTokenizerStep> byte_alphabet_step();

/// GPT-2's own pattern (encoder.py).
extern const std::string_view gpt2_pattern;

/// A pre-tokenizer by the name in tokenizer.ggml.pre, and what else the name tells.
struct NamedPreTokenizer {
    PreTokenizer steps;
    bool ignore_merges = false; ///< a piece that is a token is that token
    bool nfc = false;           ///< text is normalized to NFC first
    bool adds_bos = false;      ///< a file that does not say whether a BOS belongs in front means yes
    bool known = true;          ///< false: the name is none of those, and this is the default one
};
/// The default for an unknown name.
NamedPreTokenizer pre_tokenizer_by_name(std::string_view name);

} // namespace switchyard
