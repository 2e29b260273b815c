#include "engine/run/active_run.h"

#include "engine/base/error.h"
#include "engine/run/failure.h"
#include "engine/run/precision.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace switchyard {
namespace {

constexpr int kFinishAttempts = 50;
constexpr std::chrono::milliseconds kFinishPause{20};

double ms(ActiveRun::Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

void check_prompt(const std::vector<std::int32_t>& prompt, const Plan& plan, int context) {
    if (prompt.empty())
        throw Error("the prompt is empty");
    if (prompt.size() > static_cast<std::size_t>(context))
        throw Error("the prompt has " + std::to_string(prompt.size()) +
                    " tokens, the model's context holds " + std::to_string(context) +
                    ": shorten it or start a new chat");
    for (std::int32_t id : prompt)
        if (id < 0 || id >= plan.vocabulary)
            throw Error("token id " + std::to_string(id) + " is outside the model's vocabulary of " +
                        std::to_string(plan.vocabulary));
}

std::vector<std::uint64_t> beginnings_of(const std::vector<std::int32_t>& prompt) {
    std::vector<std::uint64_t> hashes;
    std::uint64_t hash = 0;
    for (std::size_t end = kKvBlockTokens; end < prompt.size(); end += kKvBlockTokens) {
        for (std::size_t t = end - kKvBlockTokens; t < end; ++t)
            hash = hash_joined(hash, static_cast<std::uint32_t>(prompt[t]));
        hashes.push_back(hash);
    }
    return hashes;
}

void check_same_prompt(const RunRecord& record, std::span<const std::int32_t> prompt) {
    const std::string cannot = "the answer cannot be run again exactly: its prompt ";
    if (record.computed_by.prompt_hash != 0 && record.computed_by.prompt_hash != prompt_hash(prompt))
        throw Error(cannot + "was another one");
    if (record.context.empty()) {
        if (record.computed_by.prompt_hash != 0 && !record.tokens.empty())
            throw Error(
                "the answer cannot be run again exactly: the program ended while it was written, and how "
                "its prompt was computed was not kept");
        return;
    }
    std::size_t recorded = 0;
    for (const ContextSpan& span : record.context)
        recorded += static_cast<std::size_t>(span.tokens);
    if (recorded != prompt.size())
        throw Error(cannot + "had " + std::to_string(recorded) + " tokens, this one has " +
                    std::to_string(prompt.size()));
}

/// What a record of another model would have otherwise; another file of the same kind and precision is not
/// told apart.
void check_same_model(const RunRecord& record, const Plan& plan, const std::string& file_precision) {
    const std::string& made_by = record.computed_by.file_precision;
    if (!made_by.empty() && !file_precision.empty() && made_by != file_precision)
        throw Error("the answer cannot be run again exactly: a file of " + made_by +
                    " made it, this one is of " + file_precision);
    for (const TokenRecord& token : record.tokens)
        if (token.id < 0 || token.id >= plan.vocabulary || token.experts_active < 0 ||
            token.experts_active > plan.experts || (token.experts_active == 0) != (plan.experts == 0))
            throw Error("the answer cannot be run again exactly: another model made it (" +
                        std::to_string(token.experts_active) + " active experts and token id " +
                        std::to_string(token.id) + ", this one has " + std::to_string(plan.experts) +
                        " experts and " + std::to_string(plan.vocabulary) + " tokens)");
}

} // namespace

ActiveRun::ActiveRun(RunHandle handle, RunRequest request)
    : handle_(handle), request_(std::move(request)), tokens_(request_.prompt), role_(request_.roles),
      stops_(request_.stops), submitted_(Clock::now()), started_(submitted_), last_token_(submitted_),
      prefilled_(submitted_) {}

void ActiveRun::begin(const EngineParts& parts, const std::optional<BlockType>& quant) {
    plan_ = parts.plan;
    backend_ = parts.backend;
    exact_ = parts.backend->exact();
    context_ = parts.context;
    started_ = Clock::now();
    planned_ = request_.replay ? request_.replay->moves : request_.moves;
    quant_ = request_.replay ? request_.replay->settings.model.weights : quant;
    record_->settings =
        checked_tuning({request_.replay ? request_.replay->settings.sequence : request_.tuning, {quant_}});
    tuning_ = record_->settings.sequence;
    for (const DialMove& move : planned_) {
        const ControlSpec* spec = find_control(move.name);
        if (!spec)
            throw Error("there is no dial \"" + move.name + "\"");
        with_control({}, *spec, move.value);
    }
    std::ranges::stable_sort(planned_, {}, &DialMove::token);
    check_prompt(request_.prompt, *parts.plan, context_);
    record_->reading = request_.reading;
    record_->computed_by = {parts.backend->name(), parts.backend->arithmetic_version(),
                            request_.replay ? request_.replay->computed_by.draw : request_.draw,
                            prompt_hash(request_.prompt)};
    if (const auto type = parts.sources ? main_file_type(*parts.sources) : std::nullopt)
        record_->computed_by.file_precision = traits(*type).name;
    if (request_.replay) {
        check_same_prompt(*request_.replay, request_.prompt);
        check_same_model(*request_.replay, *parts.plan, record_->computed_by.file_precision);
    }
    prompt_hashes_ = beginnings_of(request_.prompt);
    if (parts.tokenizer)
        take_up_answer(*parts.tokenizer);
    record_->settings.sequence.experts = experts();
    record_->settings.sequence.kv = kv_type();
    record_->settings.sequence.activation_bits = activation_bits();
}

/// What an answer that goes on has left of a character is there when its rest comes.
void ActiveRun::take_up_answer(const Tokenizer& tokenizer) {
    const std::span<const std::int32_t> prompt(request_.prompt);
    for (const std::int32_t id : prompt.last(std::min(request_.continues, prompt.size())))
        if (!tokenizer.is_special(id))
            utf8_.push(tokenizer.token_bytes(id));
}

bool ActiveRun::moves_weights() const {
    return request_.replay ||
           std::ranges::any_of(request_.moves, [](const DialMove& move) { return move.name == "quant"; });
}

CacheReuse ActiveRun::reuse() const {
    if (!request_.reuse_cache || request_.replay || request_.prompt_logprobs)
        return CacheReuse::None;
    return request_.conversation != 0 ? CacheReuse::Chat : CacheReuse::Equal;
}

std::size_t ActiveRun::most_bytes(const std::vector<WeightSource>& sources, const Backend& backend) const {
    std::vector<std::optional<BlockType>> types;
    const auto add = [&](const std::optional<BlockType>& type) {
        if (type && std::ranges::find(types, type) == types.end())
            types.push_back(type);
    };
    const std::vector<DialMove>& moves = request_.replay ? request_.replay->moves : request_.moves;
    for (const DialMove& move : moves)
        if (move.name == "quant")
            add(with_control({}, *find_control("quant"), move.value).model.weights);
    if (request_.replay) {
        add(request_.replay->settings.model.weights);
        for (const ContextSpan& span : request_.replay->context)
            for (const RecodeLayer& layer : span.weights)
                add(layer.type);
    }
    std::size_t most = 0;
    for (const std::optional<BlockType>& type : types) {
        std::size_t bytes = 0;
        for (const WeightSource& source : sources)
            if (const auto used = recoded_type(source, type))
                bytes += backend.placed_size(source, *used).bytes *
                         static_cast<std::size_t>(source.tensor->matrices());
        most = std::max(most, bytes);
    }
    return most;
}

int ActiveRun::experts() const {
    if (plan_->experts == 0)
        return 0;
    if (const ContextSpan* span = span_now())
        return std::clamp(span->experts_active, 1, plan_->experts);
    return tuning_.experts == 0 ? plan_->experts_active : std::min(tuning_.experts, plan_->experts);
}

BlockType ActiveRun::kv_type() const {
    if (exact_)
        return BlockType::F32;
    const ContextSpan* span = span_now();
    const BlockType wanted = span ? span->kv : tuning_.kv;
    return backend_->nearest_kv(wanted == BlockType::F32 ? BlockType::F16
                                                         : wanted); // recorded on the exact path
}

int ActiveRun::activation_bits() const {
    const ContextSpan* span = span_now();
    return backend_->nearest_activation_bits(span ? span->activation_bits : tuning_.activation_bits);
}

/// The absorbed form, so that what one prompt computed serves another; the other where a record says so, or
/// on a backend's path for prompts, which others do not share anyway.
bool ActiveRun::decompressed() const {
    const ContextSpan* span = span_now();
    return span ? span->decompressed : decompresses && on_prompt_path();
}

bool ActiveRun::on_prompt_path() const {
    const ContextSpan* span = span_now();
    return span ? span->prompt : long_prompt && !decoding();
}

bool ActiveRun::takes_library() const {
    const ContextSpan* span = span_now();
    return !span || span->library;
}

int ActiveRun::prefill_chunk() const {
    constexpr int kWithLogits = 32; // each of these rows has a vocabulary of logits
    const int chunk = std::max(1, tuning_.prefill_chunk);
    return request_.prompt_logprobs ? std::min(chunk, kWithLogits) : chunk;
}

std::span<const std::int32_t> ActiveRun::pending() const {
    return std::span(tokens_).subspan(static_cast<std::size_t>(position()));
}

namespace {

/// The span that token `at` stands in, and its end; nullptr behind the last.
std::pair<const ContextSpan*, int> span_at(const std::vector<ContextSpan>& spans, int at) {
    int end = 0;
    for (const ContextSpan& span : spans)
        if ((end += span.tokens) > at)
            return {&span, end};
    return {nullptr, end};
}

} // namespace

const ContextSpan* ActiveRun::span_now() const {
    if (!sequence)
        return nullptr;
    if (rewriting())
        return span_at(rewrite_, position()).first;
    return request_.replay ? span_at(request_.replay->context, position()).first : nullptr;
}

int ActiveRun::span_end() const {
    return span_at(rewriting() ? rewrite_ : request_.replay->context, position()).second;
}

void ActiveRun::note_parking(std::shared_ptr<const WeightSet> weights,
                             std::shared_ptr<const WeightsState> state) {
    if (rewriting()) // it has not come so far again
        return;
    rewrite_ = sequence->spans(position());
    rewrite_weights = std::move(weights);
    rewrite_state = std::move(state);
    rewrite_end_ = position();
}

void ActiveRun::note_resuming() {
    if (!rewriting()) {
        rewrite_weights.reset();
        rewrite_.clear();
        rewrite_end_ = 0;
    }
}

int ActiveRun::expected_rows(int usual) const {
    const int answer = request_.replay       ? static_cast<int>(request_.replay->tokens.size())
                       : request_.ignore_end ? tuning_.max_tokens
                                             : std::min(tuning_.max_tokens, usual);
    const int end = static_cast<int>(request_.prompt.size()) + std::max(answer, answered() + 1);
    return std::min(end, context_) - (sequence ? position() : 0);
}

const TokenRecord* ActiveRun::recorded_token() const {
    if (!request_.replay || record_->tokens.size() >= request_.replay->tokens.size())
        return nullptr;
    return &request_.replay->tokens[record_->tokens.size()];
}

bool ActiveRun::replay_done() const {
    return request_.replay && record_->tokens.size() >= request_.replay->tokens.size();
}

bool ActiveRun::foreseeable(int draws) const {
    const bool moves = next_move_ < planned_.size() && planned_[next_move_].token <= answered() + draws;
    const bool grows_long =
        !long_text() && plan_->short_text > 0 &&
        tokens_.size() + static_cast<std::size_t>(draws) > static_cast<std::size_t>(plan_->short_text);
    return !moves && !moves_weights() && !rewriting() && !request_.allowed && !grows_long;
}

bool ActiveRun::ends_within(int draws) const {
    return answered() + draws >= tuning_.max_tokens ||
           tokens_.size() + static_cast<std::size_t>(draws) >= static_cast<std::size_t>(context_);
}

std::vector<std::int32_t> ActiveRun::drafts(int most) {
    if (!decoding() || pending().size() != 1 || request_.has_room) // who listens is asked for each token
        return {};
    // The last of them draws one more.
    const int left =
        std::min(tuning_.max_tokens - answered(), context_ - static_cast<int>(tokens_.size())) - 1;
    most = std::min(most, left);
    return most > 0 && foreseeable(most) ? lookup_.find(tokens_, most) : std::vector<std::int32_t>();
}

void ActiveRun::take_together(int found, int count) {
    lookup_.note(found, count - 1);
    record_->timings.drafted += found;
    together_ = count;
    share_ = (Clock::now() - last_token_) / count;
}

void ActiveRun::end_together(int taken) {
    record_->timings.drafts_right += std::max(taken - 1, 0);
    record_->timings.decode_ms += together_ * ms(share_);
    last_token_ += together_ * share_;
    together_ = 0;
    drafted_ = false;
}

void ActiveRun::emit(SchedulerEvent& event) const {
    event.run = handle_;
    if (request_.on_event)
        request_.on_event(event);
}

void ActiveRun::note_move(const ControlSpec& spec, const ControlValue& value) {
    record_->moves.push_back({answered(), std::string(spec.name), value});
    SchedulerEvent event;
    event.kind = SchedulerEvent::Kind::Move;
    event.move = record_->moves.back();
    emit(event);
}

void ActiveRun::settle(const std::optional<SequenceTuning>& inbox) {
    if (inbox) {
        const Tuning before{tuning_, {}}, after{*inbox, {}};
        for (const ControlSpec& spec : controls())
            if (const ControlValue value = control_value(after, spec); value != control_value(before, spec))
                note_move(spec, value);
        tuning_ = *inbox;
    }
    for (; next_move_ < planned_.size() && planned_[next_move_].token <= answered(); ++next_move_) {
        const DialMove& move = planned_[next_move_];
        const ControlSpec& spec = *find_control(move.name);
        const Tuning moved = with_control({tuning_, {quant_}}, spec, move.value);
        tuning_ = moved.sequence;
        if (spec.scope == ControlScope::Model)
            quant_ = moved.model.weights;
        note_move(spec, move.value);
    }
}

void ActiveRun::note_quant(const std::optional<BlockType>& target) {
    if (target == quant_)
        return;
    quant_ = target;
    const ControlSpec& spec = *find_control("quant");
    note_move(spec, control_value({{}, {target}}, spec));
}

void ActiveRun::note_prefill(std::vector<PromptToken> tokens) {
    prefilled_ = Clock::now();
    SchedulerEvent event;
    event.prompt = std::move(tokens);
    event.kind = SchedulerEvent::Kind::Prefill;
    event.prefill_done = position();
    event.prefill_total = static_cast<int>(request_.prompt.size());
    emit(event);
}

TokenRecord ActiveRun::describe(const SampledToken& sampled, const PrecisionInForce& precision,
                                const EngineParts& parts) {
    const ControlSpec& quant = *find_control("quant");
    TokenRecord token;
    token.id = sampled.id;
    if (parts.tokenizer) {
        std::string bytes = parts.tokenizer->token_bytes(sampled.id);
        if (parts.tokenizer->is_special(sampled.id))
            token.control = std::move(bytes);
        else
            token.text = stops_.push(role_.push(utf8_.push(bytes)));
    }
    token.probability = sampled.probability;
    token.temperature = tuning_.temperature;
    token.top_p = tuning_.top_p;
    token.experts_active = experts();
    token.kv = kv_type();
    token.quant = format_control(quant, control_value({{}, {precision.progress.target}}, quant));
    token.recoded_slices = precision.progress.done;
    token.recode_total = precision.progress.total;
    if (precision.state && (!last_state_ || *precision.state != *last_state_))
        token.weights = last_state_ = *precision.state;
    token.weights_version = precision.version;
    token.weights_bytes = precision.bytes;
    if (const auto cache = parts.executor->expert_cache())
        token.weights_bytes += cache->cache_bytes;
    token.kv_bytes = parts.executor->kv_bytes();
    token.scratch_bytes = parts.executor->scratch_bytes();
    token.drafted =
        std::exchange(drafted_, together_ > 1); // only the first was drawn behind a token that was known
    const Clock::time_point now = together_ > 0 ? last_token_ + share_ : Clock::now();
    together_ = std::max(together_ - 1, 0);
    token.latency_ms = ms(now - last_token_);
    last_token_ = now;
    return token;
}

void ActiveRun::take_context(const Executor& executor) {
    record_->context = sequence->spans(sequence->size());
    record_->computed_by.library =
        std::ranges::any_of(record_->context, &ContextSpan::library) ? executor.prompt_library() : "";
}

std::optional<FinishReason> ActiveRun::take(const SampledToken& sampled,
                                            std::vector<TokenAlternative> alternatives,
                                            const PrecisionInForce& precision, const EngineParts& parts) {
    if (answer_empty())
        take_context(*parts.executor);
    const TokenRecord* recorded = recorded_token();
    const bool goes_on = request_.ignore_end || (recorded && recorded->id == sampled.id);
    if (parts.tokenizer && !goes_on && parts.tokenizer->is_end(sampled.id))
        return FinishReason::EndOfTurn;
    SchedulerEvent event;
    event.token = describe(sampled, precision, parts);
    event.alternatives = std::move(alternatives);
    if (record_->tokens.empty()) {
        event.settings = record_->settings;
        event.computed_by = record_->computed_by;
        event.context = record_->context;
        record_->timings.time_to_first_token_ms = event.token.latency_ms;
        if (request_.continues > 0) // of an answer under way this is no token's time
            event.token.latency_ms = 0;
    } else {
        record_->timings.decode_ms += event.token.latency_ms;
    }
    record_->tokens.push_back(event.token);
    tokens_.push_back(sampled.id);
    emit(event);
    if (replay_done())
        return request_.replay->finish == FinishReason::Failed ? FinishReason::Stopped
                                                               : request_.replay->finish;
    if (request_.replay)
        return std::nullopt;
    if (role_.found() || stops_.found())
        return FinishReason::EndOfTurn;
    if (answered() >= tuning_.max_tokens)
        return FinishReason::MaxTokens;
    if (tokens_.size() >= static_cast<std::size_t>(context_))
        return FinishReason::ContextFull;
    return std::nullopt;
}

void ActiveRun::finish(FinishReason reason, std::string error) noexcept {
    record_->finish = reason;
    record_->error = std::move(error);
    RunTimings& timings = record_->timings;
    timings.prompt_tokens = static_cast<int>(request_.prompt.size());
    timings.prompt_tokens_reused = reused;
    timings.prefill_ms = ms(prefilled_ - started_);
    timings.generated_tokens = answered();
    std::string tail;
    failure_of([&] {
        // What is left of an unfinished character is in the tokens' ids, and no text.
        if (!role_.found() && !stops_.found())
            tail = stops_.push(role_.flush());
        if (!stops_.found())
            tail += stops_.flush();
        if (!record_->tokens.empty())
            record_->tokens.back().text += tail;
    });
    // Somebody waits for this event: where it cannot be taken for want of memory, it is offered again.
    for (int attempt = 0; attempt < kFinishAttempts; ++attempt) {
        SchedulerEvent event;
        event.kind = SchedulerEvent::Kind::Finished;
        event.tail = std::exchange(tail, {});
        event.record = record_;
        if (!failure_of([&] { emit(event); }))
            return;
        tail = std::move(event.tail);
        std::this_thread::sleep_for(kFinishPause);
    }
}

} // namespace switchyard
