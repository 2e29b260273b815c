// Bounds of what a file may say of a model's sizes; they keep every later product within 64 bits.
#pragma once

namespace switchyard {

inline constexpr int kMostLayers = 1024, kMostWidth = 1 << 20, kMostHeads = 4096, kMostHeadDim = 4096,
                     kMostExperts = 4096, kMostVocabulary = 1 << 22;

} // namespace switchyard
