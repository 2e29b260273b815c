// The parts of a Hugging Face tokenizer.json: normalizer, pre-tokenizer, model, decoder and post-processor.
// Descriptions as the tokenizers library (0.23) reads them; what is not known here is refused by its name.
#pragma once

#include "engine/text/bpe.h"
#include "engine/text/normalizer.h"
#include "engine/text/pipeline_tokenizer.h"
#include "engine/text/pretokenizer.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

// Field access that names the field in its Error. An absent or null field counts as not there.
const nlohmann::json* json_field(const nlohmann::json& object, const char* key);
std::string json_text(const nlohmann::json& object, const char* key);
std::string json_text_or(const nlohmann::json& object, const char* key, std::string fallback);
bool json_flag_or(const nlohmann::json& object, const char* key, bool fallback);
std::int64_t json_integer_or(const nlohmann::json& object, const char* key, std::int64_t fallback);
/// -1 for a value that is no integer or no possible id.
std::int32_t json_id(const nlohmann::json& value);

/// Ids may leave numbers out, but not so many that a table by id is mostly holes. Throws Error.
void check_id(std::int32_t id, std::size_t count, const std::string& token);

Normalizer normalizer_from_json(const nlohmann::json* description);

struct JsonPreTokenizer {
    PreTokenizer steps;
    bool ends_in_byte_level = false; ///< left out of the steps then: bytes are symbols
    SpacePrefix space_prefix = SpacePrefix::None;
};
JsonPreTokenizer pre_tokenizer_from_json(const nlohmann::json* description);

/// What tokens stand for.
class JsonDecoder {
  public:
    explicit JsonDecoder(const nlohmann::json* description);
    std::string bytes(std::string_view token) const;
    bool strips_first_space() const { return strips_first_space_; }
    bool space_behind_words() const { return space_behind_words_; }

  private:
    void add(const nlohmann::json& step);
    std::vector<std::pair<std::string, std::string>> replacements_; // in order
    ByteAlphabet alphabet_;
    bool byte_level_ = false, byte_fallback_ = false;
    bool strips_first_space_ = false, space_behind_words_ = false;
};

/// The vocabulary and merges of a BPE model.
struct JsonModel {
    std::vector<std::string> tokens; ///< by id; empty where no token has the id
    std::vector<std::pair<std::string, std::string>> merges;
    BpeOptions options;
};
JsonModel model_from_json(const nlohmann::json& description);

/// Ids around a single text.
struct JsonTemplate {
    std::vector<std::int32_t> first, last;
};
JsonTemplate template_from_json(const nlohmann::json* description);

std::vector<AddedToken> added_tokens_from_json(const nlohmann::json* list);

/// The files of a folder; null where one is not there.
struct TokenizerFiles {
    nlohmann::json tokenizer, tokenizer_config, generation_config, config;
};
/// Throws Error that names the file, in `folder`, that is wrong.
std::unique_ptr<Tokenizer> tokenizer_from_files(const TokenizerFiles& files,
                                                const std::filesystem::path& folder);

} // namespace switchyard
