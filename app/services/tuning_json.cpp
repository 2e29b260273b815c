#include "app/services/tuning_json.h"

#include "engine/base/error.h"
#include "engine/run/controls.h"

#include <nlohmann/json.hpp>

namespace switchyard {

QByteArray tuningToJson(const Tuning& tuning) {
    auto json = nlohmann::ordered_json::object();
    for (const ControlSpec& spec : controls()) {
        const ControlValue value = control_value(tuning, spec);
        const std::string key(spec.name);
        if (const auto* name = std::get_if<std::string>(&value))
            json[key] = *name;
        else if (spec.kind == ControlKind::Integer)
            json[key] = static_cast<std::int64_t>(std::get<double>(value));
        else
            json[key] = std::get<double>(value);
    }
    return QByteArray::fromStdString(json.dump(2));
}

Tuning tuningFromJson(const QByteArray& text) {
    const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!json.is_object())
        throw Error("the settings are not a JSON object");
    Tuning tuning;
    for (const ControlSpec& spec : controls()) {
        const auto found = json.find(std::string(spec.name));
        if (found == json.end())
            continue;
        if (found->is_string())
            tuning = with_control(tuning, spec, found->get<std::string>());
        else if (found->is_number())
            tuning = with_control(tuning, spec, found->get<double>());
        else
            throw Error(std::string(spec.name) + " is neither a number nor a text");
    }
    return tuning;
}

} // namespace switchyard
