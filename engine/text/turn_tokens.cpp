#include "engine/text/turn_tokens.h"

#include "engine/text/unicode.h"

#include <algorithm>
#include <map>
#include <utility>

namespace switchyard {

namespace {

// Spellings as in the models' own tokenizer files.
constexpr std::string_view kEnds[] = {
    "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>", "<turn|>",
    "<eos>", "<|eos|>", "<|end|>", "<|return|>", "<|call|>", "<|eot|>", "<|eom|>", "<EOT>", "<|EOT|>",
    "[EOT]", "[EOS]", "</s>", "<|end_of_turn|>", "<|endofturn|>", "[|endofturn|]", "<|END_OF_TURN_TOKEN|>",
    "<end_of_utterance>", "</assistant>", "<|role_end|>", "<seed:eos>",
    "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", "<|end\u2581of\u2581sentence|>",
    // A model that opens the user's turn has ended its own.
    "<|user|>", "<|im_user|>", "<\uFF5CUser\uFF5C>"};
constexpr std::string_view kOthers[] = {"<|im_start|>",
                                        "<|im_sep|>",
                                        "<|im_middle|>",
                                        "<|im_system|>",
                                        "<|im_assistant|>",
                                        "<start_of_turn>",
                                        "<|turn>",
                                        "<bos>",
                                        "<|bos|>",
                                        "<s>",
                                        "<|start_header_id|>",
                                        "<|end_header_id|>",
                                        "<|header_start|>",
                                        "<|header_end|>",
                                        "<|begin_of_text|>",
                                        "<|startoftext|>",
                                        "<|start|>",
                                        "<|message|>",
                                        "<|channel|>",
                                        "<|constrain|>",
                                        "<|system|>",
                                        "<|assistant|>",
                                        "<|observation|>",
                                        "<|start_of_role|>",
                                        "<|end_of_role|>",
                                        "<|role_start|>",
                                        "<|START_OF_TURN_TOKEN|>",
                                        "<|USER_TOKEN|>",
                                        "<|CHATBOT_TOKEN|>",
                                        "<|SYSTEM_TOKEN|>",
                                        "[INST]",
                                        "[/INST]",
                                        "[SYSTEM_PROMPT]",
                                        "[/SYSTEM_PROMPT]",
                                        "[|system|]",
                                        "[|user|]",
                                        "[|assistant|]",
                                        "<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>",
                                        "<\uFF5CAssistant\uFF5C>"};

bool is_turn_token(std::string_view token) {
    return std::ranges::find(kEnds, token) != std::end(kEnds) ||
           std::ranges::find(kOthers, token) != std::end(kOthers);
}

// Quick to say no: every spelling begins with one of these and ends in its partner.
bool looks_special(std::string_view token) {
    return token.size() > 2 &&
           ((token.front() == '<' && token.back() == '>') || (token.front() == '[' && token.back() == ']'));
}

// A token's own text, which in the byte alphabet is spelled otherwise where it is not ASCII.
std::string text_of(std::string_view token) {
    static const ByteAlphabet alphabet;
    std::string text;
    return alphabet.append_bytes(text, token) && utf8_valid(text) ? text : std::string(token);
}

} // namespace

bool ends_answer(std::string_view token, bool harmony) {
    return std::ranges::find(kEnds, token) != std::end(kEnds) && !(harmony && token == "<|end|>");
}

void retype_turn_tokens(TokenizerData& data) {
    std::map<std::string, std::size_t, std::less<>> found; // by the spelling in the vocabulary
    for (std::size_t id = 0; id < data.tokens.size(); ++id) {
        const TokenKind kind = data.kinds[id];
        const bool ordinary =
            kind == TokenKind::Normal || kind == TokenKind::UserDefined || kind == TokenKind::Unused;
        if (ordinary && looks_special(data.tokens[id]) &&
            (is_turn_token(data.tokens[id]) || is_turn_token(text_of(data.tokens[id]))))
            found.emplace(data.tokens[id], id);
    }
    if (found.empty())
        return;
    for (const std::string& merge : data.merges) {
        if (!looks_special(merge))
            continue;
        std::string whole = merge;
        if (const std::size_t gap = whole.find(' ', 1); gap != std::string::npos)
            whole.erase(gap, 1);
        if (const auto spelled = found.find(whole);
            spelled != found.end() && data.kinds[spelled->second] == TokenKind::Normal)
            found.erase(spelled);
    }
    for (const auto& [spelling, id] : found) {
        data.kinds[id] = TokenKind::Control;
        if (!is_turn_token(spelling))
            data.tokens[id] = text_of(spelling);
    }
}

void retype_turn_tokens(std::vector<AddedToken>& added) {
    for (AddedToken& token : added)
        token.special |= is_turn_token(token.text);
}

std::vector<AddedToken> turn_tokens_of(std::span<const std::string> vocabulary,
                                       std::span<const std::pair<std::string, std::string>> merges) {
    std::map<std::string, std::int32_t, std::less<>> found;
    for (std::size_t id = 0; id < vocabulary.size(); ++id)
        if (looks_special(vocabulary[id]) && is_turn_token(vocabulary[id]))
            found.emplace(vocabulary[id], static_cast<std::int32_t>(id));
    std::vector<AddedToken> tokens;
    for (const auto& [left, right] : merges)
        if (!found.empty())
            found.erase(left + right);
    for (const auto& [spelling, id] : found) {
        tokens.push_back({spelling, id});
        tokens.back().special = true;
    }
    return tokens;
}

} // namespace switchyard
