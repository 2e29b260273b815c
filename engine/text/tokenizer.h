// Text to token ids and back, exactly as the model's authors' own tokenizer does it.
#pragma once

#include "engine/text/marked_text.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

enum class TokenKind : std::uint8_t { Normal, Unknown, Control, UserDefined, Unused, Byte };

/// Everything a tokenizer is built from, read from GGUF metadata (tokenizer.ggml.*) or from a Hugging Face
/// folder.
struct TokenizerData {
    std::string model;               ///< "gpt2" (byte-level BPE), "llama" (SentencePiece BPE)
    std::string pre;                 ///< pre-tokenizer's name: "smollm", "gpt-2", "deepseek-llm", "qwen2" ...
    std::vector<std::string> tokens; ///< in GGUF's spelling (byte-level BPE: the GPT-2 byte alphabet)
    std::vector<TokenKind> kinds;    ///< one a token, or empty: as the ids below say
    std::vector<float> scores;       ///< SentencePiece
    std::vector<std::string> merges; ///< "left right"
    std::int32_t bos = -1, eos = -1, unknown = -1, padding = -1;
    std::vector<std::int32_t> end_of_turn; ///< further ids that end an answer
    std::optional<bool> add_bos;           ///< absent: as the model or pre-tokenizer has it
    bool add_eos = false, add_space_prefix = true;
};

/// Whether a BOS belongs in front of a text: as the data says, else as its model or pre-tokenizer has it.
bool adds_bos(const TokenizerData& data);

class Tokenizer {
  public:
    virtual ~Tokenizer() = default;
    /// Special tokens written in the text are always recognised; `add_special` adds BOS / EOS as the model
    /// wants them.
    virtual std::vector<std::int32_t> encode(std::string_view text, bool add_special) const = 0;
    /// The same, in one pass, but control tokens are only found where no byte is marked, and never come out
    /// of marked text; other added tokens are found everywhere.
    virtual std::vector<std::int32_t> encode(const MarkedText& text, bool add_special) const = 0;
    /// The bytes a token stands for in the middle of a text (special tokens: their spelling). May be part of
    /// a UTF-8 character. Empty for an id that is out of range.
    virtual std::string token_bytes(std::int32_t id) const = 0;
    /// The text of all ids, without the white space a SentencePiece model adds in front.
    virtual std::string decode(std::span<const std::int32_t> ids) const = 0;
    virtual std::size_t size() const = 0;
    virtual std::int32_t bos() const = 0; ///< -1: none
    virtual std::int32_t eos() const = 0;
    virtual bool is_end(std::int32_t id) const = 0;     ///< ends an answer (EOS, end of turn)
    virtual bool is_special(std::int32_t id) const = 0; ///< control token
    /// What a user should know of how the file was understood; empty: nothing.
    virtual std::string note() const { return {}; }
};

/// Throws Error where the data is inconsistent or the model is unknown (it is named). An unknown
/// pre-tokenizer is replaced by the default one, which a note says.
std::unique_ptr<Tokenizer> make_tokenizer(TokenizerData data);

/// From the files of a Hugging Face folder: tokenizer.json (followed as it describes itself) and
/// tokenizer_config.json. Throws Error naming the file and what is missing, wrong or not supported.
std::unique_ptr<Tokenizer> load_tokenizer_folder(const std::filesystem::path& folder);

/// Holds back bytes until they form whole UTF-8 characters; bytes that never can become U+FFFD.
class Utf8Assembler {
  public:
    std::string push(std::string_view bytes); ///< what is whole now
    std::string flush();                      ///< the rest, at the end of a stream

  private:
    std::string held_;
};

} // namespace switchyard
