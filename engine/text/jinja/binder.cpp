#include "engine/text/jinja/binder.h"

#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/failure.h"

#include <map>
#include <optional>
#include <set>

namespace switchyard::jinja {
namespace {

using From = SlotLoad::From;

/// The names of one frame while its nodes are looked through.
struct Names {
    const Names* parent = nullptr;
    Scope* scope = nullptr;
    std::map<std::string, std::uint32_t> known; ///< names that live in this frame, by slot
    std::set<std::string> stored;

    std::optional<Place> find(const std::string& name) const {
        std::uint32_t up = 0;
        for (const Names* names = this; names; names = names->parent, ++up)
            if (const auto it = names->known.find(name); it != names->known.end())
                return Place{up, it->second};
        return std::nullopt;
    }

    std::uint32_t define(const std::string& name, From from, Place outer = {}) {
        // Branches of an `if` are looked through apart, but share the frame and so the slot of a name.
        std::uint32_t slot = 0;
        while (slot < scope->slots.size() && scope->slots[slot].name != name)
            ++slot;
        if (slot == scope->slots.size())
            scope->slots.push_back({name, from, outer});
        scope->slots[slot].from = from;
        scope->slots[slot].outer = outer;
        known[name] = slot;
        return slot;
    }

    void load(const std::string& name) {
        if (!find(name))
            define(name, From::Context);
    }

    void store(const std::string& name) {
        stored.insert(name);
        if (known.count(name) != 0)
            return;
        if (const auto outer = parent ? parent->find(name) : std::nullopt)
            define(name, From::Outer, *outer);
        else
            define(name, From::Nothing);
    }

    void parameter(const std::string& name) {
        stored.insert(name);
        define(name, From::Parameter);
    }
};

/// Looks through the nodes of one frame, without those of frames inside.
class NameFinder {
  public:
    explicit NameFinder(Names& names) : names_(&names) {}

    void visit(Node& node, bool as_parameter = false) {
        switch (node.kind) {
        case NodeKind::Name:
            visit_name(static_cast<NameNode&>(node), as_parameter);
            break;
        case NodeKind::NamespaceTarget:
            names_->load(static_cast<NamespaceTargetNode&>(node).name);
            break;
        case NodeKind::If:
            visit_if(static_cast<IfNode&>(node));
            break;
        case NodeKind::Macro:
            names_->store(static_cast<MacroNode&>(node).name);
            break;
        case NodeKind::Set:
            visit(*static_cast<SetNode&>(node).value);
            visit(*static_cast<SetNode&>(node).target);
            break;
        case NodeKind::For:
            visit(*static_cast<ForNode&>(node).sequence);
            break;
        case NodeKind::CallBlock:
            visit(*static_cast<CallBlockNode&>(node).call);
            break;
        case NodeKind::FilterBlock:
            visit(*static_cast<FilterBlockNode&>(node).filter);
            break;
        case NodeKind::With:
            visit_list(static_cast<WithNode&>(node).values);
            break;
        case NodeKind::SetBlock:
            visit(*static_cast<SetBlockNode&>(node).target);
            break;
        case NodeKind::Block:
        case NodeKind::Generation:
            break;
        default:
            node.children([this, as_parameter](Node& child) { visit(child, as_parameter); });
        }
    }

    void visit_list(const NodeList& nodes) {
        for (const NodePtr& node : nodes)
            visit(*node);
    }

  private:
    void visit_name(const NameNode& node, bool as_parameter) {
        if (as_parameter || node.use == NameUse::Parameter)
            names_->parameter(node.name);
        else if (node.use == NameUse::Store)
            names_->store(node.name);
        else
            names_->load(node.name);
    }

    /// What only some branches set is taken from outside where they do not run.
    void visit_if(IfNode& node) {
        visit(*node.test);
        Names* const before = names_;
        Names branches[3] = {*before, *before, *before};
        const NodeList* bodies[3] = {&node.body, &node.elifs, &node.otherwise};
        for (int i = 0; i < 3; ++i) {
            names_ = &branches[i];
            visit_list(*bodies[i]);
        }
        names_ = before;
        std::set<std::string> fresh;
        for (const Names& branch : branches) {
            for (const std::string& name : branch.stored)
                if (before->stored.count(name) == 0)
                    fresh.insert(name);
            before->known.insert(branch.known.begin(), branch.known.end());
        }
        for (const Names& branch : branches)
            before->stored.insert(branch.stored.begin(), branch.stored.end());
        for (const std::string& name : fresh) {
            if (const auto outer = before->parent ? before->parent->find(name) : std::nullopt)
                before->define(name, From::Outer, *outer);
            else
                before->define(name, From::Context);
        }
    }

    Names* names_;
};

/// Whether `name` is read below before it is assigned, frames inside included.
bool reads(const NodeList& nodes, const std::string& name) {
    bool decided = false, found = false;
    const std::function<void(Node&)> visit = [&](Node& node) {
        if (decided || node.kind == NodeKind::Block)
            return;
        if (node.kind == NodeKind::Name && static_cast<NameNode&>(node).name == name) {
            decided = true;
            found = static_cast<NameNode&>(node).use == NameUse::Load;
            return;
        }
        node.children(visit);
    };
    for (const NodePtr& node : nodes)
        visit(*node);
    return found;
}

/// Second pass: gives every name its place, frame by frame.
class Binder {
  public:
    void bind_template(Template& program) {
        Names names;
        names.scope = &program.scope;
        NameFinder(names).visit_list(program.body);
        bind_list(program.body, {&names, true, false});
        note_free(program.scope);
    }

    std::set<std::string> take_free() { return std::move(free_); }

  private:
    struct Frame {
        const Names* names;
        bool top;     ///< the template's own frame
        bool guarded; ///< inside a condition: unknown filters are errors only when reached
    };

    void bind_list(const NodeList& nodes, const Frame& frame) {
        for (const NodePtr& node : nodes)
            bind_node(*node, frame);
    }

    void bind_one(const NodePtr& node, const Frame& frame) {
        if (node)
            bind_node(*node, frame);
    }

    static Place place(const std::string& name, const Frame& frame) { return *frame.names->find(name); }

    /// A frame within `outer`, its names found by `find`.
    template <class Find>
    void within(const Frame& outer, Scope& scope, const Find& find,
                const std::function<void(const Frame&)>& bind_body) {
        Names names;
        names.parent = outer.names;
        names.scope = &scope;
        find(names);
        bind_body({&names, false, false});
        note_free(scope);
    }

    void note_free(const Scope& scope) {
        for (const SlotLoad& slot : scope.slots)
            if (slot.from == From::Context)
                free_.insert(slot.name);
    }

    void bind_node(Node& node, const Frame& frame) {
        switch (node.kind) {
        case NodeKind::Name:
            static_cast<NameNode&>(node).place = place(static_cast<NameNode&>(node).name, frame);
            return;
        case NodeKind::NamespaceTarget:
            static_cast<NamespaceTargetNode&>(node).place =
                place(static_cast<NamespaceTargetNode&>(node).name, frame);
            return;
        case NodeKind::Filter:
            return bind_filter(static_cast<FilterNode&>(node), frame);
        case NodeKind::Test:
            return bind_test(static_cast<TestNode&>(node), frame);
        case NodeKind::If:
        case NodeKind::Conditional:
            node.children([&](Node& child) { bind_node(child, {frame.names, frame.top, true}); });
            return;
        case NodeKind::For:
            return bind_for(static_cast<ForNode&>(node), frame);
        case NodeKind::Macro:
            return bind_macro(static_cast<MacroNode&>(node), frame);
        case NodeKind::CallBlock:
            bind_closure(static_cast<CallBlockNode&>(node).closure, node.line, frame);
            return bind_one(static_cast<CallBlockNode&>(node).call, frame);
        case NodeKind::FilterBlock:
            return bind_filter_block(static_cast<FilterBlockNode&>(node), frame);
        case NodeKind::With:
            return bind_with(static_cast<WithNode&>(node), frame);
        case NodeKind::Set:
            static_cast<SetNode&>(node).exported = frame.top;
            node.children([&](Node& child) { bind_node(child, frame); });
            return;
        case NodeKind::SetBlock:
            return bind_set_block(static_cast<SetBlockNode&>(node), frame);
        case NodeKind::Block:
            return bind_block(static_cast<BlockNode&>(node), frame);
        case NodeKind::Generation: {
            auto& block = static_cast<BlockNode&>(node);
            return within(
                frame, block.scope, [&](Names& names) { NameFinder(names).visit_list(block.body); },
                [&](const Frame& inner) { bind_list(block.body, inner); });
        }
        default:
            node.children([&](Node& child) { bind_node(child, frame); });
        }
    }

    void bind_filter(FilterNode& node, const Frame& frame) {
        node.entry = find_filter(node.name);
        if (!node.entry && !frame.guarded)
            fail_at(node.line, "there is no filter '" + node.name + "'");
        node.children([&](Node& child) { bind_node(child, frame); });
    }

    void bind_test(TestNode& node, const Frame& frame) {
        node.entry = find_test(node.name);
        if (!node.entry && !frame.guarded)
            fail_at(node.line, "there is no test '" + node.name + "'");
        node.children([&](Node& child) { bind_node(child, frame); });
    }

    void bind_for(ForNode& node, const Frame& frame) {
        bind_one(node.sequence, frame);
        node.has_loop = node.recursive || reads(node.body, "loop");
        within(
            frame, node.body_scope,
            [&](Names& names) {
                if (node.has_loop)
                    names.parameter("loop");
                NameFinder finder(names);
                finder.visit(*node.target, true);
                finder.visit_list(node.body);
            },
            [&](const Frame& inner) {
                if (node.has_loop)
                    node.loop = place("loop", inner);
                bind_node(*node.target, inner);
                bind_list(node.body, inner);
            });
        if (node.test)
            bind_loop_test(node, frame);
        within(
            frame, node.otherwise_scope, [&](Names& names) { NameFinder(names).visit_list(node.otherwise); },
            [&](const Frame& inner) { bind_list(node.otherwise, inner); });
    }

    /// The loop's filter sees the target in a frame of its own. The target is assigned in the first slots of
    /// both frames in the same order, so that one binding serves both.
    void bind_loop_test(ForNode& node, const Frame& frame) {
        within(
            frame, node.test_scope,
            [&](Names& names) {
                reserve_targets(names, node);
                NameFinder(names).visit(*node.test);
            },
            [&](const Frame& inner) { bind_node(*node.test, inner); });
    }

    static void reserve_targets(Names& names, ForNode& node) {
        if (node.has_loop)
            names.scope->slots.push_back({"", From::Parameter, {}}); // the body's frame has `loop` there
        NameFinder(names).visit(*node.target, true);
    }

    void bind_macro(MacroNode& node, const Frame& frame) {
        node.exported = frame.top;
        node.place = place(node.name, frame);
        bind_closure(node.closure, node.line, frame);
    }

    void bind_closure(Closure& closure, int line, const Frame& frame) {
        closure.uses_caller = reads(closure.body, "caller");
        if (closure.uses_caller && closure.explicit_caller && !caller_has_default(closure))
            fail_at(line, "the parameter 'caller' needs a default");
        const auto named = [&closure](const char* name) {
            for (const NodePtr& parameter : closure.parameters)
                if (static_cast<NameNode&>(*parameter).name == name)
                    return true;
            return false;
        };
        closure.uses_kwargs = reads(closure.body, "kwargs") && !named("kwargs");
        closure.uses_varargs = reads(closure.body, "varargs") && !named("varargs");
        const bool hidden_caller = closure.uses_caller && !closure.explicit_caller;
        within(
            frame, closure.scope,
            [&](Names& names) {
                for (const NodePtr& parameter : closure.parameters)
                    names.parameter(static_cast<NameNode&>(*parameter).name);
                if (hidden_caller)
                    names.parameter("caller");
                if (closure.uses_kwargs)
                    names.parameter("kwargs");
                if (closure.uses_varargs)
                    names.parameter("varargs");
                NameFinder finder(names);
                finder.visit_list(closure.defaults);
                finder.visit_list(closure.body);
            },
            [&](const Frame& inner) {
                bind_list(closure.parameters, inner);
                bind_list(closure.defaults, inner);
                if (hidden_caller)
                    closure.caller = place("caller", inner);
                if (closure.uses_kwargs)
                    closure.kwargs = place("kwargs", inner);
                if (closure.uses_varargs)
                    closure.varargs = place("varargs", inner);
                bind_list(closure.body, inner);
            });
    }

    static bool caller_has_default(const Closure& closure) {
        const std::size_t without = closure.parameters.size() - closure.defaults.size();
        for (std::size_t i = 0; i < closure.parameters.size(); ++i)
            if (static_cast<NameNode&>(*closure.parameters[i]).name == "caller")
                return i >= without;
        return false;
    }

    void bind_filter_block(FilterBlockNode& node, const Frame& frame) {
        within(
            frame, node.scope,
            [&](Names& names) {
                NameFinder finder(names);
                finder.visit_list(node.body);
                finder.visit(*node.filter);
            },
            [&](const Frame& inner) {
                bind_list(node.body, inner);
                bind_node(*node.filter, inner);
            });
    }

    void bind_with(WithNode& node, const Frame& frame) {
        bind_list(node.values, frame);
        within(
            frame, node.scope,
            [&](Names& names) {
                NameFinder finder(names);
                finder.visit_list(node.targets);
                finder.visit_list(node.body);
            },
            [&](const Frame& inner) {
                bind_list(node.targets, inner);
                bind_list(node.body, inner);
            });
    }

    void bind_set_block(SetBlockNode& node, const Frame& frame) {
        node.exported = frame.top;
        bind_one(node.target, frame);
        within(
            frame, node.scope,
            [&](Names& names) {
                NameFinder finder(names);
                finder.visit_list(node.body);
                if (node.filter)
                    finder.visit(*node.filter);
            },
            [&](const Frame& inner) {
                bind_list(node.body, inner);
                bind_one(node.filter, inner);
            });
    }

    /// A block stands alone: it sees what the template exports, not the frames around it.
    void bind_block(BlockNode& node, const Frame& frame) {
        Names names;
        names.scope = &node.scope;
        NameFinder(names).visit_list(node.body);
        bind_list(node.body, {&names, false, false});
        note_free(node.scope);
        (void)frame;
    }

    std::set<std::string> free_;
};

} // namespace

std::set<std::string> bind(Template& program) {
    Binder binder;
    binder.bind_template(program);
    return binder.take_free();
}

} // namespace switchyard::jinja
