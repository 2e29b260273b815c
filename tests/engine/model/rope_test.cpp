// The keys of rotary position embeddings, as llama.cpp and transformers read them.
#include "engine/base/error.h"
#include "engine/model/build_plan.h"
#include "engine/model/folder_config.h"
#include "tests/engine/model/keys_only.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

using test::KeysOnly;

constexpr int kDims = KeysOnly::kHidden;

struct Rope {
    std::vector<float> frequencies;
    float magnitude = 0;
    RopeConfig config;
};
Rope rope_of(const KeysOnly& file) {
    const ModelConfig config = read_config(file);
    return {rope_inverse_frequencies(config.rope, file), config.rope.magnitude, config.rope};
}
Rope rope_of(const std::vector<std::pair<std::string, MetadataValue>>& keys) {
    return rope_of(KeysOnly(keys));
}
Rope folder_rope(nlohmann::json config) {
    config.update({{"model_type", "llama"},
                   {"architectures", {"LlamaForCausalLM"}},
                   {"hidden_size", 64u},
                   {"num_hidden_layers", 1u},
                   {"num_attention_heads", 1u},
                   {"intermediate_size", 32u},
                   {"vocab_size", 10u},
                   {"rms_norm_eps", 1e-6}});
    config.emplace("max_position_embeddings", 4096u);
    return rope_of(KeysOnly(read_folder_config(config, "config.json").metadata));
}

double base(int pair) { return std::pow(10000.0, -2.0 * pair / kDims); }

void expect_divided(const Rope& rope, double factor, const std::string& what) {
    for (const int pair : {0, 7, 31})
        EXPECT_NEAR(rope.frequencies[static_cast<std::size_t>(pair)] / base(pair), 1 / factor, 1e-5) << what;
    EXPECT_EQ(rope.magnitude, 1) << what;
}

std::string refusal(const std::vector<std::pair<std::string, MetadataValue>>& keys) {
    try {
        rope_of(keys);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(RopeKeys, AFactorWithoutATypeIsLinear) {
    const std::string linear = "linear", none = "none";
    expect_divided(rope_of({}), 1, "nothing");
    expect_divided(rope_of({{"scaling.factor", 4.0}}), 4, "a factor");
    expect_divided(rope_of({{"scale_linear", 8.0}}), 8, "the older name");
    expect_divided(rope_of({{"scale_linear", 8.0}, {"scaling.factor", 4.0}}), 4, "both");
    expect_divided(rope_of({{"scaling.type", linear}, {"scale_linear", 2.0}}), 2, "the older name, a type");
    expect_divided(rope_of({{"scaling.type", linear}, {"scaling.factor", 2.0}}), 2, "a type");
    expect_divided(rope_of({{"scaling.type", none}, {"scaling.factor", 4.0}}), 1, "none");
    expect_divided(rope_of({{"scaling.factor", 0.0}}), 1, "0 is no factor");
    expect_divided(rope_of({{"scaling.factor", std::uint64_t{4}}}), 4, "a whole number");
}

TEST(RopeKeys, YarnWithoutAnOriginalContextTakesTheModels) {
    const std::string yarn = "yarn";
    const Rope given = rope_of({{"scaling.type", yarn},
                                {"scaling.factor", 4.0},
                                {"scaling.original_context_length", std::uint64_t{4096}}});
    EXPECT_EQ(given.config.scaling, RopeScaling::Yarn);
    EXPECT_NEAR(given.magnitude, 1 + 0.1 * std::log(4.0), 1e-6);
    EXPECT_NEAR(given.frequencies[0], 1, 1e-6);
    EXPECT_NEAR(given.frequencies[31], base(31) / 4, 1e-9);
    EXPECT_EQ(rope_of({{"scaling.type", yarn}, {"scaling.factor", 4.0}}).frequencies, given.frequencies);
    EXPECT_EQ(rope_of({{"scaling.type", yarn},
                       {"scaling.factor", 4.0},
                       {"scaling.original_context_length", std::uint64_t{0}}})
                  .frequencies,
              given.frequencies);
    EXPECT_NE(rope_of({{"scaling.type", yarn},
                       {"scaling.factor", 4.0},
                       {"scaling.original_context_length", std::uint64_t{1024}}})
                  .frequencies,
              given.frequencies);
}

TEST(RopeKeys, FactorsOfAttentionAndOfYarnsMixCount) {
    const std::string yarn = "yarn";
    EXPECT_NEAR(rope_of({{"scaling.attn_factor", 1.25}}).magnitude, 1.25, 1e-6);
    EXPECT_NEAR(
        rope_of({{"scaling.type", yarn}, {"scaling.factor", 4.0}, {"scaling.attn_factor", 0.5}}).magnitude,
        0.5 * (1 + 0.1 * std::log(4.0)), 1e-6);
    expect_divided(
        rope_of({{"scaling.type", yarn}, {"scaling.factor", 4.0}, {"scaling.yarn_ext_factor", 0.0}}), 4,
        "without its mix YaRN is linear");
    const Rope half =
        rope_of({{"scaling.type", yarn}, {"scaling.factor", 4.0}, {"scaling.yarn_ext_factor", 0.5}});
    EXPECT_NEAR(half.frequencies[0], 0.5 + 0.5 / 4, 1e-6);
}

TEST(RopeKeys, WhatCannotBeIsNamed) {
    EXPECT_NE(refusal({{"scaling.factor", -1.0}}).find("llama.rope.scaling.factor"), std::string::npos);
    EXPECT_NE(refusal({{"scale_linear", std::nan("")}}).find("llama.rope.scale_linear"), std::string::npos);
    EXPECT_NE(refusal({{"freq_base", 0.0}}).find("llama.rope.freq_base"), std::string::npos);
    EXPECT_NE(refusal({{"scaling.type", std::string("longrope")}}).find("\"longrope\""), std::string::npos);
}

TEST(RopeKeys, OfAFolderAreTransformers) {
    using nlohmann::json;
    expect_divided(folder_rope({}), 1, "nothing");
    expect_divided(folder_rope({{"rope_scaling", {{"type", "linear"}, {"factor", 4.0}}}}), 4, "linear");
    expect_divided(folder_rope({{"rope_parameters", {{"rope_type", "linear"}, {"factor", 4.0}}}}), 4,
                   "today's");
    expect_divided(folder_rope({{"rope_scaling", {{"rope_type", "dynamic"}, {"factor", 4.0}}}}), 1,
                   "dynamic scaling begins beyond the context");
    const json kinds = {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 10000.0}};
    expect_divided(
        folder_rope({{"rope_parameters", {{"full_attention", kinds}, {"sliding_attention", kinds}}}}), 2,
        "the same for both kinds of layer");
    EXPECT_THROW(
        folder_rope({{"rope_parameters",
                      {{"full_attention", kinds}, {"sliding_attention", {{"rope_type", "default"}}}}}}),
        Error);
    const Rope yarn = folder_rope(
        {{"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 1024u}}}});
    EXPECT_EQ(yarn.config.original_context, 1024);
    EXPECT_EQ(folder_rope({{"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}}},
                           {"original_max_position_embeddings", 1024u}})
                  .frequencies,
              yarn.frequencies);
    EXPECT_EQ(folder_rope({{"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}}}}).config.original_context,
              4096);
}

} // namespace
} // namespace switchyard
