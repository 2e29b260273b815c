#include "app/services/transfer/json_read.h"

#include <cmath>

namespace switchyard::json {

const Json& member(const Json& object, const char* key) {
    static const Json kNull;
    if (!object.is_object())
        return kNull;
    const auto found = object.find(key);
    return found != object.end() ? *found : kNull;
}

const Json& list(const Json& object, const char* key) {
    static const Json kEmpty = Json::array();
    const Json& found = member(object, key);
    return found.is_array() ? found : kEmpty;
}

const std::string& bytes(const Json& object, const char* key) {
    static const std::string kEmpty;
    const Json& found = member(object, key);
    return found.is_string() ? found.get_ref<const std::string&>() : kEmpty;
}

std::vector<std::string> texts(const Json& object, const char* key) {
    std::vector<std::string> found;
    for (const Json& one : list(object, key)) {
        if (one.is_string())
            found.push_back(one.get<std::string>());
    }
    return found;
}

QString text(const Json& value) {
    return value.is_string() ? QString::fromStdString(value.get_ref<const std::string&>()) : QString();
}

QString text(const Json& object, const char* key) { return text(member(object, key)); }

double number(const Json& value) {
    const double real = value.is_number() ? value.get<double>() : 0;
    return std::isfinite(real) ? real : 0;
}

bool truth(const Json& object, const char* key) {
    const Json& found = member(object, key);
    return found.is_boolean() && found.get<bool>();
}

QDateTime time(const Json& value) {
    constexpr double kMost = 253'402'300'799'000.0; // the end of the year 9999, in milliseconds
    constexpr double kLargestSeconds = 1e11;        // the year 5138; in milliseconds 1973
    if (value.is_string()) {
        const QDateTime read = QDateTime::fromString(text(value), Qt::ISODateWithMs);
        return read.isValid() && read.toMSecsSinceEpoch() >= 0 && double(read.toMSecsSinceEpoch()) <= kMost
                   ? read
                   : QDateTime();
    }
    double milliseconds = number(value);
    if (milliseconds < kLargestSeconds)
        milliseconds *= 1000;
    while (milliseconds > kMost && milliseconds < 1e22)
        milliseconds /= 1000;
    if (!(milliseconds > 0) || milliseconds > kMost)
        return {};
    return QDateTime::fromMSecsSinceEpoch(static_cast<qint64>(milliseconds), Qt::UTC);
}

} // namespace switchyard::json
