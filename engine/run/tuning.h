// The dials' values: immutable snapshots, read once a token and recorded with that token.
#pragma once

#include "kernels/blocks.h"
#include "kernels/draw_row.h" // kLeastTemperature

#include <cstdint>
#include <optional>
#include <string>

namespace switchyard {

/// Whether a model thinks before it answers, where its chat template has a switch for that (TemplateTraits).
enum class Thinking : std::uint8_t { Auto /* as the template has it by itself */, On, Off };
/// How much it thinks, where the template takes a word for that.
enum class ThinkingEffort : std::uint8_t { Auto, Low, Medium, High };
/// What is done where a chat does not fit into the model's context any more.
enum class WhenFull : std::uint8_t {
    Stop,    ///< the answer ends there, or is refused
    LeaveOut ///< the oldest questions go with their answers; the system prompt stays
};

/// What belongs to one run and travels with its batch rows.
struct SequenceTuning {
    double temperature = 0.7;        ///< 0: greedy
    int top_k = 40;                  ///< 0: off
    double top_p = 0.95;             ///< 1: off
    double min_p = 0.0;              ///< 0: off; share of the best token's probability
    double repetition_penalty = 1.1; ///< 1: off; small models fall into loops without it
    int repetition_window = 64;      ///< tokens looked back
    std::uint64_t seed = 0;          ///< randomness derives from (seed, position)
    int max_tokens = 1024;           ///< of the answer
    int experts = 0;                 ///< active routed experts a token; 0: as the model says
    BlockType kv = BlockType::F16;   ///< type of new KV blocks: F16, Q8_0 or Q4_0 (F32 on the exact path)
    int activation_bits = 16;        ///< of what quantized weights are multiplied with: 16 or 8
    int prefill_chunk = 512;         ///< tokens
    bool special_tokens = false;     ///< control tokens written in messages are taken for such, not for text
    Thinking thinking = Thinking::Auto;
    ThinkingEffort effort = ThinkingEffort::Auto;
    WhenFull when_full = WhenFull::Stop; ///< of chats that keep their messages

    bool operator==(const SequenceTuning&) const = default;
};

/// What belongs to the loaded model.
struct ModelTuning {
    std::optional<BlockType> weights; ///< nullopt: the file's own bits

    bool operator==(const ModelTuning&) const = default;
};

struct Tuning {
    SequenceTuning sequence;
    ModelTuning model;

    bool operator==(const Tuning&) const = default;
};

} // namespace switchyard
