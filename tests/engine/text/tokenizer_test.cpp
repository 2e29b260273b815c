// Tokenizers from GGUF vocabularies against ids by the models' own tokenizers.
#include "engine/base/error.h"
#include "engine/model/model_config.h"
#include "engine/text/tokenizer.h"
#include "tests/engine/text/gguf_tokenizer.h"
#include "tests/engine/text/tokenizer_fixture.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>

namespace switchyard {
namespace {

using test::from_gguf;

class GgufVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(GgufVectors, IdsAndTextAreTheModelsOwn) {
    const std::string name = std::string("reference/tokenizers/") + GetParam();
    const auto tokenizer = from_gguf(name + ".gguf");
    const auto vectors = read_json_fixture(name + ".vectors.json");
    ASSERT_GT(vectors.size(), 40u);
    for (const auto& vector : vectors) {
        const std::string text = vector.at("text");
        const auto ids = tokenizer->encode(text, false);
        EXPECT_EQ(ids, vector.at("ids").get<std::vector<std::int32_t>>()) << "'" << text << "'";
        EXPECT_EQ(tokenizer->decode(ids), text);
    }
}

INSTANTIATE_TEST_SUITE_P(Reference, GgufVectors, ::testing::Values("deepseek-llm", "llama-spm"));

TEST(Tokenizer, AddsBosOnlyWhenAsked) {
    const auto tokenizer = from_gguf("reference/tokenizers/deepseek-llm.gguf");
    EXPECT_EQ(tokenizer->encode("", true), std::vector<std::int32_t>{100000});
    EXPECT_EQ(tokenizer->encode("", false), std::vector<std::int32_t>{});
    EXPECT_EQ(tokenizer->bos(), 100000);
    EXPECT_TRUE(tokenizer->is_end(100001));
    EXPECT_TRUE(tokenizer->is_special(100000));
    EXPECT_FALSE(tokenizer->is_special(5));
}

TEST(Tokenizer, RecognisesSpecialTokensInText) {
    const auto tokenizer = from_gguf("reference/tokenizers/llama-spm.gguf");
    EXPECT_EQ(tokenizer->encode("<s>Hello world</s>", false), (std::vector<std::int32_t>{1, 15043, 3186, 2}));
    EXPECT_EQ(tokenizer->token_bytes(1), "<s>");
    EXPECT_EQ(tokenizer->token_bytes(15043), " Hello");
    EXPECT_EQ(tokenizer->token_bytes(3 + 0xE2), "\xE2"); // <0xE2>
    EXPECT_EQ(tokenizer->token_bytes(-1), "");
    EXPECT_EQ(tokenizer->token_bytes(1 << 20), "");
    EXPECT_EQ(tokenizer->decode(std::vector<std::int32_t>{1, 15043, 3186, 2}), "<s>Hello world</s>");
}

TEST(Tokenizer, InvalidUtf8IsReplacedOncePerMaximalPart) {
    const auto tokenizer = from_gguf("reference/tokenizers/deepseek-llm.gguf");
    EXPECT_EQ(tokenizer->decode(tokenizer->encode("a\xFF"
                                                  "b\xE2\x96z\xF0\x9F\x98",
                                                  false)),
              "a\uFFFDb\uFFFDz\uFFFD");
}

TokenizerData tiny() {
    TokenizerData data;
    data.model = "gpt2";
    data.pre = "gpt-2";
    data.tokens = {"a", "b", "c", "ab", "abc", "<|end|>", "bc"};
    data.kinds.assign(7, TokenKind::Normal);
    data.kinds[5] = TokenKind::Control;
    data.merges = {"a b", "ab c", "b c"};
    data.eos = 5;
    return data;
}

TEST(Tokenizer, MergesByRankFromTheLeft) {
    const auto tokenizer = make_tokenizer(tiny());
    EXPECT_EQ(tokenizer->encode("abcbcab<|end|>c", false), (std::vector<std::int32_t>{4, 6, 3, 5, 2}));
    std::string many;
    std::vector<std::int32_t> expected;
    for (int i = 0; i < 1000; ++i) { // long words take another path through the merges
        many += "abcbc";
        expected.insert(expected.end(), {4, 6});
    }
    EXPECT_EQ(tokenizer->encode(many, false), expected);
}

std::string error_of(TokenizerData data) {
    try {
        make_tokenizer(std::move(data));
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(Tokenizer, RefusesInconsistentData) {
    TokenizerData data = tiny();
    data.tokens.clear();
    EXPECT_NE(error_of(data).find("no tokens"), std::string::npos);
    data = tiny();
    data.kinds.pop_back();
    EXPECT_NE(error_of(data).find("6 token types"), std::string::npos);
    data = tiny();
    data.eos = 7;
    EXPECT_NE(error_of(data).find("EOS token 7"), std::string::npos);
    data = tiny();
    data.model = "t5";
    EXPECT_NE(error_of(data).find("'t5'"), std::string::npos);
    data = tiny();
    data.merges.push_back("alone");
    EXPECT_NE(error_of(data).find("'alone'"), std::string::npos);
    data = tiny();
    data.model = "llama";
    EXPECT_NE(error_of(data).find("0 scores"), std::string::npos);
    data.scores.assign(7, 0.0f);
    data.scores[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NE(error_of(data).find("token 3 is not a number"), std::string::npos);
}

TEST(Tokenizer, SpecialTokensNeverCutACharacter) {
    TokenizerData data = tiny();
    data.tokens.push_back("\x82"); // the last byte of the euro sign is 0xAC, the middle one 0x82
    data.kinds.push_back(TokenKind::Control);
    const auto tokenizer = make_tokenizer(std::move(data));
    EXPECT_EQ(tokenizer->encode("a\u20ACb", false), (std::vector<std::int32_t>{0, 1}));
}

// Gemma 4's: SentencePiece's alphabet, joined by merges over the whole text, lines included.
TEST(Tokenizer, MergesRunOverTheWholeTextWithMarksForSpaces) {
    TokenizerData data;
    data.model = "gemma4";
    data.tokens = {"<pad>", "<bos>", "<unk>", "<0x7A>", "\u2581", "a", "b", "ab", "\u2581ab", "\n", "\n\n"};
    data.merges = {"a b", "\u2581 ab", "\n \n"};
    data.bos = 1;
    data.unknown = 2;
    data.add_bos = false; // some files say so
    data.add_space_prefix = false;
    const auto tokenizer = make_tokenizer(data);
    EXPECT_EQ(tokenizer->encode("ab ab\n\nabz", true), (std::vector<std::int32_t>{1, 7, 8, 10, 7, 3}));
    EXPECT_EQ(tokenizer->decode(std::vector<std::int32_t>{7, 8, 10, 7, 3}), "ab ab\n\nabz");
}

TokenizerData pieces() {
    TokenizerData data;
    data.model = "llama";
    data.tokens = {"<unk>", "<s>", "\u2581", "a", "b", "ab", "\u2581a", "<|u|>"};
    data.scores = {0, 0, -1, -2, -3, -4, -5, 0};
    data.kinds.assign(8, TokenKind::Normal);
    data.kinds[0] = TokenKind::Unknown;
    data.kinds[1] = TokenKind::Control;
    data.kinds[7] = TokenKind::UserDefined;
    data.unknown = 0;
    data.bos = 1;
    data.add_bos = true;
    return data;
}

TEST(Tokenizer, SentencePieceMergesByScoreAndMarksSpaces) {
    const auto tokenizer = make_tokenizer(pieces());
    // "ab" scores more than the space with "a", so the space stays alone.
    EXPECT_EQ(tokenizer->encode("ab a", true), (std::vector<std::int32_t>{1, 2, 5, 6}));
    EXPECT_EQ(tokenizer->encode("a<|u|>a", false), (std::vector<std::int32_t>{6, 7, 6}));
    EXPECT_EQ(tokenizer->encode("axxb", false), (std::vector<std::int32_t>{6, 0, 4})); // a run is one <unk>
    EXPECT_EQ(tokenizer->decode(std::vector<std::int32_t>{1, 2, 5, 6}), "<s>ab a");
    EXPECT_EQ(tokenizer->token_bytes(6), " a");
}

TEST(Tokenizer, SentencePieceWithoutPrefix) {
    TokenizerData data = pieces();
    data.add_space_prefix = false;
    const auto tokenizer = make_tokenizer(std::move(data));
    EXPECT_EQ(tokenizer->encode("ab a", false), (std::vector<std::int32_t>{5, 6}));
    EXPECT_EQ(tokenizer->encode(" a", false), (std::vector<std::int32_t>{6}));
    EXPECT_EQ(tokenizer->decode(std::vector<std::int32_t>{6}), " a");
}

TEST(Tokenizer, KindsMayBeLeftOut) {
    TokenizerData data = pieces();
    data.kinds.clear();
    for (int byte = 0; byte < 256; ++byte) {
        char spelling[8];
        std::snprintf(spelling, sizeof spelling, "<0x%02X>", static_cast<unsigned>(byte));
        data.tokens.push_back(spelling);
        data.scores.push_back(0);
    }
    const auto tokenizer = make_tokenizer(std::move(data));
    EXPECT_EQ(tokenizer->encode("<s>a\u00e9", false), (std::vector<std::int32_t>{1, 6, 8 + 0xC3, 8 + 0xA9}));
    EXPECT_EQ(tokenizer->token_bytes(8 + 0xC3), "\xC3");
    EXPECT_TRUE(tokenizer->is_special(1));
}

TEST(Tokenizer, Phi3TokensTakeTheSpaceBehindThem) {
    TokenizerData data = pieces();
    for (const char* token : {"<|placeholder1|>", "<|end|>"}) {
        data.tokens.push_back(token);
        data.kinds.push_back(TokenKind::Control);
        data.scores.push_back(0);
    }
    const auto tokenizer = make_tokenizer(std::move(data));
    EXPECT_EQ(tokenizer->encode("<|end|> \n a", false), (std::vector<std::int32_t>{9, 6}));
    EXPECT_EQ(tokenizer->encode("<s> a", false), (std::vector<std::int32_t>{1, 2, 6}));
    EXPECT_TRUE(tokenizer->is_end(9));
}

TEST(Tokenizer, HarmonyMessagesDoNotEndTheAnswer) {
    TokenizerData data = tiny();
    for (const char* token : {"<|return|>", "<|call|>"}) {
        data.tokens.push_back(token);
        data.kinds.push_back(TokenKind::Control);
    }
    data.eos = 7;
    const auto tokenizer = make_tokenizer(std::move(data));
    EXPECT_FALSE(tokenizer->is_end(5)); // <|end|>
    EXPECT_TRUE(tokenizer->is_end(7));
    EXPECT_TRUE(tokenizer->is_end(8));
}

TEST(Utf8Assembler, HoldsBytesUntilTheyAreWhole) {
    Utf8Assembler assembler;
    EXPECT_EQ(assembler.push("a\xF0\x9F"), "a");
    EXPECT_EQ(assembler.push("\x98"), "");
    EXPECT_EQ(assembler.push("\x80z\xE2"), "\U0001F600z");
    EXPECT_EQ(assembler.push("\x28"), "\uFFFD(");
    EXPECT_EQ(assembler.push("\xC3"), "");
    EXPECT_EQ(assembler.flush(), "\uFFFD");
    EXPECT_EQ(assembler.flush(), "");
}

} // namespace
} // namespace switchyard
