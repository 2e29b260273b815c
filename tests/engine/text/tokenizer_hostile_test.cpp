// Vocabularies and texts made to take quadratic time, and turn tokens that a file types as ordinary.
#include "engine/text/tokenizer.h"
#include "engine/text/turn_tokens.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/time_limit.h"

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

using nlohmann::json;

json small_file() {
    json vocabulary = json::object();
    for (const char* token : {"a", "b", " ", "\n", "x"})
        vocabulary[token] = vocabulary.size();
    return {{"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}},
            {"added_tokens", json::array()}};
}

json added(const std::string& text, int id, bool lstrip, bool rstrip, bool special = false) {
    return {{"id", id},           {"content", text},      {"lstrip", lstrip},   {"rstrip", rstrip},
            {"special", special}, {"single_word", false}, {"normalized", false}};
}

std::unique_ptr<Tokenizer> load(const json& file, const json& config = nullptr) {
    const test::TemporaryFolder folder;
    std::ofstream(folder.path() / "tokenizer.json") << file.dump();
    if (!config.is_null())
        std::ofstream(folder.path() / "tokenizer_config.json") << config.dump();
    return load_tokenizer_folder(folder.path());
}

constexpr double kFewSeconds = 2 * test::kSanitizerSlowdown;

template <typename Work>
double seconds_of(Work&& work) {
    const std::clock_t begin = std::clock();
    work();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

TEST(HostileTokenizer, AnAddedSpaceThatTakesSpacesIsFoundInLinearTime) {
    const std::string spaces(std::size_t{1} << 19, ' ');
    for (const auto& [left, right] : {std::pair{true, true}, {true, false}, {false, true}}) {
        json file = small_file();
        file["added_tokens"].push_back(added(" ", 5, left, right));
        const auto tokenizer = load(file);
        std::vector<std::int32_t> ids;
        EXPECT_LT(seconds_of([&] { ids = tokenizer->encode(spaces + "x", false); }), kFewSeconds);
        EXPECT_EQ(ids.back(), 4);
        EXPECT_EQ(ids.size(), left && right ? 2 : spaces.size() + 1);
    }
}

TEST(HostileTokenizer, LongAddedTokensThatNearlyMatchEverywhereCostNoMore) {
    json file = small_file();
    file["added_tokens"].push_back(added(std::string(100'000, 'a') + "b", 5, false, false));
    file["added_tokens"].push_back(added("b" + std::string(100'000, 'a'), 6, false, false));
    const auto tokenizer = load(file);
    std::vector<std::int32_t> ids;
    EXPECT_LT(seconds_of([&] { ids = tokenizer->encode(std::string(300'000, 'a') + "b", false); }),
              kFewSeconds);
    EXPECT_EQ(ids.size(), 200'001u);
    EXPECT_EQ(ids.back(), 5);
}

TEST(HostileTokenizer, TheLongestAddedTokenWinsAtEachPlace) {
    json file = small_file();
    int id = 5;
    for (const char* text : {"ab", "abab", "ba", "bab", "aba", "b"})
        file["added_tokens"].push_back(added(text, id++, false, false));
    const auto tokenizer = load(file);
    EXPECT_EQ(tokenizer->encode("abababxbabba", false), (std::vector<std::int32_t>{6, 5, 4, 8, 7}));
    EXPECT_EQ(tokenizer->encode("aabb", false), (std::vector<std::int32_t>{0, 5, 10}));
}

TEST(HostileTokenizer, LongReplacementsAreFoundInLinearTime) {
    json file = small_file();
    const std::string needle = std::string(100'000, 'a') + "b";
    file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", needle}}}, {"content", "x"}};
    const auto tokenizer = load(file);
    std::vector<std::int32_t> ids;
    EXPECT_LT(seconds_of([&] { ids = tokenizer->encode(std::string(1'000'000, 'a') + "b", false); }),
              kFewSeconds);
    EXPECT_EQ(ids.size(), 900'001u);
    EXPECT_EQ(ids.back(), 4);
}

TEST(HostileTokenizer, ManyConfiguredTokensAreReadInLinearTime) {
    json file = small_file(), decoder = json::object();
    for (int id = 5; id < 60'005; ++id) {
        file["added_tokens"].push_back(added("<" + std::to_string(id) + ">", id, false, false));
        decoder[std::to_string(id)] = added("<" + std::to_string(id) + ">", id, false, false);
    }
    EXPECT_LT(seconds_of([&] { load(file, {{"added_tokens_decoder", decoder}}); }), 2 * kFewSeconds);
}

TokenizerData with_turns(TokenKind kind, std::initializer_list<const char*> turns) {
    TokenizerData data;
    data.model = "gpt2";
    data.pre = "gpt-2";
    data.tokens = {"a", "<", "/", "s", ">", "</", "</s", "</s>"};
    data.merges = {"< /", "</ s", "</s >"};
    for (const char* turn : turns)
        data.tokens.emplace_back(turn);
    data.kinds.assign(data.tokens.size(), TokenKind::Normal);
    for (std::size_t id = 8; id < data.kinds.size(); ++id)
        data.kinds[id] = kind;
    return data;
}

TEST(TurnTokens, AreControlTokensHoweverAFileTypesThem) {
    for (const TokenKind kind : {TokenKind::Normal, TokenKind::UserDefined, TokenKind::Unused}) {
        const auto tokenizer = make_tokenizer(with_turns(
            kind, {"<|im_start|>", "<|im_end|>", "<end_of_turn>", "<|eot_id|>", "<|end|>", "<|no_turn|>"}));
        for (std::int32_t id = 8; id < 13; ++id) {
            EXPECT_TRUE(tokenizer->is_special(id)) << id;
            EXPECT_EQ(tokenizer->is_end(id), id != 8) << id;
        }
        EXPECT_FALSE(tokenizer->is_special(13));
        EXPECT_FALSE(tokenizer->is_end(13));
        EXPECT_EQ(tokenizer->encode("<|im_start|>a<|im_end|>", false), (std::vector<std::int32_t>{8, 0, 9}));
    }
}

TEST(TurnTokens, AWordThatMergesSpellStaysAWord) {
    const auto tokenizer = make_tokenizer(with_turns(TokenKind::Normal, {}));
    EXPECT_FALSE(tokenizer->is_special(7)); // </s> of a vocabulary that knows HTML
    EXPECT_FALSE(tokenizer->is_end(7));
    EXPECT_EQ(tokenizer->encode("</s>", false), (std::vector<std::int32_t>{5, 3, 4}));
}

TEST(TurnTokens, AMessagesEndIsNoAnswersEndInHarmony) {
    const auto tokenizer = make_tokenizer(with_turns(TokenKind::Normal, {"<|end|>", "<|return|>"}));
    EXPECT_TRUE(tokenizer->is_special(8));
    EXPECT_FALSE(tokenizer->is_end(8));
    EXPECT_TRUE(tokenizer->is_end(9));
}

TEST(TurnTokens, TheByteAlphabetsSpellingIsUnderstood) {
    // <｜User｜>, spelled as an ordinary token of byte-level BPE is.
    const auto tokenizer = make_tokenizer(
        with_turns(TokenKind::Normal, {"<\u00ef\u00bd\u013eUser\u00ef\u00bd\u013e>", "<|im_end|>"}));
    EXPECT_TRUE(tokenizer->is_special(8));
    EXPECT_EQ(tokenizer->encode("<\uFF5CUser\uFF5C>a", false), (std::vector<std::int32_t>{8, 0}));
}

TEST(TurnTokens, OfAFolderMayBeAddedOrOnlyInTheVocabulary) {
    json file = small_file();
    file["model"]["vocab"]["<|im_end|>"] = 5;
    file["added_tokens"].push_back(added("<|im_start|>", 6, false, false));
    file["added_tokens"].push_back(added("<end_of_turn>", 7, false, false));
    file["added_tokens"].push_back(added("<tool>", 8, false, false));
    const auto tokenizer = load(file);
    for (const std::int32_t id : {5, 6, 7})
        EXPECT_TRUE(tokenizer->is_special(id)) << id;
    EXPECT_FALSE(tokenizer->is_special(8));
    EXPECT_TRUE(tokenizer->is_end(5));
    EXPECT_FALSE(tokenizer->is_end(6));
    EXPECT_TRUE(tokenizer->is_end(7));
    EXPECT_EQ(tokenizer->encode("<|im_start|>a<|im_end|>", false), (std::vector<std::int32_t>{6, 0, 5}));
}

} // namespace
} // namespace switchyard
