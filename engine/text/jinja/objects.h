// Objects with behaviour that templates meet: namespace, loop, macros, cycler, joiner.
#pragma once

#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/value.h"

#include <optional>
#include <string>

namespace switchyard::jinja {

/// namespace(...): the only thing whose attributes can be set.
struct NamespaceObject : NativeObject {
    DictObject attributes;
    Value attribute(std::string_view name) override;
    std::string type_name() const override { return "Namespace"; }
    MarkedText repr() const override;
    void release() override { attributes = DictObject(); }
};

/// The `loop` variable: gives the items and tells where the loop is.
struct LoopObject : NativeObject {
    LoopObject(Value sequence, IteratorObject::Next next, int depth);
    bool advance(Value& out);
    Value attribute(std::string_view name) override;
    bool callable() const override { return true; }
    Value call(Evaluator& evaluator, CallArguments& arguments) override;
    std::string type_name() const override { return "LoopContext"; }
    MarkedText repr() const override;
    bool has_length() const override { return true; }
    std::int64_t length() override;
    bool truthy() const override { return true; }

    const ForNode* node = nullptr; ///< of a recursive loop
    FramePtr frame;                ///< around a recursive loop

  private:
    bool peek();
    Value method(std::string_view name);

    Value sequence_;
    IteratorObject::Next next_;
    std::optional<std::int64_t> length_;
    std::optional<Value> after_; ///< looked at ahead of its turn
    Value current_ = Value::missing(), before_ = Value::missing();
    Value last_changed_ = Value::missing();
    std::int64_t index0_ = -1;
    int depth0_;
};

/// A macro or the body of a call block, with the frame it was defined in.
struct MacroObject : NativeObject {
    MacroObject(const Closure& c, FramePtr f, std::string n)
        : closure(c), frame(std::move(f)), name(std::move(n)) {}
    const Closure& closure;
    FramePtr frame;
    std::string name; ///< empty for a call block
    Value attribute(std::string_view name) override;
    bool callable() const override { return true; }
    Value call(Evaluator& evaluator, CallArguments& arguments) override;
    std::string type_name() const override { return "Macro"; }
    MarkedText repr() const override;

  private:
    void bind(CallArguments& arguments, Frame& inner) const;
};

struct CyclerObject : NativeObject {
    explicit CyclerObject(Value items);
    Value attribute(std::string_view name) override;
    std::string type_name() const override { return "Cycler"; }
    Value items_; ///< tuple
    std::size_t position_ = 0;
};

struct JoinerObject : NativeObject {
    explicit JoinerObject(Value separator);
    bool callable() const override { return true; }
    Value call(Evaluator& evaluator, CallArguments& arguments) override;
    Value attribute(std::string_view name) override;
    std::string type_name() const override { return "Joiner"; }
    Value separator_;
    bool used_ = false;
};

} // namespace switchyard::jinja
