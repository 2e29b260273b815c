// Templates that mean harm, or are wrong: they end in an error that names line and cause.
#include "engine/base/error.h"
#include "engine/text/chat_template.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <thread>

namespace switchyard {
namespace {

std::string error_of(const std::string& source, const TemplateInput& input = {}) {
    try {
        return "no error, but: " + ChatTemplate(source).render(input).substr(0, 200);
    } catch (const Error& error) {
        return error.what();
    }
}

std::string text_of(const std::string& source) { return ChatTemplate(source).render({}); }

std::string repeated(const std::string& part, int times) {
    std::string out;
    for (int i = 0; i < times; ++i)
        out += part;
    return out;
}

TEST(ChatTemplateErrors, NameLineAndCause) {
    EXPECT_EQ(error_of("a\n{{ x.y }}"), "chat template, line 2: 'x' is undefined");
    EXPECT_EQ(error_of("{% if 1 %}\n\n{{ messages.none.b }}{% endif %}"),
              "chat template, line 3: 'list object' has no attribute 'none'");
    EXPECT_EQ(error_of("{{ 1 +\n}}"), "chat template, line 2: unexpected '}}'");
    EXPECT_EQ(error_of("\n{% for x in y %}"),
              "chat template, line 2: the template ends where {% endfor %} is missing");
    EXPECT_EQ(error_of("{{ 'a' | nothing }}"), "chat template, line 1: there is no filter 'nothing'");
    EXPECT_EQ(error_of("{{ 1 // 0 }}"), "chat template, line 1: division by zero");
    EXPECT_EQ(error_of("{% macro f(a) %}\n{{ a + 1 }}\n{% endmacro %}{{ f('x') }}"),
              "chat template, line 2: '+' does not work between 'str' and 'int'");
}

TEST(ChatTemplateErrors, RaisedMessagesStandAlone) {
    EXPECT_EQ(error_of("\n{{ raise_exception('Only one system message, please') }}"),
              "Only one system message, please");
}

TEST(ChatTemplateErrors, NothingOutsideIsReached) {
    EXPECT_NE(error_of("{% include 'other' %}").find("needs other templates"), std::string::npos);
    EXPECT_NE(error_of("{{ messages.append(1) }}").find("unsafe"), std::string::npos);
    EXPECT_EQ(text_of("{{ messages.__class__ }}|{{ ''.__class__ }}"), "|");
}

TEST(ChatTemplateLimits, EndlessTemplatesEnd) {
    const auto start = std::chrono::steady_clock::now();
    const std::string loops =
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    EXPECT_NE(error_of(loops).find("step limit"), std::string::npos);
    EXPECT_NE(error_of("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").find("nested too deeply"),
              std::string::npos);
    EXPECT_NE(error_of("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}").find("nested too deeply"),
              std::string::npos);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(2));
}

TEST(ChatTemplateLimits, TextsAndListsStaySmall) {
    for (const char* source :
         {"{{ 'a' * 10000000000 }}", "{{ [0] * 10000000000 }}", "{{ 'a'|center(10000000000) }}",
          "{{ '%1000000000d' % 1 }}", "{{ '{:1000000000}'.format(1) }}", "{{ 'a'.ljust(10000000000) }}",
          "{{ 'a'|indent(10000000000, true) }}", "{{ '\t'.expandtabs(10000000000) }}",
          "{{ '1'.zfill(10000000000) }}", "{{ range(10000000) }}", "{{ 2 ** 100 }}",
          "{{ 9223372036854775807 + 1 }}", "{{ [1]|batch(1000000000, 0)|list }}",
          "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
          "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor "
          "%}{{ ns.x }}",
          "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x.replace('', ns.x) %}{% "
          "endfor %}"})
        EXPECT_EQ(error_of(source).rfind("chat template, line 1: ", 0), 0u)
            << source << " -> " << error_of(source);
}

TEST(ChatTemplateLimits, DeepNestingIsRefused) {
    EXPECT_NE(
        error_of("{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}").find("nested too deeply"),
        std::string::npos);
    EXPECT_NE(error_of("{{ " + repeated("not ", 5000) + "1 }}").find("nested too deeply"), std::string::npos);
    EXPECT_NE(error_of("{{ " + repeated("-", 5000) + "1 }}").find("nested too deeply"), std::string::npos);
    EXPECT_NE(
        error_of(repeated("{% if 1 %}", 5000) + repeated("{% endif %}", 5000)).find("nested too deeply"),
        std::string::npos);
    EXPECT_NE(error_of("{{ 1" + repeated(" + 1", 100000) + " }}").find("too long"), std::string::npos);
    EXPECT_EQ(text_of("{{ 1" + repeated(" + 1", 500) + " }}"), "501");
    const std::string chain =
        "{% set ns = namespace(x=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% endfor %}";
    EXPECT_NE(error_of(chain).find("nested too deeply"), std::string::npos);
    const std::string lazy = "{% set ns = namespace(x=[1]) %}{% for i in range(5000) %}{% set ns.x = "
                             "ns.x|map('string') %}{% endfor %}{{ ns.x|list }}";
    EXPECT_NE(error_of(lazy).find("nested too deeply"), std::string::npos);
}

TEST(ChatTemplateLimits, CirclesAreLetGo) {
    // Under the address sanitizer a circle that is kept would be reported as a leak.
    EXPECT_EQ(
        text_of(
            "{% set ns = namespace() %}{% set ns.me = ns %}{% macro f() %}x{% endmacro %}{% set ns.f = f %}"
            "{{ ns.f() }}{{ ns }}"),
        "x<Namespace {'me': <Namespace {...}>, 'f': <Macro 'f'>}>");
    EXPECT_EQ(
        text_of(
            "{% set ns = namespace() %}{% for x in [[1]] recursive %}{% set ns.l = loop %}{{ loop.depth }}"
            "{% endfor %}"),
        "1");
}

TEST(ChatTemplateLimits, LongConversationsFit) {
    TemplateInput input;
    for (int i = 0; i < 2000; ++i)
        input.messages.push_back(
            {{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", std::string(2000, 'a')}});
    const ChatTemplate chat("{% for m in messages %}{% set rest = messages[loop.index:] %}"
                            "{{ '<' + m.role + '>' + m.content|trim }}{% endfor %}");
    EXPECT_GT(chat.render(input).size(), 4'000'000u);
}

TEST(ChatTemplateLimits, EveryBuiltInPaysAndStopsWhenAsked) {
    const std::string big =
        "{% set a = 'ab cd ' * 200000 %}{% set b = 'a' * 1000000 %}{% set l = a.split() %}";
    for (const char* step : {"b.find('a' * 500000 ~ 'b')",
                             "b.rfind('b' ~ 'a' * 500000)",
                             "b.replace('aa', 'b')",
                             "b.count('a' * 500000 ~ 'b')",
                             "(b ~ 'c') in b",
                             "a|wordwrap(1)",
                             "b|wordwrap(1)",
                             "a.split()",
                             "a.rsplit('b')",
                             "l|join",
                             "l|sort",
                             "l|unique|list",
                             "l|map('upper')|list",
                             "a|upper",
                             "a|title",
                             "a|tojson",
                             "l|tojson",
                             "l|pprint",
                             "a|indent",
                             "'%s' % a",
                             "'{}'.format(a)",
                             "a|striptags",
                             "a|urlize",
                             "a|wordcount",
                             "a.isalpha()",
                             "a is lower",
                             "a|replace('', '')",
                             "a|length ~ a",
                             "a[::2]",
                             "a * 2",
                             "a|trim('abcd ')",
                             "a.translate({97: 'b'})",
                             "a.partition('zz')",
                             "a|e",
                             "a|urlencode",
                             "l|groupby('0')|list",
                             "a|reverse",
                             "a.center(5000000)",
                             "a|string|int(0)"}) {
        const std::string endless =
            big + "{% for i in range(100000) %}{% for j in range(100000) %}{% set x = " + std::string(step) +
            " %}{% endfor %}{% endfor %}";
        std::stop_source stop;
        const std::jthread stopper([&stop] {
            std::this_thread::sleep_for(std::chrono::milliseconds(150));
            stop.request_stop();
        });
        const auto start = std::chrono::steady_clock::now();
        try {
            ChatTemplate(endless).render({}, stop.get_token());
            ADD_FAILURE() << step << " came to an end";
        } catch (const Error& error) {
            const std::string what = error.what();
            EXPECT_TRUE(what.find("stopped") != what.npos || what.find("step limit") != what.npos) << what;
        }
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << step;
    }
}

TEST(ChatTemplate, TellsTheTimeItIsGiven) {
    TemplateInput input;
    input.now = 1'700'000'000; // 14 November 2023
    EXPECT_EQ(ChatTemplate("{{ strftime_now('%Y %B') }}").render(input), "2023 November");
    EXPECT_EQ(ChatTemplate("{{ strftime_now('%Y%Z%z|%%Z') }}").render(input), "2023|%Z"); // no zone is known
}

} // namespace
} // namespace switchyard
