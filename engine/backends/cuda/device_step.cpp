#include "engine/backends/cuda/device_step.h"

#include "engine/backends/cuda/attention_stages.h"
#include "engine/backends/cuda/norms_apart.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/feed_forward_data.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

namespace switchyard::cuda {

namespace {

/// Launches that one of a plan's stages is for one row, at most: of a latent attention.
constexpr std::size_t kStagesOfOne = 4;
/// Tokens from which on a context is of another size than short ones.
constexpr unsigned kContextClass = 1024;

/// Rows of a recorded step: the next of few sizes.
int recorded_rows(int rows) {
    int size = 1;
    while (size < rows)
        size *= 2;
    return size;
}

/// Whether grids and tables of a plan's launches follow from the longest context.
bool knows_context(const Plan& plan) {
    return std::ranges::any_of(plan.steps, [](const Step& step) {
        return std::holds_alternative<IndexStep>(step.operation) ||
               std::holds_alternative<CompressedAttentionStep>(step.operation);
    });
}

/// Whether prompts' rows can attend together in all layers.
bool prompts_attend_together(const Plan& plan, std::size_t shared_bytes) {
    return std::ranges::all_of(plan.steps, [&](const Step& step) {
        if (const auto* s = std::get_if<AttentionStep>(&step.operation); s && s->choice == kNoChoice)
            return prompt_buffer_bytes(s->head_dim, s->value_dim, false, shared_bytes) > 0;
        if (const auto* s = std::get_if<LatentAttentionStep>(&step.operation); s && s->choice == kNoChoice)
            return prompt_buffer_bytes(s->latent_dim + s->rope, s->latent_dim, true, shared_bytes) > 0;
        return true;
    });
}

/// The position from which on no row's context is decompressed: keys and values of all heads, of a context of
/// so many tokens, are all that the memory for them may hold. 0: the device's kernels do not take such heads,
/// or rows choose what they attend to.
int decompressed_until(const Plan& plan, std::size_t shared_bytes) {
    constexpr std::size_t kMostBytes = std::size_t{512} << 20;
    int until = 0;
    for (const Step& step : plan.steps)
        if (const auto* s = std::get_if<LatentAttentionStep>(&step.operation)) {
            if (s->choice != kNoChoice ||
                prompt_buffer_bytes(s->nope + s->rope, s->value_dim, false, shared_bytes) == 0)
                return 0;
            const auto tokens =
                static_cast<int>(kMostBytes / decompressed_layout(*s).block_bytes(CacheType::F16)) *
                kKvBlockTokens;
            until = until == 0 ? tokens : std::min(until, tokens);
        }
    return until;
}

/// Two where what is its gate is its up as well.
std::size_t matrices_of_an_expert(const Plan& plan) {
    return std::ranges::any_of(plan.steps,
                               [](const Step& step) {
                                   const auto* s = std::get_if<ExpertsStep>(&step.operation);
                                   return s && s->gate == s->up;
                               })
               ? 2
               : 3;
}

double macs_of(const StageTable& stages) {
    double sum = 0;
    for (const StageUse& use : stages.uses)
        sum += static_cast<double>(use.macs);
    return sum;
}

int library_rows(const Batch& batch) {
    return static_cast<int>(std::ranges::count_if(
        batch.rows, [](const BatchRow& row) { return row.prompt && !row.own_products; }));
}

int longest_context(const Batch& batch) {
    std::size_t blocks = 0;
    for (const BatchSequence& sequence : batch.sequences)
        blocks = std::max(blocks, sequence.blocks.size());
    return static_cast<int>(blocks) * kKvBlockTokens;
}

int most_experts(const Batch& batch, const Plan& plan) {
    int most = 0;
    for (const BatchRow& row : batch.rows)
        most = std::max(most, row.dials.experts > 0 ? row.dials.experts : plan.experts_active);
    return std::min(most, plan.experts);
}

} // namespace

DeviceStep::DeviceStep(const Plan& plan, std::shared_ptr<DevicePool> pool, const KvStore& kv,
                       const DeviceStepOptions& options)
    : plan_(plan), pool_(std::move(pool)), kv_(kv), launches_(options.launches), offloads_(options.offloads),
      step_budget_(options.step_budget), knows_context_(knows_context(plan)),
      has_prompt_form_(prompts_attend_together(plan, pool_->device().info().shared_bytes)), weights_(pool_),
      inputs_(*pool_), candidates_(*pool_), clock_(pool_),
      experts_(pool_, options.expert_cache, matrices_of_an_expert(plan)), table_staging_(pool_->device()),
      downloads_(pool_->device()), stream_(pool_->device().make_stream()) {
    const FusedPlan fused = fuse(with_norms_apart(plan_));
    stages_ = compile_stages(fused, {plan_, weights_, constants_, pool_->device().info(), arrivals_});
    program_stages_ = kStagesOfOne * stages_.size();
    program_arrivals_ = arrivals_.add(static_cast<int>(program_stages_));
    scratch_.values.resize(plan_.values.size());
    inputs_.set_decompressed_until(
        has_prompt_form_ ? decompressed_until(plan_, pool_->device().info().shared_bytes) : 0);
    scratch_.dense.products = pool_->device().dense_products();
    scratch_.dense.device = &pool_->device().info();
    scratch_.ropes.resize(fused.ropes.size());
    scratch_.choices.resize(static_cast<std::size_t>(plan_.routes));
    scratch_.index_choices.resize(static_cast<std::size_t>(plan_.choices));
    for (auto* events : {&passed_, &ended_, &begun_, &done_})
        for (auto& event : *events)
            event = pool_->device().make_event();
}

void DeviceStep::prepare() {
    if (!has_library())
        return;
    try {
        for (const auto& stage : stages_) {
            const std::lock_guard lock(pool_->device().steps());
            stage->prepare(scratch_.dense.room());
        }
    } catch (const DeviceError& error) {
        if (error.lost())
            throw;
    } // the first prompt asks again
}

StepLaunch DeviceStep::launch_of(const StepShape& shape) {
    return {plan_, weights_, constants_, kv_, inputs_, scratch_, shape, *stream_, pool_->device()};
}

bool DeviceStep::is_recorded(const StepShape& shape) const {
    return launches_ != StepLaunches::Stages && shape.rows <= kFewRows && shape.logit_rows == shape.rows &&
           shape.prompt_rows == 0 && shape.sequences <= recorded_rows(shape.rows) && !offloads_;
}

void DeviceStep::want(const Batch& batch, const StepShape& shape) {
    StepInputs::Room room{static_cast<std::size_t>(shape.rows), static_cast<std::size_t>(shape.sequences), 0,
                          0, arrivals_.count()};
    for (const BatchSequence& sequence : batch.sequences) {
        room.states += sequence.states_after.size();
        room.blocks += sequence.blocks.size();
    }
    for (const std::vector<std::uint32_t>& mask : batch.off_masks)
        room.mask_words += mask.size();
    inputs_.want(room);
    for (std::size_t v = 0; v < scratch_.values.size(); ++v)
        scratch_.values[v].want(static_cast<std::size_t>(shape.rows) *
                                static_cast<std::size_t>(plan_.values[v]) * sizeof(float));
    for (const auto& stage : stages_)
        stage->reserve(shape, scratch_);
    if (tries_programs(launches_) && is_recorded(shape) && shape.rows == 1)
        scratch_.program.want(RowProgram::bytes_of(program_stages_));
}

void DeviceStep::take_room(const StepWishes& wishes, int place) {
    try {
        bool moved = inputs_.settle(*pool_);
        scratch_.each([&](ScratchBuffer& buffer) { moved |= buffer.settle(*pool_); });
        if (moved)
            recorded_.clear();
        candidates_.make_room(wishes, plan_.vocabulary, place);
    } catch (const std::exception&) {
        recorded_.clear();
        inputs_.forget();
        scratch_.each([](ScratchBuffer& buffer) { buffer.forget(); });
        candidates_.forget();
        throw;
    }
}

std::size_t DeviceStep::scratch_bytes() {
    std::size_t sum = inputs_.bytes() + weights_.bytes() + candidates_.bytes();
    scratch_.each([&](const ScratchBuffer& buffer) { sum += buffer.bytes(); });
    return sum;
}

std::size_t DeviceStep::forecast(int rows, int context, int experts) {
    inputs_.only_measure();
    scratch_.each([](ScratchBuffer& buffer) { buffer.only_measure(); });
    Batch batch;
    batch.sequences.push_back({std::vector<KvBlockId>(blocks_for(context))});
    batch.rows.resize(1);
    batch.rows.front().dials.experts = experts;
    // A prompt's length decides how all of its chunks are read.
    const int prompts = prompt_rows() > 0 && context >= prompt_rows() ? rows : 0;
    const bool decompressed = decompressed_rows() > 0 && context >= decompressed_rows();
    const int decompressed_context = decompressed ? std::min(context, inputs_.decompressed_until()) : 0;
    const int room = static_cast<int>(blocks_for(context)) * kKvBlockTokens;
    want(batch, {.rows = rows,
                 .logit_rows = 1,
                 .prompt_rows = prompts,
                 .library_rows = has_library() ? prompts : 0,
                 .decompressed_rows = decompressed ? rows : 0,
                 .decompressed_blocks = static_cast<int>(blocks_for(decompressed_context)),
                 .context = room,
                 .sequences = 1,
                 .experts = most_experts(batch, plan_),
                 .fetches = offloads_,
                 .formats = kInputF32 | kInputBytes});
    want(batch, {.rows = 1,
                 .logit_rows = 1,
                 .context = recorded_context(room),
                 .sequences = 1,
                 .experts = plan_.experts, // as steps of answers are recorded
                 .fetches = offloads_,
                 .formats = kInputF32 | kInputBytes});
    return scratch_bytes();
}

DeviceStep::Launched DeviceStep::launched(const StepWishes& wishes, const WeightSet& weights,
                                          StepResult& result) {
    const Batch& batch = wishes.batch();
    inputs_.find_decompressed(batch);
    StepShape shape{.rows = static_cast<int>(batch.rows.size()),
                    .logit_rows = static_cast<int>(wishes.logit_rows().size()),
                    .prompt_rows = static_cast<int>(std::ranges::count_if(batch.rows, &BatchRow::prompt)),
                    .library_rows = has_library() ? library_rows(batch) : 0,
                    .context = longest_context(batch),
                    .sequences = static_cast<int>(batch.sequences.size()),
                    .experts = most_experts(batch, plan_),
                    .fetches = offloads_,
                    .formats = weights_.all_formats()};
    for (const DecompressedRows& own : inputs_.decompressed()) {
        shape.decompressed_rows += own.count;
        shape.decompressed_blocks = std::max(shape.decompressed_blocks, own.blocks);
    }
    const bool recorded = is_recorded(shape);
    for (const auto& stage : stages_)
        stage->count(shape, weights, result.stages);
    const int experts = shape.experts;
    if (recorded) {
        shape.rows = shape.logit_rows = recorded_rows(shape.rows);
        shape.sequences = shape.rows;  // there are no more of them
        shape.experts = plan_.experts; // the dial moves, and the recording stays
        shape.context = recorded_context(shape.context);
    }
    return {.shape = shape,
            .place = next_place_,
            .recorded = recorded,
            .experts = experts,
            .sampled = false,
            .by_program = false,
            .timed = nullptr,
            .began = std::chrono::steady_clock::now(),
            .traffic = experts_.cache().use().traffic};
}

bool DeviceStep::launch(const StepWishes& wishes, const WeightSet& weights, const StepStop& stop,
                        StepResult& result) {
    turn_ = std::unique_lock(pool_->device().steps());
    if (!weights_.built()) {
        constants_.upload(*pool_);
        weights_.build(weights);
    }
    weights_.update(weights, *stream_, table_staging_);
    if (std::exchange(timed_weights_, &weights) != &weights) { // other precisions take other times
        quicker_.clear();
        latest_way_ = nullptr;
    }
    if (offloads_) {
        experts_.cache().settle(weights);
        experts_.set_step(weights, weights_, *stream_);
    }
    Launched own = launched(wishes, weights, result);
    want(wishes.batch(), own.shape);
    take_room(wishes, own.place);
    choose_way(own, wishes.batch().rows.front().position);
    return start(wishes, {}, stop, macs_of(result.stages), own);
}

bool DeviceStep::start(const StepWishes& wishes, std::span<const FollowRow> follow, const StepStop& stop,
                       double macs, const Launched& own) {
    inputs_.upload(wishes, kv_, own.shape.rows, own.place, *stream_);
    candidates_.upload(wishes, follow, own.place, *stream_);
    if (!follow.empty())
        candidates_.draw_next(inputs_.rows_to_feed(), own.place, *stream_);
    if (own.shape.prompt_rows > 0)
        weights_.find_ranges(*stream_);
    if (own.recorded)
        start_graph(own);
    else if (!launch_stages(own.shape, macs, stop, own.sampled ? &clock_ : nullptr)) {
        turn_ = {};
        return false;
    }
    candidates_.launch(scratch_.logits.get<float>(), own.place, *stream_);
    stream_->record(*ended_[own.place]);
    launched_.push_back(own);
    next_place_ = 1 - own.place;
    return true;
}

bool DeviceStep::room_moves(const StepWishes& wishes, int place) {
    bool moves = inputs_.moves() || candidates_.moves(wishes, plan_.vocabulary, place);
    scratch_.each([&](const ScratchBuffer& buffer) { moves |= buffer.moves(); });
    return moves;
}

bool DeviceStep::follow(const StepWishes& before, const StepWishes& wishes, const WeightSet& weights,
                        StepResult& result) {
    Launched own = launched(wishes, weights, result);
    want(wishes.batch(), own.shape);
    if (!own.recorded || room_moves(wishes, own.place))
        return false;
    candidates_.make_room(wishes, plan_.vocabulary, own.place); // on the host
    choose_way(own, wishes.batch().rows.front().position);
    std::vector<FollowRow> follow;
    const std::vector<BatchRow>& rows = wishes.batch().rows;
    for (std::size_t r = 0; r < rows.size(); ++r)
        follow.push_back({static_cast<std::int32_t>(r),
                          before.number_for_draw(static_cast<std::size_t>(rows[r].drawn_by)),
                          wishes.number_for_draw(r)});
    return start(wishes, follow, {}, 0, own);
}

bool DeviceStep::ended() { return ended_[launched_.front().place]->passed(); }

void DeviceStep::forget_first() {
    finished_place_ = launched_.front().place;
    launched_.pop_front();
    if (launched_.empty())
        turn_ = {};
}

void DeviceStep::drop() noexcept {
    if (!turn_.owns_lock())
        return;
    try {
        stream_->synchronise();
    } catch (const std::exception&) { // the next step says so
    }
    launched_.clear();
    turn_ = {};
}

bool DeviceStep::finish(StepWishes& wishes, const StepStop& stop, StepResult& result) {
    const Launched own = launched_.front();
    ended_[own.place]->wait();
    forget_first();
    const auto begin = std::max(own.began, std::exchange(finished_, std::chrono::steady_clock::now()));
    if (stop.requested())
        return false;
    if (own.sampled)
        clock_.read();
    if (own.timed)
        own.timed->tell(own.by_program ? 1 : 0, done_[own.place]->seconds_since(*begun_[own.place]));
    candidates_.read(wishes.sought(), own.place);
    for (Sought& sought : wishes.sought()) // lists that no kernel has room for
        if (sought.wish->best > kMostBest)
            sought.found = find_candidates(logits(sought.row), *sought.wish);
    tell_routing(wishes.batch(), own.shape.experts, result);
    result.experts = experts_.cache().use().traffic - own.traffic;
    clock_.share(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
                 result.stages);
    return true;
}

void DeviceStep::choose_way(Launched& own, int position) {
    own.sampled = clock_.due();
    if (!own.recorded || own.sampled || own.shape.rows > 1)
        return;
    own.by_program = launches_ == StepLaunches::Programs;
    if (launches_ != StepLaunches::Measured)
        return;
    QuickerWay& quicker =
        quicker_[{own.experts, std::bit_width(static_cast<unsigned>(position) / kContextClass)}];
    latest_way_ = &quicker;
    own.by_program = quicker.next() == 1;
    own.timed = quicker.found() ? nullptr : &quicker;
}

void DeviceStep::start_graph(const Launched& own) {
    const RecordingKey key = {own.shape.rows, knows_context_ ? own.shape.context : 0, own.sampled,
                              own.by_program};
    Recording& recording = recorded_[key];
    if (key.sampled)
        clock_.begin(recording.kinds);
    if (!recording.graph)
        record(key, own.shape, recording);
    if (own.timed)
        stream_->record(*begun_[own.place]);
    stream_->start(*recording.graph);
    if (own.timed)
        stream_->record(*done_[own.place]);
    if (key.sampled)
        clock_.fetch(*stream_);
}

void DeviceStep::record(const RecordingKey& key, const StepShape& shape, Recording& recording) {
    if (key.by_program)
        recording.program = std::make_unique<RowProgram>(
            pool_->device(), scratch_.program.get(), program_stages_, inputs_.arrivals() + program_arrivals_);
    stream_->begin_recording();
    try {
        StepLaunch step = launch_of(shape);
        step.program = recording.program.get();
        if (key.sampled)
            step.clock = &clock_;
        for (const auto& stage : stages_)
            stage->launch(step);
        step.launch_program();
        if (key.sampled)
            recording.kinds = clock_.end(*stream_);
        auto graph = stream_->end_recording();
        if (recording.program)
            recording.program->upload(*stream_);
        recording.graph = std::move(graph); // it is whole
    } catch (...) {                         // what comes next is not part of it
        stream_->drop_recording();
        throw;
    }
}

/// Stages are started as far ahead as some milliseconds of work; false: a stop came between.
bool DeviceStep::launch_stages(const StepShape& shape, double macs, const StepStop& stop, StageClock* clock) {
    constexpr double kAhead = 6; // stages: two or three layers
    StepLaunch step = launch_of(shape);
    StepPace pace(*stream_, passed_, stop,
                  step_budget_ > 0 ? step_budget_ : StepPace::budget_of(pool_->device().info()));
    step.clock = clock;
    step.fetch = offloads_ ? &experts_ : nullptr;
    step.pace = shape.rows > kFewRows ? &pace : nullptr;
    if (clock)
        clock->begin();
    try {
        for (const auto& stage : stages_) {
            stage->launch(step);
            if (step.pace)
                pace.add(std::max(pace.budget() / kAhead, macs / static_cast<double>(stages_.size())));
            if (offloads_ && stop.requested())
                throw StepPace::Stopped();
        }
    } catch (const StepPace::Stopped&) {
        stream_->synchronise();
        return false;
    }
    if (clock) {
        clock->end(*stream_);
        clock->fetch(*stream_);
    }
    return true;
}

std::span<const float> DeviceStep::logits(std::size_t row) {
    const auto vocabulary = static_cast<std::size_t>(plan_.vocabulary);
    const std::size_t bytes = vocabulary * sizeof(float);
    std::byte* host = downloads_.reserve(bytes);
    stream_->copy_to_host(host, scratch_.logits.get<std::byte>() + row * bytes, bytes);
    stream_->synchronise();
    return {reinterpret_cast<const float*>(host), vocabulary};
}

/// The experts of the rows that asked.
void DeviceStep::tell_routing(const Batch& batch, int most, StepResult& result) {
    if (result.routing.rows == 0)
        return;
    const auto stride = static_cast<std::size_t>(most);
    const std::size_t bytes = batch.rows.size() * stride * sizeof(ExpertChoice);
    for (int router = 0; router < plan_.routes; ++router) {
        std::byte* host = downloads_.reserve(bytes);
        stream_->copy_to_host(host, scratch_.choices[static_cast<std::size_t>(router)].get<std::byte>(),
                              bytes);
        stream_->synchronise();
        const std::span choices(reinterpret_cast<const ExpertChoice*>(host), bytes / sizeof(ExpertChoice));
        int asked = 0;
        for (std::size_t r = 0; r < batch.rows.size(); ++r) {
            if (!batch.rows[r].routing)
                continue;
            const auto told = result.routing.of(router, asked++);
            const auto own = choices.subspan(r * stride, std::min(stride, told.size()));
            for (std::size_t i = 0; i < own.size() && own[i].expert >= 0; ++i)
                told[i] = {static_cast<std::int16_t>(own[i].expert), own[i].weight};
        }
    }
}

} // namespace switchyard::cuda
