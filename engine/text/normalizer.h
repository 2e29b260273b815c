// What is done to a text before it is cut into pieces: a chain of steps, as in tokenizer.json.
#pragma once

#include "engine/text/marked_text.h"
#include "engine/text/regex.h"
#include "engine/text/unicode.h"

#include <memory>
#include <string>
#include <vector>

namespace switchyard {

class NormalizerStep {
  public:
    virtual ~NormalizerStep() = default;
    /// `text` is valid UTF-8, and so is what comes back. Throws Error where it would exceed `limit` bytes.
    virtual std::string apply(std::string text, std::size_t limit) const = 0;
    /// The same with the marks carried along: exact where that can be, else more is marked.
    virtual MarkedText apply_marked(MarkedText text, std::size_t limit) const;
};

using Normalizer = std::vector<std::unique_ptr<NormalizerStep>>;

std::string normalize(const Normalizer& steps, std::string text);
MarkedText normalize(const Normalizer& steps, MarkedText text);

std::unique_ptr<NormalizerStep> normal_form_step(NormalForm form);
/// Puts a prefix in front of a text that is not empty.
std::unique_ptr<NormalizerStep> prepend_step(std::string prefix);
std::unique_ptr<NormalizerStep> replace_step(std::string from, std::string to);
std::unique_ptr<NormalizerStep> replace_step(Regex pattern, std::string to);
/// Takes white space off the ends.
std::unique_ptr<NormalizerStep> strip_step(bool left, bool right);
/// The GPT-2 byte alphabet in place of the bytes.
std::unique_ptr<NormalizerStep> byte_alphabet_normalizer_step();
std::unique_ptr<NormalizerStep> lower_case_step();
/// Takes accents away (of a text that is decomposed already).
std::unique_ptr<NormalizerStep> strip_accents_step();

} // namespace switchyard
