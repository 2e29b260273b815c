// Looking into JSON that may be anything: what is missing or of another type counts as empty.
#pragma once

#include <QDateTime>
#include <QString>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace switchyard::json {

using Json = nlohmann::json;

const Json& member(const Json& object, const char* key);             ///< null where there is none
const Json& list(const Json& object, const char* key);               ///< an empty list where there is none
const std::string& bytes(const Json& object, const char* key);       ///< of a text; empty
std::vector<std::string> texts(const Json& object, const char* key); ///< of a list those that are texts
QString text(const Json& value);                                     ///< of a text; null where it is none
QString text(const Json& object, const char* key);
double number(const Json& value); ///< 0 where it is none
bool truth(const Json& object, const char* key);
/// Seconds, milliseconds or more exact ones since 1970, told apart by their size, or a text by ISO 8601;
/// invalid where it is no time from 1970 to 9999.
QDateTime time(const Json& value);

} // namespace switchyard::json
