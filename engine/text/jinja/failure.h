// Errors inside the interpreter, before and after the line is known.
#pragma once

#include "engine/base/error.h"

#include <string>

namespace switchyard::jinja {

/// A cause without a place: raised by operators and filters; the evaluator adds the line.
class Failure : public Error {
  public:
    using Error::Error;
};

/// The template's own raise_exception: its message goes to the user as it is.
class Raised : public Error {
  public:
    using Error::Error;
};

/// Throws Error "chat template, line N: cause".
[[noreturn]] inline void fail_at(int line, const std::string& cause) {
    throw Error("chat template, line " + std::to_string(line) + ": " + cause);
}

} // namespace switchyard::jinja
