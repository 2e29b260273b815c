// Every character class, step and normal form for every assigned character, against sums of what the
// tokenizers library answers (tests/oracle/unicode_tables.py).
#include "engine/text/normalizer.h"
#include "engine/text/pretokenizer.h"
#include "engine/text/regex.h"
#include "engine/text/tokenizer.h"
#include "engine/text/unicode.h"
#include "engine/text/unicode_tables.h"
#include "tests/engine/text/tokenizer_fixture.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace switchyard {
namespace {

class Sum {
  public:
    void add(char32_t value) { sum_ = (sum_ ^ value) * 0x100000001B3; }
    std::string text() const { return std::to_string(sum_); }

  private:
    std::uint64_t sum_ = 0xCBF29CE484222325;
};

std::vector<char32_t> assigned() {
    const CodeRanges *none = category_ranges("Cn"), *own = category_ranges("Co"),
                     *half = category_ranges("Cs");
    std::vector<char32_t> codes;
    for (char32_t code = 0; code < 0x110000; ++code)
        if (!contains(*none, code) && !contains(*own, code) && !contains(*half, code))
            codes.push_back(code);
    return codes;
}

template <typename Matches>
nlohmann::json summed(const std::vector<char32_t>& codes, Matches&& matches) {
    CodeRanges ranges;
    std::size_t count = 0;
    for (const char32_t code : codes) {
        if (!matches(code))
            continue;
        ++count;
        if (!ranges.empty() && ranges.back().last + 1 == code)
            ranges.back().last = code;
        else
            ranges.push_back({code, code});
    }
    Sum sum;
    for (const CodeRange& range : ranges) {
        sum.add(range.first);
        sum.add(range.last);
    }
    return {count, sum.text()};
}

std::string utf8(char32_t code) {
    std::string text;
    append_utf8(text, code);
    return text;
}

TEST(UnicodeSweep, ClassesOfPatternsAreTheReferences) {
    const nlohmann::json sweep = read_json_fixture("tokenizers/unicode_sweep.json");
    const std::vector<char32_t> codes = assigned();
    ASSERT_GT(sweep.at("classes").size(), 200u);
    for (const auto& [pattern, expected] : sweep.at("classes").items()) {
        const Regex regex(pattern);
        Regex::Scratch scratch(regex);
        Regex::Match match;
        EXPECT_EQ(summed(codes, [&](char32_t code) { return scratch.find(utf8(code), 0, match); }), expected)
            << pattern;
    }
}

TEST(UnicodeSweep, StepsKnowTheReferencesCharacters) {
    const nlohmann::json steps = read_json_fixture("tokenizers/unicode_sweep.json").at("steps");
    const std::vector<char32_t> codes = assigned();
    EXPECT_EQ(summed(codes, is_number), steps.at("numeric"));
    EXPECT_EQ(summed(codes, is_punctuation), steps.at("punctuation"));
    EXPECT_EQ(summed(codes, is_word), steps.at("word"));
    EXPECT_EQ(summed(codes, is_accent), steps.at("accent"));
    EXPECT_EQ(summed(codes, is_white_space), steps.at("space"));
}

TEST(UnicodeSweep, NormalFormsAreTheReferences) {
    const nlohmann::json forms = read_json_fixture("tokenizers/unicode_sweep.json").at("forms");
    const std::vector<char32_t> codes = assigned();
    const auto sum_of = [&](auto&& form) {
        Sum sum;
        for (const char32_t code : codes)
            for (const std::string& text : {utf8(code), "a\u0345" + utf8(code) + "\u0334"}) {
                const std::string out = form(text);
                for (std::size_t at = 0; at < out.size(); at += utf8_at(out, at).length)
                    sum.add(utf8_at(out, at).code);
            }
        return sum.text();
    };
    for (const auto& [name, form] : {std::pair{"NFC", NormalForm::NFC},
                                     {"NFD", NormalForm::NFD},
                                     {"NFKC", NormalForm::NFKC},
                                     {"NFKD", NormalForm::NFKD}})
        EXPECT_EQ(sum_of([&](const std::string& text) { return normalize(text, form); }), forms.at(name))
            << name;
    EXPECT_EQ(sum_of([](const std::string& text) { return lower_case(text); }), forms.at("lower"));
}

TEST(UnicodeSweep, CharactersOfUnicode15And16AreWhatTheyAre) {
    const auto is = [](const char* pattern, char32_t code) {
        const Regex regex(pattern);
        Regex::Scratch scratch(regex);
        Regex::Match match;
        return scratch.find(utf8(code), 0, match);
    };
    EXPECT_TRUE(is("\\p{S}", 0x1FAE8)); // shaking face, Unicode 15
    EXPECT_TRUE(is("\\p{S}", 0x1F776)); // lunar eclipse symbol, Unicode 15
    EXPECT_TRUE(is("\\p{L}", 0x31350)); // an ideograph of Unicode 15
    EXPECT_TRUE(is("\\p{Han}", 0x31350));
    EXPECT_TRUE(is("\\p{Nd}", 0x10D40)); // a digit of Garay, Unicode 16
    EXPECT_TRUE(is("\\p{Lu}", 0x10D50)); // a letter of Garay
    EXPECT_FALSE(is("[\\p{L}\\p{N}\\p{P}\\p{S}]", 0x50005));
}

TEST(UnicodeSweep, TextsOfUnicode15And16BecomeTheReferencesTokens) {
    const test::TemporaryFolder folder;
    std::ofstream(folder.path() / "tokenizer.json")
        << read_json_fixture("reference/tokenizers/deepseek_v3/tokenizer.json").dump();
    const auto tokenizer = load_tokenizer_folder(folder.path());
    using Ids = std::vector<std::int32_t>;
    for (const auto& [text, ids] :
         {std::pair{"hi \U0001FAE8!? ok", Ids{6366, 7351, 107, 104, 3, 33, 9109}},
          {" \U0001FAE8\U0001FAE8x", Ids{7351, 107, 104, 3574, 107, 104, 90}},
          {"a\U0001F776\U0001F776\nb", Ids{67, 3574, 254, 117, 3574, 254, 117, 201, 68}},
          {"\U0001E4D0\U0001E4D1 \U0001E4D2",
           Ids{175, 255, 244, 241, 175, 255, 244, 242, 86387, 255, 244, 243}},
          {" \U00010D50\U00010D70 1\U00010D40",
           Ids{86387, 241, 116, 241, 120577, 116, 111, 223, 19, 120577, 116, 225}}})
        EXPECT_EQ(tokenizer->encode(text, false), ids) << text;
}

} // namespace
} // namespace switchyard
