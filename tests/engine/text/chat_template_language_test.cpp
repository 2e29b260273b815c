// Random templates over the whole language against the texts that jinja2 makes of them.
#include "engine/base/error.h"
#include "engine/text/chat_template.h"

#include <gtest/gtest.h>

#include <fstream>

namespace switchyard {
namespace {

TEST(ChatTemplateLanguage, RandomTemplates) {
    std::ifstream in(SWITCHYARD_TEST_WORK "/templates/random.json");
    ASSERT_TRUE(in.is_open());
    const auto cases = nlohmann::ordered_json::parse(in);
    EXPECT_GT(cases.size(), 500u);
    int wrong = 0;
    for (const auto& row : cases) {
        TemplateInput input;
        input.messages = row["messages"];
        input.variables = row["variables"];
        std::string text, error;
        try {
            text = ChatTemplate(row["template"].get<std::string>()).render(input);
        } catch (const Error& e) {
            error = e.what();
        }
        const bool right =
            row.contains("fails") ? !error.empty() : error.empty() && text == row["text"].get<std::string>();
        if (!right && ++wrong <= 5)
            ADD_FAILURE() << row.dump() << "\ngot: " << text << error;
    }
    EXPECT_EQ(wrong, 0);
}

// The answers are jinja2's.
TEST(ChatTemplateLanguage, RoundUpAndDownTakeAnyPowerOfTen) {
    const auto rendered = [](const char* text) { return ChatTemplate(text).render({}); };
    EXPECT_EQ(rendered("{{ 6|round(-0.1, 'floor') }}"), "5.035701647176669");
    EXPECT_EQ(rendered("{{ 2.7|round(0.5, 'ceil') }}"), "2.846049894151541");
    EXPECT_EQ(rendered("{{ 25|round(-1, 'ceil') }}"), "30.0");
    EXPECT_THROW(rendered("{{ 2.7|round(0.5) }}"), Error);
    EXPECT_THROW(rendered("{{ 2.7|round(none, 'ceil') }}"), Error);
}

TEST(ChatTemplateLanguage, UrlizeKnowsAddresses) {
    const auto linked = [](const std::string& text) {
        return ChatTemplate("{{ '" + text + "'|urlize }}").render({});
    };
    const auto link = [](const std::string& address, const std::string& shown) {
        return "<a href=\"" + address + "\" rel=\"noopener\">" + shown + "</a>";
    };
    EXPECT_EQ(linked("EXAMPLE.COM"), link("https://EXAMPLE.COM", "EXAMPLE.COM"));
    EXPECT_EQ(linked("(see a1.info)."), "(see " + link("https://a1.info", "a1.info") + ").");
    EXPECT_EQ(linked("https://a.bc/c_(d)"), link("https://a.bc/c_(d)", "https://a.bc/c_(d)"));
    EXPECT_EQ(linked("http://127.0.0.1:80/x"), link("http://127.0.0.1:80/x", "http://127.0.0.1:80/x"));
    EXPECT_EQ(linked("http://[::1]"), link("http://[::1]", "http://[::1]"));
    EXPECT_EQ(linked("http://x.y a.com https://a.bc:123456"), "http://x.y a.com https://a.bc:123456");
}

} // namespace
} // namespace switchyard
