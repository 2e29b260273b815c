// The syntax tree of a template. Nodes are made by the parser, completed by the binder (scopes), then only
// read.
#pragma once

#include "engine/text/jinja/value.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace switchyard::jinja {

struct FilterEntry;
struct TestEntry;

enum class NodeKind : std::uint8_t {
    // expressions
    Const,
    Name,
    Tuple,
    List,
    Dict,
    Conditional,
    Binary,
    Unary,
    Logic,
    Concat,
    Compare,
    Attribute,
    Item,
    Slice,
    Call,
    Filter,
    Test,
    NamespaceTarget,
    // statements
    Text,
    Output,
    For,
    If,
    Macro,
    CallBlock,
    FilterBlock,
    With,
    Set,
    SetBlock,
    Block,
    Generation,
    Break,
    Continue,
    Unsupported
};

enum class NameUse : std::uint8_t { Load, Store, Parameter };

struct Node {
    NodeKind kind;
    int line;
    int depth = 1; ///< height of the tree below, limited by the parser

    Node(NodeKind k, int l) : kind(k), line(l) {}
    virtual ~Node() = default;
    /// Calls `visit` for every child, in the order in which names are looked for.
    virtual void children(const std::function<void(Node&)>& visit) { (void)visit; }
};

using NodePtr = std::unique_ptr<Node>;
using NodeList = std::vector<NodePtr>;

inline void visit_all(const NodeList& nodes, const std::function<void(Node&)>& visit) {
    for (const NodePtr& node : nodes)
        visit(*node);
}
inline void visit_one(const NodePtr& node, const std::function<void(Node&)>& visit) {
    if (node)
        visit(*node);
}

/// Where a name's value lives at run time: `up` frames outwards, then the slot.
struct Place {
    std::uint32_t up = 0;
    std::uint32_t slot = 0;
};

/// How a slot is filled when its frame is entered.
struct SlotLoad {
    enum class From : std::uint8_t { Parameter, Context, Outer, Nothing };
    std::string name;
    From from = From::Nothing;
    Place outer; ///< From::Outer, seen from the frame's parent
};

/// The names of one frame (template, loop body, macro ...), by slot.
struct Scope {
    std::vector<SlotLoad> slots;
};

// ---- expressions

struct ConstNode : Node {
    Value value;
    ConstNode(Value v, int l) : Node(NodeKind::Const, l), value(std::move(v)) {}
};

struct NameNode : Node {
    std::string name;
    NameUse use = NameUse::Load;
    Place place;
    NameNode(std::string n, int l) : Node(NodeKind::Name, l), name(std::move(n)) {}
};

/// Tuple and List.
struct SequenceNode : Node {
    NodeList items;
    using Node::Node;
    void children(const std::function<void(Node&)>& visit) override { visit_all(items, visit); }
};

struct DictNode : Node {
    NodeList keys, values; ///< as many of each
    explicit DictNode(int l) : Node(NodeKind::Dict, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            visit(*keys[i]);
            visit(*values[i]);
        }
    }
};

struct ConditionalNode : Node {
    NodePtr test, then, otherwise; ///< otherwise may be absent
    explicit ConditionalNode(int l) : Node(NodeKind::Conditional, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(test, visit);
        visit_one(then, visit);
        visit_one(otherwise, visit);
    }
};

enum class BinaryOp : std::uint8_t { Add, Subtract, Multiply, Divide, FloorDivide, Modulo, Power };
enum class UnaryOp : std::uint8_t { Not, Negative, Positive };
enum class CompareOp : std::uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, In, NotIn };

struct BinaryNode : Node {
    BinaryOp op;
    NodePtr left, right;
    BinaryNode(BinaryOp o, int l) : Node(NodeKind::Binary, l), op(o) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(left, visit);
        visit_one(right, visit);
    }
};

struct UnaryNode : Node {
    UnaryOp op;
    NodePtr operand;
    UnaryNode(UnaryOp o, int l) : Node(NodeKind::Unary, l), op(o) {}
    void children(const std::function<void(Node&)>& visit) override { visit_one(operand, visit); }
};

/// `and` and `or`.
struct LogicNode : Node {
    bool is_and;
    NodePtr left, right;
    LogicNode(bool a, int l) : Node(NodeKind::Logic, l), is_and(a) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(left, visit);
        visit_one(right, visit);
    }
};

struct CompareNode : Node {
    NodePtr first;
    std::vector<CompareOp> ops;
    NodeList rest; ///< one an operator
    explicit CompareNode(int l) : Node(NodeKind::Compare, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(first, visit);
        visit_all(rest, visit);
    }
};

struct AttributeNode : Node {
    NodePtr object;
    std::string name;
    explicit AttributeNode(int l) : Node(NodeKind::Attribute, l) {}
    void children(const std::function<void(Node&)>& visit) override { visit_one(object, visit); }
};

struct SliceNode : Node {
    NodePtr start, stop, step; ///< each may be absent
    explicit SliceNode(int l) : Node(NodeKind::Slice, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(start, visit);
        visit_one(stop, visit);
        visit_one(step, visit);
    }
};

struct ItemNode : Node {
    NodePtr object, index;
    explicit ItemNode(int l) : Node(NodeKind::Item, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(object, visit);
        visit_one(index, visit);
    }
};

/// Arguments as written at a call, filter or test.
struct Arguments {
    NodeList positional;
    std::vector<std::string> keywords;
    NodeList keyword_values;
    NodePtr more_positional, more_keywords; ///< *args and **kwargs
    void children(const std::function<void(Node&)>& visit) const {
        visit_all(positional, visit);
        visit_all(keyword_values, visit);
        visit_one(more_positional, visit);
        visit_one(more_keywords, visit);
    }
};

struct CallNode : Node {
    NodePtr function;
    Arguments arguments;
    explicit CallNode(int l) : Node(NodeKind::Call, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(function, visit);
        arguments.children(visit);
    }
};

struct FilterNode : Node {
    NodePtr operand; ///< absent: the text of the block the filter stands at
    std::string name;
    Arguments arguments;
    const FilterEntry* entry = nullptr; ///< null: unknown, an error when it is reached
    explicit FilterNode(int l) : Node(NodeKind::Filter, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(operand, visit);
        arguments.children(visit);
    }
};

struct TestNode : Node {
    NodePtr operand;
    std::string name;
    Arguments arguments;
    const TestEntry* entry = nullptr;
    explicit TestNode(int l) : Node(NodeKind::Test, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(operand, visit);
        arguments.children(visit);
    }
};

/// `ns.attribute` as the target of a set.
struct NamespaceTargetNode : Node {
    std::string name, attribute;
    Place place;
    NamespaceTargetNode(std::string n, std::string a, int l)
        : Node(NodeKind::NamespaceTarget, l), name(std::move(n)), attribute(std::move(a)) {}
};

// ---- statements

struct TextNode : Node {
    std::string text;
    TextNode(std::string t, int l) : Node(NodeKind::Text, l), text(std::move(t)) {}
};

struct OutputNode : Node {
    NodePtr value;
    OutputNode(NodePtr v, int l) : Node(NodeKind::Output, l), value(std::move(v)) {}
    void children(const std::function<void(Node&)>& visit) override { visit_one(value, visit); }
};

struct ForNode : Node {
    NodePtr target, sequence, test; ///< test may be absent
    NodeList body, otherwise;
    bool recursive = false;
    bool has_loop = false; ///< the body names `loop`
    Place loop;
    Scope body_scope, test_scope, otherwise_scope;
    explicit ForNode(int l) : Node(NodeKind::For, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(target, visit);
        visit_one(sequence, visit);
        visit_all(body, visit);
        visit_all(otherwise, visit);
        visit_one(test, visit);
    }
};

struct IfNode : Node {
    NodePtr test;
    NodeList body;
    NodeList elifs; ///< IfNodes without elifs and otherwise of their own
    NodeList otherwise;
    explicit IfNode(int l) : Node(NodeKind::If, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(test, visit);
        visit_all(body, visit);
        visit_all(elifs, visit);
        visit_all(otherwise, visit);
    }
};

/// What a macro and a call block have in common.
struct Closure {
    NodeList parameters; ///< NameNodes
    NodeList defaults;   ///< of the last parameters
    NodeList body;
    bool uses_caller = false, uses_kwargs = false, uses_varargs = false; ///< read in the body, not parameters
    bool explicit_caller = false;                                        ///< a parameter is called "caller"
    Place caller, kwargs, varargs;
    Scope scope;
    void children(const std::function<void(Node&)>& visit) const {
        visit_all(parameters, visit);
        visit_all(defaults, visit);
        visit_all(body, visit);
    }
};

struct MacroNode : Node {
    std::string name;
    Place place;
    bool exported = false; ///< at the top level: blocks see it
    Closure closure;
    explicit MacroNode(int l) : Node(NodeKind::Macro, l) {}
    void children(const std::function<void(Node&)>& visit) override { closure.children(visit); }
};

struct CallBlockNode : Node {
    NodePtr call; ///< a CallNode
    Closure closure;
    explicit CallBlockNode(int l) : Node(NodeKind::CallBlock, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(call, visit);
        closure.children(visit);
    }
};

struct FilterBlockNode : Node {
    NodePtr filter; ///< a FilterNode
    NodeList body;
    Scope scope;
    explicit FilterBlockNode(int l) : Node(NodeKind::FilterBlock, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_all(body, visit);
        visit_one(filter, visit);
    }
};

struct WithNode : Node {
    NodeList targets, values;
    NodeList body;
    Scope scope;
    explicit WithNode(int l) : Node(NodeKind::With, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_all(targets, visit);
        visit_all(values, visit);
        visit_all(body, visit);
    }
};

struct SetNode : Node {
    NodePtr target, value;
    bool exported = false; ///< at the top level: blocks see it
    explicit SetNode(int l) : Node(NodeKind::Set, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(target, visit);
        visit_one(value, visit);
    }
};

struct SetBlockNode : Node {
    NodePtr target, filter; ///< filter may be absent
    NodeList body;
    bool exported = false;
    Scope scope;
    explicit SetBlockNode(int l) : Node(NodeKind::SetBlock, l) {}
    void children(const std::function<void(Node&)>& visit) override {
        visit_one(target, visit);
        visit_one(filter, visit);
        visit_all(body, visit);
    }
};

/// {% block %} and {% generation %}: a body in a frame of its own.
struct BlockNode : Node {
    std::string name; ///< of a block
    bool scoped = false;
    NodeList body;
    Scope scope;
    BlockNode(NodeKind k, int l) : Node(k, l) {}
    void children(const std::function<void(Node&)>& visit) override { visit_all(body, visit); }
};

/// Break and Continue.
struct JumpNode : Node {
    using Node::Node;
};

/// A statement that needs other templates: an error when it is reached.
struct UnsupportedNode : Node {
    std::string what;
    NodePtr operand;
    UnsupportedNode(std::string w, int l) : Node(NodeKind::Unsupported, l), what(std::move(w)) {}
    void children(const std::function<void(Node&)>& visit) override { visit_one(operand, visit); }
};

/// A whole template.
struct Template {
    NodeList body;
    Scope scope;
};

} // namespace switchyard::jinja
