// Values of the template language, with Python's types and identity: immutable and shared.
#pragma once

#include "engine/text/marked_text.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace switchyard::jinja {

class Evaluator;
class Value;
struct CallArguments;

enum class Kind : std::uint8_t {
    Missing, ///< a slot nothing was put into; never seen by templates
    Undefined,
    None,
    Bool,
    Int,
    Float,
    String,
    List,
    Tuple,
    Dict,
    View, ///< dict.keys(), values(), items()
    Range,
    Iterator, ///< generators: lazy and consumed once
    Native    ///< objects with behaviour: macros, functions, namespaces, loop ...
};

/// What is shared behind a value.
struct Object {
    virtual ~Object() = default;
    std::uint32_t depth =
        1; ///< containers within containers; limited, so that walks cannot overflow the stack
    std::uint64_t weight = 1; ///< size when written out, shared parts counted each time; limited likewise
};

constexpr std::size_t kMaxText = std::size_t{1} << 26; ///< bytes of one string
constexpr std::uint32_t kMaxDepth = 200;
constexpr std::uint64_t kMaxWeight = std::uint64_t{1} << 22;

/// Throws Failure where a string or list of that size may not be made.
void check_text_size(std::size_t bytes);
void check_item_count(std::size_t items);

struct TextObject;
struct ListObject;
struct DictObject;
struct ViewObject;
struct RangeObject;
struct IteratorObject;
struct NativeObject;

class Value {
  public:
    Value() = default; ///< none
    static Value missing() { return Value(Kind::Missing); }
    static Value none() { return Value(Kind::None); }
    static Value boolean(bool b);
    static Value integer(std::int64_t i);
    static Value real(double d);
    static Value text(std::string s, bool markup = false);
    static Value text(std::u32string_view s, bool markup = false);
    static Value text(MarkedText s, bool markup = false);
    static Value list(std::vector<Value> items);
    static Value tuple(std::vector<Value> items);
    static Value dict(std::shared_ptr<DictObject> entries);
    static Value view(std::shared_ptr<const ViewObject> view);
    static Value range(std::int64_t start, std::int64_t stop, std::int64_t step);
    static Value iterator(std::shared_ptr<IteratorObject> iterator);
    static Value native(std::shared_ptr<NativeObject> object);
    /// `message` is the error that using it raises.
    static Value undefined(std::string message);

    Kind kind() const { return kind_; }
    bool is(Kind kind) const { return kind_ == kind; }
    bool is_text() const { return kind_ == Kind::String; }
    bool is_sequence() const { return kind_ == Kind::List || kind_ == Kind::Tuple; }
    bool is_integral() const {
        return kind_ == Kind::Int || kind_ == Kind::Bool;
    } ///< Python's bool is an int
    bool is_number() const { return is_integral() || kind_ == Kind::Float; }
    bool truthy() const;

    bool as_bool() const { return number_.integer != 0; }
    std::int64_t as_int() const { return number_.integer; } ///< Int and Bool
    double as_real() const {
        return kind_ == Kind::Float ? number_.real : static_cast<double>(number_.integer);
    }
    const TextObject& text_object() const;
    const std::string& str() const;        ///< String
    const MarkedText& marked_text() const; ///< String
    /// Comes from outside: a text with marks, a number that was read or worked out from such.
    bool outside() const;
    /// The number (none, bool ...) as one from outside; texts carry marks instead.
    Value from_outside() const;
    bool markup() const;                     ///< String marked as safe HTML
    const std::vector<Value>& items() const; ///< List, Tuple
    const DictObject& dict() const;
    const ViewObject& view() const;
    const RangeObject& range() const;
    IteratorObject& iterator() const;
    NativeObject& native() const;
    template <class T>
    T* native_as() const;
    const std::string& undefined_message() const;

    const std::shared_ptr<Object>& object() const { return object_; }
    std::uint32_t depth() const { return object_ ? object_->depth : 0; }
    std::uint64_t weight() const { return object_ ? object_->weight : 1; }

  private:
    explicit Value(Kind kind) : kind_(kind) {}
    Value(Kind kind, std::shared_ptr<Object> object) : kind_(kind), object_(std::move(object)) {}

    Kind kind_ = Kind::None;
    bool outside_ = false;
    union {
        std::int64_t integer;
        double real;
    } number_{0};
    std::shared_ptr<Object> object_;
};

struct TextObject : Object, MarkedText {
    std::size_t length = 0; ///< in code points
    bool markup = false;
    bool ascii() const { return length == text.size(); }
};

/// List and Tuple.
struct ListObject : Object {
    std::vector<Value> items;
    bool group = false; ///< a tuple of groupby, with the names grouper and list
};

/// Keys in insertion order. Built first, then shared and left alone.
struct DictObject : Object {
    std::vector<std::pair<Value, Value>> entries;

    /// Replaces the value of an equal key, keeping its place. Throws Failure where the key cannot be hashed.
    void set(Value key, Value value);
    const Value* find(const Value& key) const; ///< key must be hashable
    const Value* find(std::string_view key) const;

  private:
    std::size_t position(const Value& key, std::size_t hash) const;
    std::unordered_multimap<std::size_t, std::size_t> index_; ///< hash to position, once there are many
};

struct ViewObject : Object {
    enum class Part { Keys, Values, Items } part = Part::Keys;
    Value dict;
};

struct RangeObject : Object {
    std::int64_t start = 0, stop = 0, step = 1;
    std::int64_t length() const;
    std::int64_t at(std::int64_t i) const { return start + i * step; }
};

/// Something that gives values one after the other, once.
struct IteratorObject : Object {
    using Next = std::function<bool(Value&)>;
    Next next;         ///< false: no more
    std::string label; ///< Python's name of the type
};

/// Arguments of a call.
struct CallArguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> keywords;
    bool outside_names = false; ///< names that came with ** from outside are among the keywords

    const Value* keyword(std::string_view name) const;
    /// A keyword's name as a value.
    Value name_value(const std::string& name) const;
};

struct NativeObject : Object, std::enable_shared_from_this<NativeObject> {
    /// Missing where there is no such attribute.
    virtual Value attribute(std::string_view name);
    virtual bool callable() const { return false; }
    virtual Value call(Evaluator& evaluator, CallArguments& arguments);
    virtual std::string type_name() const = 0;
    virtual MarkedText repr() const;
    virtual bool truthy() const { return true; }
    virtual bool has_length() const { return false; }
    virtual std::int64_t length() { return 0; }
    virtual void release() {} ///< lets go of other values, so that circles end
};

template <class T>
T* Value::native_as() const {
    return kind_ == Kind::Native ? dynamic_cast<T*>(object_.get()) : nullptr;
}

/// A function of the language or a method bound to its object.
struct FunctionObject : NativeObject {
    using Body = std::function<Value(Evaluator&, CallArguments&)>;
    std::string name;
    Body body;
    FunctionObject(std::string n, Body b) : name(std::move(n)), body(std::move(b)) {}
    bool callable() const override { return true; }
    Value call(Evaluator& evaluator, CallArguments& arguments) override { return body(evaluator, arguments); }
    std::string type_name() const override { return "builtin_function_or_method"; }
};

/// `depth`: that of the values the function holds.
Value make_function(std::string name, std::uint32_t depth, FunctionObject::Body body);
Value make_iterator(std::string label, std::uint32_t depth, IteratorObject::Next next);
/// A dict whose entries are in order and already distinct.
std::shared_ptr<DictObject> make_dict();

/// Python's ==, over all kinds.
bool equal(const Value& a, const Value& b);
/// Consistent with equal. Throws Failure for lists, dicts ... ("unhashable type").
std::size_t hash_value(const Value& value);
bool is_hashable(const Value& value);
/// Python's `is`, as far as it can be told.
bool identical(const Value& a, const Value& b);

/// Python's name of the value's type.
std::string type_name(const Value& value);
/// len(); throws Failure where there is none.
std::int64_t length(const Value& value);
bool has_length(const Value& value);
bool is_iterable(const Value& value);
/// iter(): a function giving one value a call. Throws Failure where the value cannot be iterated.
IteratorObject::Next iterate(const Value& value);
/// list(value).
std::vector<Value> to_items(const Value& value);

} // namespace switchyard::jinja
