// A tokenizer from the files of a Hugging Face folder: tokenizer.json says how, tokenizer_config.json,
// generation_config.json and config.json name the tokens that begin and end a text.
#include "engine/base/error.h"
#include "engine/base/json_words.h"
#include "engine/text/pipeline_tokenizer.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/turn_tokens.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace switchyard {

using nlohmann::json;

namespace {

namespace fs = std::filesystem;

// Runs `work`; an Error or a JSON error becomes one that names the file.
template <typename Work>
auto naming(const fs::path& file, Work&& work) {
    try {
        return work();
    } catch (const Error& error) {
        throw Error(file.string() + ": " + error.what());
    } catch (const json::exception& error) {
        throw Error(file.string() + ": " + error.what());
    }
}

json read_json(const fs::path& file) {
    std::error_code none;
    if (!fs::is_regular_file(file, none))
        return nullptr;
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw Error(file.string() + ": cannot be read");
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    return naming(file, [&] {
        if (json parsed = json::parse(text, nullptr, false); !parsed.is_discarded())
            return parsed;
        return json::parse(without_infinities(text)); // as configurations of state spaces have them
    });
}

// A token is named by a string or by an object with its content.
std::string token_text(const json& config, const char* key) {
    const json* token = json_field(config, key);
    if (!token)
        return "";
    return token->is_string() ? token->get<std::string>() : json_text_or(*token, "content", "");
}

std::vector<std::int32_t> end_ids(const json& config) {
    std::vector<std::int32_t> ids;
    const json* end = json_field(config, "eos_token_id");
    if (end && end->is_array())
        for (const json& id : *end)
            ids.push_back(json_id(id));
    else if (end)
        ids.push_back(json_id(*end));
    return ids;
}

// tokenizer_config.json may list tokens that tokenizer.json does not.
void add_configured_tokens(const json& config, std::vector<AddedToken>& added) {
    const json* decoder = json_field(config, "added_tokens_decoder");
    if (!decoder || !decoder->is_object())
        return;
    std::set<std::int32_t> known;
    for (const AddedToken& token : added)
        known.insert(token.id);
    json list = json::array();
    for (const auto& [key, entry] : decoder->items()) {
        if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos)
            throw Error("'added_tokens_decoder' has the key '" + key + "', which is no id");
        std::int32_t id = 0;
        std::from_chars(key.data(), key.data() + key.size(), id);
        if (known.contains(id))
            continue;
        if (!entry.is_object())
            throw Error("'added_tokens_decoder' describes token " + key + " by no object");
        json token = entry;
        token["id"] = static_cast<std::uint64_t>(id);
        list.push_back(std::move(token));
    }
    for (AddedToken& token : added_tokens_from_json(&list))
        added.push_back(std::move(token));
}

void take_added(std::vector<AddedToken> added, const TokenSpeller& speller, TokenizerParts& parts) {
    std::int32_t most = -1;
    for (const AddedToken& token : added) {
        check_id(token.id, parts.bytes.size() + added.size(), token.text);
        most = std::max(most, token.id);
    }
    if (most >= static_cast<std::int32_t>(parts.bytes.size())) {
        parts.bytes.resize(static_cast<std::size_t>(most) + 1);
        parts.spellings.resize(parts.bytes.size());
    }
    parts.special.resize(parts.bytes.size());
    parts.ends.resize(parts.bytes.size());
    for (const AddedToken& token : added) {
        // One that is looked for in the normalized text is spelled as it is there.
        std::string spelling = token.normalized ? normalize(parts.normalizer, token.text) : token.text;
        parts.bytes[token.id] = token.special ? token.text : speller.bytes(spelling);
        parts.spellings[token.id] = std::move(spelling);
        parts.special[token.id] = token.special;
    }
    parts.added = std::move(added);
}

bool has_byte_alphabet(const std::vector<std::string>& tokens) {
    const ByteAlphabet alphabet;
    std::array<bool, 256> found{};
    for (const std::string& token : tokens) {
        std::string bytes;
        if (token.size() <= 2 && alphabet.append_bytes(bytes, token) && bytes.size() == 1)
            found[static_cast<unsigned char>(bytes[0])] = true;
    }
    return std::all_of(found.begin(), found.end(), [](bool one) { return one; });
}

// Returns the vocabulary's turn tokens, which may be missing among the added ones.
std::vector<AddedToken> build_model(const json& file, const TokenSpeller& speller, TokenizerParts& parts) {
    const json* description = json_field(file, "model");
    if (!description)
        throw Error("'model' is missing");
    JsonModel model = model_from_json(*description);
    JsonPreTokenizer pre = pre_tokenizer_from_json(json_field(file, "pre_tokenizer"));
    parts.decoder = decoder_from_json(json_field(file, "decoder"));
    parts.normalizer = normalizer_from_json(json_field(file, "normalizer"));
    parts.pre_tokenizer = std::move(pre.steps);
    if (pre.looks_at_start && removes_text(json_field(file, "normalizer")))
        throw Error("Metaspace with prepend_scheme 'first' behind a normalizer that takes text away is not "
                    "supported");
    for (const std::string& token : model.tokens)
        parts.bytes.push_back(speller.bytes(token));
    parts.spellings = model.tokens;
    std::vector<AddedToken> turns = turn_tokens_of(model.tokens, model.merges);

    // The alphabet's way round is left out, unless a character's spelling is to be seen.
    const bool plain = model.options.word_begin.empty() && model.options.word_end.empty() &&
                       (!model.options.byte_fallback || has_byte_alphabet(model.tokens));
    model.options.bytes_are_symbols = pre.ends_in_byte_level && plain;
    if (pre.ends_in_byte_level && !plain)
        parts.pre_tokenizer.push_back(byte_alphabet_step());
    if (model.options.bytes_are_symbols) {
        const ByteAlphabet alphabet;
        const auto to_bytes = [&](std::string& text) {
            std::string bytes;
            alphabet.append_bytes(bytes, text);
            text = std::move(bytes);
        };
        for (std::string& token : model.tokens)
            to_bytes(token);
        for (auto& [left, right] : model.merges) {
            to_bytes(left);
            to_bytes(right);
        }
    }
    std::vector<std::pair<std::string_view, std::string_view>> merges(model.merges.begin(),
                                                                      model.merges.end());
    parts.model = std::make_unique<BpeModel>(std::move(model.tokens), merges, model.options);
    return turns;
}

std::int32_t find_spelling(const TokenizerParts& parts, const std::string& text) {
    if (text.empty())
        return -1;
    for (const AddedToken& token : parts.added)
        if (token.text == text)
            return token.id;
    const auto found = std::find(parts.spellings.begin(), parts.spellings.end(), text);
    return found == parts.spellings.end() ? -1 : static_cast<std::int32_t>(found - parts.spellings.begin());
}

// The Llama family's classes ignore the post-processor: their own settings say what is put around a text.
void apply_class_rules(const json& config, TokenizerParts& parts) {
    const std::string name = json_text_or(config, "tokenizer_class", "");
    const bool own_rules = name.find("Llama") != std::string::npos ||
                           name.find("Gemma") != std::string::npos ||
                           name.find("Cohere") != std::string::npos;
    if (!own_rules)
        return;
    parts.first.clear();
    parts.last.clear();
    if (json_flag_or(config, "add_bos_token", true) && parts.bos >= 0)
        parts.first.push_back(parts.bos);
    if (json_flag_or(config, "add_eos_token", false) && parts.eos >= 0)
        parts.last.push_back(parts.eos);
}

void mark_ends(const std::vector<std::int32_t>& configured, TokenizerParts& parts) {
    const auto known = [&](std::int32_t id) {
        return id >= 0 && static_cast<std::size_t>(id) < parts.ends.size();
    };
    for (const std::int32_t id : configured) {
        if (!known(id))
            continue;
        parts.ends[id] = true;
        if (parts.eos < 0)
            parts.eos = id;
    }
    if (parts.eos >= 0)
        parts.ends[parts.eos] = true;
    const bool harmony =
        std::ranges::any_of(parts.added, [](const AddedToken& token) { return token.text == "<|return|>"; });
    for (const AddedToken& token : parts.added)
        if (token.special && ends_answer(token.text, harmony))
            parts.ends[token.id] = true;
}

void check_around(const TokenizerParts& parts) {
    for (const auto* ids : {&parts.first, &parts.last})
        for (const std::int32_t id : *ids)
            if (id < 0 || static_cast<std::size_t>(id) >= parts.bytes.size())
                throw Error("the post-processor adds a token that does not exist");
}

} // namespace

std::unique_ptr<Tokenizer> tokenizer_from_files(const TokenizerFiles& files, const fs::path& folder) {
    const fs::path file = folder / "tokenizer.json", config_file = folder / "tokenizer_config.json";
    TokenizerParts parts;
    std::vector<AddedToken> added, turns;
    std::optional<TokenSpeller> speller;
    naming(file, [&] {
        speller.emplace(json_field(files.tokenizer, "decoder"));
        turns = build_model(files.tokenizer, *speller, parts);
        added = added_tokens_from_json(json_field(files.tokenizer, "added_tokens"));
        JsonTemplate around = template_from_json(json_field(files.tokenizer, "post_processor"));
        parts.first = std::move(around.first);
        parts.last = std::move(around.last);
    });
    const json& config = files.tokenizer_config;
    naming(config_file, [&] {
        if (!config.is_null())
            add_configured_tokens(config, added);
    });
    retype_turn_tokens(added);
    for (AddedToken& token : turns)
        if (std::ranges::none_of(added, [&](const AddedToken& known) { return known.id == token.id; }))
            added.push_back(std::move(token));
    naming(file, [&] { take_added(std::move(added), *speller, parts); });
    naming(config_file, [&] {
        if (config.is_null())
            return;
        parts.bos = find_spelling(parts, token_text(config, "bos_token"));
        parts.eos = find_spelling(parts, token_text(config, "eos_token"));
        apply_class_rules(config, parts);
    });
    std::vector<std::int32_t> ends;
    for (const auto& [name, json] : {std::pair{"generation_config.json", &files.generation_config},
                                     std::pair{"config.json", &files.config}})
        naming(folder / name, [&, json = json] {
            const auto ids = json->is_null() ? std::vector<std::int32_t>() : end_ids(*json);
            ends.insert(ends.end(), ids.begin(), ids.end());
        });
    mark_ends(ends, parts);
    naming(file, [&] { check_around(parts); });
    return make_pipeline_tokenizer(std::move(parts));
}

std::unique_ptr<Tokenizer> load_tokenizer_folder(const fs::path& folder) {
    TokenizerFiles files;
    files.tokenizer = read_json(folder / "tokenizer.json");
    if (files.tokenizer.is_null())
        throw Error(folder.string() + " has no tokenizer.json");
    files.tokenizer_config = read_json(folder / "tokenizer_config.json");
    files.generation_config = read_json(folder / "generation_config.json");
    files.config = read_json(folder / "config.json");
    return tokenizer_from_files(files, folder);
}

} // namespace switchyard
