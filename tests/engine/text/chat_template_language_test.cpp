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

} // namespace
} // namespace switchyard
