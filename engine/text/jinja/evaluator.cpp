#include "engine/text/jinja/evaluator.h"

#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/objects.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"

#include <algorithm>

namespace switchyard::jinja {

Evaluator::Descent::Descent(Evaluator& evaluator) : evaluator_(evaluator) {
    if (evaluator_.depth_ >= evaluator_.limits_.depth)
        throw Failure("calls are nested too deeply");
    ++evaluator_.depth_;
}

Evaluator::Evaluator(const Template& program, Context context, const Limits& limits, std::stop_token stop)
    : program_(program), context_(std::move(context)), globals_(make_globals()), limits_(limits),
      stop_(std::move(stop)) {}

Evaluator::~Evaluator() {
    // Macros hold the frame that holds them, namespaces may hold themselves.
    for (const FramePtr& frame : closed_over_)
        frame->slots.clear();
    for (const auto& object : adopted_)
        object->release();
}

MarkedText Evaluator::run() {
    MarkedText output;
    out_ = &output;
    try {
        run_body(program_.body, enter(program_.scope, nullptr));
    } catch (const Failure& failure) {
        fail_at(line_, failure.what());
    }
    return output;
}

void Evaluator::charge(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ > limits_.steps)
        throw Failure("the template does not come to an end (step limit reached)");
    if (stop_.stop_requested())
        throw Failure("the template was stopped");
}

void Evaluator::charge_for(const Value& value) {
    if (value.is_text())
        charge(value.str().size() / 16);
    else if (value.is_sequence())
        charge(value.items().size() / 4);
    else if (value.is(Kind::Dict))
        charge(value.dict().entries.size() / 4);
}

void Evaluator::charge_for(const CallArguments& arguments) {
    for (const Value& value : arguments.positional)
        charge_for(value);
    for (const auto& [name, value] : arguments.keywords)
        charge_for(value);
}

Value Evaluator::filter(const FilterEntry& entry, const Value& input, CallArguments& arguments) {
    charge_for(input);
    charge_for(arguments);
    if (entry.reads == Reads::Everything) {
        charge(input.weight() * 4);
        for (const Value& value : arguments.positional)
            charge(value.weight() * 4);
        for (const auto& [name, value] : arguments.keywords)
            charge(value.weight() * 4);
    }
    Value result = entry.function(*this, input, arguments);
    charge_for(result);
    return result.is_number() && input.outside() ? result.from_outside() : result;
}

void Evaluator::write(const MarkedText& text) {
    *out_ += text;
    charge(text.size() / 64);
    if (out_->size() > limits_.output_bytes)
        throw Failure("the template writes too much");
}

template <class Body>
MarkedText Evaluator::capture(const Body& body) {
    // The previous output comes back on errors too: the frames above may still write.
    struct Redirect {
        Redirect(MarkedText*& out, MarkedText* to) : out_(out), before_(out) { out = to; }
        ~Redirect() { out_ = before_; }
        MarkedText*& out_;
        MarkedText* before_;
    };
    MarkedText text;
    const Redirect redirect(out_, &text);
    body();
    return text;
}

void Evaluator::write_value(const Value& value) {
    if (value.is_text())
        return write(value.marked_text());
    charge(value.weight());
    write(to_text(value));
}

/// What a filter or call block comes to must be text already; only {{ }} turns values into text.
void Evaluator::write_block(const Value& value) {
    if (!value.is_text())
        throw Failure("the block comes to a value of type " + type_name(value) + ", not to a text");
    write(value.marked_text());
}

// ---- frames and names

Value Evaluator::lookup(const std::string& name) const {
    for (const auto* names : {&exported_, &context_.variables, &globals_})
        if (const auto it = names->find(name); it != names->end())
            return it->second;
    return Value::missing();
}

Value& Evaluator::slot(const Place& place, const FramePtr& frame) {
    Frame* at = frame.get();
    for (std::uint32_t i = 0; i < place.up; ++i)
        at = at->parent.get();
    return at->slots[place.slot];
}

FramePtr Evaluator::enter(const Scope& scope, const FramePtr& parent) {
    auto frame = std::make_shared<Frame>();
    frame->parent = parent;
    frame->slots.resize(scope.slots.size());
    fill(scope, *frame);
    return frame;
}

/// Gives every slot of a frame the value it starts with.
void Evaluator::fill(const Scope& scope, Frame& frame) {
    for (std::size_t i = 0; i < scope.slots.size(); ++i) {
        const SlotLoad& load = scope.slots[i];
        if (load.from == SlotLoad::From::Context)
            frame.slots[i] = lookup(load.name);
        else if (load.from == SlotLoad::From::Outer)
            frame.slots[i] = slot(load.outer, frame.parent);
        else
            frame.slots[i] = Value::missing();
    }
    charge(scope.slots.size() / 4);
}

void Evaluator::assign(const Node& target, Value value, const FramePtr& frame, bool exported) {
    switch (target.kind) {
    case NodeKind::Name: {
        const auto& name = static_cast<const NameNode&>(target);
        if (exported)
            exported_[name.name] = value;
        slot(name.place, frame) = std::move(value);
        return;
    }
    case NodeKind::NamespaceTarget: {
        const auto& reference = static_cast<const NamespaceTargetNode&>(target);
        auto* const object = slot(reference.place, frame).native_as<NamespaceObject>();
        if (!object)
            throw Failure("'" + reference.name + "' is no namespace: its attributes cannot be set");
        object->attributes.set(Value::text(reference.attribute), std::move(value));
        return;
    }
    default:
        unpack(static_cast<const SequenceNode&>(target), value, frame, exported);
    }
}

void Evaluator::unpack(const SequenceNode& target, const Value& value, const FramePtr& frame, bool exported) {
    const std::vector<Value> items = to_items(value);
    if (items.size() != target.items.size())
        throw Failure("cannot take " + std::to_string(items.size()) + " values apart into " +
                      std::to_string(target.items.size()));
    for (std::size_t i = 0; i < items.size(); ++i)
        assign(*target.items[i], items[i], frame, exported);
}

// ---- statements

Evaluator::Flow Evaluator::run_body(const NodeList& body, const FramePtr& frame) {
    for (const NodePtr& node : body)
        if (const Flow flow = run_statement(*node, frame); flow != Flow::Next)
            return flow;
    return Flow::Next;
}

Evaluator::Flow Evaluator::run_statement(const Node& node, const FramePtr& frame) {
    const Descent descent(*this);
    charge(1);
    line_ = node.line;
    switch (node.kind) {
    case NodeKind::Text:
        write(plain_text(static_cast<const TextNode&>(node).text));
        break;
    case NodeKind::Output:
        write_value(evaluate(*static_cast<const OutputNode&>(node).value, frame));
        break;
    case NodeKind::If:
        return run_if(static_cast<const IfNode&>(node), frame);
    case NodeKind::For:
        return run_for(static_cast<const ForNode&>(node), frame);
    case NodeKind::Set:
        run_set(static_cast<const SetNode&>(node), frame);
        break;
    case NodeKind::SetBlock:
        return run_set_block(static_cast<const SetBlockNode&>(node), frame);
    case NodeKind::Macro:
        define_macro(static_cast<const MacroNode&>(node), frame);
        break;
    case NodeKind::CallBlock:
        run_call_block(static_cast<const CallBlockNode&>(node), frame);
        break;
    case NodeKind::FilterBlock:
        return run_filter_block(static_cast<const FilterBlockNode&>(node), frame);
    case NodeKind::With:
        return run_with(static_cast<const WithNode&>(node), frame);
    case NodeKind::Block:
    case NodeKind::Generation:
        run_block(static_cast<const BlockNode&>(node), frame);
        break;
    case NodeKind::Break:
        return Flow::Break;
    case NodeKind::Continue:
        return Flow::Continue;
    case NodeKind::Unsupported:
        throw Failure("{% " + static_cast<const UnsupportedNode&>(node).what +
                      " %} needs other templates, there are none");
    default:
        evaluate(node, frame);
    }
    return Flow::Next;
}

Evaluator::Flow Evaluator::run_if(const IfNode& node, const FramePtr& frame) {
    if (evaluate(*node.test, frame).truthy())
        return run_body(node.body, frame);
    for (const NodePtr& branch : node.elifs) {
        const auto& other = static_cast<const IfNode&>(*branch);
        line_ = other.line;
        if (evaluate(*other.test, frame).truthy())
            return run_body(other.body, frame);
    }
    return run_body(node.otherwise, frame);
}

Evaluator::Flow Evaluator::run_for(const ForNode& node, const FramePtr& frame) {
    const Value sequence = evaluate(*node.sequence, frame);
    if (!node.recursive)
        return run_iterations(node, sequence, frame, 0);
    write(run_loop(node, sequence, frame, 0));
    return Flow::Next;
}

MarkedText Evaluator::run_loop(const ForNode& node, const Value& sequence, const FramePtr& frame, int depth) {
    const Descent descent(*this);
    return capture([&] { run_iterations(node, sequence, frame, depth); });
}

Evaluator::Flow Evaluator::run_iterations(const ForNode& node, const Value& sequence, const FramePtr& frame,
                                          int depth) {
    IteratorObject::Next next = iterate(sequence);
    Value counted = sequence;
    if (node.test) {
        const FramePtr test_frame = enter(node.test_scope, frame);
        counted = Value::none(); // how many pass is known only at the end
        next = [this, &node, test_frame, all = std::move(next)](Value& out) {
            while (all(out)) {
                assign(*node.target, out, test_frame, false);
                if (evaluate(*node.test, test_frame).truthy())
                    return true;
            }
            return false;
        };
    }
    const auto loop = std::make_shared<LoopObject>(counted, std::move(next), depth);
    if (node.recursive) {
        loop->node = &node;
        loop->frame = frame;
        closed_over_.push_back(frame);
    }
    bool completed = false; // as jinja2: a body left early does not count
    Value item;
    FramePtr inner;
    while (loop->advance(item)) {
        charge(1);
        // A frame that nothing has closed over serves the next turn too.
        if (inner && inner.use_count() == 1)
            fill(node.body_scope, *inner);
        else
            inner = enter(node.body_scope, frame);
        if (node.has_loop)
            slot(node.loop, inner) = Value::native(loop);
        assign(*node.target, std::move(item), inner, false);
        const Flow flow = run_body(node.body, inner);
        if (flow == Flow::Break)
            break;
        completed = completed || flow == Flow::Next;
    }
    if (completed || node.otherwise.empty())
        return Flow::Next;
    return run_body(node.otherwise, enter(node.otherwise_scope, frame));
}

void Evaluator::run_set(const SetNode& node, const FramePtr& frame) {
    assign(*node.target, evaluate(*node.value, frame), frame, node.exported);
}

Evaluator::Flow Evaluator::run_set_block(const SetBlockNode& node, const FramePtr& frame) {
    const FramePtr inner = enter(node.scope, frame);
    Flow flow = Flow::Next;
    Value text = Value::text(capture([&] { flow = run_body(node.body, inner); }));
    if (flow != Flow::Next)
        return flow; // what was captured is lost
    if (node.filter)
        text = evaluate_filter(static_cast<const FilterNode&>(*node.filter), inner, &text);
    assign(*node.target, std::move(text), frame, node.exported);
    return flow;
}

Evaluator::Flow Evaluator::run_filter_block(const FilterBlockNode& node, const FramePtr& frame) {
    const FramePtr inner = enter(node.scope, frame);
    Flow flow = Flow::Next;
    const Value text = Value::text(capture([&] { flow = run_body(node.body, inner); }));
    if (flow == Flow::Next)
        write_block(evaluate_filter(static_cast<const FilterNode&>(*node.filter), inner, &text));
    return flow;
}

Evaluator::Flow Evaluator::run_with(const WithNode& node, const FramePtr& frame) {
    const FramePtr inner = enter(node.scope, frame);
    for (std::size_t i = 0; i < node.targets.size(); ++i)
        assign(*node.targets[i], evaluate(*node.values[i], frame), inner, false);
    return run_body(node.body, inner);
}

void Evaluator::run_block(const BlockNode& node, const FramePtr& frame) {
    run_body(node.body, enter(node.scope, node.kind == NodeKind::Block ? nullptr : frame));
}

void Evaluator::define_macro(const MacroNode& node, const FramePtr& frame) {
    const Value macro = Value::native(std::make_shared<MacroObject>(node.closure, frame, node.name));
    if (closed_over_.empty() || closed_over_.back() != frame)
        closed_over_.push_back(frame);
    if (node.exported)
        exported_[node.name] = macro;
    slot(node.place, frame) = macro;
}

void Evaluator::run_call_block(const CallBlockNode& node, const FramePtr& frame) {
    const Value caller = Value::native(std::make_shared<MacroObject>(node.closure, frame, ""));
    if (closed_over_.empty() || closed_over_.back() != frame)
        closed_over_.push_back(frame);
    write_block(evaluate_call(static_cast<const CallNode&>(*node.call), frame, &caller));
}

Value Evaluator::run_closure(const Closure& closure, const FramePtr& frame) {
    const Descent descent(*this);
    const int line = line_;
    const std::size_t without_default = closure.parameters.size() - closure.defaults.size();
    for (std::size_t i = 0; i < closure.parameters.size(); ++i) {
        const auto& parameter = static_cast<const NameNode&>(*closure.parameters[i]);
        if (!frame->slots[parameter.place.slot].is(Kind::Missing))
            continue;
        frame->slots[parameter.place.slot] =
            i >= without_default ? evaluate(*closure.defaults[i - without_default], frame)
                                 : Value::undefined("parameter '" + parameter.name + "' was not provided");
    }
    Value text = Value::text(capture([&] { run_body(closure.body, frame); }));
    line_ = line;
    return text;
}

// ---- calls

Value Evaluator::call(const Value& function, CallArguments& arguments) {
    charge(2);
    require_defined(function);
    if (!function.is(Kind::Native) || !function.native().callable())
        throw Failure("'" + type_name(function) + "' object is not callable");
    if (function.native_as<FunctionObject>()) // a macro pays as it goes
        charge_for(arguments);
    Value result = function.native().call(*this, arguments);
    charge_for(result);
    return result;
}

Value Evaluator::apply_filter(const std::string& name, const Value& input, CallArguments& arguments) {
    const FilterEntry* entry = find_filter(name);
    if (!entry)
        throw Failure("there is no filter '" + name + "'");
    charge(1);
    return filter(*entry, input, arguments);
}

bool Evaluator::apply_test(const std::string& name, const Value& input, CallArguments& arguments) {
    const TestEntry* entry = find_test(name);
    if (!entry)
        throw Failure("there is no test '" + name + "'");
    charge(1);
    charge_for(input);
    charge_for(arguments);
    return entry->function(*this, input, arguments);
}

Value Evaluator::attribute(const Value& object, const std::string& name) {
    require_defined(object);
    Value found = find_method(object, name);
    if (found.is(Kind::Missing) && object.is(Kind::Dict)) {
        const Value* entry = object.dict().find(std::string_view(name));
        found = entry ? *entry : Value::missing();
    }
    if (!found.is(Kind::Missing))
        return found;
    if (is_blocked_method(object, name))
        return Value::undefined("access to attribute '" + name + "' of '" + type_name(object) +
                                "' object is unsafe");
    return Value::undefined("'" + type_name(object) + " object' has no attribute '" + name + "'");
}

Value Evaluator::item(const Value& object, const Value& index) {
    if (object.is_text() && !object.text_object().ascii())
        charge_for(object);
    if (index.is_text())
        charge_for(index);
    Value found = find_item(object, index);
    if (!found.is(Kind::Missing))
        return found;
    if (index.is_text())
        return attribute(object, index.str());
    return Value::undefined(type_name(object) + " object has no element " + to_repr(index).text);
}

} // namespace switchyard::jinja
