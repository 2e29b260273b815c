#include "engine/text/decoder.h"

#include "engine/text/bpe.h"
#include "engine/text/literal_search.h"
#include "engine/text/normalizer.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

std::string joined(const std::vector<std::string>& tokens, std::string_view between = "") {
    std::string out;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (i > 0)
            out += between;
        out += tokens[i];
    }
    return out;
}

// A step made of a function on the list of tokens.
template <typename Function>
class ListStep : public DecoderStep {
  public:
    explicit ListStep(Function function) : function_(std::move(function)) {}
    void apply(std::vector<std::string>& tokens) const override { function_(tokens); }

  private:
    Function function_;
};

template <typename Function>
std::unique_ptr<DecoderStep> step(Function function) {
    return std::make_unique<ListStep<Function>>(std::move(function));
}

// Literal replacement; `from` is not empty.
std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    return replace_all(text, from, to, growth_limit(text.size()));
}

// Gathers the bytes of fallback tokens until another token comes.
void join_bytes(std::vector<std::string>& tokens) {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
        if (bytes.empty())
            return;
        if (utf8_valid(bytes))
            out.push_back(bytes);
        else
            out.insert(out.end(), bytes.size(), "\uFFFD");
        bytes.clear();
    };
    for (std::string& token : tokens) {
        const int byte = byte_of_token(token);
        if (byte >= 0) {
            bytes.push_back(static_cast<char>(byte));
        } else {
            flush();
            out.push_back(std::move(token));
        }
    }
    flush();
    tokens = std::move(out);
}

void strip(std::string& token, std::string_view character, std::size_t start, std::size_t stop) {
    std::string_view rest = token;
    for (; start > 0 && rest.starts_with(character); --start)
        rest.remove_prefix(character.size());
    for (; stop > 0 && rest.ends_with(character); --stop)
        rest.remove_suffix(character.size());
    token = std::string(rest);
}

} // namespace

std::string decode(const Decoder& steps, std::vector<std::string> tokens) {
    for (const auto& one : steps)
        one->apply(tokens);
    return joined(tokens);
}

std::unique_ptr<DecoderStep> spaced_step() {
    return step([](std::vector<std::string>& tokens) { tokens = {joined(tokens, " ")}; });
}

std::unique_ptr<DecoderStep> byte_alphabet_decoder_step() {
    return step([alphabet = ByteAlphabet()](std::vector<std::string>& tokens) {
        std::string bytes;
        for (const std::string& token : tokens)
            if (!alphabet.append_bytes(bytes, token))
                bytes += token;
        tokens = {utf8_repaired(bytes)};
    });
}

std::unique_ptr<DecoderStep> byte_fallback_step() { return step(join_bytes); }

std::unique_ptr<DecoderStep> space_mark_decoder_step(std::string mark, bool strips_first) {
    return step([mark = std::move(mark), strips_first](std::vector<std::string>& tokens) {
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = replaced(tokens[i], mark, i == 0 && strips_first ? "" : " ");
    });
}

std::unique_ptr<DecoderStep> replace_decoder_step(Regex pattern, std::string to) {
    const std::shared_ptr<NormalizerStep> replace = replace_step(std::move(pattern), std::move(to));
    return step([replace](std::vector<std::string>& tokens) {
        for (std::string& token : tokens) {
            const std::size_t limit = growth_limit(token.size());
            token = replace->apply(std::move(token), limit);
        }
    });
}

std::unique_ptr<DecoderStep> fuse_step() {
    return step([](std::vector<std::string>& tokens) { tokens = {joined(tokens)}; });
}

std::unique_ptr<DecoderStep> strip_decoder_step(std::string character, std::size_t start, std::size_t stop) {
    return step([character = std::move(character), start, stop](std::vector<std::string>& tokens) {
        for (std::string& token : tokens)
            strip(token, character, start, stop);
    });
}

std::unique_ptr<DecoderStep> word_end_step(std::string suffix) {
    return step([suffix = std::move(suffix)](std::vector<std::string>& tokens) {
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = replaced(tokens[i], suffix, i + 1 < tokens.size() ? " " : "");
    });
}

} // namespace switchyard
