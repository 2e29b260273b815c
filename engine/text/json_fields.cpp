#include "engine/base/error.h"
#include "engine/text/tokenizer_json.h"

namespace switchyard {

namespace {

constexpr std::uint64_t most_ids = std::uint64_t{1} << 28;

constexpr int most_nested = 16;
constexpr std::size_t most_steps = 256;

[[noreturn]] void fail(const char* key, const char* what) {
    throw Error(std::string("'") + key + "' " + what);
}

void visit_steps(const nlohmann::json& description, const char* list,
                 const std::function<void(const nlohmann::json&)>& use, int depth) {
    if (depth > most_nested)
        throw Error("Sequences are nested too deep");
    if (json_text(description, "type") != "Sequence") {
        use(description);
        return;
    }
    const auto* steps = json_field(description, list);
    if (!steps || !steps->is_array())
        throw Error(std::string("a Sequence has no list '") + list + "'");
    if (steps->size() > most_steps)
        throw Error("a Sequence has too many steps");
    for (const auto& step : *steps)
        visit_steps(step, list, use, depth + 1);
}

} // namespace

const nlohmann::json* json_field(const nlohmann::json& object, const char* key) {
    if (!object.is_object())
        throw Error(std::string("an object with '") + key + "' is expected");
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string json_text(const nlohmann::json& object, const char* key) {
    const auto* value = json_field(object, key);
    if (!value)
        fail(key, "is missing");
    if (!value->is_string())
        fail(key, "is not a string");
    return value->get<std::string>();
}

std::string json_text_or(const nlohmann::json& object, const char* key, std::string fallback) {
    return json_field(object, key) ? json_text(object, key) : std::move(fallback);
}

bool json_flag_or(const nlohmann::json& object, const char* key, bool fallback) {
    const auto* value = json_field(object, key);
    if (!value)
        return fallback;
    if (!value->is_boolean())
        fail(key, "is not true or false");
    return value->get<bool>();
}

std::int64_t json_integer_or(const nlohmann::json& object, const char* key, std::int64_t fallback) {
    const auto* value = json_field(object, key);
    if (!value)
        return fallback;
    if (!value->is_number_integer())
        fail(key, "is not an integer");
    return value->get<std::int64_t>();
}

std::int32_t json_id(const nlohmann::json& value) {
    const bool possible = value.is_number_unsigned() && value.get<std::uint64_t>() <= most_ids;
    return possible ? value.get<std::int32_t>() : -1;
}

JsonPattern json_pattern(const nlohmann::json& step) {
    const auto* pattern = json_field(step, "pattern");
    if (!pattern)
        fail("pattern", "is missing");
    if (json_field(*pattern, "String"))
        return {json_text(*pattern, "String"), true};
    return {json_text(*pattern, "Regex"), false};
}

void each_json_step(const nlohmann::json& description, const char* list,
                    const std::function<void(const nlohmann::json&)>& use) {
    visit_steps(description, list, use, 0);
}

} // namespace switchyard
