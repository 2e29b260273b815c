// Tokens that chat templates build turns of, by their spelling: what they are does not depend on how a file
// types them.
#pragma once

#include "engine/text/added_tokens.h"
#include "engine/text/tokenizer.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

/// Whether a special token of this spelling ends an answer, beside the one the file names. In the harmony
/// format (`harmony`: there is a token <|return|>) <|end|> closes a message only.
bool ends_answer(std::string_view token, bool harmony);

/// Makes the turn tokens that are typed as ordinary ones control tokens. One that merges spell out of smaller
/// tokens is a word of the vocabulary and stays one.
void retype_turn_tokens(TokenizerData& data);

/// The same for the added tokens of a tokenizer.json.
void retype_turn_tokens(std::vector<AddedToken>& added);

/// The turn tokens of a vocabulary that no merge spells out of smaller ones. `merges`: left and right of
/// each.
std::vector<AddedToken> turn_tokens_of(std::span<const std::string> vocabulary,
                                       std::span<const std::pair<std::string, std::string>> merges);

} // namespace switchyard
