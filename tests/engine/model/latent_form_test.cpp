#include "engine/model/latent_form.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

Plan with_latent(int nope, int rope, int latent, int value) {
    Plan plan;
    LatentAttentionStep step{};
    step.nope = nope;
    step.rope = rope;
    step.latent_dim = latent;
    step.value_dim = value;
    plan.steps.push_back({kNoLayer, EmbedStep{0, 0}});
    plan.steps.push_back({0, step});
    return plan;
}

TEST(LatentForm, IsDecompressedWhereThatCostsLess) {
    const int from = decompress_from(with_latent(128, 64, 512, 128));
    EXPECT_EQ(from, 171);
    // Multiply-adds a head and cached token: rows, and the decompression once.
    const auto absorbed = [](int rows) { return rows * (576 + 512); };
    const auto decompressed = [](int rows) { return rows * (192 + 128) + 512 * (128 + 128); };
    EXPECT_LE(decompressed(from), absorbed(from));
    EXPECT_GT(decompressed(from - 1), absorbed(from - 1));
}

TEST(LatentForm, IsAbsorbedWhereDecompressionNeverPays) {
    EXPECT_EQ(decompress_from(with_latent(32, 8, 32, 32)), 0);
    EXPECT_EQ(decompress_from(Plan{}), 0);
}

} // namespace
} // namespace switchyard
