#include "tests/gpu/speed.h"

#include "engine/base/error.h"
#include "engine/model/shape_file.h"
#include "kernels/splitmix.h"
#include "tests/gpu/step_counts.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>

namespace switchyard {

Shape tiny_shape(const Shape& shape) {
    Shape tiny = cut_layers(shape, shape.config.dense() || shape.config.dense_layers == 0 ? 1 : 2);
    ModelConfig& c = tiny.config;
    const bool grouped = c.expert_groups > 1;
    c.hidden = 256;
    c.vocabulary = 384;
    c.heads = 4;
    if (c.latent()) {
        c.kv_lora_rank = 64;
        c.q_lora_rank = c.q_lora_rank > 0 ? 64 : 0;
        c.rope.dims = 32;
        c.head_dim = 64;
        c.value_dim = 32;
    } else {
        c.kv_heads = c.kv_heads < shape.config.heads ? 2 : 4;
        c.head_dim = c.value_dim = c.rope.dims = 64;
    }
    c.feed_forward = c.feed_forward > 0 ? 256 : 0;
    c.dense_layers = std::min(c.dense_layers, 1);
    if (!c.dense()) {
        c.experts = 4;
        c.experts_active = std::min(c.experts_active, 2);
        c.expert_width = c.shared_width = 256;
        if (shape.config.shared_width == 0)
            c.shared_width = 0;
        c.expert_groups = grouped ? 2 : 1;
        c.expert_groups_kept = 1;
    }
    for (int& window : c.windows)
        window = window > 0 ? 32 : 0;
    return tiny;
}

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

/// Sequences in a model's cache, and steps over them.
class Sequences {
  public:
    Sequences(LoadedModel& model, int count, int context, int room) : model_(model), context_(context) {
        const int from = model.executor().decompressed_rows();
        decompressed_ = from > 0 && context >= from;
        sequences_.resize(static_cast<std::size_t>(count));
        for (BatchSequence& sequence : sequences_)
            for (std::size_t b = 0; b < blocks_for(context + room); ++b)
                sequence.blocks.push_back(model_.executor().allocate_kv_block(BlockType::F16));
    }
    ~Sequences() {
        for (const BatchSequence& sequence : sequences_)
            for (const KvBlockId block : sequence.blocks)
                model_.executor().release_kv_block(block);
    }
    Sequences(const Sequences&) = delete;
    Sequences& operator=(const Sequences&) = delete;

    int count() const { return static_cast<int>(sequences_.size()); }

    /// A chunk of every sequence's prompt; the last row of a prompt that ends here has its token drawn.
    Batch prompt(int first, int rows) const {
        Batch batch;
        batch.sequences = sequences_;
        for (int s = 0; s < count(); ++s)
            for (int r = first; r < first + rows; ++r)
                batch.rows.push_back({.token = random_token(s, r),
                                      .position = r,
                                      .sequence = s,
                                      .decompressed = decompressed_,
                                      .prompt = model_.executor().prompt_rows() > 0});
        if (first + rows == context_)
            draw(batch, batch.rows.size() - 1);
        return batch;
    }
    /// A token of each answer. `fed`: what the step before drew.
    Batch answers(int step, bool fed) const {
        constexpr int kPlaces = 16; // the same over and over: the context stays as long as it is
        Batch batch;
        batch.sequences = sequences_;
        for (int s = 0; s < count(); ++s) {
            batch.rows.push_back({.token = fed ? -1 : random_token(s, -1 - step),
                                  .drawn_by = fed ? s : -1,
                                  .position = context_ + step % kPlaces,
                                  .sequence = s});
            draw(batch, batch.rows.size() - 1);
        }
        return batch;
    }
    static constexpr int kRoom = 16;

  private:
    std::int32_t random_token(int sequence, int at) const {
        const auto seed = static_cast<std::uint64_t>(sequence) << 32 ^ static_cast<std::uint32_t>(at);
        return static_cast<std::int32_t>(splitmix(seed) %
                                         static_cast<std::uint64_t>(model_.plan().vocabulary));
    }
    /// As the program draws where nobody moves a dial.
    static void draw(Batch& batch, std::size_t row) {
        batch.rows[row].wish = RowWish::Draw;
        batch.rows[row].draw = static_cast<std::int32_t>(batch.draw_wishes.size());
        DrawWish wish;
        wish.temperature = 0.7;
        wish.top_k = 40;
        wish.top_p = 0.95;
        wish.seed = static_cast<std::uint64_t>(batch.rows[row].sequence);
        wish.position = static_cast<std::uint64_t>(batch.rows[row].position) + 1;
        batch.draw_wishes.push_back(std::move(wish));
    }

    LoadedModel& model_;
    int context_;
    bool decompressed_; ///< prompts' form of latent attention, as the program chooses it
    std::vector<BatchSequence> sequences_;
};

class Measurement {
  public:
    Measurement(LoadedModel& model, const SpeedOptions& options, const Tell& tell)
        : model_(model), options_(options), tell_(tell) {}

    void answers(int count, int context) {
        Sequences sequences(model_, count, context, Sequences::kRoom);
        read_prompts(sequences, context);
        const StepCounts counts = count_answers(sequences);
        // As many as there are between two samples of the device's clock: the last lies among them.
        const int warm = options_.small ? 1 : 66, timed = options_.small ? 2 : 96;
        std::vector<double> seconds = run_answers(sequences, 0, warm);
        const StageTable before = model_.executor().stage_totals();
        seconds = run_answers(sequences, warm, timed);
        StageTable stages = model_.executor().stage_totals() - before;
        std::ranges::sort(seconds);
        Json json = head("decode");
        json["batch"] = count;
        json["context"] = context + Sequences::kRoom / 2;
        json["step_us"] = seconds[seconds.size() / 2] * 1e6;
        json["step_us_best"] = seconds.front() * 1e6;
        json["step_us_p90"] = seconds[seconds.size() * 9 / 10] * 1e6;
        if (const auto times = model_.executor().row_launch_times(); times && count == 1)
            json["launches"] = {{"graph_us", times->graph * 1e6}, {"program_us", times->program * 1e6}};
        add(json, counts, &stages);
        tell_(json);
    }

    void prompt(int tokens) {
        std::vector<double> seconds;
        StepCounts counts;
        for (int run = 0; run < (options_.small ? 1 : 3); ++run) { // the first wakes the kernels
            Sequences sequences(model_, 1, tokens, 0);
            const auto begin = Clock::now();
            read_prompts(sequences, tokens);
            seconds.push_back(seconds_between(begin, Clock::now()));
            if (run == 0)
                counts = count_prompt(sequences, tokens);
        }
        std::ranges::sort(seconds);
        Json json = head("prefill");
        json["tokens"] = tokens;
        json["chunk"] = std::min(tokens, chunk());
        json["seconds"] = seconds.front();
        add(json, counts, nullptr);
        tell_(json);
    }

  private:
    Json head(const char* measure) const {
        return {{"measure", measure},
                {"shape", options_.shape},
                {"weights", options_.type ? std::string(traits(*options_.type).name) : "as published"},
                {"layers", model_.config().layers}};
    }
    int chunk() const { return options_.small ? 64 : 4096; }

    StepResult run(Batch batch) { return model_.executor().run(std::move(batch), model_.weights()); }

    void read_prompts(Sequences& sequences, int tokens) {
        const int rows = std::max(1, chunk() / sequences.count());
        for (int first = 0; first < tokens; first += rows)
            run(sequences.prompt(first, std::min(rows, tokens - first)));
    }

    /// Mean over some steps: which experts are met, differs.
    StepCounts count_answers(Sequences& sequences) {
        const int steps = options_.small ? 1 : 8;
        StepCounts sum;
        for (int i = 0; i < steps; ++i)
            sum += count(sequences.answers(i, false));
        sum.divide(steps);
        return sum;
    }
    StepCounts count_prompt(Sequences& sequences, int tokens) {
        StepCounts sum;
        for (int first = 0; first < tokens; first += chunk())
            sum += count(sequences.prompt(first, std::min(chunk(), tokens - first)));
        return sum;
    }
    StepCounts count(Batch batch) {
        for (BatchRow& row : batch.rows)
            row.routing = true;
        const Batch asked = batch;
        return count_step(model_.plan(), *model_.weights(), asked, run(std::move(batch)).routing,
                          BlockType::F16);
    }

    /// Seconds from the end of each step to the end of the next, as many steps under way as the program has.
    std::vector<double> run_answers(Sequences& sequences, int first, int steps) {
        std::mutex mutex;
        std::vector<Clock::time_point> ends;
        std::deque<std::unique_ptr<PendingStep>> pending;
        const auto flights = static_cast<std::size_t>(std::max(1, model_.executor().steps_in_flight()));
        for (int i = 0; i <= steps; ++i) {
            if (pending.size() == flights) {
                pending.front()->wait();
                pending.pop_front();
            }
            pending.push_back(
                model_.executor().start(sequences.answers(first + i, i > 0), model_.weights(), {}, [&] {
                    const std::lock_guard lock(mutex);
                    ends.push_back(Clock::now());
                }));
        }
        for (const auto& step : pending)
            step->wait();
        pending.clear();
        const std::lock_guard lock(mutex);
        std::vector<double> seconds;
        for (std::size_t i = 1; i < ends.size(); ++i)
            seconds.push_back(seconds_between(ends[i - 1], ends[i]));
        return seconds;
    }

    void add(Json& json, const StepCounts& counts, const StageTable* times) const {
        json["bytes"] = counts.bytes();
        json["flops"] = 2 * counts.macs();
        for (const auto& [type, own] : counts.tiles)
            json["tiles"][std::string(traits(type).name)] = {own.alone, own.first, own.more};
        double all = 0;
        for (std::size_t k = 0; times && k < kStageKinds; ++k)
            all += times->uses[k].seconds;
        for (std::size_t k = 0; k < kStageKinds; ++k) {
            const StageCounts& own = counts.stages[k];
            const double seconds = times ? times->uses[k].seconds : 0;
            if (own.bytes() == 0 && seconds == 0)
                continue;
            Json& stage = json["stages"][std::string(stage_name(static_cast<StageKind>(k)))];
            stage["bytes"] = own.bytes();
            if (times && all > 0) // the device's clock tells shares of a step
                stage["us"] = seconds / all * json["step_us"].get<double>();
        }
    }

    LoadedModel& model_;
    const SpeedOptions& options_;
    const Tell& tell_;
};

} // namespace

TimedModel load_timed(const std::shared_ptr<Backend>& backend, const SpeedOptions& options) {
    Shape shape = find_shape(options.shape);
    if (options.small)
        shape = tiny_shape(shape);
    const auto begin = Clock::now();
    const auto file = fill_shape(shape, options.type);
    const auto filled = Clock::now();
    LoadOptions load;
    load.backend = backend;
    TimedModel timed;
    timed.model = LoadedModel::load(file, load);
    timed.generate_seconds = seconds_between(begin, filled);
    timed.load_seconds = seconds_between(filled, Clock::now());
    return timed;
}

void measure_speed(const std::shared_ptr<Backend>& backend, const SpeedOptions& options, const Tell& tell) {
    const TimedModel timed = load_timed(backend, options);
    tell({{"measure", "load"},
          {"shape", options.shape},
          {"weights", options.type ? std::string(traits(*options.type).name) : "as published"},
          {"generate_seconds", timed.generate_seconds},
          {"load_seconds", timed.load_seconds},
          {"host_bytes", timed.model->file().memory_bytes()},
          {"bytes", timed.model->weights()->bytes()}});
    Measurement measurement(*timed.model, options, tell);
    const bool small = options.small;
    measurement.answers(1, small ? 4 : 128 - Sequences::kRoom / 2);
    measurement.answers(32, small ? 4 : 128 - Sequences::kRoom / 2);
    measurement.prompt(small ? 70 : 4096);
    measurement.answers(1, small ? 70 : 8192 - Sequences::kRoom / 2);
    measurement.answers(8, small ? 4 : 128 - Sequences::kRoom / 2);
    measurement.prompt(small ? 5 : 512);
}

} // namespace switchyard
