// The parts of a Hugging Face tokenizer.json: normalizer, pre-tokenizer, model, decoder and post-processor.
// Descriptions as the tokenizers library (0.23) reads them; what is not known here is refused by its name.
#pragma once

#include "engine/text/bpe.h"
#include "engine/text/decoder.h"
#include "engine/text/normalizer.h"
#include "engine/text/pipeline_tokenizer.h"
#include "engine/text/pretokenizer.h"
#include "engine/text/unicode.h"

#include <cstdint>
#include <filesystem>
#include <functional>
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

/// A pattern is {"String": literal} or {"Regex": expression}.
struct JsonPattern {
    std::string text;
    bool literal = false;
    Regex regex() const { return Regex(literal ? literal_pattern(text) : text); }
};
/// The step's 'pattern'.
JsonPattern json_pattern(const nlohmann::json& step);

/// Calls `use` for each step of nested Sequences, whose lists are called `list`, in order. Throws Error where
/// they are nested too deep or too many.
void each_json_step(const nlohmann::json& description, const char* list,
                    const std::function<void(const nlohmann::json&)>& use);

/// Ids may leave numbers out, but not so many that a table by id is mostly holes. Throws Error.
void check_id(std::int32_t id, std::size_t count, const std::string& token);

Normalizer normalizer_from_json(const nlohmann::json* description);
/// Whether a text may begin elsewhere than it did before.
bool removes_text(const nlohmann::json* normalizer);

struct JsonPreTokenizer {
    PreTokenizer steps;
    bool ends_in_byte_level = false; ///< left out of the steps then: bytes are symbols
    bool looks_at_start = false;     ///< a step treats the start of the input in another way
};
JsonPreTokenizer pre_tokenizer_from_json(const nlohmann::json* description);

Decoder decoder_from_json(const nlohmann::json* description);

/// What a token stands for in the middle of a text: its bytes, before any step looks at its neighbours.
class TokenSpeller {
  public:
    explicit TokenSpeller(const nlohmann::json* decoder);
    std::string bytes(std::string_view token) const;

  private:
    Decoder within_; // the steps that look at one token at a time
    ByteAlphabet alphabet_;
    bool byte_level_ = false, byte_fallback_ = false, spaced_ = false;
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
