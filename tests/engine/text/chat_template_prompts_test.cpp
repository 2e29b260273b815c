// The authors' templates against the prompts that jinja2 makes of them.
#include "engine/base/error.h"
#include "engine/text/chat_template.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

std::string read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in.is_open()) << path;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The local time that the fixtures were made for.
std::time_t fixture_time() {
    std::tm date{};
    date.tm_year = 125;
    date.tm_mon = 2;
    date.tm_mday = 4;
    date.tm_hour = 15;
    date.tm_min = 6;
    date.tm_sec = 7;
    date.tm_isdst = -1;
    return std::mktime(&date);
}

/// Renders every case of a fixture with the templates of a folder; the number of cases.
std::size_t check_prompts(const std::string& fixture_path, const std::string& folder) {
    const Json fixture = Json::parse(read_text(fixture_path));
    std::map<std::string, ChatTemplate> templates;
    int wrong = 0;
    for (const Json& row : fixture["cases"]) {
        const auto name = row["template"].get<std::string>();
        if (templates.find(name) == templates.end())
            templates.emplace(name, ChatTemplate(read_text(folder + "/" + name)));
        TemplateInput input;
        input.messages = fixture["conversations"][row["messages"].get<std::string>()];
        if (row["tools"].get<bool>())
            input.tools = fixture["tools"];
        input.add_generation_prompt = row["add_generation_prompt"].get<bool>();
        input.variables = fixture["tokens"];
        input.variables.update(fixture["settings"][row["settings"].get<std::size_t>()]);
        input.now = fixture_time();
        std::string text, error;
        try {
            text = templates.at(name).render(input);
        } catch (const Error& e) {
            error = e.what();
        }
        const bool fails = row.contains("fails");
        const bool right = fails ? !error.empty() : error.empty() && text == row["text"].get<std::string>();
        if (!right && ++wrong <= 5)
            ADD_FAILURE() << row.dump().substr(0, 2000) << "\ngot: " << text << error;
    }
    EXPECT_EQ(wrong, 0);
    return fixture["cases"].size();
}

TEST(ChatTemplatePrompts, ReferenceTemplates) {
    EXPECT_GT(check_prompts(SWITCHYARD_TEST_WORK "/templates/prompts.json",
                            SWITCHYARD_TEST_DATA "/reference/templates"),
              3000u);
}

TEST(ChatTemplatePrompts, FieldTemplates) {
    EXPECT_GT(check_prompts(SWITCHYARD_TEST_WORK "/templates/field_prompts.json",
                            SWITCHYARD_TEST_DATA "/templates/field"),
              3000u);
}

} // namespace
} // namespace switchyard
