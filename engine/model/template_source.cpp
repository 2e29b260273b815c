#include "engine/model/template_source.h"

#include "engine/base/error.h"

#include <array>
#include <fstream>
#include <sstream>

namespace switchyard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uintmax_t kMaxFile = std::uintmax_t{1} << 28; // tokenizer files are far smaller

std::optional<std::string> read_file(const fs::path& path) {
    std::error_code missing;
    if (!fs::is_regular_file(path, missing))
        return std::nullopt;
    if (fs::file_size(path, missing) > kMaxFile)
        throw Error(path.string() + " is too large for a tokenizer file");
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    if (!in)
        throw Error("Cannot read " + path.string());
    return std::move(text).str();
}

/// An empty object where the file is not there.
Json read_json(const fs::path& path) {
    const auto text = read_file(path);
    if (!text)
        return Json::object();
    Json json = Json::parse(*text, nullptr, false);
    if (!json.is_object())
        throw Error(path.string() + " is no JSON object");
    return json;
}

/// "chat_template" of a JSON file: one text, or a list of {name, template}.
void add_templates(TemplateSource& result, const Json& config, const fs::path& path) {
    const auto found = config.find("chat_template");
    if (found == config.end() || found->is_null())
        return;
    if (found->is_string()) {
        result.source = found->get<std::string>();
        return;
    }
    if (!found->is_array())
        throw Error(path.string() + ": chat_template is neither a text nor a list");
    for (const Json& entry : *found) {
        const bool right = entry.is_object() && entry.contains("name") && entry["name"].is_string() &&
                           entry.contains("template") && entry["template"].is_string();
        if (!right)
            throw Error(path.string() + ": an entry of chat_template lacks its name or template");
        const auto name = entry["name"].get<std::string>();
        (name == "default" ? result.source : result.named[name]) = entry["template"].get<std::string>();
    }
}

/// A special token as configured: a text, or an object that holds it as "content".
std::optional<std::string> token_text(const Json& config, const char* name) {
    const auto found = config.find(name);
    if (found == config.end())
        return std::nullopt;
    if (found->is_string())
        return found->get<std::string>();
    if (found->is_object() && found->contains("content") && (*found)["content"].is_string())
        return (*found)["content"].get<std::string>();
    return std::nullopt;
}

void add_special_tokens(TemplateSource& result, const Json& config) {
    for (const char* name :
         {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"})
        if (auto text = token_text(config, name))
            result.variables[name] = std::move(*text);
}

std::optional<TemplateSource> from_folder(const fs::path& folder) {
    TemplateSource result;
    add_special_tokens(result, read_json(folder / "special_tokens_map.json"));
    const Json config = read_json(folder / "tokenizer_config.json");
    add_special_tokens(result, config);
    // The later, the stronger: a file of its own wins over an entry in a configuration.
    add_templates(result, config, folder / "tokenizer_config.json");
    add_templates(result, read_json(folder / "chat_template.json"), folder / "chat_template.json");
    if (auto text = read_file(folder / "chat_template.jinja"))
        result.source = std::move(*text);
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(folder / "additional_chat_templates", missing))
        if (entry.path().extension() == ".jinja")
            if (auto text = read_file(entry.path()))
                result.named[entry.path().stem().string()] = std::move(*text);
    if (result.source.empty() && result.named.empty())
        return std::nullopt;
    return result;
}

} // namespace

const std::string& TemplateSource::pick(bool with_tools) const {
    if (const auto tools = named.find("tool_use"); with_tools && tools != named.end())
        return tools->second;
    if (!source.empty())
        return source;
    std::string names;
    for (const auto& [name, text] : named)
        names += (names.empty() ? "" : ", ") + name;
    throw Error("The model has no default chat template, only: " + names);
}

std::optional<TemplateSource> find_template(const ModelFile& file) {
    static constexpr std::string_view prefix = "tokenizer.chat_template.";
    const Metadata& metadata = file.metadata();
    TemplateSource result;
    result.source = metadata.text("tokenizer.chat_template").value_or("");
    for (const auto& [key, value] : metadata.entries())
        if (key.starts_with(prefix))
            if (const auto* text = std::get_if<std::string>(&value))
                result.named[key.substr(prefix.size())] = *text;
    if (result.source.empty() && result.named.empty())
        return std::nullopt;
    static constexpr std::array<std::pair<const char*, const char*>, 7> ids = {{
        {"bos_token", "tokenizer.ggml.bos_token_id"},
        {"eos_token", "tokenizer.ggml.eos_token_id"},
        {"unk_token", "tokenizer.ggml.unknown_token_id"},
        {"sep_token", "tokenizer.ggml.seperator_token_id"}, // the key is spelled so
        {"pad_token", "tokenizer.ggml.padding_token_id"},
        {"cls_token", "tokenizer.ggml.cls_token_id"},
        {"mask_token", "tokenizer.ggml.mask_token_id"},
    }};
    if (const auto* tokens = metadata.texts("tokenizer.ggml.tokens"))
        for (const auto& [name, key] : ids)
            if (const auto id = metadata.uint(key); id && *id < tokens->size())
                result.variables[name] = (*tokens)[*id];
    return result;
}

std::optional<TemplateSource> find_template(const fs::path& model) {
    std::error_code missing;
    if (fs::is_directory(model, missing))
        return from_folder(model);
    return find_template(*open_gguf(model));
}

} // namespace switchyard
