#include "engine/text/added_tokens.h"

#include "engine/text/unicode.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

// Where the white space that ends at `end` begins.
std::size_t before_space(std::string_view text, std::size_t end) {
    while (end > 0 && is_white_space(utf8_before(text, end).code))
        end -= utf8_before(text, end).length;
    return end;
}

// Where the white space that begins at `begin` ends.
std::size_t behind_space(std::string_view text, std::size_t begin) {
    while (begin < text.size() && is_white_space(utf8_at(text, begin).code))
        begin += utf8_at(text, begin).length;
    return begin;
}

} // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), nodes_(1) {
    // An ill-formed one could match in the middle of a character.
    std::erase_if(tokens_,
                  [](const AddedToken& token) { return token.text.empty() || !utf8_valid(token.text); });
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
        begins_[static_cast<unsigned char>(tokens_[i].text[0])] = true;
        std::int32_t node = 0;
        for (const char c : tokens_[i].text) {
            const auto byte = static_cast<unsigned char>(c);
            std::int32_t next = child_of(node, byte);
            if (next < 0) {
                next = static_cast<std::int32_t>(nodes_.size());
                nodes_.push_back({-1, nodes_[node].child, -1, byte});
                nodes_[node].child = next;
            }
            node = next;
        }
        nodes_[node].token = static_cast<std::int32_t>(i);
    }
}

std::int32_t AddedTokenFinder::child_of(std::int32_t node, unsigned char byte) const {
    std::int32_t child = nodes_[node].child;
    while (child >= 0 && nodes_[child].byte != byte)
        child = nodes_[child].sibling;
    return child;
}

std::int32_t AddedTokenFinder::longest_at(std::string_view text, std::size_t at) const {
    std::int32_t node = 0, found = -1;
    for (; at < text.size(); ++at) {
        node = child_of(node, static_cast<unsigned char>(text[at]));
        if (node < 0)
            break;
        if (nodes_[node].token >= 0)
            found = nodes_[node].token;
    }
    return found;
}

// Tokens are found first and take white space then, even if that is where the next one was found; that one
// stands all the same, and the text goes on behind it.
void AddedTokenFinder::split(std::string_view text, std::vector<Part>& parts) const {
    std::size_t done = 0;
    const auto word_before = [&](std::size_t at) { return at > 0 && is_word(utf8_before(text, at).code); };
    const auto word_at = [&](std::size_t at) { return at < text.size() && is_word(utf8_at(text, at).code); };
    for (std::size_t at = 0; at < text.size();) {
        const std::int32_t found = begins_[static_cast<unsigned char>(text[at])] ? longest_at(text, at) : -1;
        if (found < 0) {
            ++at;
            continue;
        }
        const AddedToken& token = tokens_[found];
        std::size_t begin = at, end = at + token.text.size();
        at = end;
        if (token.single_word && (word_before(begin) || word_at(end)))
            continue;
        if (token.lstrip)
            begin = std::max(done, before_space(text, begin));
        if (token.rstrip)
            end = behind_space(text, end);
        if (begin >= end) // the token before it has taken all of it
            continue;
        if (done < begin)
            parts.push_back({done, begin, -1});
        parts.push_back({begin, end, token.id});
        done = end;
    }
    if (done < text.size())
        parts.push_back({done, text.size(), -1});
}

} // namespace switchyard
