// The built-in shapes against the figures their authors publish, and what is counted.
#include "engine/base/error.h"
#include "engine/model/anatomy.h"
#include "engine/model/shape_file.h"
#include "engine/quant/quant.h"

#include <gtest/gtest.h>

#include <numeric>

namespace switchyard {
namespace {

struct Model {
    explicit Model(const Shape& shape) : Model(describe_shape(shape, std::nullopt)) {}
    explicit Model(const char* name) : Model(find_shape(name)) {}
    Anatomy anatomy() const { return anatomy_of(plan); }

    std::shared_ptr<const ModelFile> file; ///< keeps what the plan's sources point at
    ModelPlan plan;

  private:
    explicit Model(std::shared_ptr<const ModelFile> f)
        : file(std::move(f)), plan(build_plan(read_config(*file), *file)) {}
};

enum class Counts { Computed, WithEmbedding }; ///< whether the authors count the embedding table as active

/// Billions, as published; 0: the authors give none. `unit`: of the last digit they give.
struct Published {
    const char* name;
    double total, total_unit, active, active_unit;
    Counts counts = Counts::Computed;
};

TEST(ShapesTest, ComeOutAsPublished) {
    const Published figures[] = {
        {"deepseek-v1-moe-16b", 16.4, 0.1, 2.8, 0.1, Counts::WithEmbedding},
        {"deepseek-v2-lite", 15.7, 0.1, 2.4, 0.1},
        {"deepseek-v2", 236, 1, 21, 1},
        {"deepseek-v3", 671, 1, 37, 1},
        {"deepseek-r1", 671, 1, 37, 1},
        {"mixtral-8x7b", 46.7, 0.1, 12.9, 0.1, Counts::WithEmbedding},
        {"mixtral-8x22b", 141, 1, 39, 1, Counts::WithEmbedding},
        {"qwen2-moe", 14.3, 0.1, 2.7, 0.1, Counts::WithEmbedding},
        {"qwen2-57b-a14b", 57.4, 0.1, 14, 1, Counts::WithEmbedding},
        {"qwen3-30b-a3b", 30.5, 0.1, 3.3, 0.1, Counts::WithEmbedding},
        {"qwen3-235b-a22b", 235, 1, 22, 1, Counts::WithEmbedding},
        {"olmoe-1b-7b", 6.9, 0.1, 1.3, 0.1, Counts::WithEmbedding},
        {"gpt-oss-20b", 20.9, 0.1, 3.6, 0.1},
        {"gpt-oss-120b", 116.8, 0.1, 5.1, 0.1},
        {"qwen3-next-80b-a3b", 80, 1, 3, 1},
        {"qwen3.5-35b-a3b", 35, 1, 3, 1},
        {"nemotron-3-nano-30b-a3b", 31.6, 0.1, 3.2, 0.1},
        {"kimi-linear-48b-a3b", 49, 1, 3, 1}, // 48 without the embedding table
        {"glm-4.7-flash", 30, 1, 3, 1},
        {"deepseek-r1-distill-qwen-1.5b", 1.78, 0.01, 0, 0},
        {"deepseek-r1-distill-qwen-7b", 7.62, 0.01, 0, 0},
        {"deepseek-r1-distill-llama-8b", 8.03, 0.01, 0, 0},
        {"deepseek-r1-distill-qwen-14b", 14.8, 0.1, 0, 0},
        {"deepseek-r1-distill-qwen-32b", 32.8, 0.1, 0, 0},
        {"deepseek-r1-distill-llama-70b", 70.6, 0.1, 0, 0},
        {"llama-3.1-8b", 8.03, 0.01, 0, 0},
        {"llama-3.1-70b", 70.6, 0.1, 0, 0},
        {"qwen2.5-7b", 7.62, 0.01, 0, 0},
        {"qwen3-8b", 8.19, 0.01, 0, 0},
        {"smollm2-135m", 0.135, 0.001, 0, 0},
    };
    EXPECT_EQ(std::size(figures), known_shapes().size());
    for (const Published& figure : figures) {
        const Anatomy anatomy = Model(figure.name).anatomy();
        EXPECT_NEAR(static_cast<double>(anatomy.parameters) / 1e9, figure.total, figure.total_unit / 2)
            << figure.name;
        const auto active =
            figure.counts == Counts::Computed ? anatomy.active : anatomy.active_with_embedding;
        // Some authors round what is active, others cut it off.
        if (figure.active > 0) {
            EXPECT_GE(static_cast<double>(active) / 1e9, figure.active - figure.active_unit / 2)
                << figure.name;
            EXPECT_LT(static_cast<double>(active) / 1e9, figure.active + figure.active_unit) << figure.name;
        }
    }
}

TEST(ShapesTest, ConfigurationsSurviveTheWayThroughMetadata) {
    for (const Shape& shape : known_shapes()) {
        const ModelConfig& c = shape.config;
        const ModelConfig read = read_config(*describe_shape(shape, std::nullopt));
        EXPECT_EQ(read.name, shape.title);
        EXPECT_EQ(std::vector({read.layers, read.hidden, read.vocabulary, read.context, read.heads,
                               read.kv_heads, read.head_dim, read.value_dim, read.rope.dims}),
                  std::vector({c.layers, c.hidden, c.vocabulary, c.context, c.heads, c.kv_heads, c.head_dim,
                               c.value_dim, c.rope.dims}))
            << shape.name;
        EXPECT_EQ(std::vector({read.experts, read.experts_active, read.experts_shared, read.expert_width,
                               read.shared_width, read.dense_layers, read.expert_groups,
                               read.expert_groups_kept, read.expert_gate}),
                  std::vector({c.experts, c.experts_active, c.experts_shared, c.expert_width, c.shared_width,
                               c.dense_layers, c.expert_groups, c.expert_groups_kept, c.expert_gate}))
            << shape.name;
        EXPECT_EQ(read.expert_normalise, c.expert_normalise) << shape.name;
        EXPECT_EQ(read.expert_scale, c.expert_scale) << shape.name;
        EXPECT_EQ(read.windows, c.windows) << shape.name;
        EXPECT_EQ(read.linear_layers, c.linear_layers) << shape.name;
        EXPECT_EQ(std::vector({read.linear.key_heads, read.linear.value_heads, read.linear.key_dim,
                               read.linear.value_dim, read.linear.taps, read.space.heads, read.space.head_dim,
                               read.space.groups, read.space.state_size, read.space.taps}),
                  std::vector({c.linear.key_heads, c.linear.value_heads, c.linear.key_dim, c.linear.value_dim,
                               c.linear.taps, c.space.heads, c.space.head_dim, c.space.groups,
                               c.space.state_size, c.space.taps}))
            << shape.name;
    }
}

TEST(AnatomyTest, PartsAddUp) {
    for (const Shape& shape : known_shapes()) {
        const Anatomy anatomy = Model(shape).anatomy();
        std::uint64_t parameters = 0, active = 0;
        for (const AnatomyPart& part : anatomy.parts) {
            parameters += part.parameters;
            active += part.active;
            EXPECT_LE(part.active, part.parameters);
        }
        EXPECT_EQ(parameters, anatomy.parameters) << shape.name;
        EXPECT_EQ(active, anatomy.active) << shape.name;
    }
}

TEST(AnatomyTest, TiedEmbeddingsCountOnce) {
    const Anatomy anatomy = Model("smollm2-135m").anatomy();
    EXPECT_TRUE(anatomy.tied);
    EXPECT_EQ(anatomy.parameters, 134515008u); // as the model's authors' code counts
    EXPECT_EQ(anatomy.active, anatomy.parameters) << "all of a dense model, the table as the output";
    EXPECT_EQ(anatomy.active_with_embedding, anatomy.active);
}

TEST(AnatomyTest, LatentCachesKeep576ValuesATokenAndLayer) {
    EXPECT_EQ(Model("deepseek-v2-lite").anatomy().kv_values_per_token, 27u * 576);
    EXPECT_EQ(Model("deepseek-v3").anatomy().kv_values_per_token, 61u * 576);
    EXPECT_EQ(Model("smollm2-135m").anatomy().kv_values_per_token, 30u * 2 * 3 * 64);
}

TEST(AnatomyTest, FlopsGrowWithExpertsAndContext) {
    const Model model("olmoe-1b-7b");
    const double expert = 2.0 * 16 * 3 * 2048 * 1024; // one more in 16 layers
    EXPECT_DOUBLE_EQ(flops_per_token(model.plan, 5, 0) - flops_per_token(model.plan, 4, 0), expert);
    EXPECT_DOUBLE_EQ(flops_per_token(model.plan, 4, 1000) - flops_per_token(model.plan, 4, 0),
                     2.0 * 1000 * 16 * 16 * (128 + 128));
    // gpt-oss: half its layers see 128 tokens only.
    const Model windows("gpt-oss-20b");
    EXPECT_DOUBLE_EQ(flops_per_token(windows.plan, 0, 1128) - flops_per_token(windows.plan, 0, 128),
                     2.0 * 1000 * 12 * 64 * 128);
}

TEST(ShapesTest, ACutKeepsWhatFitsAndUnknownNamesListTheKnown) {
    const Shape cut = cut_layers(find_shape("deepseek-v3"), 2);
    EXPECT_EQ(cut.config.layers, 2);
    EXPECT_EQ(cut.config.dense_layers, 2);
    EXPECT_EQ(Model(cut_layers(find_shape("gpt-oss-20b"), 3)).plan.plan.kv.size(), 3u);
    EXPECT_THROW(cut_layers(find_shape("qwen3-8b"), 37), Error);
    try {
        find_shape("deepseek-v9");
        FAIL() << "there is none";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("deepseek-v2-lite, deepseek-v2"), std::string::npos)
            << error.what();
    }
}

TEST(ShapesTest, TypesFallBackWhereARowForbidsThem) {
    const auto file = describe_shape(find_shape("deepseek-v2-lite"), BlockType::Q4_K);
    EXPECT_EQ(file->find("blk.1.ffn_gate_exps.weight")->type, BlockType::Q4_K);
    EXPECT_EQ(file->find("blk.1.ffn_down_exps.weight")->type, BlockType::Q5_0); // rows of 1408
    EXPECT_EQ(file->find("blk.1.ffn_gate_inp.weight")->type, BlockType::F32);
    EXPECT_EQ(describe_shape(find_shape("gpt-oss-20b"), std::nullopt)->find("blk.0.ffn_up_exps.weight")->type,
              BlockType::MXFP4);
}

TEST(ShapesTest, RandomContentsAreFiniteAndTakeOneMatrixOfMemory) {
    Shape shape = cut_layers(find_shape("olmoe-1b-7b"), 2);
    shape.config.vocabulary = 1000;
    const auto file = fill_shape(shape, BlockType::Q4_K);
    EXPECT_LT(file->memory_bytes(), file->bytes() / 10);
    std::vector<float> row;
    for (const TensorView& t : file->tensors()) {
        row.resize(static_cast<std::size_t>(t.cols()));
        for (std::int64_t m = 0; m < t.matrices(); ++m) {
            const auto matrix = t.matrix(m);
            decode_row(t.type,
                       matrix.get() + (t.rows() - 1) * static_cast<std::int64_t>(row_bytes(t.type, t.cols())),
                       row);
            const double power = std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
            ASSERT_GT(power, 0) << t.name;
            ASSERT_LT(power, 2.0 * static_cast<double>(t.cols())) << t.name;
        }
    }
    EXPECT_THROW(fill_shape(shape, BlockType::IQ1_S), Error) << "only read";
}

} // namespace
} // namespace switchyard
