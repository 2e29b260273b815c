#include "engine/text/jinja/expression_parser.h"

#include "engine/text/jinja/failure.h"

#include <algorithm>
#include <optional>

namespace switchyard::jinja {
namespace {

constexpr int kMaxNesting = 100;     ///< brackets within brackets, blocks within blocks
constexpr int kMaxTreeHeight = 1000; ///< chains such as a + b + c ... grow the tree without nesting

std::optional<CompareOp> compare_operator(const Token& token) {
    static constexpr std::pair<std::string_view, CompareOp> table[] = {
        {"==", CompareOp::Equal},     {"!=", CompareOp::NotEqual}, {"<", CompareOp::Less},
        {"<=", CompareOp::LessEqual}, {">", CompareOp::Greater},   {">=", CompareOp::GreaterEqual}};
    if (token.type == TokenType::Operator)
        for (const auto& [text, op] : table)
            if (token.text == text)
                return op;
    return std::nullopt;
}

void mark_stored(Node& node, NameUse use) {
    if (node.kind == NodeKind::Name)
        static_cast<NameNode&>(node).use = use;
    node.children([use](Node& child) { mark_stored(child, use); });
}

bool assignable(Node& node) {
    if (node.kind == NodeKind::Name || node.kind == NodeKind::NamespaceTarget)
        return true;
    if (node.kind != NodeKind::Tuple)
        return false;
    const NodeList& items = static_cast<SequenceNode&>(node).items;
    return std::all_of(items.begin(), items.end(), [](const NodePtr& item) { return assignable(*item); });
}

} // namespace

ExpressionParser::Level::Level(ExpressionParser& parser) : parser_(parser) {
    if (parser_.level_ >= kMaxNesting)
        fail_at(parser_.current().line, "nested too deeply");
    ++parser_.level_;
}

void ExpressionParser::measure(Node& node) {
    node.children([&node](Node& child) { node.depth = std::max(node.depth, child.depth + 1); });
    if (node.depth > kMaxTreeHeight)
        fail_at(node.line, "the expression is too long");
}

bool ExpressionParser::skip_operator(std::string_view op) {
    if (!at_operator(op))
        return false;
    next();
    return true;
}

bool ExpressionParser::skip_name(std::string_view name) {
    if (!at_name(name))
        return false;
    next();
    return true;
}

void ExpressionParser::expect_operator(std::string_view op) {
    if (!skip_operator(op))
        fail_at(current().line, "expected '" + std::string(op) + "', got " + describe(current()));
}

void ExpressionParser::expect_name(std::string_view name) {
    if (!skip_name(name))
        fail_at(current().line, "expected '" + std::string(name) + "', got " + describe(current()));
}

std::string ExpressionParser::expect_any_name() {
    if (current().type != TokenType::Name)
        fail_at(current().line, "expected a name, got " + describe(current()));
    return next().text;
}

void ExpressionParser::expect_type(TokenType type, std::string_view called) {
    if (current().type != type)
        fail_at(current().line, "expected " + std::string(called) + ", got " + describe(current()));
    next();
}

NodePtr ExpressionParser::parse_expression(bool with_conditional) {
    const Level level(*this);
    return with_conditional ? parse_conditional() : parse_logic(false);
}

NodePtr ExpressionParser::parse_conditional() {
    int line = current().line;
    NodePtr value = parse_logic(false);
    while (skip_name("if")) {
        auto node = std::make_unique<ConditionalNode>(line);
        node->then = std::move(value);
        node->test = parse_logic(false);
        if (skip_name("else")) {
            const Level level(*this);
            node->otherwise = parse_conditional();
        }
        value = finish(std::move(node));
        line = current().line;
    }
    return value;
}

NodePtr ExpressionParser::parse_logic(bool is_and) {
    int line = current().line;
    NodePtr left = is_and ? parse_not() : parse_logic(true);
    while (skip_name(is_and ? "and" : "or")) {
        auto node = std::make_unique<LogicNode>(is_and, line);
        node->left = std::move(left);
        node->right = is_and ? parse_not() : parse_logic(true);
        left = finish(std::move(node));
        line = current().line;
    }
    return left;
}

NodePtr ExpressionParser::parse_not() {
    if (!at_name("not"))
        return parse_compare();
    const Level level(*this);
    auto node = std::make_unique<UnaryNode>(UnaryOp::Not, next().line);
    node->operand = parse_not();
    return finish(std::move(node));
}

NodePtr ExpressionParser::parse_compare() {
    const int line = current().line;
    NodePtr first = parse_sum();
    auto node = std::make_unique<CompareNode>(line);
    while (true) {
        if (const auto op = compare_operator(current())) {
            next();
            node->ops.push_back(*op);
        } else if (skip_name("in")) {
            node->ops.push_back(CompareOp::In);
        } else if (at_name("not") && ahead().type == TokenType::Name && ahead().text == "in") {
            next();
            next();
            node->ops.push_back(CompareOp::NotIn);
        } else {
            break;
        }
        node->rest.push_back(parse_sum());
    }
    if (node->ops.empty())
        return first;
    node->first = std::move(first);
    return finish(std::move(node));
}

NodePtr ExpressionParser::parse_sum() {
    int line = current().line;
    NodePtr left = parse_concat();
    while (at_operator("+") || at_operator("-")) {
        auto node =
            std::make_unique<BinaryNode>(next().text == "+" ? BinaryOp::Add : BinaryOp::Subtract, line);
        node->left = std::move(left);
        node->right = parse_concat();
        left = finish(std::move(node));
        line = current().line;
    }
    return left;
}

NodePtr ExpressionParser::parse_concat() {
    const int line = current().line;
    NodePtr first = parse_product();
    if (!at_operator("~"))
        return first;
    auto node = std::make_unique<SequenceNode>(NodeKind::Concat, line);
    node->items.push_back(std::move(first));
    while (skip_operator("~"))
        node->items.push_back(parse_product());
    return finish(std::move(node));
}

NodePtr ExpressionParser::parse_product() {
    static constexpr std::pair<std::string_view, BinaryOp> table[] = {{"*", BinaryOp::Multiply},
                                                                      {"/", BinaryOp::Divide},
                                                                      {"//", BinaryOp::FloorDivide},
                                                                      {"%", BinaryOp::Modulo}};
    int line = current().line;
    NodePtr left = parse_power();
    while (true) {
        const auto* entry = std::find_if(std::begin(table), std::end(table), [this](const auto& candidate) {
            return at_operator(candidate.first);
        });
        if (entry == std::end(table))
            return left;
        next();
        auto node = std::make_unique<BinaryNode>(entry->second, line);
        node->left = std::move(left);
        node->right = parse_power();
        left = finish(std::move(node));
        line = current().line;
    }
}

NodePtr ExpressionParser::parse_power() {
    int line = current().line;
    NodePtr left = parse_unary();
    while (skip_operator("**")) {
        auto node = std::make_unique<BinaryNode>(BinaryOp::Power, line);
        node->left = std::move(left);
        node->right = parse_unary();
        left = finish(std::move(node));
        line = current().line;
    }
    return left;
}

NodePtr ExpressionParser::parse_unary(bool with_filters) {
    NodePtr node;
    if (at_operator("-") || at_operator("+")) {
        const Level level(*this);
        const Token& sign = next();
        auto unary =
            std::make_unique<UnaryNode>(sign.text == "-" ? UnaryOp::Negative : UnaryOp::Positive, sign.line);
        unary->operand = parse_unary(false);
        node = finish(std::move(unary));
    } else {
        node = parse_primary();
    }
    node = parse_postfix(std::move(node));
    return with_filters ? parse_filters_and_tests(std::move(node)) : std::move(node);
}

NodePtr ExpressionParser::parse_primary(bool with_namespace) {
    const Token& token = current();
    switch (token.type) {
    case TokenType::Name:
        return parse_name(with_namespace);
    case TokenType::String: {
        std::string text;
        const int line = token.line;
        while (current().type == TokenType::String)
            text += next().text;
        return std::make_unique<ConstNode>(Value::text(std::move(text)), line);
    }
    case TokenType::Integer:
        next();
        return std::make_unique<ConstNode>(Value::integer(token.integer), token.line);
    case TokenType::Float:
        next();
        return std::make_unique<ConstNode>(Value::real(token.real), token.line);
    default:
        break;
    }
    if (skip_operator("(")) {
        NodePtr node = parse_tuple(true, true);
        expect_operator(")");
        return node;
    }
    if (at_operator("["))
        return parse_list();
    if (at_operator("{"))
        return parse_dict();
    fail_at(token.line, "unexpected " + describe(token));
}

NodePtr ExpressionParser::parse_name(bool with_namespace) {
    const Token& token = next();
    if (token.text == "true" || token.text == "True" || token.text == "false" || token.text == "False")
        return std::make_unique<ConstNode>(Value::boolean(token.text[0] == 't' || token.text[0] == 'T'),
                                           token.line);
    if (token.text == "none" || token.text == "None")
        return std::make_unique<ConstNode>(Value::none(), token.line);
    if (with_namespace && skip_operator("."))
        return std::make_unique<NamespaceTargetNode>(token.text, expect_any_name(), token.line);
    return std::make_unique<NameNode>(token.text, token.line);
}

bool ExpressionParser::at_tuple_end() const {
    return current().type == TokenType::VariableEnd || current().type == TokenType::BlockEnd ||
           at_operator(")");
}

NodePtr ExpressionParser::parse_tuple(bool with_conditional, bool in_brackets) {
    auto tuple = std::make_unique<SequenceNode>(NodeKind::Tuple, current().line);
    bool is_tuple = false;
    while (true) {
        if (!tuple->items.empty())
            expect_operator(",");
        if (at_tuple_end())
            break;
        tuple->items.push_back(parse_expression(with_conditional));
        if (!at_operator(","))
            break;
        is_tuple = true;
    }
    if (!is_tuple) {
        if (!tuple->items.empty())
            return std::move(tuple->items.front());
        if (!in_brackets)
            fail_at(current().line, "expected an expression, got " + describe(current()));
    }
    return finish(std::move(tuple));
}

NodePtr ExpressionParser::parse_target(Target form) {
    const int line = current().line;
    if (form == Target::NameOnly) {
        auto name = std::make_unique<NameNode>(expect_any_name(), line);
        static constexpr std::string_view reserved[] = {"true", "false", "none", "True", "False", "None"};
        if (std::find(std::begin(reserved), std::end(reserved), name->name) != std::end(reserved))
            fail_at(line, "'" + name->name + "' cannot be assigned to");
        name->use = NameUse::Store;
        return name;
    }
    const bool with_namespace = form == Target::WithNamespace;
    auto tuple = std::make_unique<SequenceNode>(NodeKind::Tuple, line);
    bool is_tuple = false;
    while (true) {
        if (!tuple->items.empty())
            expect_operator(",");
        if (at_tuple_end())
            break;
        tuple->items.push_back(parse_primary(with_namespace));
        if (!at_operator(","))
            break;
        is_tuple = true;
    }
    if (!is_tuple && tuple->items.empty())
        fail_at(current().line, "expected an expression, got " + describe(current()));
    NodePtr target = is_tuple ? finish(std::move(tuple)) : std::move(tuple->items.front());
    if (!assignable(*target))
        fail_at(line, "this cannot be assigned to");
    mark_stored(*target, NameUse::Store);
    return target;
}

NodePtr ExpressionParser::parse_list() {
    auto list = std::make_unique<SequenceNode>(NodeKind::List, next().line);
    while (!at_operator("]")) {
        if (!list->items.empty())
            expect_operator(",");
        if (at_operator("]"))
            break;
        list->items.push_back(parse_expression());
    }
    expect_operator("]");
    return finish(std::move(list));
}

NodePtr ExpressionParser::parse_dict() {
    auto dict = std::make_unique<DictNode>(next().line);
    while (!at_operator("}")) {
        if (!dict->keys.empty())
            expect_operator(",");
        if (at_operator("}"))
            break;
        NodePtr key = parse_expression();
        expect_operator(":");
        dict->values.push_back(parse_expression());
        dict->keys.push_back(std::move(key));
    }
    expect_operator("}");
    return finish(std::move(dict));
}

NodePtr ExpressionParser::parse_postfix(NodePtr node) {
    while (true) {
        if (at_operator("."))
            node = parse_attribute(std::move(node));
        else if (at_operator("["))
            node = parse_item(std::move(node));
        else if (at_operator("("))
            node = parse_call(std::move(node));
        else
            return node;
    }
}

NodePtr ExpressionParser::parse_filters_and_tests(NodePtr node) {
    while (true) {
        if (at_operator("|"))
            node = parse_filters(std::move(node), false);
        else if (at_name("is"))
            node = parse_test(std::move(node));
        else if (at_operator("("))
            node = parse_call(std::move(node));
        else
            return node;
    }
}

NodePtr ExpressionParser::parse_attribute(NodePtr object) {
    const int line = next().line;
    const Token& token = next();
    if (token.type == TokenType::Name) {
        auto node = std::make_unique<AttributeNode>(line);
        node->object = std::move(object);
        node->name = token.text;
        return finish(std::move(node));
    }
    if (token.type != TokenType::Integer)
        fail_at(token.line, "expected a name or a number after '.', got " + describe(token));
    auto node = std::make_unique<ItemNode>(line);
    node->object = std::move(object);
    node->index = std::make_unique<ConstNode>(Value::integer(token.integer), token.line);
    return finish(std::move(node));
}

NodePtr ExpressionParser::parse_item(NodePtr object) {
    auto node = std::make_unique<ItemNode>(next().line);
    node->object = std::move(object);
    auto indices = std::make_unique<SequenceNode>(NodeKind::Tuple, node->line);
    while (!at_operator("]")) {
        if (!indices->items.empty())
            expect_operator(",");
        indices->items.push_back(parse_subscript());
    }
    expect_operator("]");
    node->index = indices->items.size() == 1 ? std::move(indices->items.front()) : finish(std::move(indices));
    return finish(std::move(node));
}

NodePtr ExpressionParser::parse_subscript() {
    auto slice = std::make_unique<SliceNode>(current().line);
    const auto at_end = [this] { return at_operator("]") || at_operator(","); };
    if (!at_operator(":")) {
        NodePtr index = parse_expression();
        if (!at_operator(":"))
            return index;
        slice->start = std::move(index);
    }
    expect_operator(":");
    if (!at_operator(":") && !at_end())
        slice->stop = parse_expression();
    if (skip_operator(":") && !at_end())
        slice->step = parse_expression();
    return finish(std::move(slice));
}

NodePtr ExpressionParser::parse_call(NodePtr function) {
    auto node = std::make_unique<CallNode>(current().line);
    node->function = std::move(function);
    node->arguments = parse_arguments();
    return finish(std::move(node));
}

Arguments ExpressionParser::parse_arguments() {
    Arguments arguments;
    expect_operator("(");
    bool first = true;
    while (!at_operator(")")) {
        if (!first) {
            expect_operator(",");
            if (at_operator(")"))
                break;
        }
        first = false;
        parse_argument(arguments);
    }
    expect_operator(")");
    return arguments;
}

void ExpressionParser::parse_argument(Arguments& arguments) {
    const int line = current().line;
    const auto ensure = [line](bool right) {
        if (!right)
            fail_at(line, "arguments in the wrong order");
    };
    if (skip_operator("*")) {
        ensure(!arguments.more_positional && !arguments.more_keywords);
        arguments.more_positional = parse_expression();
    } else if (skip_operator("**")) {
        ensure(!arguments.more_keywords);
        arguments.more_keywords = parse_expression();
    } else if (current().type == TokenType::Name && ahead().type == TokenType::Operator &&
               ahead().text == "=") {
        ensure(!arguments.more_keywords);
        std::string name = next().text;
        next();
        if (std::find(arguments.keywords.begin(), arguments.keywords.end(), name) != arguments.keywords.end())
            fail_at(line, "the argument '" + name + "' is given twice");
        arguments.keywords.push_back(std::move(name));
        arguments.keyword_values.push_back(parse_expression());
    } else {
        ensure(!arguments.more_positional && !arguments.more_keywords && arguments.keywords.empty());
        arguments.positional.push_back(parse_expression());
    }
}

std::string ExpressionParser::parse_dotted_name() {
    std::string name = expect_any_name();
    while (skip_operator("."))
        name += "." + expect_any_name();
    return name;
}

NodePtr ExpressionParser::parse_filters(NodePtr operand, bool inline_start) {
    while (inline_start || at_operator("|")) {
        if (!inline_start)
            next();
        inline_start = false;
        auto node = std::make_unique<FilterNode>(current().line);
        node->operand = std::move(operand);
        node->name = parse_dotted_name();
        if (at_operator("("))
            node->arguments = parse_arguments();
        operand = finish(std::move(node));
    }
    return operand;
}

NodePtr ExpressionParser::parse_test(NodePtr operand) {
    auto node = std::make_unique<TestNode>(next().line);
    node->operand = std::move(operand);
    const bool negated = skip_name("not");
    node->name = parse_dotted_name();
    if (at_operator("(")) {
        node->arguments = parse_arguments();
    } else {
        const TokenType type = current().type;
        const bool literal =
            type == TokenType::String || type == TokenType::Integer || type == TokenType::Float;
        const bool name = type == TokenType::Name && !at_name("else") && !at_name("or") && !at_name("and");
        if (at_name("is"))
            fail_at(current().line, "tests with 'is' cannot be chained");
        if (literal || name || at_operator("[") || at_operator("{")) {
            const Level level(*this);
            node->arguments.positional.push_back(parse_postfix(parse_primary()));
        }
    }
    const int line = node->line;
    NodePtr test = finish(std::move(node));
    if (!negated)
        return test;
    auto inverse = std::make_unique<UnaryNode>(UnaryOp::Not, line);
    inverse->operand = std::move(test);
    return finish(std::move(inverse));
}

} // namespace switchyard::jinja
