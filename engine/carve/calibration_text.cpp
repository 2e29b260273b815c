#include "engine/carve/calibration_text.h"

#include "engine/base/error.h"
#include "engine/carve/calibration_questions.h"
#include "engine/files/output_file.h"
#include "engine/run/chat_prompt.h"
#include "engine/run/scheduler.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <numeric>

namespace switchyard {

namespace {

constexpr int kAnswerTokens = 512;
constexpr int kRuns = 32; ///< at once
constexpr std::size_t kPrompts = kCalibrationQuestions.size() + kCalibrationOpenings.size();
constexpr std::size_t kLoopLength = 8; ///< tokens that make a loop
constexpr int kLoopTimes = 4;          ///< where they come so often
constexpr std::size_t kMostCalibrationBytes = 64 << 20;

// How people draw answers differs, and so does what a model then writes: each prompt takes the next of these
// in each round.
struct Drawing {
    double temperature, top_p;
    int top_k;
    double repetition_penalty;
};
constexpr std::array<Drawing, 4> kDrawings{
    {{0.7, 0.95, 0, 1.0}, {0.2, 0.9, 0, 1.0}, {1.0, 1.0, 0, 1.0}, {0.7, 0.95, 40, 1.1}}};
constexpr Drawing kPlainDrawing{1.0, 1.0, 0, 1.0}; ///< openings: as the model believes

const Tokenizer& tokenizer_of(const LoadedModel& model) {
    if (!model.tokenizer())
        throw Error(model.path().string() +
                    " has no tokenizer: give calibration text for a model that has one");
    return *model.tokenizer();
}

// Five questions, then the beginning of another text, and so on: also a short calibration has both.
constexpr std::size_t kOpeningEvery = 6;
static_assert(kCalibrationQuestions.size() == (kOpeningEvery - 1) * kCalibrationOpenings.size());
bool is_opening(std::size_t prompt) { return prompt % kOpeningEvery == kOpeningEvery - 1; }

// A question as the chat template puts it, or an opening as it is.
std::vector<std::int32_t> prompt_tokens(const LoadedModel& model, std::size_t prompt) {
    if (is_opening(prompt))
        return text_prompt(model, kCalibrationOpenings[prompt / kOpeningEvery]);
    const std::string_view question = kCalibrationQuestions[prompt - prompt / kOpeningEvery];
    if (!model.chat_template())
        return text_prompt(model, question);
    nlohmann::ordered_json messages = nlohmann::ordered_json::array();
    messages.push_back({{"role", "user"}, {"content", question}});
    return chat_prompt(model, messages).ids;
}

SequenceTuning tuning_of(std::size_t prompt, std::uint64_t round) {
    const Drawing& d = is_opening(prompt) ? kPlainDrawing : kDrawings[(prompt + round) % kDrawings.size()];
    SequenceTuning t;
    t.temperature = d.temperature;
    t.top_p = d.top_p;
    t.top_k = d.top_k;
    t.repetition_penalty = d.repetition_penalty;
    t.seed = round * 1000 + prompt;
    t.max_tokens = kAnswerTokens;
    return t;
}

// A round puts every prompt once, all in one batch.
class Round {
  public:
    Round(const std::shared_ptr<LoadedModel>& model, std::uint64_t number)
        : model_(*model), end_(tokenizer_of(*model).eos()), scheduler_(engine_parts(model), options()) {
        for (std::size_t p = 0; p < kPrompts; ++p) {
            texts_.push_back(prompt_tokens(model_, p));
            lengths_.push_back(texts_.back().size());
        }
        open_ = kPrompts;
        for (std::size_t p = 0; p < kPrompts; ++p)
            handles_.push_back(submit(p, number));
    }

    /// Until all have answered, or `enough(tokens produced)` says so.
    template <typename Enough>
    void wait(Enough enough) {
        std::unique_lock lock(mutex_);
        while (open_ > 0) {
            finished_.wait_for(lock, std::chrono::milliseconds(50));
            if (!enough(produced_))
                continue;
            lock.unlock();
            for (RunHandle h : handles_)
                scheduler_.cancel(h);
            lock.lock();
            finished_.wait(lock, [&] { return open_ == 0; });
        }
    }

    /// What was written, prompts included, without loops: they would outweigh the rest.
    std::vector<std::vector<std::int32_t>> take() {
        std::vector<std::vector<std::int32_t>> answered;
        for (std::size_t p = 0; p < texts_.size(); ++p) {
            cut_loop(texts_[p], lengths_[p]);
            if (texts_[p].size() > lengths_[p])
                answered.push_back(std::move(texts_[p]));
        }
        return answered;
    }

  private:
    static SchedulerOptions options() {
        SchedulerOptions o;
        o.max_runs = kRuns;
        return o;
    }

    RunHandle submit(std::size_t prompt, std::uint64_t number) {
        RunRequest request;
        request.prompt = texts_[prompt];
        request.priority = RunPriority::Lab;
        request.tuning = tuning_of(prompt, number);
        request.keep_cache = false;
        request.on_event = [this, prompt](const SchedulerEvent& event) { on_event(prompt, event); };
        return scheduler_.submit(std::move(request));
    }

    void on_event(std::size_t prompt, const SchedulerEvent& event) {
        const std::lock_guard lock(mutex_);
        if (event.kind == SchedulerEvent::Kind::Token) {
            texts_[prompt].push_back(event.token.id);
            ++produced_;
        } else if (event.kind == SchedulerEvent::Kind::Finished) {
            // The end of a turn is not among the tokens of an answer, but it is read in every later turn.
            if (event.record && event.record->finish == FinishReason::EndOfTurn && end_ >= 0)
                texts_[prompt].push_back(end_);
            --open_;
        }
        finished_.notify_one();
    }

    LoadedModel& model_;
    std::int32_t end_;
    std::mutex mutex_;
    std::condition_variable finished_;
    std::vector<std::vector<std::int32_t>> texts_;
    std::vector<std::size_t> lengths_; ///< of the prompts
    std::size_t open_ = 0, produced_ = 0;
    std::vector<RunHandle> handles_;
    Scheduler scheduler_; ///< last: its thread uses the others
};

std::size_t count_tokens(const std::vector<std::vector<std::int32_t>>& texts) {
    return std::accumulate(texts.begin(), texts.end(), std::size_t{0},
                           [](std::size_t sum, const auto& text) { return sum + text.size(); });
}

} // namespace

void cut_loop(std::vector<std::int32_t>& text, std::size_t from) {
    std::map<std::vector<std::int32_t>, int> times;
    for (std::size_t i = from; i + kLoopLength <= text.size(); ++i) {
        const auto begin = text.begin() + static_cast<std::ptrdiff_t>(i);
        if (++times[std::vector<std::int32_t>(begin, begin + kLoopLength)] == kLoopTimes) {
            text.resize(i);
            return;
        }
    }
}

std::vector<std::vector<std::int32_t>> generate_calibration_text(const std::shared_ptr<LoadedModel>& model,
                                                                 std::size_t tokens,
                                                                 const CarveProgress& progress) {
    std::vector<std::vector<std::int32_t>> texts;
    for (std::uint64_t number = 0; count_tokens(texts) < tokens; ++number) {
        const std::size_t have = count_tokens(texts);
        Round round(model, number);
        std::size_t most = 0;
        round.wait([&](std::size_t produced) {
            most = produced;
            if (progress.report)
                progress.report(
                    std::min(1.0, static_cast<double>(have + produced) / static_cast<double>(tokens)),
                    "writing calibration text");
            return have + produced >= tokens || progress.stop.stop_requested();
        });
        if (progress.stop.stop_requested())
            throw Error("carving was stopped");
        if (most == 0)
            throw Error(model->config().name + " answers nothing: give a calibration text");
        auto more = round.take();
        texts.insert(texts.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    return texts;
}

std::vector<std::vector<std::int32_t>>
read_calibration_text(const LoadedModel& model, const std::filesystem::path& path, std::size_t length) {
    std::ifstream file(path, std::ios::binary);
    std::error_code error;
    if (!file || std::filesystem::is_directory(path, error))
        throw Error("cannot open the calibration text " + path.string());
    std::string text(kMostCalibrationBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMostCalibrationBytes)
        throw Error("the calibration text " + path.string() + " is larger than 64 MiB");
    const std::vector<std::int32_t> ids = tokenizer_of(model).encode(text, false);
    std::vector<std::vector<std::int32_t>> texts;
    for (std::size_t begin = 0; begin < ids.size(); begin += length)
        texts.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                           ids.begin() + static_cast<std::ptrdiff_t>(std::min(begin + length, ids.size())));
    return texts;
}

void save_calibration_text(const std::vector<std::vector<std::int32_t>>& texts,
                           const std::filesystem::path& path) {
    OutputFile file(path);
    for (const auto& text : texts) {
        const std::string line = nlohmann::json(text).dump() + '\n';
        file.write(line.data(), line.size());
    }
    file.finish();
}

} // namespace switchyard
