// A run under way, as the scheduler's worker sees it: its tokens, the dials in force and what is recorded.
#pragma once

#include "engine/run/plain_prompt.h"
#include "engine/run/sampler.h"
#include "engine/run/scheduler.h"

#include <atomic>
#include <chrono>

namespace switchyard {

/// How the weights stand at a step.
struct PrecisionInForce {
    RecodeProgress progress;
    std::uint64_t version = 0, bytes = 0;
};

class ActiveRun {
  public:
    using Clock = std::chrono::steady_clock;

    ActiveRun(RunHandle handle, RunRequest request);

    /// Checks the request against the model and takes its dials. Throws Error.
    void begin(const EngineParts& parts, const std::optional<BlockType>& quant);

    // The dials.
    const SequenceTuning& tuning() const { return tuning_; }
    /// Planned moves that are due, and a new tuning from outside; each is recorded and reported. Returns the
    /// precision that a planned move asks for, if one does.
    std::optional<ModelTuning> settle(const std::optional<SequenceTuning>& inbox);
    /// The model's precision was moved from outside.
    void note_quant(const std::optional<BlockType>& target);
    int experts() const;       ///< active for the next rows; 0: a dense model
    BlockType kv_type() const; ///< of new blocks
    /// The form of latent attention for the next rows: a long prompt's is decompressed, an answer's absorbed.
    bool decompressed() const;
    int prefill_chunk() const; ///< rows of the prompt to read at a time
    bool alone() const;
    CacheReuse reuse() const;

    // Rows.
    bool decoding() const { return !answer_empty(); }
    int position() const { return sequence->size(); }
    /// Tokens that are not in the cache yet; the last one's logits give the next token.
    std::span<const std::int32_t> pending() const;
    int answered() const { return static_cast<int>(record_->tokens.size()); }

    // Replays.
    bool replays() const { return request_.replay != nullptr; }
    /// The recorded span that the next row stands in; nullptr: none is recorded, or the prompt is done.
    const ContextSpan* span_now() const;
    int span_end() const; ///< position after it
    /// The recorded token to come; nullptr: none.
    const TokenRecord* recorded_token() const;
    bool replay_done() const;

    // Results.
    void note_prefill();
    /// Takes a token. Returns why the run ends with it, if it does.
    std::optional<FinishReason> take(const SampledToken& sampled, const PrecisionInForce& precision,
                                     const EngineParts& parts);
    /// Needs no memory of its own: the Finished event comes whatever happened.
    void finish(FinishReason reason, std::string error) noexcept;

    RunHandle handle() const { return handle_; }
    const RunRequest& request() const { return request_; }
    DrawVersion draw_version() const { return record_->computed_by.draw; }
    std::span<const std::int32_t> tokens() const { return tokens_; }

    KvCache::SequencePtr sequence; ///< the worker's
    int reused = 0;                ///< tokens of the prompt found in the cache
    // Guarded by the scheduler's mutex:
    std::optional<SequenceTuning> inbox;
    bool cancelled = false, in_step = false;

  private:
    bool answer_empty() const { return tokens_.size() == request_.prompt.size(); }
    void take_up_answer(const Tokenizer& tokenizer);
    void emit(SchedulerEvent& event) const;
    void note_move(const ControlSpec& spec, const ControlValue& value);
    TokenRecord describe(const SampledToken& sampled, const PrecisionInForce& precision,
                         const EngineParts& parts);

    RunHandle handle_;
    RunRequest request_;
    const Plan* plan_ = nullptr;
    bool exact_ = false;
    int context_ = 0;
    SequenceTuning tuning_;
    std::optional<BlockType> quant_;
    std::vector<DialMove> planned_;
    std::size_t next_move_ = 0;
    std::vector<std::int32_t> tokens_; ///< prompt and answer
    Utf8Assembler utf8_;
    RoleStop role_;
    std::shared_ptr<RunRecord> record_ = std::make_shared<RunRecord>(); ///< handed out by finish()
    Clock::time_point submitted_, started_, last_token_, prefilled_;
};

} // namespace switchyard
