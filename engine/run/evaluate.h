// Logits at every position of a text: for comparing with other engines, and for perplexity.
#pragma once

#include "engine/run/loaded_model.h"
#include "engine/run/tuning.h"

namespace switchyard {

struct EvaluateOptions {
    int experts = 0;               ///< 0: as the model says
    BlockType kv = BlockType::F16; ///< the exact path takes F32
    int activation_bits = 16;      ///< 16 or 8; the exact path keeps floats
    int chunk = 64;                ///< tokens whose logits are in memory at once
};

/// Calls `each(position, logits[vocabulary])` for every position of `ids`, in order. From the thread that
/// owns the executor. Throws Error (an id outside the vocabulary, no memory for the KV cache).
void evaluate(Executor& executor, const Backend& backend, const Plan& plan,
              std::shared_ptr<const WeightSet> weights, std::span<const std::int32_t> ids,
              const EvaluateOptions& options, const std::function<void(int, std::span<const float>)>& each,
              std::stop_token stop = {});

struct Perplexity {
    double nats = 0;  ///< mean negative log-likelihood of a scored token
    double value = 0; ///< e^nats
    int tokens = 0;   ///< scored
    int windows = 0;
};

/// Over windows of `context` tokens that do not overlap, each beginning with BOS where `bos` >= 0; the second
/// half of a window is scored, so that every scored token has at least half a window before it. A text
/// shorter than a window is scored from its second token on. `progress`: windows done, of all. Throws Error
/// where there are fewer than two tokens.
Perplexity perplexity(Executor& executor, const Backend& backend, const Plan& plan,
                      std::shared_ptr<const WeightSet> weights, std::span<const std::int32_t> ids,
                      int context, std::int32_t bos, const EvaluateOptions& options,
                      const std::function<void(int, int)>& progress = {}, std::stop_token stop = {});

/// -log softmax(logits)[id], in nats.
double negative_log_likelihood(std::span<const float> logits, std::int32_t id);

} // namespace switchyard
