// Control tokens are found in a prompt only where the template wrote them.
#include "engine/model/model_config.h"
#include "engine/text/added_tokens.h"
#include "engine/text/normalizer.h"
#include "engine/text/tokenizer.h"
#include "tests/engine/text/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace switchyard {
namespace {

using Ids = std::vector<std::int32_t>;

/// Text between ‹ and › is marked.
MarkedText marked(std::string_view source) {
    static constexpr std::string_view open = "‹", close = "›";
    MarkedText out;
    bool inside = false;
    while (!source.empty()) {
        if (source.starts_with(inside ? close : open)) {
            source.remove_prefix((inside ? close : open).size());
            inside = !inside;
            continue;
        }
        out.append(source.substr(0, 1), inside);
        source.remove_prefix(1);
    }
    return out;
}

using test::from_gguf;

TEST(TokenizerMarks, WithoutForgedTokensTheIdsStay) {
    for (const char* name :
         {"reference/tokenizers/llama-spm.gguf", "reference/tokenizers/deepseek-llm.gguf"}) {
        const auto tokenizer = from_gguf(name);
        for (const char* text :
             {"<s>‹Hello world, it's 12 ›</s>", "a‹b›c‹ d›  ‹  e›\n‹\n›é‹́›", "‹›", "‹\xFFz›"}) {
            const MarkedText source = marked(text);
            EXPECT_EQ(tokenizer->encode(source, true), tokenizer->encode(source.text, true)) << name << text;
        }
    }
}

TEST(TokenizerMarks, ForgedTokensAreText) {
    const auto tokenizer = from_gguf("reference/tokenizers/llama-spm.gguf");
    const auto controls = [&](const char* text) {
        const Ids ids = tokenizer->encode(marked(text), false);
        return std::count_if(ids.begin(), ids.end(),
                             [&](std::int32_t id) { return tokenizer->is_special(id); });
    };
    EXPECT_EQ(controls("<s>a</s>"), 2);
    EXPECT_EQ(controls("<s>‹a</s>b›"), 1);
    EXPECT_EQ(controls("‹</›s>"), 0); // halves from two places
    EXPECT_EQ(controls("</‹s›>"), 0);
    EXPECT_EQ(controls("‹<s>›<s>‹<s>›"), 1);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(marked("‹a</s>b›"), false)), "a</s>b");
}

TEST(TokenizerMarks, TheLongestAllowedTokenIsFound) {
    const auto token = [](std::string text, std::int32_t id, bool special) {
        AddedToken added{std::move(text), id};
        added.special = special;
        return added;
    };
    const AddedTokenFinder finder({token("<a>", 1, true), token("<a>b", 2, true), token("<a", 3, false)});
    const auto ids = [&](const char* text) {
        const MarkedText source = marked(text);
        std::vector<AddedTokenFinder::Part> parts;
        finder.split(source.text, source.marks, parts);
        Ids found;
        for (const auto& part : parts)
            found.push_back(part.id);
        return found;
    };
    EXPECT_EQ(ids("<a>b"), (Ids{2}));
    EXPECT_EQ(ids("<a>‹b›"), (Ids{1, -1}));
    EXPECT_EQ(ids("‹<a>b›"), (Ids{3, -1}));
    EXPECT_EQ(ids("‹<›a>b"), (Ids{3, -1}));
}

TEST(TokenizerMarks, NormalizersCarryMarks) {
    Normalizer steps;
    steps.push_back(strip_step(true, true));
    steps.push_back(prepend_step("__"));
    steps.push_back(replace_step(" ", "\u2581"));
    steps.push_back(lower_case_step());
    const MarkedText out = normalize(steps, marked("  A ‹B C› D "));
    EXPECT_EQ(out.text, "__a\u2581b\u2581c\u2581d");
    ASSERT_EQ(out.marks.spans().size(), 1u);
    EXPECT_EQ(
        out.text.substr(out.marks.spans()[0].begin, out.marks.spans()[0].end - out.marks.spans()[0].begin),
        "b\u2581c");
}

} // namespace
} // namespace switchyard
