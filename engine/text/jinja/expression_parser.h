// Expressions: the part of the parser between the delimiters of a tag.
#pragma once

#include "engine/text/jinja/ast.h"
#include "engine/text/jinja/lexer.h"

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

class ExpressionParser {
  public:
    explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    // How an assignment target may look.
    enum class Target { Any, WithNamespace, NameOnly };

    NodePtr parse_expression(bool with_conditional = true);
    /// One expression, or a tuple without brackets.
    NodePtr parse_tuple(bool with_conditional = true, bool in_brackets = false);
    NodePtr parse_target(Target form);
    /// Filters after "|"; `inline_start`: the first one stands without it. Null where there is none.
    NodePtr parse_filters(NodePtr operand, bool inline_start);

    const Token& current() const { return tokens_[pos_]; }
    const Token& ahead() const { return tokens_[pos_ + 1 < tokens_.size() ? pos_ + 1 : pos_]; }
    const Token& next() { return tokens_[pos_ + 1 < tokens_.size() ? pos_++ : pos_]; }
    bool at_operator(std::string_view op) const {
        return current().type == TokenType::Operator && current().text == op;
    }
    bool at_name(std::string_view name) const {
        return current().type == TokenType::Name && current().text == name;
    }
    bool skip_operator(std::string_view op);
    bool skip_name(std::string_view name);
    void expect_operator(std::string_view op);
    void expect_name(std::string_view name);
    std::string expect_any_name();
    void expect_type(TokenType type, std::string_view called);

    /// Counts a level of nesting while it lives; throws where there are too many.
    class Level {
      public:
        explicit Level(ExpressionParser& parser);
        ~Level() { --parser_.level_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

      private:
        ExpressionParser& parser_;
    };

    /// Sets a finished node's height; throws where the tree is too high to walk safely.
    template <class NodeType>
    NodePtr finish(std::unique_ptr<NodeType> node) {
        measure(*node);
        return node;
    }

  private:
    static void measure(Node& node);
    NodePtr parse_conditional();
    NodePtr parse_logic(bool is_and);
    NodePtr parse_not();
    NodePtr parse_compare();
    NodePtr parse_sum();
    NodePtr parse_concat();
    NodePtr parse_product();
    NodePtr parse_power();
    NodePtr parse_unary(bool with_filters = true);
    NodePtr parse_primary(bool with_namespace = false);
    NodePtr parse_name(bool with_namespace);
    NodePtr parse_list();
    NodePtr parse_dict();
    NodePtr parse_postfix(NodePtr node);
    NodePtr parse_filters_and_tests(NodePtr node);
    NodePtr parse_attribute(NodePtr object);
    NodePtr parse_item(NodePtr object);
    NodePtr parse_subscript();
    NodePtr parse_call(NodePtr function);
    NodePtr parse_test(NodePtr operand);
    Arguments parse_arguments();
    void parse_argument(Arguments& arguments);
    std::string parse_dotted_name();
    bool at_tuple_end() const;

    std::vector<Token> tokens_;
    std::size_t pos_ = 0;
    int level_ = 0;
};

} // namespace switchyard::jinja
