// The one exception the engine throws for bad input: a sentence that names what failed and why.
#pragma once

#include <stdexcept>
#include <string>

namespace switchyard {

/// Bad input or a resource that could not be had. what() is one line, fit to be shown to the user as it is.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

} // namespace switchyard
