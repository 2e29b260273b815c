// Runs a template's syntax tree: statements, expressions, calls, within limits of steps, depth and output.
#pragma once

#include "engine/text/jinja/ast.h"
#include "engine/text/jinja/value.h"

#include <ctime>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace switchyard::jinja {

/// The values of one scope while it runs.
struct Frame {
    std::shared_ptr<Frame> parent;
    std::vector<Value> slots;
};
using FramePtr = std::shared_ptr<Frame>;

/// What a template sees from outside.
struct Context {
    std::map<std::string, Value, std::less<>> variables;
    std::time_t now = 0; ///< what strftime_now tells
};

struct FilterEntry;

struct Limits {
    std::uint64_t steps = 50'000'000;
    std::size_t output_bytes = kMaxText;
    int depth = 1500; ///< nested evaluations: macros that call themselves end here
};

class Evaluator {
  public:
    Evaluator(const Template& program, Context context, const Limits& limits, std::stop_token stop = {});
    ~Evaluator();
    Evaluator(const Evaluator&) = delete;
    Evaluator& operator=(const Evaluator&) = delete;

    /// The whole output. Throws Error naming the line.
    MarkedText run();

    // For filters, tests and functions:

    Value call(const Value& function, CallArguments& arguments);
    Value apply_filter(const std::string& name, const Value& input, CallArguments& arguments);
    bool apply_test(const std::string& name, const Value& input, CallArguments& arguments);
    /// object.name and object['name'], as the sandbox allows; undefined where there is none.
    Value attribute(const Value& object, const std::string& name);
    Value item(const Value& object, const Value& index);
    /// Charges work to the step limit, before it is done where that is known. Throws Failure where the limit
    /// is used up, or the caller wants no more.
    void charge(std::uint64_t steps);
    /// Charges for a look at a value: a text, or the items of a list but not what is in them.
    void charge_for(const Value& value);
    void charge_for(const CallArguments& arguments);
    /// Runs a filter and charges for what it reads and writes.
    Value filter(const FilterEntry& entry, const Value& input, CallArguments& arguments);
    std::uint64_t steps() const { return steps_; } ///< charged so far
    std::time_t now() const { return context_.now; }
    /// Objects that can be part of a circle are let go at the end.
    void adopt(std::shared_ptr<NativeObject> object) { adopted_.push_back(std::move(object)); }

    /// Runs a macro's body; the arguments are bound already.
    Value run_closure(const Closure& closure, const FramePtr& frame);
    /// The text of a recursive loop over `sequence`.
    MarkedText run_loop(const ForNode& node, const Value& sequence, const FramePtr& frame, int depth);
    Value evaluate(const Node& node, const FramePtr& frame);
    FramePtr enter(const Scope& scope, const FramePtr& parent);
    /// Text written by `body` instead of going to the output.
    template <class Body>
    MarkedText capture(const Body& body);

  private:
    enum class Flow { Next, Break, Continue };

    /// One level of evaluation within another, as long as it lives.
    class Descent {
      public:
        explicit Descent(Evaluator& evaluator);
        ~Descent() { --evaluator_.depth_; }
        Descent(const Descent&) = delete;
        Descent& operator=(const Descent&) = delete;

      private:
        Evaluator& evaluator_;
    };

    Flow run_body(const NodeList& body, const FramePtr& frame);
    Flow run_statement(const Node& node, const FramePtr& frame);
    Flow run_if(const IfNode& node, const FramePtr& frame);
    Flow run_with(const WithNode& node, const FramePtr& frame);
    Flow run_set_block(const SetBlockNode& node, const FramePtr& frame);
    Flow run_filter_block(const FilterBlockNode& node, const FramePtr& frame);
    Flow run_for(const ForNode& node, const FramePtr& frame);
    Flow run_iterations(const ForNode& node, const Value& sequence, const FramePtr& frame, int depth);
    void run_call_block(const CallBlockNode& node, const FramePtr& frame);
    void run_block(const BlockNode& node, const FramePtr& frame);
    void run_set(const SetNode& node, const FramePtr& frame);
    void define_macro(const MacroNode& node, const FramePtr& frame);
    void write(const MarkedText& text);
    void write_value(const Value& value);
    void write_block(const Value& value);

    Value evaluate_node(const Node& node, const FramePtr& frame);
    Value evaluate_name(const NameNode& node, const FramePtr& frame);
    Value evaluate_dict(const DictNode& node, const FramePtr& frame);
    Value evaluate_conditional(const ConditionalNode& node, const FramePtr& frame);
    Value evaluate_binary(const BinaryNode& node, const FramePtr& frame);
    Value evaluate_unary(const UnaryNode& node, const FramePtr& frame);
    Value evaluate_concat(const SequenceNode& node, const FramePtr& frame);
    Value evaluate_compare(const CompareNode& node, const FramePtr& frame);
    Value evaluate_item(const ItemNode& node, const FramePtr& frame);
    Value evaluate_call(const CallNode& node, const FramePtr& frame, const Value* caller);
    Value evaluate_filter(const FilterNode& node, const FramePtr& frame, const Value* block_text);
    Value evaluate_filter_input(const Node& node, const FramePtr& frame, const Value* block_text);
    Value evaluate_test(const TestNode& node, const FramePtr& frame);
    CallArguments evaluate_arguments(const Arguments& arguments, const FramePtr& frame);

    void assign(const Node& target, Value value, const FramePtr& frame, bool exported);
    void unpack(const SequenceNode& target, const Value& value, const FramePtr& frame, bool exported);
    void fill(const Scope& scope, Frame& frame);
    Value lookup(const std::string& name) const;
    static Value& slot(const Place& place, const FramePtr& frame);

    const Template& program_;
    Context context_;
    std::map<std::string, Value, std::less<>> globals_;
    std::map<std::string, Value, std::less<>> exported_; ///< set at the top level: blocks see them
    Limits limits_;
    std::stop_token stop_;
    std::uint64_t steps_ = 0;
    int depth_ = 0;
    int line_ = 1;
    MarkedText* out_ = nullptr;
    std::vector<std::shared_ptr<NativeObject>> adopted_;
    std::vector<FramePtr> closed_over_; ///< frames that macros hold
};

} // namespace switchyard::jinja
