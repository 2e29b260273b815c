#include "engine/text/added_tokens.h"

#include "engine/text/unicode.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace switchyard {

namespace {

// Where the white space that ends at `end` begins, no further back than `least`.
std::size_t before_space(std::string_view text, std::size_t end, std::size_t least) {
    while (end > least && is_white_space(utf8_before(text, end).code))
        end -= utf8_before(text, end).length;
    return end;
}

// Where runs of white space end, each looked at once however often it is asked for from within.
class SpaceEnds {
  public:
    explicit SpaceEnds(std::string_view text) : text_(text) {}
    std::size_t behind(std::size_t at) {
        if (at < begin_ || at > end_) {
            begin_ = end_ = at;
            while (end_ < text_.size() && is_white_space(utf8_at(text_, end_).code))
                end_ += utf8_at(text_, end_).length;
        }
        return end_;
    }

  private:
    std::string_view text_;
    std::size_t begin_ = 1, end_ = 0;
};

} // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) {
    std::unordered_map<std::string, std::size_t> by_text; // the last one of a text counts
    for (AddedToken& token : tokens) {
        // An ill-formed one could match in the middle of a character.
        if (token.text.empty() || !utf8_valid(token.text))
            continue;
        if (const auto [it, fresh] = by_text.emplace(token.text, tokens_.size()); fresh)
            tokens_.push_back(std::move(token));
        else
            tokens_[it->second] = std::move(token);
    }
    for (std::size_t i = 0; i < tokens_.size(); ++i)
        (tokens_[i].special ? special_ : others_).add(tokens_[i].text, static_cast<std::int32_t>(i));
    special_.link_ends();
    others_.link_ends();
}

bool AddedTokenFinder::finds_special() const {
    return std::any_of(tokens_.begin(), tokens_.end(), [](const AddedToken& token) { return token.special; });
}

void AddedTokenFinder::Automaton::add(std::string_view text, std::int32_t token) {
    std::int32_t node = 0;
    for (std::size_t at = text.size(); at-- > 0;) {
        const auto byte = static_cast<unsigned char>(text[at]);
        std::int32_t next = child_of(node, byte);
        if (next < 0) {
            next = static_cast<std::int32_t>(nodes_.size());
            nodes_.push_back({-1, nodes_[node].child, 0, -1, byte});
            nodes_[node].child = next;
            if (node == 0)
                ends_[byte] = next;
        }
        node = next;
    }
    nodes_[node].token = token;
}

// Breadth first, so that shorter nodes are linked before the longer ones that lean on them.
void AddedTokenFinder::Automaton::link_ends() {
    std::vector<std::int32_t> order{0};
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::int32_t parent = order[i];
        for (std::int32_t node = nodes_[parent].child; node >= 0; node = nodes_[node].sibling) {
            order.push_back(node);
            if (parent != 0)
                nodes_[node].shorter = step(nodes_[parent].shorter, nodes_[node].byte);
            if (nodes_[node].token < 0)
                nodes_[node].token = nodes_[nodes_[node].shorter].token;
        }
    }
}

std::int32_t AddedTokenFinder::Automaton::child_of(std::int32_t node, unsigned char byte) const {
    if (node == 0)
        return ends_[byte] > 0 ? ends_[byte] : -1;
    std::int32_t child = nodes_[node].child;
    while (child >= 0 && nodes_[child].byte != byte)
        child = nodes_[child].sibling;
    return child;
}

std::int32_t AddedTokenFinder::Automaton::step(std::int32_t node, unsigned char byte) const {
    if (node == 0)
        return ends_[byte];
    for (; node != 0; node = nodes_[node].shorter)
        if (const std::int32_t next = child_of(node, byte); next >= 0)
            return next;
    return ends_[byte];
}

// The places where a token begins, from the last to the first, each with the longest there. A marked byte
// takes the special tokens' automaton back to its root, so that none of them holds one.
std::vector<AddedTokenFinder::Found> AddedTokenFinder::longest(std::string_view text,
                                                               const Marks& marks) const {
    std::vector<Found> found;
    std::int32_t special = 0, other = 0;
    auto mark = marks.spans().rbegin();
    for (std::size_t at = text.size(); at-- > 0;) {
        while (mark != marks.spans().rend() && mark->begin > at)
            ++mark;
        const bool marked = mark != marks.spans().rend() && at < mark->end;
        const auto byte = static_cast<unsigned char>(text[at]);
        special = marked ? 0 : special_.step(special, byte);
        other = others_.step(other, byte);
        const std::int32_t a = special_.token(special), b = others_.token(other);
        if (a < 0 && b < 0)
            continue;
        const bool first = b < 0 || (a >= 0 && tokens_[a].text.size() > tokens_[b].text.size());
        found.push_back({at, first ? a : b});
    }
    return found;
}

// Tokens are found first and take white space then, even if that is where the next one was found; that one
// stands all the same, and the text goes on behind it.
void AddedTokenFinder::split(std::string_view text, const Marks& marks, std::vector<Part>& parts) const {
    std::size_t done = 0, next = 0;
    SpaceEnds spaces(text);
    const auto word_before = [&](std::size_t at) { return at > 0 && is_word(utf8_before(text, at).code); };
    const auto word_at = [&](std::size_t at) { return at < text.size() && is_word(utf8_at(text, at).code); };
    const std::vector<Found> all = longest(text, marks);
    for (auto found = all.rbegin(); found != all.rend(); ++found) {
        if (found->at < next) // within the one before
            continue;
        const AddedToken& token = tokens_[found->token];
        std::size_t begin = found->at, end = begin + token.text.size();
        next = end;
        if (token.single_word && (word_before(begin) || word_at(end)))
            continue;
        if (token.lstrip)
            begin = std::max(done, before_space(text, begin, done));
        if (token.rstrip)
            end = spaces.behind(end);
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
