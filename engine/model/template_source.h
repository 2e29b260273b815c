// Where a model keeps its chat template, and the variables its tokenizer gives to it.
#pragma once

#include "engine/files/gguf.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace switchyard {

/// A model's chat templates with what they are told about the tokenizer.
struct TemplateSource {
    std::string source;                       ///< the default template; empty where there are only named ones
    std::map<std::string, std::string> named; ///< further ones: "tool_use", "rag" ...
    /// bos_token, eos_token ... as texts, those the tokenizer has; ready for TemplateInput::variables.
    nlohmann::ordered_json variables = nlohmann::ordered_json::object();

    /// The one for a conversation: "tool_use" where there are tools and the model has one, else the default.
    /// Throws Error where neither exists.
    const std::string& pick(bool with_tools) const;
};

/// From GGUF metadata (tokenizer.chat_template and tokenizer.chat_template.NAME). nullopt: there is none.
std::optional<TemplateSource> find_template(const ModelFile& file);

/// From a GGUF file or a Hugging Face folder, also one that holds only tokenizer files: chat_template.jinja,
/// additional_chat_templates/, chat_template.json, tokenizer_config.json. nullopt: there is none.
/// Throws Error naming the file that cannot be read.
std::optional<TemplateSource> find_template(const std::filesystem::path& model);

} // namespace switchyard
