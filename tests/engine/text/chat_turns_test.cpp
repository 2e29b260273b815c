// Conversations with gaps, and templates that are strict about turns.
#include "engine/base/error.h"
#include "engine/text/chat_template.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWrite = "{% for m in messages %}[{{ m.role[0] }}:{{ m.content }}]{% endfor %}";

std::string accepted(const std::string& source, const Json& messages) {
    TemplateInput input;
    input.messages = messages;
    return ChatTemplate(source).render_accepted(input).text;
}

Json conversation(std::initializer_list<std::pair<const char*, const char*>> turns) {
    Json messages = Json::array();
    for (const auto& [role, content] : turns)
        messages.push_back({{"role", role}, {"content", content}});
    return messages;
}

TEST(ChatTurns, StayAsTheyAreWhereTheTemplateTakesThem) {
    EXPECT_EQ(
        accepted(kWrite, conversation({{"system", "s"}, {"user", "a"}, {"assistant", ""}, {"user", "b"}})),
        "[s:s][u:a][a:][u:b]");
}

TEST(ChatTurns, AreJoinedForTemplatesThatWantThemToAlternate) {
    const std::string strict = "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
                               "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}" +
                               std::string(kWrite);
    EXPECT_EQ(accepted(strict, conversation({{"user", "a"}, {"user", "b"}})), "[u:a\n\nb]");
    EXPECT_EQ(
        accepted(strict, conversation({{"user", "a"}, {"assistant", ""}, {"user", "b"}, {"user", "c"}})),
        "[u:a\n\nb\n\nc]");
    EXPECT_EQ(
        accepted(strict, conversation({{"system", "s"}, {"user", "a"}, {"assistant", "x"}, {"user", "b"}})),
        "[u:s\n\na][a:x][u:b]");
    EXPECT_EQ(accepted(strict, conversation({{"assistant", "hello"}, {"user", "b"}})), "[u:b]");
}

TEST(ChatTurns, KeepASystemPromptThatOnlyTheOrderOfTheOthersForbids) {
    const std::string strict =
        "{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages "
        "%}"
        "{% endif %}{% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}" +
        std::string(kWrite);
    EXPECT_EQ(accepted(strict, conversation({{"system", "s"}, {"user", "a"}, {"user", "b"}})),
              "[s:s][u:a\n\nb]");
}

TEST(ChatTurns, GoWithoutEmptyOnesWhereTheTemplateRefusesThem) {
    const std::string strict = "{% for m in messages %}{% if not m.content %}{{ raise_exception('empty') }}"
                               "{% endif %}{% endfor %}" +
                               std::string(kWrite);
    EXPECT_EQ(
        accepted(strict, conversation({{"system", ""}, {"user", "a"}, {"assistant", ""}, {"user", "b"}})),
        "[u:a\n\nb]");
}

TEST(ChatTurns, TellTheFirstRefusalWhereNothingHelps) {
    try {
        accepted("{{ raise_exception('never ' ~ messages|length) }}",
                 conversation({{"system", "s"}, {"user", "a"}}));
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("never 2"), std::string::npos) << error.what();
    }
}

} // namespace
} // namespace switchyard
