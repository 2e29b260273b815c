#include "engine/text/jinja/value.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::jinja {
namespace {

std::uint64_t text_weight(std::size_t bytes) { return 1 + bytes / 64; }

void check_limits(const Object& object) {
    if (object.depth > kMaxDepth)
        throw Failure("lists or dicts are nested too deeply");
    if (object.weight > kMaxWeight)
        throw Failure("a list or dict becomes too large");
}

void include(Object& object, const Value& part) {
    object.depth = std::max(object.depth, part.depth() + 1);
    object.weight += part.weight();
}

std::shared_ptr<ListObject> make_items(std::vector<Value> items) {
    auto object = std::make_shared<ListObject>();
    for (const Value& item : items)
        include(*object, item);
    check_limits(*object);
    object->items = std::move(items);
    return object;
}

/// Whether a double and an integer are the same number, without rounding the integer.
bool same_number(std::int64_t i, double d) {
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
        return false;
    return static_cast<std::int64_t>(d) == i && static_cast<double>(static_cast<std::int64_t>(d)) == d;
}

bool equal_numbers(const Value& a, const Value& b) {
    if (a.is(Kind::Float) && b.is(Kind::Float))
        return a.as_real() == b.as_real();
    if (a.is(Kind::Float))
        return same_number(b.as_int(), a.as_real());
    if (b.is(Kind::Float))
        return same_number(a.as_int(), b.as_real());
    return a.as_int() == b.as_int();
}

bool equal_items(const std::vector<Value>& a, const std::vector<Value>& b) {
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!identical(a[i], b[i]) && !equal(a[i], b[i]))
            return false;
    return true;
}

bool equal_dicts(const DictObject& a, const DictObject& b) {
    if (a.entries.size() != b.entries.size())
        return false;
    for (const auto& [key, value] : a.entries) {
        const Value* other = b.find(key);
        if (!other || (!identical(value, *other) && !equal(value, *other)))
            return false;
    }
    return true;
}

bool equal_ranges(const RangeObject& a, const RangeObject& b) {
    const std::int64_t n = a.length();
    return n == b.length() && (n == 0 || (a.start == b.start && (n == 1 || a.step == b.step)));
}

/// Equal ranges have equal hashes; what an empty one began with does not matter.
std::size_t hash_range(const RangeObject& range) {
    const auto n = static_cast<std::size_t>(range.length());
    if (n == 0)
        return 0;
    const auto step = n == 1 ? std::size_t{0} : static_cast<std::size_t>(range.step);
    return (n * 1000003 ^ static_cast<std::size_t>(range.start)) * 1000003 ^ step;
}

bool in_view(const ViewObject& view, const Value& item) {
    if (view.part == ViewObject::Part::Keys)
        return is_hashable(item) && view.dict.dict().find(item);
    if (!item.is(Kind::Tuple) || item.items().size() != 2 || !is_hashable(item.items()[0]))
        return false;
    const Value* found = view.dict.dict().find(item.items()[0]);
    return found && equal(*found, item.items()[1]);
}

/// Views compare as sets; values() only with itself.
bool equal_views(const Value& a, const Value& b) {
    const ViewObject &x = a.view(), &y = b.view();
    if (x.part == ViewObject::Part::Values || y.part == ViewObject::Part::Values)
        return a.object() == b.object();
    const std::vector<Value> left = to_items(a);
    return static_cast<std::int64_t>(left.size()) == length(b) &&
           std::all_of(left.begin(), left.end(), [&y](const Value& item) { return in_view(y, item); });
}

} // namespace

void check_text_size(std::size_t bytes) {
    if (bytes > kMaxText)
        throw Failure("a text becomes too large");
}

void check_item_count(std::size_t items) {
    if (items > kMaxWeight)
        throw Failure("a list or dict becomes too large");
}

Value Value::boolean(bool b) {
    Value value(Kind::Bool);
    value.number_.integer = b ? 1 : 0;
    return value;
}

Value Value::integer(std::int64_t i) {
    Value value(Kind::Int);
    value.number_.integer = i;
    return value;
}

Value Value::real(double d) {
    Value value(Kind::Float);
    value.number_.real = d;
    return value;
}

Value Value::text(std::string s, bool markup) {
    check_text_size(s.size());
    auto object = std::make_shared<TextObject>();
    object->length = count_code_points(s);
    object->weight = text_weight(s.size());
    object->text = std::move(s);
    object->markup = markup;
    return {Kind::String, std::move(object)};
}

Value Value::text(std::u32string_view s, bool markup) { return text(to_utf8(s), markup); }

Value Value::text(MarkedText s, bool markup) {
    Value value = text(std::move(s.text), markup);
    static_cast<TextObject&>(*value.object_).marks = std::move(s.marks);
    return value;
}

Value Value::list(std::vector<Value> items) { return {Kind::List, make_items(std::move(items))}; }
Value Value::tuple(std::vector<Value> items) { return {Kind::Tuple, make_items(std::move(items))}; }

Value Value::dict(std::shared_ptr<DictObject> entries) {
    entries->depth = 1;
    entries->weight = 1;
    for (const auto& [key, value] : entries->entries) {
        include(*entries, key);
        include(*entries, value);
    }
    check_limits(*entries);
    return {Kind::Dict, std::move(entries)};
}

Value Value::view(std::shared_ptr<const ViewObject> view) {
    auto object = std::const_pointer_cast<ViewObject>(std::move(view));
    include(*object, object->dict);
    check_limits(*object);
    return {Kind::View, std::move(object)};
}

Value Value::range(std::int64_t start, std::int64_t stop, std::int64_t step) {
    auto object = std::make_shared<RangeObject>();
    object->start = start;
    object->stop = stop;
    object->step = step;
    return {Kind::Range, std::move(object)};
}

Value Value::iterator(std::shared_ptr<IteratorObject> iterator) {
    check_limits(*iterator);
    return {Kind::Iterator, std::move(iterator)};
}

Value Value::native(std::shared_ptr<NativeObject> object) { return {Kind::Native, std::move(object)}; }

Value Value::undefined(std::string message) {
    auto object = std::make_shared<TextObject>();
    object->text = std::move(message);
    return {Kind::Undefined, std::move(object)};
}

const TextObject& Value::text_object() const { return static_cast<const TextObject&>(*object_); }
const std::string& Value::str() const { return text_object().text; }
const MarkedText& Value::marked_text() const { return text_object(); }
bool Value::outside() const { return is_text() ? !marked_text().marks.empty() : outside_; }
Value Value::from_outside() const {
    Value value = *this;
    value.outside_ = true;
    return value;
}
bool Value::markup() const { return kind_ == Kind::String && text_object().markup; }
const std::vector<Value>& Value::items() const { return static_cast<const ListObject&>(*object_).items; }
const DictObject& Value::dict() const { return static_cast<const DictObject&>(*object_); }
const ViewObject& Value::view() const { return static_cast<const ViewObject&>(*object_); }
const RangeObject& Value::range() const { return static_cast<const RangeObject&>(*object_); }
IteratorObject& Value::iterator() const { return static_cast<IteratorObject&>(*object_); }
NativeObject& Value::native() const { return static_cast<NativeObject&>(*object_); }
const std::string& Value::undefined_message() const { return text_object().text; }

bool Value::truthy() const {
    switch (kind_) {
    case Kind::Missing:
    case Kind::Undefined:
    case Kind::None:
        return false;
    case Kind::Bool:
    case Kind::Int:
        return number_.integer != 0;
    case Kind::Float:
        return number_.real != 0;
    case Kind::Iterator:
        return true;
    case Kind::Native:
        return native().truthy();
    default:
        return jinja::length(*this) != 0;
    }
}

void DictObject::set(Value key, Value value) {
    const std::size_t hash = hash_value(key);
    if (const std::size_t at = position(key, hash); at < entries.size()) {
        entries[at].second = std::move(value);
        return;
    }
    constexpr std::size_t kIndexFrom = 17; // below, walking along is quicker
    entries.emplace_back(std::move(key), std::move(value));
    if (entries.size() == kIndexFrom)
        for (std::size_t i = 0; i < entries.size(); ++i)
            index_.emplace(hash_value(entries[i].first), i);
    else if (entries.size() > kIndexFrom)
        index_.emplace(hash, entries.size() - 1);
}

std::size_t DictObject::position(const Value& key, std::size_t hash) const {
    if (index_.empty()) {
        for (std::size_t i = 0; i < entries.size(); ++i)
            if (equal(entries[i].first, key))
                return i;
        return entries.size();
    }
    const auto [first, last] = index_.equal_range(hash);
    for (auto it = first; it != last; ++it)
        if (equal(entries[it->second].first, key))
            return it->second;
    return entries.size();
}

const Value* DictObject::find(const Value& key) const {
    const std::size_t at = position(key, hash_value(key));
    return at < entries.size() ? &entries[at].second : nullptr;
}

const Value* DictObject::find(std::string_view key) const {
    if (index_.empty()) {
        for (const auto& [name, value] : entries)
            if (name.is_text() && name.str() == key)
                return &value;
        return nullptr;
    }
    return find(Value::text(std::string(key)));
}

std::int64_t RangeObject::length() const {
    if (step > 0)
        return stop > start ? (stop - start - 1) / step + 1 : 0;
    return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

const Value* CallArguments::keyword(std::string_view name) const {
    for (const auto& [key, value] : keywords)
        if (key == name)
            return &value;
    return nullptr;
}

Value CallArguments::name_value(const std::string& name) const {
    return Value::text(whole_text(name, outside_names));
}

Value NativeObject::attribute(std::string_view) { return Value::missing(); }
Value NativeObject::call(Evaluator&, CallArguments&) {
    throw Failure("'" + type_name() + "' object is not callable");
}
MarkedText NativeObject::repr() const { return plain_text("<" + type_name() + " object>"); }

Value make_function(std::string name, std::uint32_t depth, FunctionObject::Body body) {
    auto object = std::make_shared<FunctionObject>(std::move(name), std::move(body));
    object->depth = depth + 1;
    check_limits(*object);
    return Value::native(std::move(object));
}

Value make_iterator(std::string label, std::uint32_t depth, IteratorObject::Next next) {
    auto object = std::make_shared<IteratorObject>();
    object->label = std::move(label);
    object->depth = depth + 1;
    object->next = std::move(next);
    return Value::iterator(std::move(object));
}

std::shared_ptr<DictObject> make_dict() { return std::make_shared<DictObject>(); }

bool identical(const Value& a, const Value& b) {
    if (a.kind() != b.kind())
        return false;
    switch (a.kind()) {
    case Kind::None:
    case Kind::Missing:
        return true;
    case Kind::Bool:
        return a.as_bool() == b.as_bool();
    case Kind::Int: // Python keeps one object for each small integer
        return a.as_int() == b.as_int() && a.as_int() >= -5 && a.as_int() <= 256;
    case Kind::Float:
        return false;
    case Kind::String: // ... and for the empty string and single Latin-1 characters
        return a.object() == b.object() ||
               (a.str() == b.str() && !a.markup() && !b.markup() && a.text_object().length <= 1);
    default:
        return a.object() == b.object();
    }
}

bool equal(const Value& a, const Value& b) {
    if (a.is_number() && b.is_number())
        return equal_numbers(a, b);
    if (a.kind() != b.kind())
        return false;
    switch (a.kind()) {
    case Kind::Missing:
    case Kind::Undefined:
    case Kind::None:
        return true;
    case Kind::String:
        return a.str() == b.str();
    case Kind::List:
    case Kind::Tuple:
        return equal_items(a.items(), b.items());
    case Kind::Dict:
        return a.object() == b.object() || equal_dicts(a.dict(), b.dict());
    case Kind::Range:
        return equal_ranges(a.range(), b.range());
    case Kind::View:
        return equal_views(a, b);
    default:
        return a.object() == b.object();
    }
}

std::size_t hash_value(const Value& value) {
    switch (value.kind()) {
    case Kind::String:
        return std::hash<std::string>{}(value.str());
    case Kind::Bool:
    case Kind::Int:
        return std::hash<double>{}(static_cast<double>(value.as_int()));
    case Kind::Float: // what is no number equals nothing: any hash will do, and one for all would be slow
        return std::isnan(value.as_real()) ? std::hash<const void*>{}(&value)
                                           : std::hash<double>{}(value.as_real());
    case Kind::Tuple: {
        std::size_t hash = 0x345678;
        for (const Value& item : value.items())
            hash = hash * 1000003 ^ hash_value(item);
        return hash;
    }
    case Kind::List:
    case Kind::Dict:
    case Kind::View:
        throw Failure("unhashable type: '" + type_name(value) + "'");
    case Kind::Range:
        return hash_range(value.range());
    case Kind::Missing:
    case Kind::Undefined:
    case Kind::None:
        return static_cast<std::size_t>(value.kind());
    default:
        return std::hash<const void*>{}(value.object().get());
    }
}

bool is_hashable(const Value& value) {
    if (value.is(Kind::Tuple))
        return std::all_of(value.items().begin(), value.items().end(), is_hashable);
    return !value.is(Kind::List) && !value.is(Kind::Dict) && !value.is(Kind::View);
}

std::string type_name(const Value& value) {
    switch (value.kind()) {
    case Kind::Missing:
    case Kind::Undefined:
        return "Undefined";
    case Kind::None:
        return "NoneType";
    case Kind::Bool:
        return "bool";
    case Kind::Int:
        return "int";
    case Kind::Float:
        return "float";
    case Kind::String:
        return value.markup() ? "Markup" : "str";
    case Kind::List:
        return "list";
    case Kind::Tuple:
        return "tuple";
    case Kind::Dict:
        return "dict";
    case Kind::View:
        return value.view().part == ViewObject::Part::Keys     ? "dict_keys"
               : value.view().part == ViewObject::Part::Values ? "dict_values"
                                                               : "dict_items";
    case Kind::Range:
        return "range";
    case Kind::Iterator:
        return value.iterator().label;
    case Kind::Native:
        return value.native().type_name();
    }
    return "object";
}

bool has_length(const Value& value) {
    switch (value.kind()) {
    case Kind::Undefined:
    case Kind::String:
    case Kind::List:
    case Kind::Tuple:
    case Kind::Dict:
    case Kind::View:
    case Kind::Range:
        return true;
    case Kind::Native:
        return value.native().has_length();
    default:
        return false;
    }
}

std::int64_t length(const Value& value) {
    switch (value.kind()) {
    case Kind::Undefined:
        return 0;
    case Kind::String:
        return static_cast<std::int64_t>(value.text_object().length);
    case Kind::List:
    case Kind::Tuple:
        return static_cast<std::int64_t>(value.items().size());
    case Kind::Dict:
        return static_cast<std::int64_t>(value.dict().entries.size());
    case Kind::View:
        return length(value.view().dict);
    case Kind::Range:
        return value.range().length();
    case Kind::Native:
        if (value.native().has_length())
            return value.native().length();
        [[fallthrough]];
    default:
        throw Failure("object of type '" + type_name(value) + "' has no length");
    }
}

bool is_iterable(const Value& value) { return has_length(value) || value.is(Kind::Iterator); }

IteratorObject::Next iterate(const Value& value) {
    std::size_t i = 0;
    switch (value.kind()) {
    case Kind::Undefined:
        return [](Value&) { return false; };
    case Kind::String:
        return [value, i](Value& out) mutable {
            const std::string& text = value.str();
            if (i >= text.size())
                return false;
            const std::size_t from = i;
            decode_at(text, i);
            out = Value::text(value.marked_text().part({from, i}));
            return true;
        };
    case Kind::List:
    case Kind::Tuple:
        return [value, i](Value& out) mutable {
            if (i >= value.items().size())
                return false;
            out = value.items()[i++];
            return true;
        };
    case Kind::Dict:
        return [value, i](Value& out) mutable {
            if (i >= value.dict().entries.size())
                return false;
            out = value.dict().entries[i++].first;
            return true;
        };
    case Kind::View:
        return [value, i](Value& out) mutable {
            const ViewObject& view = value.view();
            if (i >= view.dict.dict().entries.size())
                return false;
            const auto& [key, item] = view.dict.dict().entries[i++];
            out = view.part == ViewObject::Part::Keys     ? key
                  : view.part == ViewObject::Part::Values ? item
                                                          : Value::tuple({key, item});
            return true;
        };
    case Kind::Range:
        return [value, i](Value& out) mutable {
            if (static_cast<std::int64_t>(i) >= value.range().length())
                return false;
            out = Value::integer(value.range().at(static_cast<std::int64_t>(i++)));
            return true;
        };
    case Kind::Iterator:
        return [value](Value& out) { return value.iterator().next(out); };
    default:
        throw Failure("'" + type_name(value) + "' object is not iterable");
    }
}

std::vector<Value> to_items(const Value& value) {
    if (value.is_sequence())
        return value.items();
    std::vector<Value> items;
    const IteratorObject::Next next = iterate(value);
    Value item;
    while (next(item)) {
        items.push_back(std::move(item));
        check_item_count(items.size());
    }
    return items;
}

} // namespace switchyard::jinja
