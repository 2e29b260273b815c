// Python's operators over values. All throw Failure where Python raises.
#pragma once

#include "engine/text/jinja/ast.h"
#include "engine/text/jinja/value.h"

#include <optional>

namespace switchyard::jinja {

Value binary(BinaryOp op, const Value& a, const Value& b);
Value negative(const Value& value);
Value positive(const Value& value);

/// a < b.
bool less(const Value& a, const Value& b);
bool compare(CompareOp op, const Value& a, const Value& b);
/// item in container.
bool contains(const Value& container, const Value& item);

/// object[index] as Python has it: Missing where a key or index is not there or the type has no items.
Value find_item(const Value& object, const Value& index);
/// object[start:stop:step]; each part none where it is absent.
Value slice(const Value& object, const Value& start, const Value& stop, const Value& step);

/// The value as an index or count (int or bool); Failure otherwise.
std::int64_t to_index(const Value& value);

/// Throws the error that using an undefined value raises, where it is one.
void require_defined(const Value& value);

} // namespace switchyard::jinja
