// Tokenizers of folders written in GGUF's keys: read back, they give the same ids.
#include "engine/files/gguf_writer.h"
#include "engine/model/folder_tokenizer.h"
#include "engine/model/model_config.h"
#include "engine/text/tokenizer.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace switchyard {
namespace {

class FolderTokenizer : public testing::Test {
  protected:
    /// A folder with the files of a fixture.
    std::filesystem::path fixture(const std::string& name) {
        const std::string part = "/reference/tokenizers/" + name;
        std::filesystem::copy_file(SWITCHYARD_TEST_WORK + part + "/tokenizer.json",
                                   folder_ / "tokenizer.json");
        std::filesystem::copy_file(SWITCHYARD_TEST_DATA + part + "/tokenizer_config.json",
                                   folder_ / "tokenizer_config.json");
        return folder_;
    }

    const test::TemporaryFolder temporary_;
    const std::filesystem::path& folder_ = temporary_.path();
};

void expect_same_ids(const std::filesystem::path& folder, const Metadata& metadata) {
    Metadata all = metadata;
    all.set("general.architecture", std::string("llama"));
    GgufWriter(folder / "tokenizer.gguf", all, {}).finish();
    const auto own = load_tokenizer_folder(folder);
    const auto written = make_tokenizer(*read_tokenizer(*open_gguf(folder / "tokenizer.gguf")));
    EXPECT_EQ(written->bos(), own->bos());
    EXPECT_EQ(written->eos(), own->eos());
    for (std::int32_t id = 0; id < static_cast<std::int32_t>(own->size()); ++id)
        ASSERT_EQ(written->is_end(id), own->is_end(id)) << id;
    std::ifstream source(__FILE__);
    std::string text{std::istreambuf_iterator<char>(source), {}};
    text += "\xE5\x9C\xA8\xE7\xBA\xBF 2024\xE5\xB9\xB4 <|im_start|> <\xEF\xBD\x9C"
            "User\xEF\xBD\x9C>  \xC3\xA9";
    EXPECT_EQ(written->encode(text, true), own->encode(text, true));
    for (const std::int32_t id : own->encode(text, true)) {
        EXPECT_EQ(written->token_bytes(id), own->token_bytes(id)) << id;
        EXPECT_EQ(written->is_special(id), own->is_special(id)) << id;
    }
}

TEST_F(FolderTokenizer, Qwen3) {
    Metadata metadata;
    ASSERT_EQ(add_folder_tokenizer(fixture("qwen3"), 151936, metadata), "");
    EXPECT_EQ(metadata.text("tokenizer.ggml.pre"), "qwen2");
    EXPECT_EQ(metadata.texts("tokenizer.ggml.tokens")->size(), 151936u);
    EXPECT_EQ(metadata.texts("tokenizer.ggml.tokens")->back(), "[PAD151935]");
    expect_same_ids(folder_, metadata);
}

TEST_F(FolderTokenizer, CarriesEveryIdThatEndsAnAnswer) {
    fixture("qwen3");
    std::ofstream(folder_ / "generation_config.json") << R"({"eos_token_id": [151645, 151643, 77, 78, 79]})";
    Metadata metadata;
    ASSERT_EQ(add_folder_tokenizer(folder_, 151936, metadata), "");
    expect_same_ids(folder_, metadata);
    // For other programs, as far as GGUF has names.
    EXPECT_TRUE(metadata.uint("tokenizer.ggml.eot_token_id"));
    EXPECT_TRUE(metadata.uint("tokenizer.ggml.eom_token_id"));
    const auto tokenizer = make_tokenizer(*read_tokenizer(*open_gguf(folder_ / "tokenizer.gguf")));
    for (const std::int32_t id : {151645, 151643, 77, 78, 79})
        EXPECT_TRUE(tokenizer->is_end(id)) << id;
}

/// As transformers writes the configuration of a state space.
TEST_F(FolderTokenizer, StandsBesideAConfigurationWithNumbersWithoutEnd) {
    fixture("qwen3");
    std::ofstream(folder_ / "config.json")
        << R"({"eos_token_id": 77, "time_step_limit": [0.0, Infinity], "note": "to Infinity"})";
    EXPECT_TRUE(load_tokenizer_folder(folder_)->is_end(77));
}

TEST_F(FolderTokenizer, DeepSeekV3) {
    Metadata metadata;
    ASSERT_EQ(add_folder_tokenizer(fixture("deepseek_v3"), 129280, metadata), "");
    EXPECT_EQ(metadata.text("tokenizer.ggml.pre"), "deepseek-v3");
    expect_same_ids(folder_, metadata);
}

TEST_F(FolderTokenizer, SaysWhatItCannotWrite) {
    Metadata metadata;
    EXPECT_EQ(add_folder_tokenizer(folder_, 10, metadata), "the folder has no tokenizer.json");
    std::ofstream(folder_ / "tokenizer.json") << R"({"model": {"type": "Unigram", "vocab": []}})";
    EXPECT_NE(add_folder_tokenizer(folder_, 10, metadata), "");
    EXPECT_TRUE(metadata.entries().empty());
}

} // namespace
} // namespace switchyard
