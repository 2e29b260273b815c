#include "engine/model/folder_tokenizer.h"

#include "engine/base/error.h"
#include "engine/files/json_file.h"
#include "engine/model/model_config.h"
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace switchyard {

namespace {

using nlohmann::json;

constexpr std::size_t kLimit = std::size_t{256} << 20; ///< bytes of a tokenizer's file

/// GGUF's name for each way of cutting a text, the usual one where several cut alike.
constexpr const char* kPreTokenizers[] = {"llama-bpe", "qwen2",          "deepseek-v3", "deepseek-llm",
                                          "gpt-4o",    "tekken",         "smollm",      "gpt-2",
                                          "olmo",      "deepseek-coder", "falcon",      "smaug-bpe",
                                          "stablelm2", "command-r",      "laguna",      "default"};

/// Texts on which tokenizers differ: digits, contractions, runs of white space, scripts, marks, code.
constexpr const char* kProbes[] = {
    "Hello world! I'm sure YOU'LL say it's 1 or 12 or 123 or 1234567, 3.14 and 10,000.",
    "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n\r\nend  of   runs    ",
    "    def f(x):\n\treturn x**2 != y_1 and z[::-1]  # note\n\n\nfor (int i=0;i<10;++i) { a->b(); }",
    "'''''' '' \" \"\" `` ''' ,,, ;;;; ::::: ?????? !!!!!!! ........ ======== ~~ ^^ $$ <<>> |||",
    "\xC3\x9C"
    "ber \xC3\xA9t\xC3\xA9 na\xC3\xAFve \xCE\xB1\xCE\xB2\xCE\xB3 "
    "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
    "\xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x8C\xE4\xB8\x96\xE7\x95\x8C\xE3\x80\x82 "
    "\xE3\x81\x93\xE3\x82\x93\xE3\x81\xAB\xE3\x81\xA1\xE3\x81\xAF \xEC\x95\x88\xEB\x85\x95 12\xE5\xB9\xB4",
    "\xF0\x9F\x9A\x80 (normal) \xF0\x9F\x98\xB6\xE2\x80\x8D\xF0\x9F\x8C\xAB\xEF\xB8\x8F \xE2\x9C\x85 "
    "e\xCC\x81 \xC2\xBD \xE2\x85\xA3 \xD9\xA3\xD9\xA4 \xEF\xBC\x91\xEF\xBC\x92",
    // Apostrophes before words that only look like contractions; scripts without a blank between.
    "'sound 'seven 'true 'moon 'define 'recent 'value 'llama it'some he'llow we'ready I'december",
    "abc\xE4\xBD\xA0\xE5\xA5\xBD"
    "def \xE6\xBC\xA2\xE5\xAD\x97\xE3\x81\x8B\xE3\x81\xAA\xE3\x82\xAB\xE3\x83\x8A\xE6\xBC\xA2 "
    "\xE2\x80\x8Bword\xC2\xA0word",
    "CamelCaseWords and SCREAMING_CASE, mixedUP's we'Re /path/to/file.txt\nhttps://x.org/?q=1&r=2"};

std::string text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end())
        return "";
    if (found->is_string())
        return found->get<std::string>();
    return found->is_object() ? text_of(*found, "content") : "";
}

std::vector<std::string> merges_of(const json& model) {
    std::vector<std::string> merges;
    for (const json& merge : model.value("merges", json::array()))
        merges.push_back(merge.is_string()
                             ? merge.get<std::string>()
                             : merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>());
    return merges;
}

void place(TokenizerData& data, std::size_t id, std::string token, TokenKind kind) {
    if (id >= kLimit / 64)
        throw Error("the token " + token + " has the id " + std::to_string(id));
    if (id >= data.tokens.size()) {
        data.tokens.resize(id + 1);
        data.kinds.resize(id + 1, TokenKind::Unused);
    }
    data.tokens[id] = std::move(token);
    data.kinds[id] = kind;
}

/// Tokens, kinds and merges; rows that no token has are called "[PAD7]" and unused.
TokenizerData read_vocabulary(const json& file, std::size_t vocabulary) {
    const json& model = file.at("model");
    if (text_of(model, "type") != "BPE" && model.contains("type"))
        throw Error("it is of the kind " + text_of(model, "type"));
    TokenizerData data;
    for (const auto& [token, id] : model.at("vocab").items())
        place(data, id.get<std::size_t>(), token, TokenKind::Normal);
    const bool bytes = model.value("byte_fallback", false);
    data.model = bytes ? "llama" : "gpt2";
    for (std::size_t i = 0; bytes && i < data.tokens.size(); ++i) {
        const std::string& t = data.tokens[i];
        if (t.size() == 6 && t.starts_with("<0x") && t.back() == '>')
            data.kinds[i] = TokenKind::Byte;
    }
    for (const json& added : file.value("added_tokens", json::array()))
        place(data, added.at("id").get<std::size_t>(), added.at("content").get<std::string>(),
              added.value("special", false) ? TokenKind::Control : TokenKind::UserDefined);
    if (data.tokens.size() < vocabulary) {
        data.tokens.resize(vocabulary);
        data.kinds.resize(vocabulary, TokenKind::Unused);
    }
    for (std::size_t i = 0; i < data.tokens.size(); ++i)
        if (data.kinds[i] == TokenKind::Unused && data.tokens[i].empty())
            data.tokens[i] = "[PAD" + std::to_string(i) + "]";
    data.merges = merges_of(model);
    return data;
}

std::int32_t id_of(const TokenizerData& data, const std::string& token) {
    const auto found = std::ranges::find(data.tokens, token);
    return token.empty() || found == data.tokens.end()
               ? -1
               : static_cast<std::int32_t>(found - data.tokens.begin());
}

/// SentencePiece merges the pair whose result scores highest: the earlier a merge, the higher.
void score_by_merges(TokenizerData& data) {
    std::map<std::string, std::size_t, std::less<>> ids;
    for (std::size_t i = 0; i < data.tokens.size(); ++i)
        ids.emplace(data.tokens[i], i);
    data.scores.assign(data.tokens.size(), -1e6f);
    for (std::size_t m = data.merges.size(); m-- > 0;) {
        std::string whole = data.merges[m];
        whole.erase(whole.find(' ', 1), 1);
        if (const auto found = ids.find(whole); found != ids.end())
            data.scores[found->second] = -static_cast<float>(m);
    }
    for (std::size_t i = 0; i < data.tokens.size(); ++i)
        if (data.kinds[i] != TokenKind::Normal)
            data.scores[i] = 0.0f;
    data.merges.clear();
}

bool agree(const Tokenizer& a, const Tokenizer& b) {
    return std::ranges::all_of(kProbes, [&](const char* text) {
        return a.encode(text, true) == b.encode(text, true) && a.encode(text, false) == b.encode(text, false);
    });
}

/// Tries the ways of cutting text that GGUF has names for.
bool find_pre_tokenizer(TokenizerData& data, const Tokenizer& own) {
    if (data.model == "llama") {
        data.pre = "default";
        for (const bool prefix : {true, false}) {
            data.add_space_prefix = prefix;
            if (agree(*make_tokenizer(data), own))
                return true;
        }
        return false;
    }
    for (const char* name : kPreTokenizers) {
        data.pre = name;
        if (agree(*make_tokenizer(data), own))
            return true;
    }
    return false;
}

void store(const TokenizerData& data, Metadata& metadata) {
    const auto set_id = [&](const char* key, std::int32_t id) {
        if (id >= 0)
            metadata.set_stored(key, static_cast<std::uint64_t>(id), GgufType::U32);
    };
    // GGUF counts kinds from 1 on in the order of TokenKind.
    std::vector<std::int64_t> kinds;
    for (const TokenKind kind : data.kinds)
        kinds.push_back(static_cast<std::int64_t>(kind) + 1);
    metadata.set("tokenizer.ggml.model", data.model);
    metadata.set("tokenizer.ggml.pre", data.pre);
    metadata.set("tokenizer.ggml.tokens", data.tokens);
    metadata.set_stored("tokenizer.ggml.token_type", kinds, GgufType::I32);
    if (!data.scores.empty())
        metadata.set_stored("tokenizer.ggml.scores",
                            std::vector<double>(data.scores.begin(), data.scores.end()), GgufType::F32);
    if (!data.merges.empty())
        metadata.set("tokenizer.ggml.merges", data.merges);
    set_id("tokenizer.ggml.bos_token_id", data.bos);
    set_id("tokenizer.ggml.eos_token_id", data.eos);
    // GGUF names two ends of a turn beside EOS; all of them stand in a key of this program's own.
    constexpr const char* kEnds[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
    for (std::size_t i = 0; i < data.end_of_turn.size() && i < std::size(kEnds); ++i)
        set_id(kEnds[i], data.end_of_turn[i]);
    if (!data.end_of_turn.empty())
        metadata.set_stored(kEndTokensKey,
                            std::vector<std::int64_t>(data.end_of_turn.begin(), data.end_of_turn.end()),
                            GgufType::U32);
    set_id("tokenizer.ggml.unknown_token_id", data.unknown);
    set_id("tokenizer.ggml.padding_token_id", data.padding);
    metadata.set("tokenizer.ggml.add_bos_token", data.add_bos.value_or(false));
    metadata.set("tokenizer.ggml.add_eos_token", data.add_eos);
    if (data.model == "llama")
        metadata.set("tokenizer.ggml.add_space_prefix", data.add_space_prefix);
}

TokenizerData read_tokenizer_folder(const std::filesystem::path& folder, std::size_t vocabulary,
                                    const Tokenizer& own) {
    TokenizerData data = read_vocabulary(read_json(folder / "tokenizer.json", kLimit), vocabulary);
    std::error_code missing;
    const json config = std::filesystem::exists(folder / "tokenizer_config.json", missing)
                            ? read_json(folder / "tokenizer_config.json", kLimit)
                            : json::object();
    data.bos = own.bos();
    data.eos = own.eos();
    for (std::int32_t id = 0; id < static_cast<std::int32_t>(data.tokens.size()); ++id)
        if (id != data.eos && own.is_end(id))
            data.end_of_turn.push_back(id);
    data.unknown = id_of(data, text_of(config, "unk_token"));
    data.padding = id_of(data, text_of(config, "pad_token"));
    const std::vector<std::int32_t> framed = own.encode("a", true);
    data.add_bos = data.bos >= 0 && !framed.empty() && framed.front() == data.bos;
    data.add_eos = data.eos >= 0 && !framed.empty() && framed.back() == data.eos;
    if (data.model == "llama") {
        if (data.unknown >= 0)
            data.kinds[static_cast<std::size_t>(data.unknown)] = TokenKind::Unknown;
        score_by_merges(data);
    }
    return data;
}

} // namespace

std::string add_folder_tokenizer(const std::filesystem::path& folder, std::size_t vocabulary,
                                 Metadata& metadata) {
    std::error_code missing;
    if (!std::filesystem::exists(folder / "tokenizer.json", missing))
        return "the folder has no tokenizer.json";
    try {
        const auto own = load_tokenizer_folder(folder);
        TokenizerData data = read_tokenizer_folder(folder, vocabulary, *own);
        if (!find_pre_tokenizer(data, *own))
            return "tokenizer.json cuts text in a way that GGUF has no name for";
        store(data, metadata);
        return "";
    } catch (const json::exception& e) {
        return std::string("tokenizer.json is not as expected: ") + e.what();
    } catch (const Error& e) {
        return e.what();
    }
}

std::string carry_tokenizer(const ModelFile& file, Metadata& metadata) {
    if (metadata.has("tokenizer.ggml.tokens"))
        return "";
    std::error_code missing;
    if (!std::filesystem::is_directory(file.path(), missing))
        return "the file has none";
    const TensorView* table = file.find("token_embd.weight");
    return add_folder_tokenizer(file.path(), table ? static_cast<std::size_t>(table->rows()) : 0, metadata);
}

} // namespace switchyard
