#include "engine/text/bpe.h"

#include "engine/base/error.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <queue>

namespace switchyard {

namespace {

constexpr std::string_view space_mark = "\xE2\x96\x81"; // U+2581
constexpr std::size_t longest_cached_word = 48;
constexpr std::size_t most_cached_words = 1 << 17;
constexpr std::size_t longest_scanned_word = 64; // symbols; longer ones use a priority queue
constexpr std::size_t longest_piece = std::numeric_limits<std::uint32_t>::max() / 2;

std::size_t merge_slot(std::uint64_t pair, std::size_t slots) {
    pair *= 0x9E3779B97F4A7C15u;
    return static_cast<std::size_t>(pair ^ pair >> 29) & (slots - 1);
}

constexpr std::uint64_t no_pair = ~std::uint64_t{0};

std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
}

} // namespace

int byte_of_token(std::string_view token) {
    unsigned byte = 0;
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
        return -1;
    const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
    return error == std::errc() && end == token.data() + 5 ? static_cast<int>(byte) : -1;
}

// What one call of encode() needs again and again.
struct BpeModel::Workspace {
    struct Entry {
        std::uint64_t order; // rank, then position: the lowest goes first
        std::int32_t id;
        std::uint32_t end; // of the merged symbol: a stale entry has another one
        bool operator>(const Entry& other) const { return order > other.order; }
    };
    std::vector<Symbol> symbols;
    std::vector<Found> found; // the merge of symbol i with the next one
    std::vector<std::int32_t> previous, next;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    const std::vector<bool>* barred = nullptr;
    StringTable words; // cache: index into spans
    std::vector<std::pair<std::uint32_t, std::uint32_t>> spans;
    std::vector<std::int32_t> cached_ids;
};

BpeModel::BpeModel(std::vector<std::string> tokens,
                   const std::vector<std::pair<std::string_view, std::string_view>>& merges,
                   BpeOptions options)
    : options_(std::move(options)), tokens_(std::move(tokens)), by_text_(tokens_.size()) {
    for (std::size_t id = 0; id < tokens_.size(); ++id)
        if (!tokens_[id].empty())
            by_text_.insert(tokens_[id], static_cast<std::int32_t>(id));
    find_byte_tokens();
    find_joints();
    merges_.assign(std::bit_ceil(2 * merges.size() + 2), Merge{no_pair, no_rank, -1});
    std::string whole;
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        auto [left, right] = merges[rank];
        whole.assign(left);
        if (!options_.word_begin.empty() && right.starts_with(options_.word_begin))
            whole += right.substr(options_.word_begin.size());
        else
            whole += right;
        const std::int32_t left_id = by_text_.find(left), right_id = by_text_.find(right);
        const std::int32_t id = by_text_.find(whole);
        if (left_id >= 0 && right_id >= 0 && id >= 0)
            add_merge({pair_of(left_id, right_id), static_cast<std::uint32_t>(rank), id});
    }
}

BpeModel::BpeModel(std::vector<std::string> tokens, const std::vector<float>& scores,
                   const std::vector<bool>& usable, BpeOptions options)
    : options_(std::move(options)), tokens_(std::move(tokens)), by_text_(tokens_.size()) {
    find_byte_tokens();
    std::vector<std::int32_t> order;
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
        if (usable[id] && !tokens_[id].empty()) {
            by_text_.insert(tokens_[id], static_cast<std::int32_t>(id));
            order.push_back(static_cast<std::int32_t>(id));
        } else {
            tokens_[id].clear();
        }
    }
    find_joints();
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return scores[a] > scores[b]; });
    score_ranks_.assign(tokens_.size(), no_rank);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const bool tied = i > 0 && scores[order[i]] == scores[order[i - 1]];
        score_ranks_[order[i]] = tied ? score_ranks_[order[i - 1]] : static_cast<std::uint32_t>(i);
    }
}

// The symbol of each byte, or the tokens <0x00> .. <0xFF> that unknown characters fall back to.
void BpeModel::find_byte_tokens() {
    byte_tokens_.fill(-1);
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
        const std::string& token = tokens_[id];
        int byte = token.find_first_of("abcdef") == std::string::npos ? byte_of_token(token) : -1;
        if (options_.bytes_are_symbols)
            byte = token.size() == 1 ? static_cast<unsigned char>(token[0]) : -1;
        if (byte >= 0 && byte_tokens_[byte] < 0)
            byte_tokens_[byte] = static_cast<std::int32_t>(id);
    }
}

bool BpeModel::has_byte_tokens(std::string_view text) const {
    return std::all_of(text.begin(), text.end(),
                       [this](char c) { return byte_tokens_[static_cast<unsigned char>(c)] >= 0; });
}

// A long piece may be cut in front of a space mark if no token has one behind the character before it.
void BpeModel::find_joints() {
    if (options_.bytes_are_symbols || !options_.word_begin.empty() || !options_.word_end.empty() ||
        by_text_.find(space_mark) < 0)
        return;
    cuts_ = true;
    for (const std::string& token : tokens_)
        for (std::size_t at = token.find(space_mark, 1); at != std::string::npos;
             at = token.find(space_mark, at + 1))
            if (utf8_valid(token))
                joints_.push_back(utf8_before(token, at).code);
    joints_.push_back(U'\u2581'); // a run of marks stays whole
    std::sort(joints_.begin(), joints_.end());
    joints_.erase(std::unique(joints_.begin(), joints_.end()), joints_.end());
}

void BpeModel::add_merge(Merge merge) {
    for (std::size_t slot = merge_slot(merge.pair, merges_.size());; ++slot) {
        Merge& place = merges_[slot & (merges_.size() - 1)];
        if (place.pair == no_pair || place.pair == merge.pair) {
            place = merge;
            return;
        }
    }
}

bool BpeModel::is_barred(std::int32_t id, const Workspace& work) {
    return work.barred && id >= 0 && static_cast<std::size_t>(id) < work.barred->size() &&
           (*work.barred)[static_cast<std::size_t>(id)];
}

BpeModel::Found BpeModel::find_merge(std::string_view word, const Symbol& left, const Symbol& right,
                                     const Workspace& work) const {
    if (merges_.empty()) {
        const std::int32_t id = by_text_.find(word.substr(left.begin, right.end - left.begin));
        return id < 0 || is_barred(id, work) ? Found{no_rank, -1} : Found{score_ranks_[id], id};
    }
    const std::uint64_t pair = pair_of(left.id, right.id);
    for (std::size_t slot = merge_slot(pair, merges_.size());; ++slot) {
        const Merge& place = merges_[slot & (merges_.size() - 1)];
        if (place.pair == pair)
            return is_barred(place.id, work) ? Found{no_rank, -1} : Found{place.rank, place.id};
        if (place.pair == no_pair)
            return {no_rank, -1};
    }
}

void BpeModel::encode(const Pieces& pieces, std::vector<std::int32_t>& ids,
                      const std::vector<bool>* barred) const {
    Workspace work;
    work.barred = barred;
    ids.reserve(ids.size() + pieces.ranges.size() + 16);
    for (const Pieces::Range range : pieces.ranges)
        if (range.begin < range.end)
            encode_piece(pieces.view(range), work, ids);
}

bool BpeModel::may_cut(std::string_view piece, std::size_t at) const {
    return !std::binary_search(joints_.begin(), joints_.end(), utf8_before(piece, at).code);
}

void BpeModel::encode_piece(std::string_view piece, Workspace& work, std::vector<std::int32_t>& ids) const {
    if (piece.size() > longest_piece)
        throw Error("A piece of text is too long to be tokenized (over 2 GiB without a break)");
    if (options_.ignore_merges) {
        const std::int32_t id = by_text_.find(piece);
        if (id >= 0 && !is_barred(id, work)) {
            ids.push_back(id);
            return;
        }
    }
    std::size_t begin = 0;
    if (cuts_)
        for (std::size_t at = piece.find(space_mark, 1); at != std::string_view::npos;
             at = piece.find(space_mark, at + 1))
            if (may_cut(piece, at)) {
                encode_word(piece.substr(begin, at - begin), work, ids);
                begin = at;
            }
    encode_word(piece.substr(begin), work, ids);
}

void BpeModel::encode_word(std::string_view word, Workspace& work, std::vector<std::int32_t>& ids) const {
    const bool cached = word.size() <= longest_cached_word;
    const std::uint64_t hash = cached ? string_hash(word) : 0;
    if (cached) {
        const std::int32_t at = work.words.find(word, hash);
        if (at >= 0) {
            const auto [begin, count] = work.spans[at];
            for (std::uint32_t i = 0; i < count; ++i)
                ids.push_back(work.cached_ids[begin + i]);
            return;
        }
    }
    const std::size_t before = ids.size();
    split_symbols(word, work);
    if (work.symbols.size() <= longest_scanned_word)
        merge_short(word, work);
    else
        merge_long(word, work);
    emit(word, work.symbols, ids);
    if (cached && work.words.size() < most_cached_words) {
        work.words.insert(word, hash, static_cast<std::int32_t>(work.spans.size()));
        work.spans.emplace_back(work.cached_ids.size(), ids.size() - before);
        work.cached_ids.insert(work.cached_ids.end(), ids.begin() + static_cast<std::ptrdiff_t>(before),
                               ids.end());
    }
}

void BpeModel::split_symbols(std::string_view word, Workspace& work) const {
    std::vector<Symbol>& symbols = work.symbols;
    symbols.clear();
    const bool by_scores = merges_.empty();
    std::string spelled;
    bool pending = false; // an unknown token that waits for the next known character
    const auto add = [&](std::int32_t id) {
        const auto at = static_cast<std::uint32_t>(symbols.size());
        symbols.push_back({id, at, at + 1});
    };
    for (std::size_t at = 0; at < word.size();) {
        const auto lead = static_cast<unsigned char>(word[at]);
        const std::size_t length = options_.bytes_are_symbols ? 1 : utf8_length(lead);
        const std::size_t end = std::min(word.size(), at + length);
        std::string_view text = word.substr(at, end - at);
        if (!options_.word_begin.empty() || !options_.word_end.empty()) {
            spelled.assign(at > 0 ? options_.word_begin : "");
            spelled += text;
            spelled += end == word.size() ? options_.word_end : "";
            text = spelled;
        }
        std::int32_t id = options_.bytes_are_symbols ? byte_tokens_[lead] : by_text_.find(text);
        id = is_barred(id, work) ? -1 : id;
        if (by_scores) {
            symbols.push_back({id, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
        } else if (id >= 0) {
            if (pending)
                add(options_.unknown);
            pending = false;
            add(id);
        } else {
            add_unknown(text, pending, symbols);
        }
        at = end;
    }
    if (pending)
        add(options_.unknown);
}

// An unknown character of a vocabulary with merges. The unknown token is added once it is known what follows,
// which puts the bytes of a character between them first, as the tokenizers library has it.
void BpeModel::add_unknown(std::string_view text, bool& pending, std::vector<Symbol>& symbols) const {
    const auto add = [&](std::int32_t id) {
        const auto at = static_cast<std::uint32_t>(symbols.size());
        symbols.push_back({id, at, at + 1});
    };
    if (options_.byte_fallback && has_byte_tokens(text)) {
        for (const char c : text)
            add(byte_tokens_[static_cast<unsigned char>(c)]);
        return;
    }
    if (options_.unknown < 0)
        return;
    if (pending && !options_.fuse_unknown)
        add(options_.unknown);
    pending = true;
}

// Short words: the lowest rank is found by a scan.
void BpeModel::merge_short(std::string_view word, Workspace& work) const {
    std::vector<Symbol>& symbols = work.symbols;
    if (symbols.size() < 2)
        return;
    work.found.clear();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
        work.found.push_back(find_merge(word, symbols[i], symbols[i + 1], work));
    while (!work.found.empty()) {
        std::size_t best = 0;
        for (std::size_t i = 1; i < work.found.size(); ++i)
            if (work.found[i].rank < work.found[best].rank)
                best = i;
        if (work.found[best].rank == no_rank)
            return;
        symbols[best].id = work.found[best].id;
        symbols[best].end = symbols[best + 1].end;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
        work.found.erase(work.found.begin() + static_cast<std::ptrdiff_t>(best));
        if (best < work.found.size())
            work.found[best] = find_merge(word, symbols[best], symbols[best + 1], work);
        if (best > 0)
            work.found[best - 1] = find_merge(word, symbols[best - 1], symbols[best], work);
    }
}

// Long words: a queue of possible merges. An entry is stale once either of its symbols has grown; then the
// symbol after entry.position no longer ends where the entry says.
void BpeModel::merge_long(std::string_view word, Workspace& work) const {
    std::vector<Symbol>& symbols = work.symbols;
    const auto count = static_cast<std::int32_t>(symbols.size());
    constexpr std::int32_t swallowed = -2;
    work.previous.resize(symbols.size());
    work.next.resize(symbols.size());
    const auto push = [&](std::int32_t at) {
        const Symbol& right = symbols[work.next[at]];
        const Found found = find_merge(word, symbols[at], right, work);
        if (found.rank != no_rank)
            work.queue.push(
                {std::uint64_t{found.rank} << 32 | static_cast<std::uint32_t>(at), found.id, right.end});
    };
    for (std::int32_t i = 0; i < count; ++i) {
        work.previous[i] = i - 1;
        work.next[i] = i + 1 < count ? i + 1 : -1;
    }
    for (std::int32_t i = 0; i + 1 < count; ++i)
        push(i);
    while (!work.queue.empty()) {
        const Workspace::Entry entry = work.queue.top();
        work.queue.pop();
        const auto at = static_cast<std::int32_t>(entry.order & 0xFFFFFFFFu);
        const std::int32_t right = work.next[at];
        if (symbols[at].id == swallowed || right < 0 || symbols[right].end != entry.end)
            continue;
        symbols[at].id = entry.id;
        symbols[at].end = entry.end;
        symbols[right].id = swallowed;
        work.next[at] = work.next[right];
        if (work.next[at] >= 0) {
            work.previous[work.next[at]] = at;
            push(at);
        }
        if (work.previous[at] >= 0)
            push(work.previous[at]);
    }
    std::erase_if(symbols, [](const Symbol& symbol) { return symbol.id == swallowed; });
}

void BpeModel::emit(std::string_view word, const std::vector<Symbol>& symbols,
                    std::vector<std::int32_t>& ids) const {
    bool after_unknown = false;
    for (const Symbol& symbol : symbols) {
        if (symbol.id >= 0) {
            ids.push_back(symbol.id);
            after_unknown = false;
            continue;
        }
        const std::string_view text = word.substr(symbol.begin, symbol.end - symbol.begin);
        if (options_.byte_fallback && has_byte_tokens(text)) {
            for (const char c : text)
                ids.push_back(byte_tokens_[static_cast<unsigned char>(c)]);
        } else if (options_.unknown >= 0 && !(after_unknown && options_.fuse_unknown)) {
            ids.push_back(options_.unknown);
        }
        after_unknown = true;
    }
}

} // namespace switchyard
