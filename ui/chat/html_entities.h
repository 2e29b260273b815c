// HTML's character references, as Markdown takes them over.
#pragma once

#include <QString>

#include <string_view>

namespace switchyard {

/// The character of a reference with its "&" and ";": "&lt;", "&#65;", "&#x41;". The names are HTML 4's and
/// XML's; an unknown one stays as it is, and a number that is no character gives U+FFFD.
QString decodeEntity(std::string_view entity);

} // namespace switchyard
