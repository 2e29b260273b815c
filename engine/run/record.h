// What an answer keeps of its own making: enough to show it, plot it, and run it again exactly.
#pragma once

#include "engine/run/batch.h"
#include "engine/run/controls.h"
#include "engine/run/sampler.h"
#include "engine/text/answer_reader.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace switchyard {

/// The first `slices` recodable slices, in the model's order, were re-encoded to `type` (nullopt: put back as
/// in the file).
struct RecodeLayer {
    std::optional<BlockType> type;
    std::uint32_t slices = 0;

    bool operator==(const RecodeLayer&) const = default;
};

/// How the weights stood: layers over the file's own bits, oldest first. Empty: as in the file. This says the
/// same in every process, which a version number does not.
using WeightsState = std::vector<RecodeLayer>;

/// A stretch of the context that was written into the KV cache under the same dials.
struct ContextSpan {
    int tokens = 0;
    int experts_active = 0; ///< 0: a dense model
    BlockType kv = BlockType::F16;
    WeightsState weights;
    bool decompressed = false; ///< the form of latent attention, as BatchRow's
    bool prompt = false;       ///< on the backend's path for prompts, as BatchRow's
    bool library = false;      ///< there with a library's dense products (Executor::prompt_library())
    int activation_bits = 16;  ///< as RowDials'

    bool operator==(const ContextSpan&) const = default;
    bool written_like(const ContextSpan& other) const {
        return experts_active == other.experts_active && kv == other.kv && weights == other.weights &&
               decompressed == other.decompressed && prompt == other.prompt && library == other.library &&
               activation_bits == other.activation_bits;
    }
};

/// One token of an answer, with the dials that were in force when it was made.
struct TokenRecord {
    std::int32_t id = 0;
    std::string text;    ///< what this token adds to the visible text: whole UTF-8, may be empty
    std::string control; ///< the spelling of a control token, which adds no text; else empty
    /// Since the token before; of the first: since the run was submitted. 0: not a token's own time, because
    /// the answer was continued here and the prompt was read in between.
    double latency_ms = 0;
    double probability = 0; ///< of this token before the samplers
    double temperature = 0, top_p = 1;
    int experts_active = 0; ///< 0: a dense model
    BlockType kv = BlockType::F16;
    std::string quant;    ///< weights asked for: "file" or a type's name
    bool drafted = false; ///< computed beside the one before it, in a row of the draft that it confirmed
    std::uint32_t recoded_slices = 0, recode_total = 0; ///< how far a change of precision was; equal: done
    /// How the weights stood: at the first token, and where that is otherwise than at the one before. Records
    /// that say nothing of it have `recoded_slices` alone.
    std::optional<WeightsState> weights;
    std::uint64_t weights_version = 0;
    std::uint64_t weights_bytes = 0, kv_bytes = 0, scratch_bytes = 0; ///< memory of our own, nothing mapped
};

/// A dial moved before token `token` of the answer (0: before the first).
struct DialMove {
    int token = 0;
    std::string name;
    ControlValue value;
    /// For a precision change that was not waited for: after how many tokens each slice had swapped is in the
    /// token records (recoded_slices), so that a replay swaps the same slices at the same tokens.
};

enum class FinishReason { EndOfTurn, MaxTokens, Stopped, ContextFull, Failed };

struct RunTimings {
    int drafted = 0, drafts_right = 0; ///< tokens that were looked up in the text so far, and those confirmed
    int prompt_tokens = 0;             ///< of the whole prompt
    int prompt_tokens_reused = 0;      ///< found in the KV cache
    double prefill_ms = 0;
    double time_to_first_token_ms = 0;
    int generated_tokens = 0;
    double decode_ms = 0;    ///< of the tokens after the first
    ExpertTraffic experts{}; ///< of the steps that it had rows in, where not all experts fit the device
    int continued = 0;       ///< times the answer was continued: so many tokens are not in decode_ms
    double prefill_tokens_per_second() const;
    double decode_tokens_per_second() const;
};

/// What has to be the same for an answer to come again in every token.
struct ComputedBy {
    std::string backend;                        ///< its name; empty in records that say nothing of it
    int arithmetic = 1;                         ///< Backend::arithmetic_version
    DrawVersion draw = DrawVersion::Cumulative; ///< as of records that say nothing of it
    std::uint64_t prompt_hash = 0;              ///< of its ids; 0 in records that say nothing of it
    std::string file_precision{}; ///< the name of the type that a token's "file" stands for; empty: not known
    /// Executor::prompt_library(), where some of the context is its work; else empty.
    std::string library{};

    bool operator==(const ComputedBy&) const = default;
};

/// All of a record but its tokens.
struct RunSummary {
    Tuning settings; ///< at the start
    ComputedBy computed_by;
    std::vector<DialMove> moves;
    std::vector<ContextSpan>
        context;           ///< of the prompt, from its first token: an exact re-run recomputes it so
    AnswerReading reading; ///< how thinking and text are told apart in the tokens
    RunTimings timings;
    FinishReason finish = FinishReason::Failed;
    std::string error; ///< one sentence, where finish is Failed
    // Of an answer in a chat, what its prompt was made of beside the messages before it:
    std::optional<std::string> system_prompt{}; ///< "" none; nullopt in records that say nothing of it
    int left_out = 0; ///< so many of the chat's oldest messages are not in it (WhenFull::LeaveOut)
};

struct RunRecord : RunSummary {
    std::vector<TokenRecord> tokens;
};

std::string_view
finish_name(FinishReason reason); ///< "end_of_turn", "max_tokens", "stopped", "context_full", "failed"

/// RunSummary::computed_by's, of a prompt's ids; never 0.
std::uint64_t prompt_hash(std::span<const std::int32_t> ids);

/// {"settings": {...}, "moves": [...], "context": [...], "tokens": [...], "timings": {...}, "finish": "..."};
/// keys as in ControlSpec; beside them "computed_by": {"backend": "cpu", "arithmetic": 1, "draw": 2,
/// "prompt_hash": ..., "file_precision": "Q4_K", "library": "cuBLASLt 13.1.0"}. Where there is something to
/// say also "reading": {"opened": "...", "marks": [["<think>", "</think>"], ...]}, "system_prompt": "..." and
/// "left_out": 4.
nlohmann::ordered_json to_json(const RunRecord& record);
nlohmann::ordered_json to_json(const TokenRecord& token);
/// Throw Error where the JSON is not such a record.
TokenRecord token_record_from_json(const nlohmann::ordered_json& json);
RunRecord run_record_from_json(const nlohmann::ordered_json& json);

} // namespace switchyard
