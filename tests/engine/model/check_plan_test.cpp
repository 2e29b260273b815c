// Plans whose steps do not fit their values: files can say such things of single layers.
#include "engine/model/check_plan.h"

#include "engine/base/error.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace switchyard {
namespace {

constexpr ValueId kQ = 0, kK = 1, kV = 2, kOut = 3, kGate = 4;

/// 4 heads of 8 over 2 KV heads, rotated in part, and gated head by head.
struct Parts {
    RopeStep rope{kQ, 4, 8, 0, 4, RopeStyle::HalfSplit, {1.0f, 0.5f}};
    AttentionStep attention{kQ, kK, kV, kOut, 4, 2, 8, 8, 1.0f};
    SplitStep split{kOut, kQ, kNoValue, 4, 8, 0};
    GateStep gate{kOut, kGate};
    IndexStep first{.q = kK, .key = kGate, .heads = 4, .dim = 4, .cache = 1, .top = 4, .choice = 0},
        second = first;
    KvLayer rows{.row_dim = 4};
};

std::string said_of(const std::function<void(Parts&)>& change) {
    Parts parts;
    change(parts);
    Plan plan;
    plan.values = {32, 16, 16, 32, 4};
    plan.kv = {{2, 8, 8}, {.row_dim = 4}, parts.rows};
    parts.second.cache = 2;
    plan.steps = {{5, parts.rope}, {5, parts.attention}, {5, parts.split},
                  {5, parts.gate}, {5, parts.first},     {5, parts.second}};
    try {
        check_widths(plan);
        return "";
    } catch (const Error& e) {
        return e.what();
    }
}

TEST(CheckPlan, TakesWhatFits) {
    EXPECT_EQ(said_of([](Parts&) {}), "");
    EXPECT_EQ(said_of([](Parts& p) {
                  p.attention.cache = 0;
                  p.attention.k = p.attention.v = kNoValue;
              }),
              "");
}

TEST(CheckPlan, NamesTheLayerAndWhatDoesNotFit) {
    const auto expect = [](const char* words, const std::function<void(Parts&)>& change) {
        const std::string said = said_of(change);
        EXPECT_TRUE(said.starts_with("layer 5 has ") && said.find(words) != std::string::npos)
            << words << ": " << said;
    };
    expect("more is rotated", [](Parts& p) { p.rope.dims = 10; });
    expect("other dimensions", [](Parts& p) { p.rope.inverse_frequencies.push_back(0.1f); });
    expect("another number of heads", [](Parts& p) { p.rope.heads = 8; });
    expect("KV heads do not divide", [](Parts& p) { p.attention.kv_heads = 3; });
    expect("queries of another width", [](Parts& p) { p.attention.heads = 8; });
    expect("keys of another width", [](Parts& p) { p.attention.kv_heads = 4; });
    expect("a value that is not there", [](Parts& p) { p.attention.k = kNoValue; });
    expect("whose keys and values it reads", [](Parts& p) {
        p.attention.cache = 0;
        p.attention.kv_heads = 4;
    });
    expect("an indexer and a window", [](Parts& p) {
        p.attention.choice = 0;
        p.attention.window = 64;
    });
    expect("parts of another width", [](Parts& p) { p.split.groups = 8; });
    expect("a gate of another width", [](Parts& p) {
        p.gate.function = GateStep::Function::Gelu;
        p.gate.gate_from = 1;
    });
    expect("among other rows", [](Parts& p) { p.rows.row_tokens = 128; });
    expect("among other rows", [](Parts& p) { p.second.top = 8; });
}

} // namespace
} // namespace switchyard
