// switchyard-cli template: the prompt a model's chat template makes of messages.
#include "app/cli/commands.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/model/template_source.h"
#include "engine/text/chat_template.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

struct TemplateArguments {
    std::string model, messages, tools;
    std::vector<std::string> settings;
    bool no_generation_prompt = false;
};

Json read_json(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in)
        throw Error("Cannot read " + path);
    try {
        return Json::parse(in);
    } catch (const nlohmann::json::exception& error) {
        throw Error(path + " is no valid JSON: " + error.what());
    }
}

/// NAME=VALUE; the value as JSON, or as it stands where it is none.
void set_variable(Json& variables, const std::string& setting) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
        throw CLI::ValidationError("--set", "takes NAME=VALUE");
    const std::string text = setting.substr(equals + 1);
    Json value = Json::parse(text, nullptr, false);
    variables[setting.substr(0, equals)] = value.is_discarded() ? Json(text) : std::move(value);
}

void run_template(const TemplateArguments& options) {
    TemplateInput input;
    input.messages = read_json(options.messages);
    if (input.messages.is_object() && input.messages.contains("messages")) {
        const Json request = std::move(input.messages);
        input.messages = request["messages"];
        input.tools = request.value("tools", Json());
    }
    if (!input.messages.is_array())
        throw Error(options.messages + " holds no list of messages");
    if (!options.tools.empty())
        input.tools = read_json(options.tools);
    input.add_generation_prompt = !options.no_generation_prompt;

    const auto source = find_template(std::filesystem::path(options.model));
    if (!source)
        throw Error(options.model + " has no chat template");
    input.variables = source->variables;
    for (const std::string& setting : options.settings)
        set_variable(input.variables, setting);
    const bool with_tools = input.tools.is_array() && !input.tools.empty();
    const std::string prompt = for_stdout(ChatTemplate(source->pick(with_tools)).render(input));
    std::fwrite(prompt.data(), 1, prompt.size(), stdout);
}

} // namespace

void add_template(CLI::App& app) {
    auto options = std::make_shared<TemplateArguments>();
    CLI::App* command =
        app.add_subcommand("template", "Print the prompt that the chat template makes of messages");
    command->add_option("model", options->model, "GGUF file or folder with tokenizer files")->required();
    command->add_option("--messages", options->messages, "JSON file: a list of {role, content}")->required();
    command->add_option("--tools", options->tools, "JSON file: a list of tools");
    command->add_option("--set", options->settings,
                        "NAME=VALUE for the template, such as enable_thinking=false");
    command->add_flag("--no-generation-prompt", options->no_generation_prompt, "Do not begin the answer");
    command->callback([options] { run_template(*options); });
}

} // namespace switchyard
