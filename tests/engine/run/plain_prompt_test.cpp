// Models without a chat template: what they are asked, and where their answers end.
#include "engine/run/plain_prompt.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

/// What is shown of an answer that comes in pieces of `size` bytes; no part of it may be taken back.
std::string shown(const std::string& answer, std::size_t size, bool* found = nullptr) {
    RoleStop stop(plain_roles());
    std::string out;
    for (std::size_t at = 0; at < answer.size() && !stop.found(); at += size)
        out += stop.push(answer.substr(at, size));
    if (found)
        *found = stop.found();
    return stop.found() ? out : out + stop.flush();
}

TEST(RoleStop, EndsAnAnswerInFrontOfTheNextTurn) {
    for (const std::size_t size : {1u, 2u, 3u, 7u, 1000u}) {
        bool found = false;
        EXPECT_EQ(shown(" Paris.\n\nUser: And Spain?\n\nAssistant: Madrid.", size, &found), " Paris.");
        EXPECT_TRUE(found);
        EXPECT_EQ(shown("A\n \tAssistant: B", size), "A");
        EXPECT_EQ(shown("\n\nUser:", size), "");
        EXPECT_EQ(shown("A\n\nUsers: of it\n", size, &found), "A\n\nUsers: of it\n");
        EXPECT_FALSE(found);
        EXPECT_EQ(shown("The User: is here\n\nUs", size, &found), "The User: is here\n\nUs");
        EXPECT_FALSE(found);
        EXPECT_EQ(shown("\u4f60\n\n\u597d \n", size), "\u4f60\n\n\u597d \n");
    }
}

TEST(RoleStop, HoldsBackWhatMayBecomeARoleAndNothingElse) {
    RoleStop stop(plain_roles());
    EXPECT_EQ(stop.push("Paris. "), "Paris.");
    EXPECT_EQ(stop.push("\n"), "");
    EXPECT_EQ(stop.push("Us"), "");
    EXPECT_EQ(stop.push("ual"), " \nUsual");
    EXPECT_EQ(stop.push("\nA"), "");
    EXPECT_EQ(stop.push("ssistant"), "");
    EXPECT_FALSE(stop.found());
    EXPECT_EQ(stop.push(": more"), "");
    EXPECT_TRUE(stop.found());
    EXPECT_EQ(RoleStop({}).push("\n\nUser: x"), "\n\nUser: x");
}

TEST(PlainPrompt, IsTurnsByTheirRoles) {
    const auto messages = nlohmann::ordered_json::array({{{"role", "system"}, {"content", "Be brief."}},
                                                         {{"role", "user"}, {"content", "Hi"}},
                                                         {{"role", "assistant"}, {"content", "Hello"}},
                                                         {{"role", "user"}, {"content", "Bye"}}});
    EXPECT_EQ(plain_prompt(messages), "Be brief.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: Bye\n\nAssistant:");
}

} // namespace
} // namespace switchyard
