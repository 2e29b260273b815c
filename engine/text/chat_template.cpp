#include "engine/text/chat_template.h"

#include "engine/base/error.h"
#include "engine/text/jinja/binder.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/parser.h"
#include "engine/text/jinja/print.h"

#include <ctime>

namespace switchyard {

struct ChatTemplate::Program {
    jinja::Template tree;
};

ChatTemplate::ChatTemplate(std::string_view source) : program_(std::make_unique<Program>()) {
    program_->tree = jinja::parse(source);
    jinja::bind(program_->tree);
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const TemplateInput& input) const {
    jinja::Context context;
    context.now = input.now.value_or(std::time(nullptr));
    context.variables["messages"] = jinja::from_json(input.messages);
    context.variables["tools"] = jinja::from_json(input.tools);
    context.variables["documents"] = jinja::Value::none();
    context.variables["add_generation_prompt"] = jinja::Value::boolean(input.add_generation_prompt);
    if (input.variables.is_object())
        for (const auto& [name, value] : input.variables.items())
            context.variables[name] = jinja::from_json(value);
    jinja::Evaluator evaluator(program_->tree, std::move(context), jinja::Limits());
    return evaluator.run();
}

} // namespace switchyard
