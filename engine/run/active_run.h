// A run under way, as the scheduler sees it: its tokens, the dials in force and what is recorded.
#pragma once

#include "engine/run/draft_lookup.h"
#include "engine/run/plain_prompt.h"
#include "engine/run/sampler.h"
#include "engine/run/scheduler.h"
#include "engine/run/stop_strings.h"

#include <atomic>
#include <chrono>
#include <utility>

namespace switchyard {

/// How the weights stand at a step.
struct PrecisionInForce {
    RecodeProgress progress;
    std::uint64_t version = 0, bytes = 0;
    std::shared_ptr<const WeightsState> state;
};

class ActiveRun {
  public:
    using Clock = std::chrono::steady_clock;

    ActiveRun(RunHandle handle, RunRequest request);

    /// The dials were moved before begin(): it begins with these. A replay keeps its record's.
    void retune(const SequenceTuning& tuning) { request_.tuning = tuning; }
    /// Checks the request against the model and takes its dials. Throws Error.
    void begin(const EngineParts& parts, const std::optional<BlockType>& quant);

    // The dials.
    const SequenceTuning& tuning() const { return tuning_; }
    /// Planned moves that are due, and a new tuning from outside; each is recorded and reported.
    void settle(const std::optional<SequenceTuning>& inbox);
    /// The model's precision was moved from outside.
    void note_quant(const std::optional<BlockType>& target);
    int experts() const;         ///< active for the next rows; 0: a dense model
    BlockType kv_type() const;   ///< of new blocks
    int activation_bits() const; ///< of the next rows
    /// The form of latent attention for the next rows.
    bool decompressed() const;
    /// Whether the next rows take the backend's path for prompts.
    bool on_prompt_path() const;
    bool takes_library() const; ///< there, where there is one
    int prefill_chunk() const;  ///< rows of the prompt to read at a time
    bool alone() const { return request_.alone; }
    /// Whether the weights follow this run and not the model's dial: a record, or planned moves of precision.
    bool moves_weights() const;
    CacheReuse reuse() const;

    /// Precision that its planned moves ask for.
    const std::optional<BlockType>& quant() const { return quant_; }
    /// Bytes of all that its own weights may be re-encoded to.
    std::size_t most_bytes(const std::vector<WeightSource>& sources, const Backend& backend) const;

    // Rows.
    bool decoding() const { return !answer_empty(); }
    /// Whether rows are read whose logits nobody asks for: of the prompt, or of what is computed again.
    bool reading() const { return !decoding() || position() + 1 < static_cast<int>(tokens_.size()); }
    /// Whether what was computed before is computed again, as it was.
    bool rewriting() const { return position() < rewrite_end_; }
    /// Whether what it has so far is a long text (Plan::short_text).
    bool long_text() const {
        return plan_->short_text > 0 && tokens_.size() > static_cast<std::size_t>(plan_->short_text);
    }
    int position() const { return sequence->size(); }
    /// Tokens that are not in the cache yet; the last one's logits give the next token.
    std::span<const std::int32_t> pending() const;
    int answered() const { return static_cast<int>(record_->tokens.size()); }

    // Making room.
    /// The sequence is about to be parked, and its blocks may be dropped: they are computed again in the same
    /// way, with the same weights.
    void note_parking(std::shared_ptr<const WeightSet> weights, std::shared_ptr<const WeightsState> state);
    /// The sequence is back.
    void note_resuming();
    /// Of prompt and answer, still to come; what a request leaves open is guessed from `usual`.
    int expected_rows(int usual) const;
    /// Hashes of the prompt's beginnings that end with a block, but for its last token.
    const std::vector<std::uint64_t>& prompt_hashes() const { return prompt_hashes_; }

    // Replays.
    bool replays() const { return request_.replay != nullptr; }
    /// The recorded span that the next row stands in; nullptr: none is recorded, or the prompt is done.
    const ContextSpan* span_now() const;
    int span_end() const; ///< position after it
    /// The recorded token to come; nullptr: none.
    const TokenRecord* recorded_token() const;
    bool replay_done() const;

    /// Whether its row behind a step under way is known before that has ended, but for its token: no dial
    /// moves then, nothing depends on what is drawn, and its weights do not follow it.
    bool foreseeable(int draws) const;
    /// Whether it ends, at the latest, with the nth token that is drawn from now on.
    bool ends_within(int draws) const;
    /// Up to `most` tokens that may follow the one that is computed next; none where what follows depends on
    /// more than the tokens drawn.
    std::vector<std::int32_t> drafts(int most);
    /// The next `count` tokens come of one step, of whose drafts the last count - 1 were right.
    void take_together(int found, int count);
    /// So many of them became the answer's: it may have ended before the last. The step's time is decoding's
    /// all the same.
    void end_together(int taken);

    // Results.
    void note_prefill(std::vector<PromptToken> tokens);
    /// Of a step that it had rows in.
    void note_experts(const ExpertTraffic& traffic) { record_->timings.experts += traffic; }
    void take_context(const Executor& executor); ///< into the record, as it stands before the answer
    /// Takes a token. Returns why the run ends with it, if it does.
    std::optional<FinishReason> take(const SampledToken& sampled, std::vector<TokenAlternative> alternatives,
                                     const PrecisionInForce& precision, const EngineParts& parts);
    /// Needs no memory of its own: the Finished event comes whatever happened.
    void finish(FinishReason reason, std::string error) noexcept;

    RunHandle handle() const { return handle_; }
    const RunRequest& request() const { return request_; }
    /// Who is served first has the smaller rank.
    std::pair<RunPriority, RunHandle> rank() const { return {request_.priority, handle_}; }
    DrawVersion draw_version() const { return record_->computed_by.draw; }
    std::span<const std::int32_t> tokens() const { return tokens_; }
    std::span<const std::int32_t> answer() const {
        return std::span(tokens_).subspan(request_.prompt.size());
    }

    // The scheduler's:
    KvCache::SequencePtr sequence;
    int reused = 0;                       ///< tokens of the prompt found in the cache
    bool long_prompt = false;             ///< what is left of it takes the backend's path for prompts
    bool decompresses = false;            ///< there, with decompressed latent attention
    std::unique_ptr<Recoder> own_weights; ///< where they follow this run
    std::shared_ptr<const WeightSet> rewrite_weights;
    std::shared_ptr<const WeightsState> rewrite_state;
    bool parked = false, in_place = false; ///< in_place: the model's own weights follow it
    bool ended = false, waited_for_prefix = false;
    int ahead = 0;                                 ///< rows behind position() that steps under way compute
    bool refused_room = false;                     ///< it waits until the cache's room has changed
    std::uint64_t last_step = 0;                   ///< number of the step that it was in
    std::optional<Clock::time_point> paused_since; ///< who listens takes nothing
    // Guarded by the scheduler's mutex:
    std::optional<SequenceTuning> inbox;
    bool cancelled = false, refused = false;

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
    const Backend* backend_ = nullptr;
    bool exact_ = false;
    int context_ = 0;
    SequenceTuning tuning_;
    std::optional<BlockType> quant_;
    std::vector<DialMove> planned_;
    std::size_t next_move_ = 0;
    std::vector<std::int32_t> tokens_; ///< prompt and answer
    DraftLookup lookup_;
    int together_ = 0;        ///< tokens to come of the same step
    Clock::duration share_{}; ///< of its time
    bool drafted_ = false;    ///< the token to come
    Utf8Assembler utf8_;
    std::optional<WeightsState> last_state_; ///< of the weights at the last token
    RoleStop role_;
    StopStrings stops_;
    std::shared_ptr<RunRecord> record_ = std::make_shared<RunRecord>(); ///< handed out by finish()
    std::vector<ContextSpan> rewrite_; ///< how the first rewrite_end_ tokens were written
    int rewrite_end_ = 0;
    std::vector<std::uint64_t> prompt_hashes_;
    Clock::time_point submitted_, started_, last_token_, prefilled_;
};

} // namespace switchyard
