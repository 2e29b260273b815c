// How a model's answers are marked, as its own tokens and its chat template show it.
#pragma once

#include "engine/text/answer_reader.h"
#include "engine/text/tokenizer.h"

namespace switchyard {

struct AnswerFormat {
    bool channels = false;            ///< the harmony format
    std::vector<ThinkingMarks> marks; ///< the model's own, the likeliest first; may be empty

    /// What the reader of an answer to this prompt has to know.
    AnswerReading reading(std::string_view prompt) const;
    /// What to append to a prompt that ends where an answer begins, so that the model goes on with an answer
    /// that has thought `thinking` and said `text`. A thought stays open where nothing was said.
    std::string spell(std::string_view prompt, std::string_view thinking, std::string_view text) const;
};

/// From the pairs of marks among a model's tokens and in its chat template. `tokenizer` may be nullptr, the
/// template empty.
AnswerFormat answer_format(const Tokenizer* tokenizer, std::string_view chat_template);

} // namespace switchyard
