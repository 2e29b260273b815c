#include "engine/text/chat_template.h"

#include "engine/base/error.h"
#include "engine/text/chat_turns.h"
#include "engine/text/jinja/binder.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/parser.h"
#include "engine/text/jinja/print.h"

#include <ctime>

#include <algorithm>
#include <array>
#include <set>

namespace switchyard {
namespace {

bool is_common_role(const nlohmann::ordered_json& role) {
    static constexpr std::array<std::string_view, 5> roles = {"system", "developer", "user", "assistant",
                                                              "tool"};
    return role.is_string() &&
           std::find(roles.begin(), roles.end(), role.get_ref<const std::string&>()) != roles.end();
}

/// The messages as values, everything in them marked but for the roles that every template knows.
jinja::Value messages_value(const nlohmann::ordered_json& messages) {
    if (!messages.is_array())
        return jinja::from_json(messages);
    std::vector<jinja::Value> values;
    for (const auto& message : messages) {
        jinja::Value value = jinja::from_json(message);
        if (value.is(jinja::Kind::Dict) && message.contains("role") && is_common_role(message["role"])) {
            auto entries = jinja::make_dict();
            for (const auto& [key, part] : value.dict().entries)
                entries->set(key, key.str() == "role" ? jinja::from_json(message["role"], true) : part);
            value = jinja::Value::dict(std::move(entries));
        }
        values.push_back(std::move(value));
    }
    return jinja::Value::list(std::move(values));
}

} // namespace

struct ChatTemplate::Program {
    jinja::Template tree;
    std::vector<std::string> free_variables;
};

ChatTemplate::ChatTemplate(std::string_view source) : program_(std::make_unique<Program>()) {
    program_->tree = jinja::parse(source);
    const std::set<std::string> names = jinja::bind(program_->tree);
    program_->free_variables.assign(names.begin(), names.end());
}

std::vector<std::string> ChatTemplate::free_variables() const { return program_->free_variables; }

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

MarkedText ChatTemplate::render_marked(const TemplateInput& input, const std::stop_token& stop) const {
    jinja::Context context;
    context.now = input.now.value_or(std::time(nullptr));
    context.variables["messages"] = messages_value(input.messages);
    context.variables["tools"] = jinja::from_json(input.tools);
    context.variables["documents"] = jinja::Value::none();
    context.variables["add_generation_prompt"] = jinja::Value::boolean(input.add_generation_prompt);
    if (input.variables.is_object())
        for (const auto& [name, value] : input.variables.items())
            context.variables[name] = jinja::from_json(value, name == "bos_token" || name == "eos_token");
    jinja::Limits limits;
    if (input.steps > 0)
        limits.steps = input.steps;
    jinja::Evaluator evaluator(program_->tree, std::move(context), limits, stop);
    const auto tell = [&] {
        if (input.taken)
            *input.taken = evaluator.steps();
    };
    try {
        MarkedText prompt = evaluator.run();
        tell();
        return prompt;
    } catch (...) {
        tell();
        throw;
    }
}

MarkedText ChatTemplate::render_accepted(const TemplateInput& input, const std::stop_token& stop) const {
    try {
        return render_marked(input, stop);
    } catch (const Error&) {
        if (stop.stop_requested())
            throw;
        TemplateInput plainer = input;
        for (nlohmann::ordered_json& messages : plainer_conversations(input.messages)) {
            plainer.messages = std::move(messages);
            try {
                return render_marked(plainer, stop);
            } catch (const Error&) { // NOLINT: the first refusal is the one that says what is wrong
            }
        }
        throw;
    }
}

} // namespace switchyard
