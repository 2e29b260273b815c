// What templates make of a system prompt, and which variables they ask about thinking.
#include "engine/text/chat_template.h"
#include "engine/text/template_traits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace switchyard {
namespace {

ChatTemplate reference(const std::string& name) {
    std::ifstream in(std::string(SWITCHYARD_TEST_DATA) + "/reference/templates/" + name + ".jinja",
                     std::ios::binary);
    EXPECT_TRUE(in.is_open()) << name;
    std::ostringstream text;
    text << in.rdbuf();
    return ChatTemplate(text.str());
}

TemplateTraits traits_of(const ChatTemplate& chat_template) {
    return template_traits(chat_template, {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
}

std::string last_of(const ChatTemplate& chat_template, const std::string& name,
                    const nlohmann::ordered_json& value) {
    TemplateInput input;
    input.messages.push_back({{"role", "user"}, {"content", "Hello"}});
    input.variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {name, value}};
    return chat_template.render(input);
}

TEST(TemplateTraits, OfTheAuthorsTemplates) {
    struct Case {
        const char* name;
        std::vector<std::string> thinking; ///< any of these
        const char* effort;
    };
    const Case cases[] = {{"Qwen-Qwen3-0.6B", {"enable_thinking"}, ""},
                          {"HuggingFaceTB-SmolLM3-3B", {"enable_thinking"}, ""},
                          {"deepseek-ai-DeepSeek-V3.1", {"thinking", "enable_thinking"}, ""},
                          {"openai-gpt-oss-120b", {""}, "reasoning_effort"},
                          {"Qwen-Qwen2.5-7B-Instruct", {""}, ""},
                          {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", {""}, ""},
                          {"meta-llama-Llama-3.1-8B-Instruct", {""}, ""},
                          {"mistralai-Mistral-Nemo-Instruct-2407", {""}, ""}};
    for (const Case& c : cases) {
        const TemplateTraits traits = traits_of(reference(c.name));
        EXPECT_TRUE(std::ranges::find(c.thinking, traits.thinking) != c.thinking.end())
            << c.name << ": " << traits.thinking;
        EXPECT_EQ(traits.effort, c.effort) << c.name;
        EXPECT_EQ(traits.system, SystemRole::Heard) << c.name;
    }
}

TEST(TemplateTraits, TurnThinkingOnAndOff) {
    const ChatTemplate qwen = reference("Qwen-Qwen3-0.6B");
    EXPECT_TRUE(last_of(qwen, traits_of(qwen).thinking, false).ends_with("<think>\n\n</think>\n\n"));
    EXPECT_TRUE(last_of(qwen, traits_of(qwen).thinking, true).ends_with("assistant\n"));
    const ChatTemplate deepseek = reference("deepseek-ai-DeepSeek-V3.1");
    EXPECT_TRUE(last_of(deepseek, traits_of(deepseek).thinking, true).ends_with("<think>"));
    EXPECT_TRUE(last_of(deepseek, traits_of(deepseek).thinking, false).ends_with("</think>"));
    const ChatTemplate harmony = reference("openai-gpt-oss-120b");
    EXPECT_NE(last_of(harmony, traits_of(harmony).effort, "high").find("Reasoning: high"), std::string::npos);
}

TEST(TemplateTraits, GoByWhatAVariableDoesAndNotByItsNameAlone) {
    const auto thinking = [](const std::string& source) { return traits_of(ChatTemplate(source)).thinking; };
    const auto effort = [](const std::string& source) { return traits_of(ChatTemplate(source)).effort; };
    EXPECT_EQ(thinking("{{ messages[0].content }}{% if think_first %}(hm){% endif %}"), "think_first");
    EXPECT_EQ(effort("{{ messages[0].content }} {{ thinking_level | default('low') }}"), "thinking_level");
    EXPECT_EQ(thinking("{{ messages[0].content }} {{ thinking_level | default('low') }}"), "");
    // Read, and nothing comes of it; the template's own; only spoken of.
    EXPECT_EQ(thinking("{% if keep_thinking %}{% endif %}{{ messages[0].content }}"), "");
    EXPECT_EQ(thinking("{% set thinking = true %}{% if thinking %}x{% endif %}{{ messages[0].content }}"),
              "");
    EXPECT_EQ(thinking("{# enable_thinking #}{{ messages[0].content }} enable_thinking"), "");
    // In a macro and in a loop.
    EXPECT_EQ(thinking("{% macro m() %}{{ 'a' if enable_thinking else 'b' }}{% endmacro %}{{ m() }}"),
              "enable_thinking");
    EXPECT_EQ(thinking("{% for m in messages %}{% if reason %}x{% endif %}{{ m.content }}{% endfor %}"),
              "reason");
    // One that refuses a value has no switch.
    EXPECT_EQ(thinking("{% if thinking is defined %}{{ raise_exception('no') }}{% endif %}x"), "");
}

TEST(TemplateTraits, KnowWhetherTheSystemIsHeard) {
    const auto system = [](const std::string& source) { return traits_of(ChatTemplate(source)).system; };
    const std::string write = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
    EXPECT_EQ(system(write), SystemRole::Heard);
    EXPECT_EQ(
        system("{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + write),
        SystemRole::InQuestion);
    EXPECT_EQ(system("{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}{% endif %}"
                     "{% endfor %}"),
              SystemRole::Unheard);
}

TEST(TemplateTraits, OfATemplateThatNeverEndsAreNone) {
    const TemplateTraits traits = traits_of(ChatTemplate(
        "{% if thinking %}{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"
        "{% endif %}y"));
    EXPECT_EQ(traits.thinking, "");
}

TEST(TemplateTraits, OfATemplateThatTakesLongForEachVariableAreFewSteps) {
    // Of five switches, each takes all the steps that a prompt may have; a sixth would do.
    std::string source;
    for (const char* name : {"a_think", "b_think", "c_think", "d_think", "e_think"})
        source +=
            std::string("{% if ") + name +
            " %}{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}{% endif %}";
    const std::string cheap = "{% if f_think %}yes{% endif %}y";
    EXPECT_EQ(traits_of(ChatTemplate(cheap)).thinking, "f_think");
    EXPECT_EQ(traits_of(ChatTemplate(source + cheap)).thinking, "");
}

TEST(TemplateTraits, LeaveAVariableThatWasGivenAsItWas) {
    const ChatTemplate chat_template(
        "{% if a_think %}{% if b_think == 'low' %}low{% endif %}{% endif %}{% if a_think %}{% endif %}x");
    EXPECT_EQ(template_traits(chat_template, {{"a_think", true}}).effort, "b_think");
    EXPECT_EQ(template_traits(chat_template, nlohmann::ordered_json::object()).effort, "");
}

} // namespace
} // namespace switchyard
