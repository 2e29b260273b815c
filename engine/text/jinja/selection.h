// What filters over sequences share: attributes by dotted names, case folding of keys.
#pragma once

#include "engine/text/jinja/value.h"

#include <vector>

namespace switchyard::jinja {

/// Follows "a.b.0" from an item to a part of it.
class AttributePath {
  public:
    /// None: the item itself. `fallback` (Missing: none) stands in for what is undefined on the way.
    AttributePath(Evaluator& evaluator, const Value& attribute, Value fallback = Value::missing());
    Value operator()(const Value& item) const;

  private:
    Evaluator* evaluator_;
    std::vector<Value> parts_;
    Value fallback_;
};

/// Texts in lower case, all else as it is.
Value ignore_case(const Value& value);

} // namespace switchyard::jinja
