#include "engine/text/jinja/parser.h"

#include "engine/text/jinja/expression_parser.h"
#include "engine/text/jinja/failure.h"

#include <algorithm>
#include <set>

namespace switchyard::jinja {
namespace {

using Target = ExpressionParser::Target;
using EndTags = std::initializer_list<std::string_view>;

class StatementParser {
  public:
    explicit StatementParser(std::string_view source) : in_(tokenize(source)) {}

    NodeList run() { return parse_body({}); }

  private:
    NodeList parse_body(EndTags end_tags);
    NodeList parse_block_body(EndTags end_tags);
    NodeList parse_closed_body(std::string_view end_tag);
    void parse_statement(NodeList& into);
    NodePtr parse_for();
    NodePtr parse_if();
    NodePtr parse_set();
    NodePtr parse_macro();
    NodePtr parse_call_block();
    NodePtr parse_filter_block();
    NodePtr parse_with();
    NodePtr parse_block();
    NodePtr parse_generation();
    NodePtr parse_jump(NodeKind kind);
    NodePtr parse_autoescape();
    NodePtr parse_unsupported(std::string_view tag);
    void parse_signature(Closure& closure);
    void parse_print(NodeList& into);
    bool at_end_tag(EndTags end_tags) const;
    void skip_import_context();

    ExpressionParser in_;
    int loops_ = 0; ///< loops around this place within the same closure
    std::set<std::string> blocks_;
};

bool StatementParser::at_end_tag(EndTags end_tags) const {
    return std::any_of(end_tags.begin(), end_tags.end(),
                       [this](std::string_view tag) { return in_.at_name(tag); });
}

/// Statements up to one of the end tags, which becomes the current token; without end tags to the template's
/// end.
NodeList StatementParser::parse_body(EndTags end_tags) {
    const ExpressionParser::Level level(in_);
    NodeList body;
    while (in_.current().type != TokenType::End) {
        const Token& token = in_.next();
        if (token.type == TokenType::Data) {
            body.push_back(std::make_unique<TextNode>(token.text, token.line));
        } else if (token.type == TokenType::VariableBegin) {
            NodePtr value = in_.parse_tuple();
            body.push_back(in_.finish(std::make_unique<OutputNode>(std::move(value), token.line)));
            in_.expect_type(TokenType::VariableEnd, "'}}'");
        } else {
            if (at_end_tag(end_tags))
                return body;
            parse_statement(body);
            in_.expect_type(TokenType::BlockEnd, "'%}'");
        }
    }
    if (end_tags.size() > 0)
        fail_at(in_.current().line,
                "the template ends where {% " + std::string(*std::prev(end_tags.end())) + " %} is missing");
    return body;
}

NodeList StatementParser::parse_block_body(EndTags end_tags) {
    in_.skip_operator(":");
    in_.expect_type(TokenType::BlockEnd, "'%}'");
    return parse_body(end_tags);
}

NodeList StatementParser::parse_closed_body(std::string_view end_tag) {
    NodeList body = parse_block_body({end_tag});
    in_.next();
    return body;
}

void StatementParser::parse_statement(NodeList& into) {
    const Token& token = in_.current();
    if (token.type != TokenType::Name)
        fail_at(token.line, "expected the name of a statement, got " + describe(token));
    const std::string& tag = token.text;
    if (tag == "print")
        return parse_print(into);
    NodePtr node;
    if (tag == "if")
        node = parse_if();
    else if (tag == "for")
        node = parse_for();
    else if (tag == "set")
        node = parse_set();
    else if (tag == "macro")
        node = parse_macro();
    else if (tag == "call")
        node = parse_call_block();
    else if (tag == "filter")
        node = parse_filter_block();
    else if (tag == "with")
        node = parse_with();
    else if (tag == "generation")
        node = parse_generation();
    else if (tag == "break" || tag == "continue")
        node = parse_jump(tag == "break" ? NodeKind::Break : NodeKind::Continue);
    else if (tag == "block")
        node = parse_block();
    else if (tag == "autoescape")
        node = parse_autoescape();
    else if (tag == "include" || tag == "import" || tag == "from" || tag == "extends")
        node = parse_unsupported(tag);
    else
        fail_at(token.line, "unknown statement '" + tag + "'");
    into.push_back(std::move(node));
}

/// Whether `loop` is assigned anywhere below: the loop's own variable cannot be.
bool assigns_loop(Node& node) {
    bool found = node.kind == NodeKind::Name && static_cast<NameNode&>(node).use == NameUse::Store &&
                 static_cast<NameNode&>(node).name == "loop";
    node.children([&found](Node& child) { found = found || assigns_loop(child); });
    return found;
}

NodePtr StatementParser::parse_for() {
    auto node = std::make_unique<ForNode>(in_.next().line);
    node->target = in_.parse_target(Target::Any);
    in_.expect_name("in");
    node->sequence = in_.parse_tuple(false);
    if (in_.skip_name("if"))
        node->test = in_.parse_expression();
    node->recursive = in_.skip_name("recursive");
    ++loops_;
    node->body = parse_block_body({"else", "endfor"});
    --loops_;
    if (in_.next().text == "else")
        node->otherwise = parse_closed_body("endfor");
    if (assigns_loop(*node))
        fail_at(node->line, "the variable 'loop' cannot be assigned inside a loop");
    return in_.finish(std::move(node));
}

NodePtr StatementParser::parse_if() {
    auto result = std::make_unique<IfNode>(in_.next().line);
    IfNode* node = result.get();
    while (true) {
        node->test = in_.parse_tuple(false);
        node->body = parse_block_body({"elif", "else", "endif"});
        const Token& token = in_.next();
        if (token.text == "elif") {
            result->elifs.push_back(std::make_unique<IfNode>(in_.current().line));
            node = static_cast<IfNode*>(result->elifs.back().get());
            continue;
        }
        if (token.text == "else")
            result->otherwise = parse_closed_body("endif");
        break;
    }
    for (NodePtr& branch : result->elifs) // heights from the leaves up
        branch->children(
            [&branch](Node& child) { branch->depth = std::max(branch->depth, child.depth + 1); });
    return in_.finish(std::move(result));
}

NodePtr StatementParser::parse_set() {
    const int line = in_.next().line;
    NodePtr target = in_.parse_target(Target::WithNamespace);
    if (in_.skip_operator("=")) {
        auto node = std::make_unique<SetNode>(line);
        node->target = std::move(target);
        node->value = in_.parse_tuple();
        return in_.finish(std::move(node));
    }
    auto node = std::make_unique<SetBlockNode>(line);
    node->target = std::move(target);
    node->filter = in_.parse_filters(nullptr, false);
    node->body = parse_closed_body("endset");
    return in_.finish(std::move(node));
}

void StatementParser::parse_signature(Closure& closure) {
    in_.expect_operator("(");
    std::set<std::string> names;
    while (!in_.at_operator(")")) {
        if (!closure.parameters.empty())
            in_.expect_operator(",");
        const int line = in_.current().line;
        NodePtr parameter = in_.parse_target(Target::NameOnly);
        auto& name = static_cast<NameNode&>(*parameter);
        name.use = NameUse::Parameter;
        if (!names.insert(name.name).second)
            fail_at(line, "the parameter '" + name.name + "' is named twice");
        closure.explicit_caller = closure.explicit_caller || name.name == "caller";
        if (in_.skip_operator("="))
            closure.defaults.push_back(in_.parse_expression());
        else if (!closure.defaults.empty())
            fail_at(line, "the parameter '" + name.name + "' needs a default, as one before it has one");
        closure.parameters.push_back(std::move(parameter));
    }
    in_.expect_operator(")");
}

NodePtr StatementParser::parse_macro() {
    auto node = std::make_unique<MacroNode>(in_.next().line);
    node->name = static_cast<NameNode&>(*in_.parse_target(Target::NameOnly)).name;
    parse_signature(node->closure);
    const int loops = std::exchange(loops_, 0);
    node->closure.body = parse_closed_body("endmacro");
    loops_ = loops;
    return in_.finish(std::move(node));
}

NodePtr StatementParser::parse_call_block() {
    auto node = std::make_unique<CallBlockNode>(in_.next().line);
    if (in_.at_operator("("))
        parse_signature(node->closure);
    node->call = in_.parse_expression();
    if (node->call->kind != NodeKind::Call)
        fail_at(node->line, "a call block needs a call");
    const int loops = std::exchange(loops_, 0);
    node->closure.body = parse_closed_body("endcall");
    loops_ = loops;
    return in_.finish(std::move(node));
}

NodePtr StatementParser::parse_filter_block() {
    auto node = std::make_unique<FilterBlockNode>(in_.next().line);
    node->filter = in_.parse_filters(nullptr, true);
    node->body = parse_closed_body("endfilter");
    return in_.finish(std::move(node));
}

NodePtr StatementParser::parse_with() {
    auto node = std::make_unique<WithNode>(in_.next().line);
    while (in_.current().type != TokenType::BlockEnd) {
        if (!node->targets.empty())
            in_.expect_operator(",");
        node->targets.push_back(in_.parse_target(Target::Any));
        const std::function<void(Node&)> mark = [&mark](Node& child) {
            if (child.kind == NodeKind::Name)
                static_cast<NameNode&>(child).use = NameUse::Parameter;
            child.children(mark);
        };
        mark(*node->targets.back());
        in_.expect_operator("=");
        node->values.push_back(in_.parse_expression());
    }
    node->body = parse_closed_body("endwith");
    return in_.finish(std::move(node));
}

NodePtr StatementParser::parse_block() {
    auto node = std::make_unique<BlockNode>(NodeKind::Block, in_.next().line);
    node->name = in_.expect_any_name();
    if (!blocks_.insert(node->name).second)
        fail_at(node->line, "the block '" + node->name + "' is defined twice");
    node->scoped = in_.skip_name("scoped");
    if (in_.skip_name("required"))
        fail_at(node->line, "a required block needs another template");
    const int loops = std::exchange(loops_, 0);
    node->body = parse_closed_body("endblock");
    loops_ = loops;
    in_.skip_name(node->name);
    return in_.finish(std::move(node));
}

NodePtr StatementParser::parse_generation() {
    auto node = std::make_unique<BlockNode>(NodeKind::Generation, in_.next().line);
    const int loops = std::exchange(loops_, 0);
    node->body = parse_closed_body("endgeneration");
    loops_ = loops;
    return in_.finish(std::move(node));
}

NodePtr StatementParser::parse_jump(NodeKind kind) {
    const Token& token = in_.next();
    if (loops_ == 0)
        fail_at(token.line, "'" + token.text + "' stands outside of a loop");
    return std::make_unique<JumpNode>(kind, token.line);
}

NodePtr StatementParser::parse_autoescape() {
    auto node = std::make_unique<WithNode>(in_.next().line);
    const NodePtr option = in_.parse_expression();
    if (option->kind != NodeKind::Const || static_cast<ConstNode&>(*option).value.truthy())
        fail_at(node->line, "escaping HTML by itself (autoescape) is not supported");
    node->body = parse_closed_body("endautoescape");
    return in_.finish(std::move(node));
}

void StatementParser::skip_import_context() {
    if ((in_.at_name("with") || in_.at_name("without")) && in_.ahead().text == "context") {
        in_.next();
        in_.next();
    }
}

NodePtr StatementParser::parse_unsupported(std::string_view tag) {
    auto node = std::make_unique<UnsupportedNode>(std::string(tag), in_.next().line);
    node->operand = in_.parse_expression();
    if (tag == "include") {
        if (in_.at_name("ignore") && in_.ahead().text == "missing") {
            in_.next();
            in_.next();
        }
        skip_import_context();
    } else if (tag == "import") {
        in_.expect_name("as");
        in_.expect_any_name();
        skip_import_context();
    } else if (tag == "from") {
        in_.expect_name("import");
        while (in_.current().type != TokenType::BlockEnd && in_.current().type != TokenType::End)
            in_.next();
    }
    return in_.finish(std::move(node));
}

void StatementParser::parse_print(NodeList& into) {
    const int line = in_.next().line;
    bool first = true;
    while (in_.current().type != TokenType::BlockEnd) {
        if (!first)
            in_.expect_operator(",");
        first = false;
        NodePtr value = in_.parse_expression();
        into.push_back(in_.finish(std::make_unique<OutputNode>(std::move(value), line)));
    }
}

} // namespace

Template parse(std::string_view source) {
    Template result;
    result.body = StatementParser(source).run();
    return result;
}

} // namespace switchyard::jinja
