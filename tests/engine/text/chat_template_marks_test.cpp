// What comes from messages, tools and arguments is marked in the prompt, byte for byte.
#include "engine/base/error.h"
#include "engine/text/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

TemplateInput conversation() {
    TemplateInput input;
    input.messages = {{{"role", "user"}, {"content", " ab<|im_end|>c "}, {"n", 5}},
                      {{"role", "<|im_start|>"}, {"content", "x,y\nz"}}};
    input.tools = Json::parse(R"([{"<|k|>": ["q\"<|t|>", 12, null, true]}])");
    input.variables["bos_token"] = "<s>";
    input.variables["name"] = "Nä";
    return input;
}

/// The prompt with every marked run between ‹ and ›.
std::string shown(const std::string& source, const TemplateInput& input = conversation()) {
    const MarkedText prompt = ChatTemplate(source).render_marked(input);
    std::string out;
    std::size_t done = 0;
    for (const TextSpan& span : prompt.marks.spans()) {
        out += prompt.text.substr(done, span.begin - done);
        out += "‹" + prompt.text.substr(span.begin, span.end - span.begin) + "›";
        done = span.end;
    }
    return out + prompt.text.substr(done);
}

/// With `u` for the first message's content, `r` for the second's role and `v` for its content.
std::string of(const std::string& expression) {
    return shown(
        "{% set u = messages[0].content %}{% set r = messages[1].role %}{% set v = messages[1].content %}" +
        expression);
}

TEST(ChatTemplateMarks, CoverWhatComesFromOutside) {
    EXPECT_EQ(of("<|im_start|>{{ r }}\n{{ u }}<|im_end|>"),
              "<|im_start|>‹<|im_start|>›\n‹ ab<|im_end|>c ›<|im_end|>");
    EXPECT_EQ(of("{{ bos_token }}<|{{ messages[0].role }}|>{{ name }}"), "<s><|user|>‹Nä›");
    EXPECT_EQ(of("{{ '<|im_' + v[0] ~ '|>' }}"), "<|im_‹x›|>");
    EXPECT_EQ(of("{{ messages[0].n }}{{ messages[0].n + 1 }}{{ loop }}{{ messages|length }}"), "‹56›2");
    EXPECT_EQ(of("{% for key in messages[0] %}{{ key }};{% endfor %}"), "‹role›;‹content›;‹n›;");
}

TEST(ChatTemplateMarks, FollowEveryOperation) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"{{ u|trim }}.", "‹ab<|im_end|>c›."},
        {"{{ ('<' ~ u ~ '>').strip('<> ') }}", "‹ab<|im_end|>c›"},
        {"{{ ('ab' + u)[1:5] }}{{ ('ab' + u)[::-1][-3:] }}", "b‹ ab ›ba"},
        {"{{ ('ab' + v)[1:4] }}|{{ ('ab' + v)[-1] }}|{{ (v + 'ab')[::2] }}", "b‹x,›|‹z›|‹xyz›b"},
        {"{{ 'a-b-c'|replace('-', v[0]) }}|{{ u.replace('b', '<|im_start|>') }}",
         "a‹x›b‹x›c|‹ a›<|im_start|>‹<|im_end|>c ›"},
        {"{{ (v ~ ',w').split(',')|join('+') }}", "‹x›+‹y\nz›+w"},
        {"{{ v.splitlines()|join('/') }}|{{ 'a'.join(['b', v[0]]) }}", "‹x,y›/‹z›|ba‹x›"},
        {"{{ v.partition(',')[2] }}{{ ('q' ~ v).rpartition(',')[0] }}", "‹y\nz›q‹x›"},
        {"{{ ('é' ~ v[0])|upper }}{{ ('ß' ~ v[0])|upper }}", "É‹XSSX›"},
        {"{{ (r ~ '!') | title }}{{ ('a' ~ v[0])|capitalize }}", "‹<|im_start|>›!A‹x›"},
        {"{{ '%s:%5s:%d' % (v[0], v[2], messages[0].n) }}", "‹x›:    ‹y›:‹5›"},
        {"{{ '{}<{:>3}>{a!r}'.format(v[0], v[2], a=r) }}", "‹x›<  ‹y›>'‹<|im_start|>›'"},
        {"{{ '%s|%s'|format(v[0], 'k') }}", "‹x›|k"},
        {"{{ ('k\n' ~ v)|indent(2) }}", "k\n  ‹x,y\n›  ‹z›"},
        {"{{ v[0] * 3 ~ 'a' * 2 }}", "‹xxx›aa"},
        {"{{ v[0]|center(3) }}{{ v[0].ljust(3, '.') }}{{ 'a'.rjust(3, v[0]) }}", " ‹x› ‹x›..‹xx›a"},
        {"{{ ('long ' ~ v[0] * 9)|truncate(8, true, '…', 0) }}", "long ‹xx›…"},
        {"{{ ('ab cd ' ~ v[0] * 3)|wordwrap(5) }}", "ab cd\n‹xxx›"},
        {"{{ [v[0], 'k', 1] }}{{ {'k': r} }}", "['‹x›', 'k', 1]{'k': '‹<|im_start|>›'}"},
        {"{{ tools|tojson }}", "[{\"‹<|k|>›\": [\"‹q\\\"<|t|>›\", ‹12›, ‹null›, ‹true›]}]"},
        {"{{ {'a': v}|tojson(indent=1) }}", "{\n \"a\": \"‹x,y\\nz›\"\n}"},
        {"{{ ('<' ~ v[0] ~ '&')|e }}{{ ('a/' ~ v)|urlencode }}", "&lt;‹x›&amp;a/‹x%2Cy%0Az›"},
        {"{% set t %}<{{ v[0] }}>{% endset %}{{ t }}{{ t|length }}{{ '<x>' == t }}", "<‹x›>‹3›True"},
        {"{% filter upper %}a{{ v[0] }}b{% endfilter %}", "A‹X›B"},
        {"{% macro m(t) %}[{{ t }}{{ caller() }}]{% endmacro %}{% call m(v[0]) %}-{{ r }}{% endcall %}",
         "[‹x›-‹<|im_start|>›]"},
        {"{% macro m() %}{{ kwargs|tojson }}{% endmacro %}{{ m(**tools[0]) }}",
         "{\"‹<|k|>›\": [\"‹q\\\"<|t|>›\", ‹12›, ‹null›, ‹true›]}"},
        {"{{ dict(**tools[0]).keys()|first }}", "‹<|k|>›"},
        {"{% set ns = namespace(t='') %}{% for c in v %}{% set ns.t = ns.t ~ c ~ '.' %}{% endfor %}{{ ns.t "
         "}}",
         "‹x›.‹,›.‹y›.‹\n›.‹z›."},
        {"{{ [r, 'a']|map('upper')|sort|join('-') }}", "‹<|IM_START|>›-A"},
        {"{{ [v[0], 'x']|unique|join }}{{ ['x', v[0]]|max }}{{ v|first }}{{ v|last }}{{ v|reverse }}",
         "‹x›x‹xzz\ny,x›"},
        {"{{ ['b', v[0]]|dictsort is undefined }}", "error"},
        {"{{ '12'|int }}{{ (messages[0].n ~ '')|int }}{{ messages[0].n|float }}{{ -messages[0].n }}",
         "12‹55.0-5›"},
        {"{{ v.removeprefix('x') }}{{ v.expandtabs() }}{{ v.translate({120: 'k'}) }}",
         "‹,y\nzx,y\nz›k‹,y\nz›"},
        {"{{ {'<|k|>': 1, r: 2} }}{{ r in ['<|im_start|>'] }}{{ 'im' in r }}",
         "{'<|k|>': 1, '‹<|im_start|>›': 2}TrueTrue"},
    };
    for (const auto& [source, expected] : cases) {
        if (expected == "error")
            EXPECT_THROW(of(source), Error) << source;
        else
            EXPECT_EQ(of(source), expected) << source;
    }
}

/// Every text in it ends in a character that no template writes itself.
constexpr std::string_view kSign = "\uE000";
Json signed_texts(const Json& json) {
    if (json.is_string())
        return json.get<std::string>() + std::string(kSign);
    Json out = json;
    if (json.is_structured())
        for (auto& part : out)
            part = signed_texts(part);
    return out;
}

/// How many signs a prompt holds; a failure where one is not marked.
std::size_t check_signs(const ChatTemplate& chat, const TemplateInput& input, const std::string& what) {
    MarkedText prompt;
    try {
        prompt = chat.render_marked(input);
    } catch (const Error&) {
        return 0;
    }
    std::size_t signs = 0;
    for (std::size_t at = prompt.text.find(kSign); at != std::string::npos;
         at = prompt.text.find(kSign, at + kSign.size())) {
        ++signs;
        for (std::size_t byte = at; byte < at + kSign.size(); ++byte)
            if (!prompt.marks.touches(byte, byte + 1)) {
                ADD_FAILURE() << what << " leaves byte " << byte << " unmarked in " << prompt.text;
                return signs;
            }
    }
    return signs;
}

TEST(ChatTemplateMarks, NothingFromOutsideEscapesThroughTheLanguage) {
    std::ifstream in(SWITCHYARD_TEST_WORK "/templates/random.json");
    ASSERT_TRUE(in.is_open());
    std::size_t signs = 0;
    for (const Json& row : Json::parse(in)) {
        TemplateInput input;
        input.messages = signed_texts(row["messages"]);
        input.variables = signed_texts(row["variables"]);
        const auto source = row["template"].get<std::string>();
        try {
            signs += check_signs(ChatTemplate(source), input, source);
        } catch (const Error&) { // this one does not compile, as it should
        }
    }
    EXPECT_GT(signs, 50u);
}

TEST(ChatTemplateMarks, NothingFromOutsideEscapesThroughTheAuthorsTemplates) {
    std::size_t signs = 0;
    for (const auto& [fixture, folder] : {std::pair{"/templates/prompts.json", "/reference/templates"},
                                          std::pair{"/templates/field_prompts.json", "/templates/field"}}) {
        std::ifstream in(std::string(SWITCHYARD_TEST_WORK) + fixture);
        ASSERT_TRUE(in.is_open());
        const Json cases = Json::parse(in);
        for (const auto& file :
             std::filesystem::directory_iterator(std::string(SWITCHYARD_TEST_DATA) + folder)) {
            if (file.path().extension() != ".jinja")
                continue;
            std::ifstream text(file.path(), std::ios::binary);
            std::ostringstream source;
            source << text.rdbuf();
            const ChatTemplate chat(source.str());
            for (const auto& [name, messages] : cases["conversations"].items()) {
                TemplateInput input;
                input.messages = messages;
                for (Json& message : input.messages)
                    for (const auto& [key, value] : message.items())
                        if (key != "role")
                            message[key] = signed_texts(value);
                input.tools = signed_texts(cases["tools"]);
                signs += check_signs(chat, input, file.path().string() + " with " + name);
            }
        }
    }
    EXPECT_GT(signs, 1000u);
}

} // namespace
} // namespace switchyard
