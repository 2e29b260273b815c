#include "engine/run/draft_lookup.h"

#include <algorithm>

namespace switchyard {

std::uint64_t DraftLookup::hash(std::span<const std::int32_t> tokens) {
    std::uint64_t hash = 0;
    for (const std::int32_t token : tokens)
        hash = (hash ^ static_cast<std::uint32_t>(token)) * 0x9e3779b97f4a7c15ull;
    return hash;
}

/// How many tokens in front of `end` are those at the text's end.
std::size_t DraftLookup::agreeing(std::span<const std::int32_t> tokens, std::size_t end) const {
    std::size_t length = 0;
    while (length < std::min(end, kLongest) && tokens[end - 1 - length] == tokens[tokens.size() - 1 - length])
        ++length;
    return length;
}

/// Tokens that have to agree. A row computed in vain costs a fraction of a token: where few were right
/// lately, only what hardly happens by chance is worth one.
std::size_t DraftLookup::wanted() const { return right_ >= 0.4 ? kLength : right_ >= 0.15 ? 6 : 12; }

std::vector<std::int32_t> DraftLookup::find(std::span<const std::int32_t> tokens, int most) {
    const std::size_t size = tokens.size();
    for (std::size_t end = std::max(known_ + 1, kLength); end < size; ++end)
        behind_[hash(tokens.subspan(end - kLength, kLength))] = end;
    known_ = std::max(known_, size - std::min<std::size_t>(size, 1));
    if (size < kLength)
        return {};
    const auto found = behind_.find(hash(tokens.last(kLength)));
    if (found == behind_.end() || agreeing(tokens, found->second) < wanted())
        return {};
    const std::size_t begin = found->second, period = size - begin;
    std::vector<std::int32_t> drafts;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(most, 0)); ++i)
        drafts.push_back(tokens[begin + i % period]);
    return drafts;
}

void DraftLookup::note(int found, int right) {
    if (found > 0)
        right_ += 0.15 * (static_cast<double>(right) / found - right_);
}

} // namespace switchyard
