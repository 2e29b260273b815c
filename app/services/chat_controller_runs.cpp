// The controller's other half: what runs, and where its events go.
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

} // namespace

ChatController::~ChatController() {
    for (auto& [id, live] : live_) {
        generator_.cancel(id);
        live->splitter.finish(live->message.parts);
        live->message.state = MessageState::Stopped;
        live->message.run.finish = FinishReason::Stopped;
        store_.update(live->message);
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
    live->splitter = ThinkingSplitter(answer.parts);
    live->first_token = static_cast<int>(answer.run.tokens.size());
    live->earlier = answer.run.timings;
    live->saved.start();
    live->status.conversation = answer.conversation;
    live->status.message = answer.id;
    live->status.run = generator_.submit(std::move(request));
    const ConversationId chat = answer.conversation;
    live_[live->status.run] = std::move(live);
    timer_.start();
    markGenerating();
    Q_EMIT runChanged(chat);
}

void ChatController::stop(ConversationId id) {
    if (const RunStatus* status = run(id))
        generator_.cancel(status->run);
}

// ---- What the generator says ----

void ChatController::drain() {
    std::vector<RunEvent> events = generator_.drain();
    // By run, in order; mostly there is one.
    std::vector<std::pair<RunId, std::vector<RunEvent>>> runs;
    for (RunEvent& event : events) {
        const auto found = std::ranges::find(runs, event.run, [](const auto& entry) { return entry.first; });
        auto& list = found != runs.end() ? found->second
                                         : runs.emplace_back(event.run, std::vector<RunEvent>{}).second;
        list.push_back(std::move(event));
    }
    for (const auto& [id, list] : runs)
        take(id, list);
    for (const auto& [id, live] : live_) {
        if (live->unsaved && live->saved.elapsed() >= kAutosaveMs)
            save(*live);
    }
    if (live_.empty())
        timer_.stop();
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
        markGenerating();
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
        if (event.opens_thinking && live.message.parts.isEmpty())
            live.splitter = ThinkingSplitter({}, true);
        if (event.used_seed != 0 && live.first_token == 0)
            record.settings.sequence.seed = event.used_seed;
        live.splitter.push(QString::fromStdString(event.token.text), event.token.latency_ms,
                           live.message.parts);
        record.tokens.push_back(event.token);
        break;
    case RunEvent::Kind::Finished:
        finish(live, event);
        break;
    }
    live.unsaved = true;
}

void ChatController::finish(Live& live, const RunEvent& event) {
    if (!event.tail.empty())
        live.splitter.push(QString::fromStdString(event.tail), 0, live.message.parts);
    live.splitter.finish(live.message.parts);
    live.message.state = stateAfter(event.finish);
    live.message.error = event.error;
    RunRecord& record = live.message.run;
    if (event.record && live.first_token == 0)
        record = *event.record;
    record.finish = event.finish;
    record.error = event.error.toStdString();
    record.timings = event.timings;
    // A continued answer is one answer: its tokens add up, its beginning is the first run's.
    if (live.first_token > 0) {
        record.timings.generated_tokens += live.earlier.generated_tokens;
        record.timings.decode_ms += live.earlier.decode_ms + event.timings.time_to_first_token_ms;
        record.timings.time_to_first_token_ms = live.earlier.time_to_first_token_ms;
        // The prompt of the second run held the first one's tokens.
        record.timings.prompt_tokens = std::max(0, event.timings.prompt_tokens - live.first_token);
        record.timings.prompt_tokens_reused =
            std::min(event.timings.prompt_tokens_reused, record.timings.prompt_tokens);
    }
    live.status_changed = true;
}

void ChatController::synchronise(const Live& live) {
    Message* message = shown(live.message.id);
    if (!message)
        return;
    message->parts = live.message.parts;
    message->state = live.message.state;
    message->error = live.message.error;
    const RunRecord& from = live.message.run;
    RunRecord& to = message->run;
    // Only what is new is copied: a long answer has thousands of tokens.
    to.tokens.insert(to.tokens.end(), from.tokens.begin() + static_cast<std::ptrdiff_t>(to.tokens.size()),
                     from.tokens.end());
    if (!to.tokens.empty())
        to.tokens.back().text = from.tokens.back().text; // what was held back came with the end
    to.moves = from.moves;
    to.context = from.context;
    to.settings = from.settings;
    to.timings = from.timings;
    to.finish = from.finish;
    to.error = from.error;
}

void ChatController::saveRuns() {
    for (const auto& [id, live] : live_) {
        if (live->unsaved)
            save(*live);
    }
}

void ChatController::save(Live& live) {
    store_.update(live.message);
    live.unsaved = false;
    live.saved.restart();
}

} // namespace switchyard
