// Gated blocks that many rows of a prompt pass, against plain sums of the decoded matrices.
#include "tests/kernels/cuda/feed_forward_layer.h"

namespace switchyard::cuda {
namespace {

struct PromptFeedForwardKernels : FeedForwardKernels {};

TEST_F(PromptFeedForwardKernels, PassExpertsAndSharedBlocks) {
    check({.in = 96,
           .out = 150,
           .experts = 37,
           .active = 3,
           .expert = {96, BlockType::BF16, BlockType::Q4_0, false, false},
           .blocks = {{160, BlockType::Q8_0, BlockType::F16, false, true},
                      {40, BlockType::F16, BlockType::F32, false, false}},
           .activation = GatedActivation::Gelu,
           .add = true},
          {3, 70}, true);
}

TEST_F(PromptFeedForwardKernels, FillManyTilesOfAnExpert) {
    check({.in = 64,
           .out = 40,
           .experts = 3,
           .active = 2,
           .expert = {96, BlockType::MXFP4, BlockType::MXFP4, true, false},
           .blocks = {},
           .activation = GatedActivation::ClampedSilu,
           .add = false},
          {1, 300}, true);
}

TEST_F(PromptFeedForwardKernels, CutHalvesOffBelowZero) {
    check({.in = 64,
           .out = 40,
           .experts = 3,
           .active = 2,
           .expert = {96, BlockType::Q8_0, BlockType::Q8_0, false, false},
           .blocks = {{40, BlockType::F16, BlockType::F16, false, false}},
           .activation = GatedActivation::Relu,
           .add = true},
          {1, 70}, true);
}

TEST_F(PromptFeedForwardKernels, PassADenseLayer) {
    check({.in = 256,
           .out = 17,
           .experts = 1,
           .active = 1,
           .expert = {},
           .blocks = {{256, BlockType::Q4_K, BlockType::Q6_K, true, false}},
           .activation = GatedActivation::Silu,
           .add = true},
          {1, 140}, true);
}

} // namespace
} // namespace switchyard::cuda
