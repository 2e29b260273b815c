#include "engine/text/jinja/objects.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"

#include <algorithm>

namespace switchyard::jinja {

Value NamespaceObject::attribute(std::string_view name) {
    const Value* value = attributes.find(name);
    return value ? *value : Value::missing();
}

MarkedText NamespaceObject::repr() const {
    MarkedText out = plain_text("<Namespace {");
    for (std::size_t i = 0; i < attributes.entries.size(); ++i) {
        const auto& [key, value] = attributes.entries[i];
        // A namespace may hold itself: what it holds is written only if it holds no further namespace.
        out += i > 0 ? ", " : "";
        out += to_repr(key);
        out += ": ";
        out += value.native_as<NamespaceObject>() ? plain_text("<Namespace {...}>") : to_repr(value);
        check_text_size(out.size());
    }
    out += "}>";
    return out;
}

LoopObject::LoopObject(Value sequence, IteratorObject::Next next, int depth)
    : sequence_(std::move(sequence)), next_(std::move(next)), depth0_(depth) {
    Object::depth = sequence_.depth() + 1;
}

bool LoopObject::peek() {
    if (after_)
        return !after_->is(Kind::Missing);
    Value item;
    after_ = next_(item) ? std::move(item) : Value::missing();
    return !after_->is(Kind::Missing);
}

bool LoopObject::advance(Value& out) {
    if (after_ && after_->is(Kind::Missing))
        return false;
    if (after_)
        out = std::move(*after_);
    else if (!next_(out))
        return false;
    after_.reset();
    ++index0_;
    before_ = std::move(current_);
    current_ = out;
    return true;
}

std::int64_t LoopObject::length() {
    if (length_)
        return *length_;
    if (jinja::has_length(sequence_) && !sequence_.native_as<LoopObject>()) {
        length_ = jinja::length(sequence_);
        return *length_;
    }
    // The rest is taken from the generator now and given out later.
    auto rest = std::make_shared<std::vector<Value>>();
    Value item;
    while (next_(item)) {
        rest->push_back(std::move(item));
        check_item_count(rest->size());
    }
    const bool ahead = after_ && !after_->is(Kind::Missing);
    length_ = static_cast<std::int64_t>(rest->size()) + index0_ + 1 + (ahead ? 1 : 0);
    next_ = [rest, i = std::size_t{0}](Value& out) mutable {
        if (i >= rest->size())
            return false;
        out = (*rest)[i++];
        return true;
    };
    return *length_;
}

Value LoopObject::attribute(std::string_view name) {
    if (name == "index")
        return Value::integer(index0_ + 1);
    if (name == "index0")
        return Value::integer(index0_);
    if (name == "first")
        return Value::boolean(index0_ == 0);
    if (name == "last")
        return Value::boolean(!peek());
    if (name == "length")
        return Value::integer(length());
    if (name == "revindex")
        return Value::integer(length() - index0_);
    if (name == "revindex0")
        return Value::integer(length() - index0_ - 1);
    if (name == "depth")
        return Value::integer(depth0_ + 1);
    if (name == "depth0")
        return Value::integer(depth0_);
    if (name == "previtem")
        return index0_ == 0 ? Value::undefined("there is no previous item") : before_;
    if (name == "nextitem")
        return peek() ? *after_ : Value::undefined("there is no next item");
    return method(name);
}

Value LoopObject::method(std::string_view name) {
    const Value self = Value::native(shared_from_this());
    if (name == "cycle")
        return make_function("cycle", Object::depth, [self](Evaluator&, CallArguments& arguments) {
            const auto& items = arguments.positional;
            if (items.empty() || !arguments.keywords.empty())
                throw Failure("loop.cycle() takes at least one value, and none by name");
            const auto index = static_cast<std::size_t>(self.native_as<LoopObject>()->index0_);
            return items[index % items.size()];
        });
    if (name == "changed")
        return make_function("changed", Object::depth, [self](Evaluator&, CallArguments& arguments) {
            if (!arguments.keywords.empty())
                throw Failure("loop.changed() takes no values by name");
            auto* const loop = self.native_as<LoopObject>();
            Value now = Value::tuple(std::move(arguments.positional));
            const bool changed = !equal(loop->last_changed_, now);
            loop->last_changed_ = std::move(now);
            return Value::boolean(changed);
        });
    return Value::missing();
}

Value LoopObject::call(Evaluator& evaluator, CallArguments& arguments) {
    if (!node)
        throw Failure("the loop must be marked 'recursive' to be called");
    if (arguments.positional.size() != 1 || !arguments.keywords.empty())
        throw Failure("loop() takes what to loop over, and nothing else");
    const FramePtr around = frame; // the call may outlive this object
    return Value::text(evaluator.run_loop(*node, arguments.positional[0], around, depth0_ + 1));
}

MarkedText LoopObject::repr() const {
    auto* const self = const_cast<LoopObject*>(this);
    return plain_text("<LoopContext " + std::to_string(index0_ + 1) + "/" + std::to_string(self->length()) +
                      ">");
}

Value MacroObject::attribute(std::string_view which) {
    if (which == "name")
        return name.empty() ? Value::none() : Value::text(name);
    if (which == "arguments") {
        std::vector<Value> names;
        for (const NodePtr& parameter : closure.parameters)
            names.push_back(Value::text(static_cast<const NameNode&>(*parameter).name));
        return Value::tuple(std::move(names));
    }
    if (which == "catch_kwargs")
        return Value::boolean(closure.uses_kwargs);
    if (which == "catch_varargs")
        return Value::boolean(closure.uses_varargs);
    if (which == "caller")
        return Value::boolean(closure.uses_caller);
    return Value::missing();
}

MarkedText MacroObject::repr() const {
    return plain_text(name.empty() ? "<Macro anonymous>"
                                   : "<Macro " + text_repr(plain_text(name)).text + ">");
}

Value MacroObject::call(Evaluator& evaluator, CallArguments& arguments) {
    const std::shared_ptr<NativeObject> alive = shared_from_this();
    const FramePtr inner = evaluator.enter(closure.scope, frame);
    evaluator.charge(arguments.keywords.size() * (1 + closure.parameters.size() / 4));
    bind(arguments, *inner);
    return evaluator.run_closure(closure, inner);
}

/// Puts arguments into the parameters' slots; what is not given stays Missing.
void MacroObject::bind(CallArguments& arguments, Frame& inner) const {
    const std::string called = name.empty() ? "the call block" : "macro '" + name + "'";
    const std::size_t count = closure.parameters.size();
    auto& given = arguments.positional;
    auto& named = arguments.keywords;
    const auto take = [&named](const std::string& key) {
        const auto it =
            std::find_if(named.begin(), named.end(), [&](const auto& entry) { return entry.first == key; });
        if (it == named.end())
            return Value::missing();
        Value value = std::move(it->second);
        named.erase(it);
        return value;
    };
    for (std::size_t i = 0; i < count; ++i) {
        const auto& parameter = static_cast<const NameNode&>(*closure.parameters[i]);
        inner.slots[parameter.place.slot] = i < given.size() ? given[i] : take(parameter.name);
    }
    if (closure.uses_caller && !closure.explicit_caller) {
        Value caller = take("caller");
        const bool absent = caller.is(Kind::Missing) || caller.is(Kind::None);
        inner.slots[closure.caller.slot] = absent ? Value::undefined("No caller defined") : std::move(caller);
    }
    if (closure.uses_kwargs) {
        auto rest = make_dict();
        for (auto& [key, value] : named)
            rest->set(arguments.name_value(key), std::move(value));
        inner.slots[closure.kwargs.slot] = Value::dict(std::move(rest));
    } else if (!named.empty()) {
        throw Failure(called + " takes no argument '" + named.front().first + "'");
    }
    if (closure.uses_varargs)
        inner.slots[closure.varargs.slot] = Value::tuple(std::vector<Value>(
            given.begin() + static_cast<std::ptrdiff_t>(std::min(count, given.size())), given.end()));
    else if (given.size() > count)
        throw Failure(called + " takes not more than " + std::to_string(count) + " arguments");
}

CyclerObject::CyclerObject(Value items) : items_(std::move(items)) { Object::depth = items_.depth() + 1; }

Value CyclerObject::attribute(std::string_view name) {
    const Value self = Value::native(shared_from_this());
    const auto method = [&](bool reset) {
        return make_function(std::string(name), depth, [self, reset](Evaluator&, CallArguments& arguments) {
            if (!arguments.positional.empty() || !arguments.keywords.empty())
                throw Failure("next() and reset() of a cycler take no arguments");
            auto* const cycler = self.native_as<CyclerObject>();
            const Value current = cycler->items_.items()[cycler->position_];
            cycler->position_ = reset ? 0 : (cycler->position_ + 1) % cycler->items_.items().size();
            return reset ? Value::none() : current;
        });
    };
    if (name == "current")
        return items_.items()[position_];
    if (name == "pos")
        return Value::integer(static_cast<std::int64_t>(position_));
    if (name == "items")
        return items_;
    if (name == "next" || name == "reset")
        return method(name == "reset");
    return Value::missing();
}

JoinerObject::JoinerObject(Value separator) : separator_(std::move(separator)) {
    Object::depth = separator_.depth() + 1;
}

Value JoinerObject::call(Evaluator&, CallArguments& arguments) {
    if (!arguments.positional.empty() || !arguments.keywords.empty())
        throw Failure("a joiner takes no arguments");
    const bool first = !used_;
    used_ = true;
    return first ? Value::text(std::string()) : separator_;
}

Value JoinerObject::attribute(std::string_view name) {
    if (name == "sep")
        return separator_;
    return name == "used" ? Value::boolean(used_) : Value::missing();
}

} // namespace switchyard::jinja
