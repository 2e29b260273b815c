// Renders many templates, one JSON object a line: {"template", "messages", "tools", "add_generation_prompt",
// "variables"} in, {"text"} or {"error"} out. For comparing with other implementations by hand.
#include "engine/base/error.h"
#include "engine/text/chat_template.h"

#include <iostream>
#include <string>

int main() {
    std::ios::sync_with_stdio(false);
    std::string line;
    while (std::getline(std::cin, line)) {
        nlohmann::ordered_json result;
        try {
            const auto request = nlohmann::ordered_json::parse(line);
            switchyard::TemplateInput input;
            input.messages = request.value("messages", nlohmann::ordered_json::array());
            input.tools = request.value("tools", nlohmann::ordered_json());
            input.add_generation_prompt = request.value("add_generation_prompt", false);
            input.variables = request.value("variables", nlohmann::ordered_json::object());
            std::tm date{};
            date.tm_year = 125;
            date.tm_mon = 2;
            date.tm_mday = 4;
            date.tm_hour = 15;
            date.tm_min = 6;
            date.tm_sec = 7;
            date.tm_isdst = -1;
            input.now = std::mktime(&date);
            result["text"] = switchyard::ChatTemplate(request["template"].get<std::string>()).render(input);
        } catch (const switchyard::Error& error) {
            result["error"] = error.what();
        }
        std::cout << result.dump() << std::endl;
    }
}
