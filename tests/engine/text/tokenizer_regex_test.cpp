// The regular expressions of tokenizer files.
#include "engine/base/error.h"
#include "engine/text/regex.h"
#include "engine/text/unicode.h"
#include "tests/engine/text/tokenizer_fixture.h"

#include <gtest/gtest.h>

#include <vector>

namespace switchyard {
namespace {

std::vector<std::string> matches(const char* pattern, std::string_view text) {
    const Regex regex(pattern);
    Regex::Scratch scratch(regex);
    Regex::Match match;
    std::vector<std::string> out;
    for (std::size_t from = 0; from < text.size() && scratch.find(text, from, match);) {
        out.emplace_back(text.substr(match.begin, match.end - match.begin));
        from = match.end > match.begin ? match.end : match.end + 1;
    }
    return out;
}

using Strings = std::vector<std::string>;

TEST(TokenizerRegex, WhiteSpaceIsUnicodes) {
    EXPECT_EQ(matches("\\s+", "a\u3000\u00a0b\u180ec\u200bd\u0085"), (Strings{"\u3000\u00a0", "\u0085"}));
    EXPECT_EQ(matches("[^\\s]+", "a\u3000b"), (Strings{"a", "b"}));
    EXPECT_EQ(matches("[\\S1]+", "a 1"), (Strings{"a", "1"}));
}

TEST(TokenizerRegex, IntervalPlusRepeats) {
    EXPECT_EQ(matches("\\d{1,2}+x", "12345x"), Strings{"12345x"});
    EXPECT_EQ(matches("(ab|c){2}+", "abcabcab"), Strings{"abcabc"});
    EXPECT_EQ(matches("a{,2}b", "aab"), Strings{"aab"});
    EXPECT_EQ(matches("a{b", "xa{b"), Strings{"a{b"});
}

TEST(TokenizerRegex, ClassesNestAndIntersect) {
    EXPECT_EQ(matches("[\\p{L}&&[^\\p{Lu}]]+", "abCDe"), (Strings{"ab", "e"}));
    EXPECT_EQ(matches("[a[0-9]]+", "a1b2"), (Strings{"a1", "2"}));
    EXPECT_EQ(matches("[^a[0-9]]+", "a1b2"), Strings{"b"});
    EXPECT_EQ(matches("[]x]+", "]x"), Strings{"]x"});
    EXPECT_EQ(matches("[[:digit:]a]+", "1a"), Strings{"1a"});
}

TEST(TokenizerRegex, PropertiesAndCase) {
    EXPECT_EQ(matches("\\p{Letter}+|\\p{^L}+", "ab12"), (Strings{"ab", "12"}));
    EXPECT_EQ(matches("(?i:'s)", "'S '\u017f"), (Strings{"'S", "'\u017f"}));
    EXPECT_EQ(matches("(?m:a.b)", "a\nb"), Strings{"a\nb"});
    EXPECT_EQ(matches("\\u4e00", "\u4e00"), Strings{"\u4e00"});
    EXPECT_EQ(matches(literal_pattern("a.b[\u2581]").c_str(), "axb[\u2581]a.b[\u2581]"),
              Strings{"a.b[\u2581]"});
}

// Every set, for every assigned character (tests/oracle/regex_sets.py).
TEST(TokenizerRegex, SetsHoldWhatTheReferenceSays) {
    const nlohmann::json sets = read_json_fixture("tokenizers/regex_sets.json");
    ASSERT_GT(sets.at("matched").size(), 60u);
    for (const auto& [pattern, matched] : sets.at("matched").items()) {
        const Regex regex(pattern);
        Regex::Scratch scratch(regex);
        std::vector<std::uint32_t> wrong;
        std::size_t next = 0; // of the ranges that match
        for (const auto& range : sets.at("asked"))
            for (std::uint32_t code = range[0]; code <= range[1].get<std::uint32_t>(); ++code) {
                while (next < matched.size() && matched[next][1].get<std::uint32_t>() < code)
                    ++next;
                const bool expected = next < matched.size() && matched[next][0].get<std::uint32_t>() <= code;
                std::string text;
                append_utf8(text, code);
                Regex::Match match;
                if (scratch.find(text, 0, match) != expected)
                    wrong.push_back(code);
            }
        EXPECT_TRUE(wrong.empty()) << pattern << ": " << wrong.size() << " wrong, the first U+" << std::hex
                                   << (wrong.empty() ? 0 : wrong[0]);
    }
}

TEST(TokenizerRegex, WordBoundariesAreThoseOfWords) {
    EXPECT_EQ(matches("\\b.", "a\u0e33 \u0301b-\u00b2"), (Strings{"a", " ", "\u0301", "-", "\u00b2"}));
    EXPECT_EQ(matches("\\B.", "ab, c"), (Strings{"b", " "}));
}

TEST(TokenizerRegex, EmptyMatchesCountOnce) {
    const Regex regex("x*");
    Regex::Scratch scratch(regex);
    RegexMatches found(scratch, "xxab\u00e9");
    Regex::Match match;
    std::vector<std::pair<std::size_t, std::size_t>> all;
    while (found.next(match))
        all.emplace_back(match.begin, match.end);
    EXPECT_EQ(all, (std::vector<std::pair<std::size_t, std::size_t>>{{0, 2}, {3, 3}, {4, 4}, {6, 6}}));
}

TEST(TokenizerRegex, BadPatternsAreNamed) {
    for (const char* pattern : {"(", "[a", "\\", "\\p{Nothing}", "a**b", "\\u12", "[[[[[[[[[[[[[[[[[[[["})
        try {
            const Regex regex(pattern);
            ADD_FAILURE() << pattern;
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find(pattern), std::string::npos);
        }
}

} // namespace
} // namespace switchyard
