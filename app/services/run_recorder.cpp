#include "app/services/run_recorder.h"

#include "app/services/conversation_store.h"
#include "app/services/dial_moves.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

constexpr int kAutosaveMs = 500; // with the writing itself, no more than a second is ever missing

MessageState stateAfter(FinishReason reason) {
    switch (reason) {
    case FinishReason::Stopped:
        return MessageState::Stopped;
    case FinishReason::Failed:
        return MessageState::Failed;
    default:
        return MessageState::Complete;
    }
}

/// Dials that were moved while an answer was at rest are moves inside it once it goes on.
void noteMovesBetween(RunRecord& record, Tuning now) {
    Tuning before = record.settings;
    for (const DialMove& move : record.moves) {
        if (const ControlSpec* spec = find_control(move.name))
            before = with_control(before, *spec, move.value);
    }
    if (now.sequence.seed == 0)
        now.sequence.seed = before.sequence.seed;
    const int next = static_cast<int>(record.tokens.size());
    for (DialMove& move : dialMoves(before, now, next))
        record.moves.push_back(std::move(move));
}

/// A continued answer is one answer: its tokens add up, its beginning is the first run's. Reading the prompt
/// again is no token's time. `timings` of the record are the last run's, `earlier` those of the runs before
/// it, which made `first` tokens.
void addUp(RunRecord& record, const RunTimings& earlier, int first) {
    RunTimings& timings = record.timings;
    // The prompt of the second run held the first one's tokens.
    timings.prompt_tokens = std::max(0, timings.prompt_tokens - first);
    timings.prompt_tokens_reused = std::min(timings.prompt_tokens_reused, timings.prompt_tokens);
    if (earlier.prefill_ms > 0) {
        timings.prefill_ms = earlier.prefill_ms;
        timings.prompt_tokens_reused = std::min(earlier.prompt_tokens_reused, timings.prompt_tokens);
    }
    // From the tokens: a run that the end of the program cut left no sums.
    timings.generated_tokens = static_cast<int>(record.tokens.size());
    timings.decode_ms = 0;
    timings.continued = 0;
    for (std::size_t i = 1; i < record.tokens.size(); ++i) {
        timings.decode_ms += record.tokens[i].latency_ms;
        timings.continued += record.tokens[i].latency_ms > 0 ? 0 : 1;
    }
    timings.experts += earlier.experts;
    if (!record.tokens.empty())
        timings.time_to_first_token_ms = record.tokens.front().latency_ms;
}

} // namespace

RunRecorder::RunRecorder(Message& answer, const GenerationRequest& request) {
    answer.run.finish = FinishReason::Stopped; // what it is if the program ends here
    if (answer.run.tokens.empty()) {
        const bool told = !request.turns.empty() && request.turns.front().author == Author::System;
        answer.run.system_prompt = told ? request.turns.front().text.toStdString() : std::string();
    }
    if (request.continue_last && !request.turns.back().ids.empty()) {
        ReadAnswer read(answer.run);
        splitter_ = std::move(read.splitter);
        answer.parts = std::move(read.parts);
        answer.places = std::move(read.places);
        reads_ = true;
    }
    log_ = std::make_shared<TokenLog>(answer.run.tokens);
    first_token_ = static_cast<int>(answer.run.tokens.size());
    if (request.continue_last && first_token_ > 0)
        noteMovesBetween(answer.run, request.tuning);
    earlier_ = answer.run.timings;
    saved_.start();
    status_.conversation = answer.conversation;
    status_.message = answer.id;
    status_.model = request.model;
}

bool RunRecorder::take(Message& answer, const std::vector<RunEvent>& events) {
    for (const RunEvent& event : events) {
        switch (event.kind) {
        case RunEvent::Kind::Queued:
            break;
        case RunEvent::Kind::Prefill:
            status_.phase = RunStatus::Phase::Prefill;
            status_.prefill_done = event.prefill_done;
            status_.prefill_total = event.prefill_total;
            if (first_token_ == 0) // known before the end, so that an answer cut short has it too
                answer.run.timings.prompt_tokens = event.prefill_total;
            status_changed_ = true;
            break;
        case RunEvent::Kind::Move:
            answer.run.moves.push_back(event.move);
            answer.run.moves.back().token += first_token_;
            break;
        case RunEvent::Kind::Token:
            takeToken(answer, event);
            break;
        case RunEvent::Kind::Finished:
            finish(answer, event);
            break;
        }
        unsaved_ = true;
    }
    return std::exchange(status_changed_, false);
}

void RunRecorder::takeToken(Message& answer, const RunEvent& event) {
    RunRecord& record = answer.run;
    if (status_.phase != RunStatus::Phase::Decoding) {
        status_.phase = RunStatus::Phase::Decoding;
        status_changed_ = true;
    }
    if (!std::exchange(reads_, true)) {
        const AnswerReading reading = event.reading ? *event.reading : AnswerReading();
        splitter_ = ThinkingSplitter(reading, answer.parts);
        if (first_token_ == 0) {
            record.reading = reading;
            record.computed_by = event.computed_by; // now: an answer that is cut short has it too
            record.context = event.context;
            record.left_out = event.left_out;
        }
    }
    if (event.settings && first_token_ == 0) // dials may have moved while the run waited
        record.settings = *event.settings;
    if (event.used_seed != 0 && first_token_ == 0)
        record.settings.sequence.seed = event.used_seed;
    splitter_.push(event.token, answer.parts, answer.places);
    record.tokens.push_back(event.token);
    log_->push(event.token);
}

void RunRecorder::finish(Message& answer, const RunEvent& event) {
    RunRecord& record = answer.run;
    if (!event.tail.empty() && !record.tokens.empty()) { // it is the last token's
        record.tokens.back().text += event.tail;
        log_->setLastText(record.tokens.back().text);
    }
    splitter_.finish(answer.parts, answer.places, event.tail);
    answer.state = stateAfter(event.finish);
    answer.error = event.error;
    if (event.record && first_token_ == 0) {
        // The engine knows the prompt's tokens, not what they were made of.
        const std::optional<std::string> system_prompt = record.system_prompt;
        const int left_out = record.left_out;
        // Its tokens came one by one: copying thousands of them again would hold up the window.
        if (event.record->tokens.size() == record.tokens.size()) {
            static_cast<RunSummary&>(record) = *event.record;
        } else {
            record = *event.record;
            log_ = std::make_shared<TokenLog>(record.tokens);
        }
        record.system_prompt = system_prompt;
        record.left_out = left_out;
    }
    record.finish = event.finish;
    record.error = event.error.toStdString();
    record.timings = event.timings;
    if (first_token_ > 0)
        addUp(record, earlier_, first_token_);
    status_changed_ = true;
}

void RunRecorder::stop(Message& answer) {
    splitter_.finish(answer.parts, answer.places);
    answer.state = MessageState::Stopped;
    answer.run.finish = FinishReason::Stopped;
}

bool RunRecorder::isSaveDue() const { return unsaved_ && saved_.elapsed() >= kAutosaveMs; }

void RunRecorder::save(Message& answer, ConversationStore& store) {
    answer.digest.take(answer.run.tokens);
    // Its text is stored at its end; until then the tokens have it, should the program end here.
    Message message = withoutTokens(answer);
    if (message.state == MessageState::Streaming)
        message.parts.clear(); // else the next token would copy the text that the store holds
    store.updateRun(message, log_);
    unsaved_ = false;
    saved_.restart();
}

} // namespace switchyard
