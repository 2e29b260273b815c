// Tokenizers against ids by the Hugging Face tokenizers package (tests/oracle/tokenizer_oracle.py): texts
// from every Unicode block, white space of all kinds, numbers, contractions, code and special tokens.
#include "engine/base/error.h"
#include "engine/model/model_config.h"
#include "engine/text/tokenizer.h"
#include "engine/text/tokenizer_json.h"
#include "tests/engine/text/tokenizer_fixture.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/time_limit.h"

#include <gtest/gtest.h>

#include <ctime>

namespace switchyard {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path reference(const std::string& name) {
    return fs::path(SWITCHYARD_TEST_WORK) / "reference/tokenizers" / name;
}

void write(const test::TemporaryFolder& folder, const std::string& name, const json& value) {
    folder.write(name, value.dump());
}

// Qwen3's vocabulary under another pre-tokenizer's name, as a GGUF file would hold it.
TokenizerData qwen_vocabulary(const std::string& pre) {
    const json file = read_json_fixture("reference/tokenizers/qwen3/tokenizer.json");
    const json& vocab = file.at("model").at("vocab");
    TokenizerData data;
    data.model = "gpt2";
    data.pre = pre;
    data.tokens.resize(vocab.size());
    for (const auto& [token, id] : vocab.items())
        data.tokens[id.get<std::size_t>()] = token;
    data.kinds.assign(data.tokens.size(), TokenKind::Normal);
    data.tokens.push_back("<|end|>");
    data.kinds.push_back(TokenKind::Control);
    for (const json& merge : file.at("model").at("merges"))
        data.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    return data;
}

std::unique_ptr<Tokenizer> open_case(const std::string& name) {
    if (name == "qwen3" || name == "deepseek_v3")
        return load_tokenizer_folder(reference(name));
    if (name == "llama_gguf")
        return make_tokenizer(read_tokenizer(*open_gguf(reference("llama-spm.gguf"))).value());
    return make_tokenizer(qwen_vocabulary(name));
}

void expect_answers(const Tokenizer& tokenizer, const json& texts, const json& answers) {
    ASSERT_EQ(texts.size(), answers.at("ids").size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < texts.size() && wrong < 5; ++i) {
        const std::string text = texts[i];
        const auto ids = tokenizer.encode(text, false);
        const auto expected = answers.at("ids")[i].get<std::vector<std::int32_t>>();
        if (ids != expected) {
            ++wrong;
            ADD_FAILURE() << "text " << i << ": " << texts[i].dump() << "\nexpected " << json(expected).dump()
                          << "\ngot      " << json(ids).dump();
        }
        if (answers.at("round_trip")[i].get<bool>()) {
            EXPECT_EQ(tokenizer.decode(ids), text) << "text " << i;
        }
    }
}

class TokenizerVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(TokenizerVectors, IdsAreThoseOfTheReference) {
    const json vectors = read_json_fixture("tokenizers/vectors.json");
    ASSERT_GT(vectors.at("texts").size(), 500u);
    expect_answers(*open_case(GetParam()), vectors.at("texts"), vectors.at("answers").at(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Named, TokenizerVectors,
                         ::testing::Values("qwen3", "deepseek_v3", "llama_gguf", "gpt-2", "smollm",
                                           "llama-bpe", "gpt-4o", "qwen35", "minicpm5", "tekken", "kimi-k2",
                                           "jais-2", "seed-coder", "bailingmoe", "exaone-moe", "bloom",
                                           "viking", "superbpe", "tiny_aya", "deepseek-coder"));

// Descriptions made at random (tests/oracle/tokenizer_fuzz.py). What is not supported says so; the rest is as
// the reference has it.
TEST(TokenizerFolder, FollowsRandomDescriptionsOrRefusesThem) {
    const json cases = read_json_fixture("tokenizers/random.json");
    ASSERT_GT(cases.size(), 100u);
    std::size_t refused = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        SCOPED_TRACE(i);
        const json& one = cases[i];
        TokenizerFiles files;
        files.tokenizer = one.at("tokenizer");
        std::unique_ptr<Tokenizer> tokenizer;
        try {
            tokenizer = tokenizer_from_files(files, "folder");
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("not supported"), std::string::npos) << error.what();
            ++refused;
            continue;
        }
        for (std::size_t k = 0; k < one.at("texts").size(); ++k) {
            const std::string text = one.at("texts")[k];
            const auto ids = tokenizer->encode(text, false);
            EXPECT_EQ(json(ids), one.at("ids")[k]) << text;
            EXPECT_EQ(json(tokenizer->encode(text, true)), one.at("special_ids")[k]) << text;
            EXPECT_EQ(tokenizer->decode(ids), one.at("decoded")[k]) << text;
        }
        for (std::size_t k = 0; k < one.at("some_ids").size(); ++k)
            EXPECT_EQ(tokenizer->decode(one.at("some_ids")[k].get<std::vector<std::int32_t>>()),
                      one.at("some_decoded")[k]);
    }
    EXPECT_LT(refused, cases.size() / 2);
}

constexpr double kMostSeconds = 20 * test::kSanitizerSlowdown;

// A quarter of a megabyte without a break. Linear work takes well under a second; quadratic work, minutes.
TEST(Tokenizer, MonotonousTextTakesNoLongerThanOther) {
    const auto repeated = [](std::string_view part) {
        std::string text;
        while (text.size() < (std::size_t{1} << 18))
            text += part;
        return text + "x";
    };
    const std::string texts[] = {
        repeated("a"),      repeated(" "), repeated("\n "),          repeated("7"),
        repeated("\u6f22"), repeated("!"), repeated("\u0301\u0323"), repeated("<|end|> ")};
    for (const char* name : {"qwen3", "deepseek_v3", "llama_gguf", "gpt-4o", "kimi-k2", "deepseek-llm"}) {
        const auto tokenizer = open_case(name);
        for (const std::string& text : texts) {
            const std::clock_t begin = std::clock();
            const auto ids = tokenizer->encode(text, false);
            EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, kMostSeconds)
                << name << ": " << text.substr(0, 8);
            EXPECT_GT(ids.size(), 1u);
        }
    }
}

TEST(Tokenizer, AnUnknownPreTokenizerIsReplacedAndSaid) {
    const auto tokenizer = make_tokenizer(qwen_vocabulary("telepathy-9"));
    EXPECT_NE(tokenizer->note().find("'telepathy-9'"), std::string::npos);
    EXPECT_EQ(tokenizer->encode("Hello world 1234", false),
              make_tokenizer(qwen_vocabulary("default"))->encode("Hello world 1234", false));
    EXPECT_EQ(make_tokenizer(qwen_vocabulary("default"))->note(), "");
}

TEST(Tokenizer, SomePreTokenizersPutABosInFront) {
    const auto first = [](const std::string& pre, std::optional<bool> add) {
        TokenizerData data = qwen_vocabulary(pre);
        data.bos = 7;
        data.add_bos = add;
        return make_tokenizer(std::move(data))->encode("", true);
    };
    EXPECT_EQ(first("llama-bpe", std::nullopt), std::vector<std::int32_t>{7});
    EXPECT_EQ(first("llama-bpe", false), std::vector<std::int32_t>{});
    EXPECT_EQ(first("qwen2", std::nullopt), std::vector<std::int32_t>{});
    EXPECT_EQ(first("qwen2", true), std::vector<std::int32_t>{7});
}

TEST(TokenizerFolder, FollowsEveryDescription) {
    const json cases = read_json_fixture("tokenizers/described.json");
    ASSERT_GT(cases.size(), 15u);
    for (const auto& [name, one] : cases.items()) {
        SCOPED_TRACE(name);
        const test::TemporaryFolder folder;
        write(folder, "tokenizer.json", one.at("file"));
        expect_answers(*load_tokenizer_folder(folder.path()), one.at("texts"), one);
    }
}

TEST(TokenizerFolder, DeepSeekAddsBosByItsClass) {
    const test::TemporaryFolder folder;
    write(folder, "tokenizer.json", read_json_fixture("reference/tokenizers/deepseek_v3/tokenizer.json"));
    write(folder, "tokenizer_config.json",
          read_json_fixture("reference/tokenizers/deepseek_v3/tokenizer_config.json"));
    const auto tokenizer = load_tokenizer_folder(folder.path());
    EXPECT_EQ(tokenizer->bos(), 0);
    EXPECT_EQ(tokenizer->eos(), 1);
    EXPECT_EQ(tokenizer->size(), 128815u);
    EXPECT_EQ(tokenizer->encode("", true), std::vector<std::int32_t>{0});
    EXPECT_TRUE(tokenizer->is_end(1));
    EXPECT_TRUE(tokenizer->is_special(0));
    EXPECT_FALSE(tokenizer->is_special(3));
}

TEST(TokenizerFolder, GenerationConfigNamesFurtherEnds) {
    const test::TemporaryFolder folder;
    write(folder, "tokenizer.json", read_json_fixture("reference/tokenizers/qwen3/tokenizer.json"));
    write(folder, "tokenizer_config.json",
          read_json_fixture("reference/tokenizers/qwen3/tokenizer_config.json"));
    write(folder, "generation_config.json", {{"eos_token_id", {151645, 77}}});
    const auto tokenizer = load_tokenizer_folder(folder.path());
    EXPECT_EQ(tokenizer->bos(), -1);
    EXPECT_EQ(tokenizer->eos(), 151645); // <|im_end|>
    EXPECT_TRUE(tokenizer->is_end(77));
    EXPECT_TRUE(tokenizer->is_end(151643)); // <|endoftext|>
    EXPECT_FALSE(tokenizer->is_end(78));
    EXPECT_EQ(tokenizer->encode("hi", true), tokenizer->encode("hi", false));
}

TEST(TokenizerFolder, PostProcessorPutsTokensAround) {
    json file = read_json_fixture("tokenizers/described.json").at("marks").at("file");
    const auto token = [](const char* id) { return json{{"SpecialToken", {{"id", id}, {"type_id", 0}}}}; };
    file["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", {token("<a>"), {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}, token("<b>")}},
        {"pair", json::array()},
        {"special_tokens",
         {{"<a>", {{"id", "<a>"}, {"ids", {5, 6}}}}, {"<b>", {{"id", "<b>"}, {"ids", {7}}}}}}};
    const test::TemporaryFolder folder;
    write(folder, "tokenizer.json", file);
    EXPECT_EQ(load_tokenizer_folder(folder.path())->encode("", true), (std::vector<std::int32_t>{5, 6, 7}));
}

std::string folder_error(const json& file) {
    const test::TemporaryFolder folder;
    write(folder, "tokenizer.json", file);
    try {
        load_tokenizer_folder(folder.path());
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(TokenizerFolder, AnAddedTokenWhoseTextIsTakenIsNone) {
    json file = read_json_fixture("tokenizers/described.json").at("marks").at("file");
    const auto id = static_cast<std::int32_t>(file.at("model").at("vocab").size() + 100);
    file["added_tokens"].push_back({{"content", "\n\n"}, {"id", id}, {"lstrip", true}, {"rstrip", true}});
    const test::TemporaryFolder folder;
    write(folder, "tokenizer.json", file);
    const auto tokenizer = load_tokenizer_folder(folder.path());
    const std::vector<std::int32_t> x = tokenizer->encode("x", false);
    std::vector<std::int32_t> expected = {id};
    expected.insert(expected.end(), x.begin(), x.end());
    EXPECT_EQ(tokenizer->encode("\n\n\n\n\nx", false), expected);
}

TEST(TokenizerFolder, RefusesToGuessWhereTheInputBegins) {
    json file = read_json_fixture("tokenizers/described.json").at("metaspace_first").at("file");
    const auto replacing = [&](const char* from, const char* to) {
        file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
        return folder_error(file);
    };
    EXPECT_EQ(replacing(" ", "\u2581"), "");
    EXPECT_NE(replacing("  ", "xy").find("prepend_scheme 'first'"), std::string::npos);
    EXPECT_NE(replacing(" ", "").find("prepend_scheme 'first'"), std::string::npos);
}

TEST(TokenizerFolder, RefusesWhatItDoesNotKnowByName) {
    const json good = read_json_fixture("tokenizers/described.json").at("marks").at("file");
    const auto with = [&](const char* path, const json& value) {
        json file = good;
        file[json::json_pointer(path)] = value;
        return folder_error(file);
    };
    EXPECT_EQ(folder_error(good), "");
    EXPECT_NE(with("/model/type", "Unigram").find("'Unigram'"), std::string::npos);
    EXPECT_NE(with("/pre_tokenizer", {{"type", "Telepathy"}}).find("'Telepathy'"), std::string::npos);
    EXPECT_NE(with("/normalizer", {{"type", "Precompiled"}}).find("'Precompiled'"), std::string::npos);
    EXPECT_NE(with("/decoder", {{"type", "CTC"}}).find("'CTC'"), std::string::npos);
    EXPECT_NE(with("/model/vocab/far", 1 << 30).find("'far'"), std::string::npos);
    EXPECT_NE(with("/model/vocab/far", "x").find("'far'"), std::string::npos);
    EXPECT_NE(with("/model/merges/0", "alone").find("merge 0"), std::string::npos);
    EXPECT_NE(with("/added_tokens/0/id", -4).find("'<unk>'"), std::string::npos);
    EXPECT_NE(with("/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}}).find("'(a'"),
              std::string::npos);
    EXPECT_NE(folder_error(json::array()).find("tokenizer.json"), std::string::npos);
    json nested = {{"type", "NFC"}};
    for (int i = 0; i < 100; ++i)
        nested = {{"type", "Sequence"}, {"normalizers", json::array({nested})}};
    EXPECT_NE(with("/normalizer", nested).find("nested too deep"), std::string::npos);
}

TEST(TokenizerFolder, NamesTheFolderWithoutATokenizer) {
    const test::TemporaryFolder folder;
    try {
        load_tokenizer_folder(folder.path());
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("tokenizer.json"), std::string::npos);
    }
}

} // namespace
} // namespace switchyard
