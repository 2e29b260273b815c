// The tokenizer that both GGUF metadata and tokenizer.json come down to: added tokens, normalizer,
// pre-tokenizer, byte pair encoding.
#pragma once

#include "engine/text/added_tokens.h"
#include "engine/text/bpe.h"
#include "engine/text/decoder.h"
#include "engine/text/normalizer.h"
#include "engine/text/pretokenizer.h"
#include "engine/text/tokenizer.h"

#include <memory>
#include <string>
#include <vector>

namespace switchyard {

/// Where a tokenizer puts a space in front of the text, which decode() takes away again.
enum class SpacePrefix : unsigned char { None, AfterSpecial };

struct TokenizerParts {
    std::vector<AddedToken> added;
    Normalizer normalizer;
    PreTokenizer pre_tokenizer;
    std::unique_ptr<BpeModel> model;
    std::vector<std::string> bytes;        ///< what each id stands for in the middle of a text
    std::vector<bool> special;             ///< control tokens, by id
    std::vector<bool> ends;                ///< tokens that end an answer, by id
    std::vector<std::int32_t> first, last; ///< put around the ids with add_special
    std::int32_t bos = -1, eos = -1;
    std::string note;
    SpacePrefix space_prefix = SpacePrefix::None;
    /// Where the description has a decoder of its own: what it makes of `spellings` (by id, empty: no token)
    /// is the text; else `bytes` are.
    Decoder decoder;
    std::vector<std::string> spellings;
};

std::unique_ptr<Tokenizer> make_pipeline_tokenizer(TokenizerParts parts);

} // namespace switchyard
