#include "app/cli/bench_recode.h"

#include "engine/base/error.h"

#include <algorithm>
#include <chrono>

namespace switchyard {
namespace {

using Clock = std::chrono::steady_clock;

/// Follows one change of precision through the tokens of an answer.
class Watch {
  public:
    Watch(Scheduler& scheduler, std::string name, ModelTuning target)
        : scheduler_(scheduler), name_(std::move(name)), target_(target) {}

    void operator()(const SchedulerEvent& event) {
        if (event.kind == SchedulerEvent::Kind::Prefill && before_ > kUsual)
            read_again_ = event.prefill_done;
        if (event.kind != SchedulerEvent::Kind::Token)
            return;
        const TokenRecord& token = event.token;
        if (token.quant != name_) {
            if (++before_ > 1) // the first waits for the prompt
                usual_.push_back(token.latency_ms);
            if (before_ == kUsual + 1) {
                began_ = Clock::now();
                scheduler_.set_model_tuning(target_);
            }
            return;
        }
        if (seconds_ > 0) {
            afterwards_.push_back(token.latency_ms);
            if (afterwards_.size() == kUsual)
                scheduler_.cancel(event.run);
            return;
        }
        meanwhile_.push_back(token.latency_ms);
        if (token.recoded_slices == token.recode_total)
            seconds_ = std::chrono::duration<double>(Clock::now() - began_).count();
    }

    nlohmann::ordered_json result(std::uint64_t weights_bytes) const {
        return {{"quant", name_},
                {"seconds", seconds_},
                {"tokens_meanwhile", meanwhile_.size()},
                {"median_token_ms", at(meanwhile_, 0.5)},
                {"p95_token_ms", at(meanwhile_, 0.95)},
                {"longest_token_ms", at(meanwhile_, 1)},
                {"usual_token_ms", at(usual_, 0.5)},
                {"token_ms_afterwards", at(afterwards_, 0.5)},
                {"first_token_afterwards_ms", afterwards_.empty() ? 0.0 : afterwards_.front()},
                {"context_read_again", read_again_},
                {"weights_bytes", weights_bytes}};
    }
    bool done() const { return seconds_ > 0; }

  private:
    /// The value below which this share of them is.
    static double at(std::vector<double> values, double share) {
        std::ranges::sort(values);
        const auto index = static_cast<std::size_t>(static_cast<double>(values.size()) * share);
        return values.empty() ? 0 : values[std::min(index, values.size() - 1)];
    }

    static constexpr int kUsual = 16; ///< tokens that tell what is usual
    Scheduler& scheduler_;
    std::string name_;
    ModelTuning target_;
    Clock::time_point began_;
    std::vector<double> usual_, meanwhile_, afterwards_;
    int before_ = 0, read_again_ = 0;
    double seconds_ = 0;
};

} // namespace

nlohmann::ordered_json bench_recode(Scheduler& scheduler, const LoadedModel& model,
                                    const SequenceTuning& tuning, std::span<const std::int32_t> prompt,
                                    std::stop_token stop, std::vector<std::string_view> names) {
    auto results = nlohmann::ordered_json::array();
    const ControlSpec& quant = *find_control("quant");
    if (names.empty()) {
        names.assign(quant.choices.begin() + 1, quant.choices.end());
        names.push_back(quant.choices.front()); // back to the file's own at the end
    }
    for (std::string_view name : names) {
        Watch watch(scheduler, std::string(name), with_control({}, quant, std::string(name)).model);
        RunRequest request;
        request.prompt.assign(prompt.begin(), prompt.end());
        request.tuning = tuning;
        request.tuning.temperature = 0;
        request.tuning.max_tokens = model.config().context;
        request.ignore_end = true;
        request.keep_cache = false;
        request.on_event = [&watch](const SchedulerEvent& event) { watch(event); };
        const RunRecord record = run_to_end(scheduler, std::move(request), stop);
        if (stop.stop_requested())
            throw Error("the benchmark was stopped");
        if (record.finish == FinishReason::Failed)
            throw Error(record.error);
        if (!watch.done())
            throw Error("re-encoding to " + std::string(name) + " took longer than an answer of " +
                        std::to_string(record.timings.generated_tokens) + " tokens");
        results.push_back(watch.result(record.tokens.back().weights_bytes));
    }
    return results;
}

} // namespace switchyard
