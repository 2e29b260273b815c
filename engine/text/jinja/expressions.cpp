// The evaluator's expressions.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"

#include <algorithm>

namespace switchyard::jinja {
Value Evaluator::evaluate(const Node& node, const FramePtr& frame) {
    // Names and constants, the most frequent, need no level of their own.
    if (node.kind == NodeKind::Const)
        return static_cast<const ConstNode&>(node).value;
    if (node.kind == NodeKind::Name)
        return evaluate_name(static_cast<const NameNode&>(node), frame);
    const Descent descent(*this);
    charge(1);
    return evaluate_node(node, frame);
}

Value Evaluator::evaluate_node(const Node& node, const FramePtr& frame) {
    switch (node.kind) {
    case NodeKind::Tuple:
    case NodeKind::List: {
        std::vector<Value> items;
        for (const NodePtr& item : static_cast<const SequenceNode&>(node).items)
            items.push_back(evaluate(*item, frame));
        return node.kind == NodeKind::List ? Value::list(std::move(items)) : Value::tuple(std::move(items));
    }
    case NodeKind::Dict:
        return evaluate_dict(static_cast<const DictNode&>(node), frame);
    case NodeKind::Conditional:
        return evaluate_conditional(static_cast<const ConditionalNode&>(node), frame);
    case NodeKind::Binary:
        return evaluate_binary(static_cast<const BinaryNode&>(node), frame);
    case NodeKind::Unary:
        return evaluate_unary(static_cast<const UnaryNode&>(node), frame);
    case NodeKind::Logic: {
        const auto& logic = static_cast<const LogicNode&>(node);
        Value left = evaluate(*logic.left, frame);
        return left.truthy() == logic.is_and ? evaluate(*logic.right, frame) : left;
    }
    case NodeKind::Concat:
        return evaluate_concat(static_cast<const SequenceNode&>(node), frame);
    case NodeKind::Compare:
        return evaluate_compare(static_cast<const CompareNode&>(node), frame);
    case NodeKind::Attribute: {
        const auto& access = static_cast<const AttributeNode&>(node);
        const Value object = evaluate(*access.object, frame);
        line_ = node.line;
        return attribute(object, access.name);
    }
    case NodeKind::Item:
        return evaluate_item(static_cast<const ItemNode&>(node), frame);
    case NodeKind::Call:
        return evaluate_call(static_cast<const CallNode&>(node), frame, nullptr);
    case NodeKind::Filter:
        return evaluate_filter(static_cast<const FilterNode&>(node), frame, nullptr);
    case NodeKind::Test:
        return evaluate_test(static_cast<const TestNode&>(node), frame);
    default:
        line_ = node.line;
        throw Failure("a slice cannot stand here");
    }
}

Value Evaluator::evaluate_name(const NameNode& node, const FramePtr& frame) {
    charge(1);
    const Value& value = slot(node.place, frame);
    return value.is(Kind::Missing) ? Value::undefined("'" + node.name + "' is undefined") : value;
}

Value Evaluator::evaluate_dict(const DictNode& node, const FramePtr& frame) {
    auto dict = make_dict();
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
        Value key = evaluate(*node.keys[i], frame);
        Value value = evaluate(*node.values[i], frame);
        line_ = node.line;
        charge_for(key);
        dict->set(std::move(key), std::move(value));
    }
    return Value::dict(std::move(dict));
}

Value Evaluator::evaluate_conditional(const ConditionalNode& node, const FramePtr& frame) {
    if (evaluate(*node.test, frame).truthy())
        return evaluate(*node.then, frame);
    if (node.otherwise)
        return evaluate(*node.otherwise, frame);
    return Value::undefined("the inline if-expression on line " + std::to_string(node.line) +
                            " is false and has no else");
}

Value Evaluator::evaluate_binary(const BinaryNode& node, const FramePtr& frame) {
    const Value left = evaluate(*node.left, frame);
    const Value right = evaluate(*node.right, frame);
    line_ = node.line;
    if (node.op == BinaryOp::Modulo && left.is_text())
        charge(4 * (left.weight() + right.weight()));
    Value result = binary(node.op, left, right);
    charge_for(result);
    return result;
}

Value Evaluator::evaluate_unary(const UnaryNode& node, const FramePtr& frame) {
    const Value operand = evaluate(*node.operand, frame);
    line_ = node.line;
    if (node.op == UnaryOp::Not)
        return Value::boolean(!operand.truthy());
    return node.op == UnaryOp::Negative ? negative(operand) : positive(operand);
}

Value Evaluator::evaluate_concat(const SequenceNode& node, const FramePtr& frame) {
    MarkedText text;
    for (const NodePtr& item : node.items) {
        const Value part = evaluate(*item, frame);
        charge(part.weight());
        text += to_text(part);
        check_text_size(text.size());
    }
    return Value::text(std::move(text));
}

Value Evaluator::evaluate_compare(const CompareNode& node, const FramePtr& frame) {
    Value left = evaluate(*node.first, frame);
    for (std::size_t i = 0; i < node.ops.size(); ++i) {
        Value right = evaluate(*node.rest[i], frame);
        line_ = node.line;
        const bool search = node.ops[i] == CompareOp::In || node.ops[i] == CompareOp::NotIn;
        if (search && right.is_text()) {
            charge_for(left);
            charge_for(right);
        } else {
            charge(search ? right.weight() / 4 : std::min(left.weight(), right.weight()) / 4);
        }
        if (!compare(node.ops[i], left, right))
            return Value::boolean(false);
        left = std::move(right);
    }
    return Value::boolean(true);
}

Value Evaluator::evaluate_item(const ItemNode& node, const FramePtr& frame) {
    const Value object = evaluate(*node.object, frame);
    if (node.index->kind != NodeKind::Slice) {
        const Value index = evaluate(*node.index, frame);
        line_ = node.line;
        return item(object, index);
    }
    const auto& range = static_cast<const SliceNode&>(*node.index);
    const auto part = [&](const NodePtr& bound) { return bound ? evaluate(*bound, frame) : Value::none(); };
    const Value start = part(range.start), stop = part(range.stop), step = part(range.step);
    line_ = node.line;
    if (object.is_text() && (!object.text_object().ascii() || !step.is(Kind::None)))
        charge_for(object);
    Value result = slice(object, start, stop, step);
    charge_for(result);
    return result;
}

CallArguments Evaluator::evaluate_arguments(const Arguments& arguments, const FramePtr& frame) {
    CallArguments result;
    for (const NodePtr& argument : arguments.positional)
        result.positional.push_back(evaluate(*argument, frame));
    for (std::size_t i = 0; i < arguments.keywords.size(); ++i)
        result.keywords.emplace_back(arguments.keywords[i], evaluate(*arguments.keyword_values[i], frame));
    if (arguments.more_positional) {
        const Value more = evaluate(*arguments.more_positional, frame);
        for (Value& value : to_items(more))
            result.positional.push_back(std::move(value));
    }
    if (arguments.more_keywords) {
        const Value more = evaluate(*arguments.more_keywords, frame);
        if (!more.is(Kind::Dict))
            throw Failure("what follows ** must be a dict");
        charge_for(more);
        const std::vector<std::string>& written = arguments.keywords;
        for (const auto& [key, value] : more.dict().entries) {
            if (!key.is_text())
                throw Failure("arguments by name need names that are texts");
            if (std::find(written.begin(), written.end(), key.str()) != written.end())
                throw Failure("the argument '" + key.str() + "' is given twice");
            result.keywords.emplace_back(key.str(), value);
            result.outside_names = result.outside_names || key.outside();
        }
    }
    return result;
}

Value Evaluator::evaluate_call(const CallNode& node, const FramePtr& frame, const Value* caller) {
    const Value function = evaluate(*node.function, frame);
    CallArguments arguments = evaluate_arguments(node.arguments, frame);
    line_ = node.line;
    if (caller) {
        if (arguments.keyword("caller"))
            throw Failure("the argument 'caller' is given twice");
        const auto written = static_cast<std::ptrdiff_t>(node.arguments.keywords.size());
        arguments.keywords.emplace(arguments.keywords.begin() + written, "caller", *caller);
    }
    return call(function, arguments);
}

Value Evaluator::evaluate_filter(const FilterNode& node, const FramePtr& frame, const Value* block_text) {
    const Value input = node.operand ? evaluate_filter_input(*node.operand, frame, block_text)
                                     : (block_text ? *block_text : Value::none());
    CallArguments arguments = evaluate_arguments(node.arguments, frame);
    line_ = node.line;
    if (!node.entry)
        throw Failure("there is no filter '" + node.name + "'");
    return filter(*node.entry, input, arguments);
}

/// Filters after filters of a block lead back to the block's text.
Value Evaluator::evaluate_filter_input(const Node& node, const FramePtr& frame, const Value* block_text) {
    if (block_text && node.kind == NodeKind::Filter) {
        const Descent descent(*this);
        return evaluate_filter(static_cast<const FilterNode&>(node), frame, block_text);
    }
    return evaluate(node, frame);
}

Value Evaluator::evaluate_test(const TestNode& node, const FramePtr& frame) {
    const Value operand = evaluate(*node.operand, frame);
    CallArguments arguments = evaluate_arguments(node.arguments, frame);
    line_ = node.line;
    if (!node.entry)
        throw Failure("there is no test '" + node.name + "'");
    charge_for(operand);
    charge_for(arguments);
    return Value::boolean(node.entry->function(*this, operand, arguments));
}

} // namespace switchyard::jinja
