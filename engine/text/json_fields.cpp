#include "engine/base/error.h"
#include "engine/text/tokenizer_json.h"

namespace switchyard {

namespace {

constexpr std::uint64_t most_ids = std::uint64_t{1} << 28;

[[noreturn]] void fail(const char* key, const char* what) {
    throw Error(std::string("'") + key + "' " + what);
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

} // namespace switchyard
