#include "engine/run/worker.h"

#include "engine/base/error.h"
#include "engine/base/threads.h"
#include "engine/run/failure.h"

#include <algorithm>

namespace switchyard {

/// However a step ends, its runs are in it no longer.
struct Scheduler::Worker::StepEnd {
    std::mutex& mutex;
    const std::vector<RunPtr>& runs;
    ~StepEnd() {
        const std::lock_guard lock(mutex);
        for (const RunPtr& run : runs)
            run->in_step = false;
    }
};

Scheduler::Worker::Worker(EngineParts parts, SchedulerOptions options)
    : parts_(std::move(parts)), options_(std::move(options)),
      cache_(*parts_.executor, {.budget = options_.kv_budget_bytes > 0 ? options_.kv_budget_bytes
                                                                       : parts_.executor->kv_capacity()}),
      recoder_(*parts_.sources, parts_.file, *parts_.backend, parts_.weights, [this] {
          std::lock_guard lock(mutex_);
          wake_.notify_all();
          recoded_.notify_all(); // it may have failed
      }) {
    parts_.weights.reset(); // the recoder holds what is in force
    recoder_.set_threads(parts_.backend->threads());
    precision_ = {recoder_.progress(), recoder_.weights()->version, recoder_.weights()->own_bytes()};
    thread_ = start_thread([this](std::stop_token stop) { loop(stop); });
}

Scheduler::Worker::~Worker() {
    thread_.request_stop();
    {
        std::lock_guard lock(mutex_);
        step_stop_.request_stop();
    }
    thread_.join();
}

RunHandle Scheduler::Worker::submit(RunRequest request) {
    std::lock_guard lock(mutex_);
    const RunHandle handle = next_handle_++;
    waiting_.push_back(std::make_shared<ActiveRun>(handle, std::move(request)));
    wake_.notify_all();
    return handle;
}

void Scheduler::Worker::cancel(RunHandle handle) {
    std::lock_guard lock(mutex_);
    for (const auto* runs : {&waiting_, &active_})
        for (const RunPtr& run : *runs)
            if (run->handle() == handle) {
                run->cancelled = true;
                if (run->in_step)
                    step_stop_.request_stop();
            }
    wake_.notify_all();
}

void Scheduler::Worker::set_tuning(RunHandle handle, const SequenceTuning& tuning) {
    const SequenceTuning checked = checked_tuning({tuning, {}}).sequence;
    std::lock_guard lock(mutex_);
    for (const auto* runs : {&waiting_, &active_})
        for (const RunPtr& run : *runs)
            if (run->handle() == handle)
                run->inbox = checked;
}

void Scheduler::Worker::set_model_tuning(const ModelTuning& tuning) {
    checked_tuning({{}, tuning});
    std::lock_guard lock(mutex_);
    wanted_ = tuning;
    if (!replaying_) {
        recoder_.retarget(tuning.weights);
        reported_error_.clear(); // the same failure again is another one
    }
    wake_.notify_all();
}

ModelTuning Scheduler::Worker::model_tuning() const {
    std::lock_guard lock(mutex_);
    return wanted_;
}

void Scheduler::Worker::forget(std::uint64_t conversation) {
    std::lock_guard lock(mutex_);
    to_forget_.push_back(conversation);
    wake_.notify_all();
}

void Scheduler::Worker::wait_recoded() {
    std::unique_lock lock(mutex_);
    RecodeProgress progress;
    recoded_.wait(lock, [&] {
        progress = recoder_.progress();
        return !replaying_ && (progress.finished() || !progress.error.empty());
    });
    if (!progress.finished())
        throw Error(progress.error);
}

void Scheduler::Worker::loop(std::stop_token stop) {
    while (!stop.stop_requested())
        if (const auto failure = failure_of([&] { turn(stop); }))
            fail_all(*failure);
    while (const RunPtr run = any_run())
        end(run, FinishReason::Stopped);
}

void Scheduler::Worker::turn(std::stop_token stop) {
    wait_for_work(stop);
    forget_asked();
    end_cancelled();
    admit();
    if (!replaying_)
        apply_slices();
    if (active_.empty() || stop.stop_requested())
        return;
    const auto begin = Clock::now();
    step(stop);
    leave_room(Clock::now() - begin, stop);
}

/// Re-encoding gets the cores between steps and not beside them: it would make every meeting of the step's
/// threads wait, and a token take several times as long. `step`: what the last one took. No step may be under
/// way.
void Scheduler::Worker::leave_room(Clock::duration step, std::stop_token stop) {
    const Clock::duration window = pace_.window(step);
    if (!recoder_.working() || replaying_ || window == Clock::duration::zero())
        return;
    const auto begin = Clock::now(), until = begin + window;
    const auto cancelled = [](const RunPtr& run) { return run->cancelled; };
    recoder_.open_window(until);
    for (bool go_on = true; go_on && recoder_.working() && Clock::now() < until;) {
        {
            std::unique_lock lock(mutex_);
            go_on = !wake_.wait_until(
                        lock, stop, until,
                        [&] { return recoder_.stalled() || std::ranges::any_of(active_, cancelled); })
                        ? false
                        : !stop.stop_requested() && std::ranges::none_of(active_, cancelled);
        }
        failure_of([&] { apply_slices(); }); // what fails here is reported by the next turn
    }
    recoder_.close_window();
    pace_.took(Clock::now() - begin);
}

int Scheduler::Worker::recode_threads() const {
    return options_.recode_threads > 0 ? options_.recode_threads : parts_.backend->threads();
}

Scheduler::Worker::RunPtr Scheduler::Worker::any_run() const noexcept {
    const std::lock_guard lock(mutex_);
    return !active_.empty() ? active_.back() : !waiting_.empty() ? waiting_.back() : nullptr;
}

/// Ends what is computed; where nothing is, what waits: it would fail in the same way.
void Scheduler::Worker::fail_all(const std::string& reason) noexcept {
    const bool computing = !active_.empty();
    while (const RunPtr run = any_run()) {
        if (computing && active_.empty())
            return;
        std::string sentence;
        failure_of([&] { sentence = reason; });
        end(run, FinishReason::Failed, std::move(sentence));
    }
}

void Scheduler::Worker::wait_for_work(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const bool answers = !active_.empty() || !waiting_.empty();
    recoder_.set_threads(answers ? recode_threads() : parts_.backend->threads());
    recoder_.set_background(answers);
    wake_.wait(lock, stop, [&] {
        return !active_.empty() || !waiting_.empty() || !to_forget_.empty() || recoder_.ready() ||
               recoder_.progress().error != reported_error_;
    });
}

void Scheduler::Worker::forget_asked() {
    std::vector<std::uint64_t> conversations;
    {
        std::lock_guard lock(mutex_);
        conversations.swap(to_forget_);
    }
    for (std::uint64_t conversation : conversations)
        cache_.forget(conversation);
}

void Scheduler::Worker::end_cancelled() {
    std::vector<RunPtr> cancelled;
    {
        std::lock_guard lock(mutex_);
        for (const auto* runs : {&waiting_, &active_})
            std::ranges::copy_if(*runs, std::back_inserter(cancelled),
                                 [](const RunPtr& run) { return run->cancelled; });
    }
    for (const RunPtr& run : cancelled)
        end(run, FinishReason::Stopped);
}

bool Scheduler::Worker::may_start(const ActiveRun& run) const {
    if (active_.empty())
        return true;
    if (run.alone() || std::ranges::any_of(active_, [](const RunPtr& other) { return other->alone(); }))
        return false;
    return std::ranges::count_if(active_, [&](const RunPtr& other) {
               return other->request().priority <= run.request().priority;
           }) < options_.max_runs;
}

void Scheduler::Worker::admit() {
    for (;;) {
        RunPtr run;
        {
            std::lock_guard lock(mutex_);
            const auto first = std::ranges::min_element(
                waiting_, {}, [](const RunPtr& waiting) { return waiting->request().priority; });
            if (first == waiting_.end() || !may_start(**first))
                return;
            run = *first;
            active_.push_back(run);
            waiting_.erase(first);
            if (run->replays())
                replaying_ = true;
        }
        begin(run);
    }
}

void Scheduler::Worker::begin(const RunPtr& run) {
    const auto failure = failure_of([&] {
        if (parts_.file)
            parts_.file->check_whole();
        run->begin(parts_, recoder_.progress().target);
        const RunRequest& request = run->request();
        run->sequence = cache_.open(request.conversation, request.prompt,
                                    {run->experts(), recoder_.state(), run->decompressed()}, run->kv_type(),
                                    run->reuse());
        run->reused = run->sequence->size();
    });
    if (failure)
        end(run, FinishReason::Failed, *failure);
    else if (run->replay_done())
        end(run, FinishReason::Stopped);
}

void Scheduler::Worker::apply_slices() {
    const auto before = recoder_.weights();
    const bool swapped = recoder_.apply_ready() != before;
    RecodeProgress progress = recoder_.progress();
    bool failed = false;
    {
        const std::lock_guard lock(mutex_);
        failed = progress.error != reported_error_;
    }
    if (swapped || failed)
        report_precision();
    else
        precision_.progress = std::move(progress);
}

/// The weights in force have changed: everybody who shows or shares them is told.
void Scheduler::Worker::report_precision() {
    {
        const std::lock_guard lock(mutex_);
        recoded_.notify_all(); // first: who waits looks for himself
    }
    const auto weights = recoder_.weights();
    precision_ = {recoder_.progress(), weights->version, weights->own_bytes()};
    {
        const std::lock_guard lock(mutex_);
        reported_error_ = precision_.progress.error;
    }
    if (parts_.publish)
        parts_.publish(weights);
    if (options_.on_recode)
        options_.on_recode(precision_.progress);
}

/// The runs that this step serves: lab runs only where nobody else computes.
std::vector<Scheduler::Worker::RunPtr> Scheduler::Worker::choose(std::stop_token worker_stop) {
    std::lock_guard lock(mutex_);
    step_stop_ = std::stop_source();
    std::vector<RunPtr> runs = active_;
    std::ranges::stable_sort(runs, {}, [](const RunPtr& run) { return run->request().priority; });
    if (runs.front()->request().priority != RunPriority::Lab)
        std::erase_if(runs, [](const RunPtr& run) { return run->request().priority == RunPriority::Lab; });
    bool stop = false;
    for (const RunPtr& run : runs) {
        run->in_step = true;
        stop = stop || run->cancelled;
    }
    if (stop || worker_stop.stop_requested())
        step_stop_.request_stop();
    return runs;
}

void Scheduler::Worker::follow_record(ActiveRun& run, std::stop_token stop) {
    const ContextSpan* span = run.span_now();
    if (span) {
        recoder_.restore(span->weights, stop);
    } else if (const TokenRecord* token = run.recorded_token()) {
        const ControlSpec& quant = *find_control("quant");
        const auto target = with_control({}, quant, token->quant).model.weights;
        recoder_.retarget(target);
        recoder_.wait_applied(token->recode_total == 0 ? UINT32_MAX : token->recoded_slices, stop);
    }
}

bool Scheduler::Worker::settle(const RunPtr& run, std::stop_token stop) {
    std::optional<SequenceTuning> inbox;
    {
        std::lock_guard lock(mutex_);
        inbox.swap(run->inbox);
    }
    if (run->replays())
        inbox.reset(); // the record decides
    const auto before = recoder_.weights();
    const auto failure = failure_of([&] {
        const std::optional<ModelTuning> wanted = run->settle(inbox);
        if (run->replays()) {
            follow_record(*run, stop);
        } else if (wanted) {
            set_model_tuning(*wanted);
            recoder_.set_threads(parts_.backend->threads()); // nothing is computed meanwhile
            recoder_.wait_applied(UINT32_MAX, stop);
            recoder_.set_threads(recode_threads());
        } else {
            run->note_quant(precision_.progress.target);
        }
    });
    if (run->alone() &&
        (recoder_.weights() != before || precision_.progress.target != recoder_.progress().target))
        report_precision();
    if (failure)
        end(run, FinishReason::Failed, *failure);
    return !failure && !stop.stop_requested();
}

/// One row of each decoding run, and as much of the prompts as a chunk holds.
std::vector<Scheduler::Worker::Share> Scheduler::Worker::share_out(const std::vector<RunPtr>& runs) {
    std::vector<Share> shares;
    int chunk_left = -1;
    for (const RunPtr& run : runs) {
        std::span<const std::int32_t> tokens = run->pending();
        if (!run->decoding()) {
            if (chunk_left < 0)
                chunk_left = run->prefill_chunk();
            std::size_t most = static_cast<std::size_t>(chunk_left);
            if (run->span_now())
                most = std::min(most, static_cast<std::size_t>(run->span_end() - run->position()));
            if (most == 0)
                continue;
            tokens = tokens.first(std::min(tokens.size(), most));
            chunk_left -= static_cast<int>(tokens.size());
        }
        const auto failure = failure_of(
            [&] { cache_.reserve(*run->sequence, static_cast<int>(tokens.size()), run->kv_type()); });
        if (failure)
            end(run, FinishReason::Failed, *failure);
        else
            shares.push_back({run,
                              tokens,
                              {run->experts(), recoder_.state(), run->decompressed()},
                              tokens.size() == run->pending().size()});
    }
    return shares;
}

Batch Scheduler::Worker::make_batch(const std::vector<Share>& shares) const {
    Batch batch;
    for (const Share& share : shares) {
        const auto sequence = static_cast<std::int32_t>(batch.sequences.size());
        batch.sequences.push_back(share.run->sequence->batch_sequence());
        std::int32_t position = share.run->position();
        for (std::int32_t token : share.tokens)
            batch.rows.push_back({.token = token,
                                  .position = position++,
                                  .sequence = sequence,
                                  .dials = {.experts = share.dials.experts},
                                  .decompressed = share.dials.decompressed});
        if (share.logits)
            wish(batch.rows.back(), *share.run, batch);
    }
    return batch;
}

/// What a run's draw needs to see. Answers drawn in the old way are drawn from all logits.
void Scheduler::Worker::wish(BatchRow& row, const ActiveRun& run, Batch& batch) const {
    auto candidates = run.draw_version() == DrawVersion::Cumulative
                          ? std::nullopt
                          : Sampler::wish(run.tuning(), run.tokens());
    row.wish = candidates ? RowWish::Candidates : RowWish::Logits;
    if (!candidates)
        return;
    row.candidates = static_cast<std::int32_t>(batch.candidate_wishes.size());
    batch.candidate_wishes.push_back(std::move(*candidates));
}

/// What a step found out about a row whose token is drawn.
struct Scheduler::Worker::Outcome {
    std::span<const float> logits; ///< where all were wished
    const Candidates* candidates = nullptr;
    const CandidateWish* wish = nullptr;
    PendingStep* step = nullptr; ///< which has all logits where the candidates do not serve
    int row = 0;                 ///< among those that wished candidates
};

void Scheduler::Worker::step(std::stop_token worker_stop) {
    const std::vector<RunPtr> chosen = choose(worker_stop);
    const StepEnd step_end{mutex_, chosen};
    const std::stop_token stop = step_stop_.get_token();
    std::vector<RunPtr> runs;
    std::ranges::copy_if(chosen, std::back_inserter(runs),
                         [&](const RunPtr& run) { return settle(run, stop); });
    const std::vector<Share> shares = share_out(runs);
    if (!shares.empty() && !stop.stop_requested()) {
        Batch batch;
        std::unique_ptr<PendingStep> pending;
        StepResult result;
        const auto failure = failure_of([&] {
            batch = make_batch(shares);
            pending = parts_.executor->start(batch, recoder_.weights(), stop);
            result = pending->wait();
        });
        if (failure)
            for (const Share& share : shares)
                end(share.run, FinishReason::Failed, *failure);
        else if (!result.cancelled)
            take_results(shares, batch, *pending, result);
    }
}

void Scheduler::Worker::take_results(const std::vector<Share>& shares, const Batch& batch, PendingStep& step,
                                     const StepResult& result) {
    const auto vocabulary = static_cast<std::size_t>(parts_.plan->vocabulary);
    std::size_t with_logits = 0, with_candidates = 0, row = 0;
    for (const Share& share : shares) {
        row += share.tokens.size();
        Outcome outcome;
        outcome.step = &step;
        switch (batch.rows[row - 1].wish) {
        case RowWish::Nothing:
            break;
        case RowWish::Logits:
            outcome.logits = std::span(result.logits).subspan(with_logits++ * vocabulary, vocabulary);
            break;
        case RowWish::Candidates:
            outcome.candidates = &result.candidates[with_candidates];
            outcome.wish = &batch.candidate_wishes[static_cast<std::size_t>(batch.rows[row - 1].candidates)];
            outcome.row = static_cast<int>(with_candidates++);
            break;
        }
        std::optional<FinishReason> reason;
        const auto failure = failure_of([&] { reason = take_result(share, outcome); });
        if (failure)
            end(share.run, FinishReason::Failed, *failure);
        else if (reason)
            end(share.run, *reason);
    }
}

/// Why the run ends with it, if it does.
std::optional<FinishReason> Scheduler::Worker::take_result(const Share& share, const Outcome& outcome) {
    ActiveRun& run = *share.run;
    const bool prefill = !run.decoding();
    cache_.commit(*run.sequence, share.tokens, share.dials);
    if (prefill)
        run.note_prefill();
    if (!share.logits)
        return std::nullopt;
    const auto position = static_cast<std::uint64_t>(run.position());
    std::optional<SampledToken> token;
    if (outcome.candidates)
        token = sampler_.sample(*outcome.candidates, *outcome.wish, run.tuning(), position);
    if (!token) {
        const std::vector<float> all =
            outcome.candidates ? outcome.step->all_logits(outcome.row) : std::vector<float>{};
        token = sampler_.sample(outcome.candidates ? all : outcome.logits, run.tuning(), run.tokens(),
                                position, run.draw_version());
    }
    return run.take(*token, precision_, parts_);
}

void Scheduler::Worker::end(const RunPtr run, FinishReason reason, std::string error) noexcept {
    if (run->sequence)
        cache_.close(run->sequence, run->request().keep_cache);
    {
        std::lock_guard lock(mutex_);
        std::erase(active_, run);
        std::erase(waiting_, run);
        if (run->replays() && replaying_) {
            replaying_ = false;
            recoder_.retarget(wanted_.weights);
        }
    }
    run->finish(reason, std::move(error));
}

// The public face.

Scheduler::Scheduler(EngineParts parts, SchedulerOptions options)
    : worker_(std::make_unique<Worker>(std::move(parts), std::move(options))) {}
Scheduler::~Scheduler() = default;

RunHandle Scheduler::submit(RunRequest request) { return worker_->submit(std::move(request)); }
void Scheduler::cancel(RunHandle run) { worker_->cancel(run); }
void Scheduler::set_tuning(RunHandle run, const SequenceTuning& tuning) { worker_->set_tuning(run, tuning); }
void Scheduler::set_model_tuning(const ModelTuning& tuning) { worker_->set_model_tuning(tuning); }
ModelTuning Scheduler::model_tuning() const { return worker_->model_tuning(); }
RecodeProgress Scheduler::recode_progress() const { return worker_->recode_progress(); }
void Scheduler::forget(std::uint64_t conversation) { worker_->forget(conversation); }
void Scheduler::wait_recoded() { worker_->wait_recoded(); }

} // namespace switchyard
