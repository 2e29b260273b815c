// The controller's other half: what runs, and where its events go.
#include "app/services/dial_moves.h"
#include "app/services/live_run.h"

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kAutosaveMs = 900;

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
    if (!record.tokens.empty())
        timings.time_to_first_token_ms = record.tokens.front().latency_ms;
}

} // namespace

ChatController::~ChatController() {
    for (auto& [id, live] : live_) {
        runs_.cancel(id);
        live->splitter.finish(live->message.parts, live->message.places);
        live->message.state = MessageState::Stopped;
        live->message.run.finish = FinishReason::Stopped;
        live->message.digest.take(live->message.run.tokens);
        store_.updateRun(withoutTokens(live->message), live->log);
    }
}

// ---- Starting and stopping ----

const RunStatus* ChatController::run(ConversationId id) const {
    for (const auto& [run, live] : live_) {
        if (live->status.conversation == id)
            return &live->status;
    }
    return nullptr;
}

void ChatController::start(const Message& answer, GenerationRequest request) {
    request.conversation = answer.conversation;
    auto live = std::make_unique<Live>();
    live->message = answer;
    live->message.run.finish = FinishReason::Stopped; // what it is if the program ends here
    if (request.continue_last && !request.turns.back().ids.empty()) {
        ReadAnswer read(answer.run);
        live->splitter = std::move(read.splitter);
        live->message.parts = std::move(read.parts);
        live->message.places = std::move(read.places);
        live->reads = true;
    }
    live->log = std::make_shared<TokenLog>(answer.run.tokens);
    live->first_token = static_cast<int>(answer.run.tokens.size());
    if (request.continue_last && live->first_token > 0)
        noteMovesBetween(live->message.run, request.tuning);
    live->earlier = answer.run.timings;
    live->saved.start();
    live->status.conversation = answer.conversation;
    live->status.message = answer.id;
    request.model = model_.key();
    live->status.run =
        runs_.submit(std::move(request), this,
                     [this](RunId id, const std::vector<RunEvent>& events) { take(id, events); });
    const ConversationId chat = answer.conversation;
    live_[live->status.run] = std::move(live);
    autosave_.start();
    list_.setGenerating(chat, true);
    Q_EMIT runChanged(chat);
}

void ChatController::stop(ConversationId id) {
    if (const RunStatus* status = run(id))
        runs_.cancel(status->run);
}

// ---- What the runs say ----

void ChatController::autosave() {
    for (const auto& [id, live] : live_) {
        if (live->unsaved && live->saved.elapsed() >= kAutosaveMs)
            save(*live);
    }
    if (live_.empty())
        autosave_.stop();
}

void ChatController::take(RunId id, const std::vector<RunEvent>& events) {
    const auto found = live_.find(id);
    if (found == live_.end())
        return;
    std::unique_ptr<Live> ended;
    Live& live = *found->second;
    for (const RunEvent& event : events)
        apply(live, event);
    const bool changed = std::exchange(live.status_changed, false);
    const ConversationId chat = live.status.conversation;
    if (live.message.state != MessageState::Streaming) {
        save(live);
        ended = std::move(found->second);
        live_.erase(found);
        list_.setGenerating(chat, false);
    }
    synchronise(live);
    Q_EMIT runEvents(chat, events);
    if (message(live.message.id))
        Q_EMIT messageChanged(live.message.id);
    if (changed)
        Q_EMIT runChanged(chat);
}

void ChatController::apply(Live& live, const RunEvent& event) {
    RunRecord& record = live.message.run;
    switch (event.kind) {
    case RunEvent::Kind::Queued:
        break;
    case RunEvent::Kind::Prefill:
        live.status.phase = RunStatus::Phase::Prefill;
        live.status.prefill_done = event.prefill_done;
        live.status.prefill_total = event.prefill_total;
        if (live.first_token == 0) // known before the end, so that an answer cut short has it too
            record.timings.prompt_tokens = event.prefill_total;
        live.status_changed = true;
        break;
    case RunEvent::Kind::Move: {
        DialMove move = event.move;
        move.token += live.first_token;
        record.moves.push_back(std::move(move));
        break;
    }
    case RunEvent::Kind::Token:
        if (live.status.phase != RunStatus::Phase::Decoding) {
            live.status.phase = RunStatus::Phase::Decoding;
            live.status_changed = true;
        }
        if (!std::exchange(live.reads, true)) {
            const AnswerReading reading = event.reading ? *event.reading : AnswerReading();
            live.splitter = ThinkingSplitter(reading, live.message.parts);
            if (live.first_token == 0) {
                record.reading = reading;
                record.computed_by = event.computed_by; // now: an answer that is cut short has it too
                record.context = event.context;
            }
        }
        if (event.used_seed != 0 && live.first_token == 0)
            record.settings.sequence.seed = event.used_seed;
        live.splitter.push(event.token, live.message.parts, live.message.places);
        record.tokens.push_back(event.token);
        live.log->push(event.token);
        break;
    case RunEvent::Kind::Finished:
        finish(live, event);
        break;
    }
    live.unsaved = true;
}

void ChatController::finish(Live& live, const RunEvent& event) {
    if (!event.tail.empty() && !live.message.run.tokens.empty()) { // it is the last token's
        live.message.run.tokens.back().text += event.tail;
        live.log->setLastText(live.message.run.tokens.back().text);
    }
    live.splitter.finish(live.message.parts, live.message.places, event.tail);
    live.message.state = stateAfter(event.finish);
    live.message.error = event.error;
    RunRecord& record = live.message.run;
    if (event.record && live.first_token == 0) {
        // Its tokens came one by one: copying thousands of them again would hold up the window.
        if (event.record->tokens.size() == record.tokens.size()) {
            static_cast<RunSummary&>(record) = *event.record;
        } else {
            record = *event.record;
            live.log = std::make_shared<TokenLog>(record.tokens);
        }
    }
    record.finish = event.finish;
    record.error = event.error.toStdString();
    record.timings = event.timings;
    if (live.first_token > 0)
        addUp(record, live.earlier, live.first_token);
    live.status_changed = true;
}

void ChatController::synchronise(const Live& live) {
    Message* message = conversation_.tree.find(live.message.id);
    if (!message)
        return;
    message->parts = live.message.parts;
    message->state = live.message.state;
    message->error = live.message.error;
    message->digest = live.message.digest;
    message->places.follow(live.message.places);
    const RunRecord& from = live.message.run;
    RunRecord& to = message->run;
    // Only what is new is copied: a long answer has thousands of tokens.
    to.tokens.insert(to.tokens.end(), from.tokens.begin() + static_cast<std::ptrdiff_t>(to.tokens.size()),
                     from.tokens.end());
    if (!to.tokens.empty())
        to.tokens.back().text = from.tokens.back().text; // what was held back came with the end
    static_cast<RunSummary&>(to) = from;
}

void ChatController::saveRuns() {
    for (const auto& [id, live] : live_) {
        if (live->unsaved)
            save(*live);
    }
}

void ChatController::save(Live& live) {
    live.message.digest.take(live.message.run.tokens);
    // Its text is stored at its end; until then the tokens have it, should the program end here.
    Message message = withoutTokens(live.message);
    if (message.state == MessageState::Streaming)
        message.parts.clear(); // else the next token would copy the text that the store holds
    else
        ThinkingSplitter(live.splitter).finish(message.parts, message.places);
    store_.updateRun(message, live.log);
    live.unsaved = false;
    live.saved.restart();
}

} // namespace switchyard
