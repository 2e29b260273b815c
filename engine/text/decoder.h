// What is done to the spellings of tokens to make a text of them: a chain of steps, as tokenizer.json
// describes it and the tokenizers library (0.23) carries it out.
#pragma once

#include "engine/text/regex.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace switchyard {

class DecoderStep {
  public:
    virtual ~DecoderStep() = default;
    /// The tokens are valid UTF-8, and so is what becomes of them; a step may join tokens. Throws Error where
    /// one would exceed its growth limit.
    virtual void apply(std::vector<std::string>& tokens) const = 0;
};

using Decoder = std::vector<std::unique_ptr<DecoderStep>>;

std::string decode(const Decoder& steps, std::vector<std::string> tokens);

/// A space between tokens, which is what a description without a decoder means.
std::unique_ptr<DecoderStep> spaced_step();
/// Tokens spelled in the GPT-2 byte alphabet become their bytes; all are joined, and what is no UTF-8 becomes
/// U+FFFD.
std::unique_ptr<DecoderStep> byte_alphabet_decoder_step();
/// A run of <0x00> .. <0xFF> becomes its bytes, or one U+FFFD a byte where they are no UTF-8.
std::unique_ptr<DecoderStep> byte_fallback_step();
/// `mark` becomes a space, in the first token nothing if `strips_first`.
std::unique_ptr<DecoderStep> space_mark_decoder_step(std::string mark, bool strips_first);
std::unique_ptr<DecoderStep> replace_decoder_step(Regex pattern, std::string to);
/// Joins all tokens.
std::unique_ptr<DecoderStep> fuse_step();
/// Takes up to so many of a character off the ends of every token.
std::unique_ptr<DecoderStep> strip_decoder_step(std::string character, std::size_t start, std::size_t stop);
/// A suffix that ends words becomes a space, but in the last token nothing.
std::unique_ptr<DecoderStep> word_end_step(std::string suffix);

} // namespace switchyard
