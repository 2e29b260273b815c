// Unpacking of the character tables, and the questions that are asked of them.
#include "engine/text/unicode.h"
#include "engine/text/unicode_tables.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cctype>
#include <map>
#include <string>

namespace switchyard {

namespace {

constexpr char32_t kCodes = 0x110000;

class Unpacker {
  public:
    explicit Unpacker(std::string_view packed) : packed_(packed) {}
    bool more() const { return at_ < packed_.size(); }
    std::uint32_t number() {
        std::uint32_t value = 0;
        for (int shift = 0;; shift += 5) {
            const std::uint32_t digit = digit_of(packed_[at_++]);
            value |= (digit & 31) << shift;
            if (digit < 32)
                return value;
        }
    }

  private:
    static std::uint32_t digit_of(char c) {
        if (c >= 'A' && c <= 'Z')
            return static_cast<std::uint32_t>(c - 'A');
        if (c >= 'a' && c <= 'z')
            return static_cast<std::uint32_t>(c - 'a' + 26);
        return c == '+' ? 62 : c == '/' ? 63 : static_cast<std::uint32_t>(c - '0' + 52);
    }
    std::string_view packed_;
    std::size_t at_ = 0;
};

void append(CodeRanges& ranges, CodeRange range) {
    if (!ranges.empty() && ranges.back().last + 1 == range.first)
        ranges.back().last = range.last;
    else
        ranges.push_back(range);
}

/// Runs that cover all code points, gathered by their value.
std::vector<CodeRanges> unpack_runs(std::string_view packed) {
    std::vector<CodeRanges> by_value;
    Unpacker in(packed);
    for (char32_t at = 0; in.more();) {
        const char32_t length = in.number();
        const std::size_t value = in.number();
        if (value >= by_value.size())
            by_value.resize(value + 1);
        by_value[value].push_back({at, at + length - 1});
        at += length;
    }
    return by_value;
}

std::string lowered(std::string_view name) {
    std::string out;
    for (const char c : name)
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

using RangesByName = std::map<std::string, CodeRanges, std::less<>>;

/// "Lu" ... and "L" ... of all that begin with the letter.
RangesByName categories() {
    constexpr std::string_view names = "LuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCoCsCn";
    const std::vector<CodeRanges> runs = unpack_runs(unicode_tables::kCategories);
    RangesByName out;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const std::string_view name = names.substr(2 * i, 2);
        out.emplace(name, runs[i]);
        CodeRanges& whole = out[std::string(name.substr(0, 1))];
        whole = joined(std::move(whole), runs[i]);
    }
    return out;
}

RangesByName scripts() {
    const std::vector<CodeRanges> runs = unpack_runs(unicode_tables::kScripts);
    RangesByName out;
    std::string_view names = unicode_tables::kScriptNames;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const std::string_view both = names.substr(0, names.find(','));
        names.remove_prefix(std::min(both.size() + 1, names.size()));
        if (i == 0)
            continue;
        const std::size_t gap = both.find(' ');
        out.emplace(lowered(both.substr(0, gap)), runs[i]);
        out.emplace(lowered(both.substr(gap + 1)), runs[i]);
    }
    return out;
}

/// Answers by a bit a character.
class BitSet {
  public:
    explicit BitSet(const CodeRanges& ranges) : bits_(kCodes) {
        for (const CodeRange& range : ranges)
            std::fill(bits_.begin() + range.first, bits_.begin() + range.last + 1, true);
    }
    explicit BitSet(std::string_view packed) : BitSet(unicode_tables::unpack_set(packed)) {}
    bool has(char32_t code) const { return code < kCodes && bits_[code]; }

  private:
    std::vector<bool> bits_;
};

struct LowerMove {
    char32_t first, last;
    std::uint32_t stride;
    std::int32_t delta;
};

std::vector<LowerMove> unpack_moves(std::string_view packed) {
    std::vector<LowerMove> moves;
    Unpacker in(packed);
    for (char32_t at = 0; in.more();) {
        LowerMove move{};
        move.first = at + in.number();
        const std::uint32_t steps = in.number();
        move.stride = in.number();
        move.last = at = move.first + steps * move.stride;
        const auto delta = static_cast<std::int32_t>(in.number());
        move.delta = delta % 2 != 0 ? -(delta / 2) : delta / 2;
        moves.push_back(move);
    }
    return moves;
}

} // namespace

CodeRanges unicode_tables::unpack_set(std::string_view packed) {
    CodeRanges ranges;
    Unpacker in(packed);
    for (char32_t at = 0; in.more();) {
        const char32_t first = at + in.number(), last = first + in.number();
        append(ranges, {first, last});
        at = last + 1;
    }
    return ranges;
}

bool contains(const CodeRanges& ranges, char32_t code) {
    const auto after = std::ranges::upper_bound(ranges, code, {}, &CodeRange::first);
    return after != ranges.begin() && code <= (after - 1)->last;
}

CodeRanges both(const CodeRanges& a, const CodeRanges& b) {
    CodeRanges out;
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
        const char32_t first = std::max(a[i].first, b[j].first), last = std::min(a[i].last, b[j].last);
        if (first <= last)
            append(out, {first, last});
        a[i].last < b[j].last ? ++i : ++j;
    }
    return out;
}

CodeRanges joined(CodeRanges a, const CodeRanges& b) {
    a.insert(a.end(), b.begin(), b.end());
    std::ranges::sort(a, {}, &CodeRange::first);
    CodeRanges out;
    for (const CodeRange& range : a) {
        if (!out.empty() && range.first <= out.back().last + 1)
            out.back().last = std::max(out.back().last, range.last);
        else
            out.push_back(range);
    }
    return out;
}

const CodeRanges* category_ranges(std::string_view name) {
    static const RangesByName all = categories();
    const auto found = all.find(name);
    return found == all.end() ? nullptr : &found->second;
}

const CodeRanges* script_ranges(std::string_view name) {
    static const RangesByName all = scripts();
    const auto found = all.find(lowered(name));
    return found == all.end() ? nullptr : &found->second;
}

const CodeRanges& changed_since_14() {
    static const CodeRanges ranges = unicode_tables::unpack_set(unicode_tables::kChanged);
    return ranges;
}

bool is_number(char32_t code) {
    static const BitSet set(unicode_tables::kNumeric);
    return set.has(code);
}

bool is_punctuation(char32_t code) {
    static const BitSet set(unicode_tables::kPunctuation);
    return set.has(code);
}

bool is_word(char32_t code) {
    static const BitSet set(unicode_tables::kWordCharacters);
    return set.has(code);
}

bool is_accent(char32_t code) {
    static const BitSet set(unicode_tables::kAccents);
    return set.has(code);
}

bool is_normalized_otherwise(char32_t code) {
    static const BitSet set(unicode_tables::kNormalized);
    return set.has(code);
}

char32_t lower_of(char32_t code) {
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + 32 : code;
    static const std::vector<LowerMove> moves = unpack_moves(unicode_tables::kLowerCase);
    const auto after = std::ranges::upper_bound(moves, code, {}, &LowerMove::first);
    // Two moves may alternate: upper and lower case beside titles.
    for (auto at = after; at != moves.begin() && after - at < 4;) {
        --at;
        if (code <= at->last && (code - at->first) % at->stride == 0)
            return static_cast<char32_t>(static_cast<std::int32_t>(code) + at->delta);
    }
    return code;
}

} // namespace switchyard
