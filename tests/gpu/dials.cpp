#include "tests/gpu/dials.h"

#include "app/cli/bench_recode.h"
#include "engine/base/error.h"
#include "engine/run/scheduler.h"

#include <algorithm>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::int32_t> some_prompt(const LoadedModel& model) {
    constexpr int kTokens = 48, kStep = 37;
    std::vector<std::int32_t> prompt;
    for (int i = 0; i < kTokens; ++i)
        prompt.push_back((i + 1) * kStep % model.plan().vocabulary);
    return prompt;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}

/// Follows one move of the slider through the tokens of an answer.
class SliderWatch {
  public:
    SliderWatch(Scheduler& scheduler, SequenceTuning tuning, int experts)
        : scheduler_(scheduler), tuning_(tuning) {
        tuning_.experts = experts;
    }

    void operator()(const SchedulerEvent& event) {
        if (event.kind != SchedulerEvent::Kind::Token)
            return;
        const bool moved = usual_.size() == kUsual, obeyed = event.token.experts_active == tuning_.experts;
        if (moved && obeyed) {
            after_.push_back(event.token.latency_ms);
            first_ms_ = first_ms_ > 0 ? first_ms_ : event.token.latency_ms;
        } else if (moved) {
            ++meanwhile_;
        } else if (seen_++ > 0) { // the first waits for the prompt
            usual_.push_back(event.token.latency_ms);
            if (usual_.size() == kUsual)
                scheduler_.set_tuning(event.run, tuning_);
        }
    }

    static constexpr std::size_t kUsual = 16;
    Json result() const {
        return {{"experts", tuning_.experts},
                {"tokens_until_obeyed", meanwhile_},
                {"first_token_ms", first_ms_},
                {"usual_token_ms", median(usual_)},
                {"token_ms_afterwards", median(after_)}};
    }

  private:
    Scheduler& scheduler_;
    SequenceTuning tuning_;
    std::vector<double> usual_, after_;
    double first_ms_ = 0;
    int seen_ = 0, meanwhile_ = 0;
};

SequenceTuning answer_tuning(const LoadedModel& model) {
    SequenceTuning tuning;
    tuning.max_tokens = model.config().context;
    tuning.repetition_penalty = 1;
    return tuning;
}

Json head(const char* measure, const SpeedOptions& options) {
    return {{"measure", measure},
            {"shape", options.shape},
            {"weights", options.type ? std::string(traits(*options.type).name) : "as published"}};
}

} // namespace

void measure_precision(const std::shared_ptr<Backend>& backend, const SpeedOptions& options,
                       const Tell& tell) {
    const auto model = load_timed(backend, options).model;
    Scheduler scheduler(engine_parts(model));
    const std::vector<std::int32_t> prompt = some_prompt(*model);
    for (const std::string_view name : {"Q8_0", "Q4_K", "file"})
        for (Json& change : bench_recode(scheduler, *model, answer_tuning(*model), prompt, {}, {name})) {
            Json json = head("precision", options);
            json.update(change);
            tell(json);
        }
}

void measure_experts(const std::shared_ptr<Backend>& backend, const SpeedOptions& options, const Tell& tell) {
    const auto model = load_timed(backend, options).model;
    const int usual = model->plan().experts_active;
    Scheduler scheduler(engine_parts(model));
    for (const int experts : {std::max(1, usual / 2), std::min(usual + 1, model->plan().experts)}) {
        RunRequest request;
        request.prompt = some_prompt(*model);
        request.tuning = answer_tuning(*model);
        request.tuning.max_tokens = 3 * static_cast<int>(SliderWatch::kUsual);
        SliderWatch watch(scheduler, request.tuning, experts);
        request.ignore_end = true;
        request.keep_cache = false;
        request.on_event = [&watch](const SchedulerEvent& event) { watch(event); };
        if (const RunRecord record = run_to_end(scheduler, std::move(request)); !record.error.empty())
            throw Error(record.error);
        Json json = head("experts", options);
        json["usual_experts"] = usual;
        json.update(watch.result());
        tell(json);
    }
}

} // namespace switchyard
