#include "engine/carve/calibration_text.h"

#include "engine/base/error.h"
#include "engine/carve/calibration_questions.h"
#include "engine/run/chat_prompt.h"
#include "engine/run/scheduler.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>

namespace switchyard {

namespace {

constexpr int kAnswerTokens = 512;
constexpr int kRuns = 32; ///< at once

const Tokenizer& tokenizer_of(const LoadedModel& model) {
    if (!model.tokenizer())
        throw Error(model.path().string() +
                    " has no tokenizer: give calibration text for a model that has one");
    return *model.tokenizer();
}

std::vector<std::int32_t> question_tokens(const LoadedModel& model, std::string_view question) {
    if (!model.chat_template())
        return text_prompt(model, question);
    nlohmann::ordered_json messages = nlohmann::ordered_json::array();
    messages.push_back({{"role", "user"}, {"content", question}});
    return chat_prompt(model, messages);
}

} // namespace

std::vector<std::vector<std::int32_t>> generate_calibration_text(const std::shared_ptr<LoadedModel>& model,
                                                                 std::size_t tokens,
                                                                 const CarveProgress& progress) {
    std::vector<std::vector<std::int32_t>> texts;
    std::size_t have = 0;
    SchedulerOptions options;
    options.max_runs = kRuns;
    std::mutex mutex;
    std::condition_variable finished;
    for (std::uint64_t round = 0; have < tokens; ++round) {
        // A round asks every question once, warmer each time, so that long calibrations do not repeat
        // themselves.
        Scheduler scheduler(engine_parts(model), options);
        std::size_t open = 0, produced = 0;
        std::vector<RunHandle> handles;
        std::vector<std::vector<std::int32_t>> answers(kCalibrationQuestions.size());
        for (std::size_t q = 0; q < kCalibrationQuestions.size(); ++q) {
            answers[q] = question_tokens(*model, kCalibrationQuestions[q]);
            RunRequest request;
            request.prompt = answers[q];
            request.priority = RunPriority::Lab;
            request.tuning.temperature = 0.7 + 0.1 * static_cast<double>(std::min<std::uint64_t>(round, 4));
            request.tuning.seed = round * 1000 + q;
            request.tuning.max_tokens = kAnswerTokens;
            request.keep_cache = false;
            request.on_event = [&, q](const SchedulerEvent& event) {
                const std::lock_guard lock(mutex);
                if (event.kind == SchedulerEvent::Kind::Token) {
                    answers[q].push_back(event.token.id);
                    ++produced;
                } else if (event.kind == SchedulerEvent::Kind::Finished) {
                    --open;
                }
                finished.notify_one();
            };
            const std::lock_guard lock(mutex);
            ++open;
            handles.push_back(0);
            handles.back() = scheduler.submit(std::move(request));
        }
        std::unique_lock lock(mutex);
        while (open > 0) {
            finished.wait_for(lock, std::chrono::milliseconds(50));
            const bool enough = have + produced >= tokens, stop = progress.stop.stop_requested();
            if (progress.report)
                progress.report(
                    std::min(1.0, static_cast<double>(have + produced) / static_cast<double>(tokens)),
                    "writing calibration text");
            if (enough || stop) {
                lock.unlock();
                for (RunHandle h : handles)
                    scheduler.cancel(h);
                lock.lock();
                finished.wait(lock, [&] { return open == 0; });
            }
            if (stop)
                throw Error("carving was stopped");
        }
        have += produced;
        for (auto& answer : answers)
            texts.push_back(std::move(answer));
        if (produced == 0)
            throw Error(model->config().name + " answers nothing: give a calibration text");
    }
    return texts;
}

std::vector<std::vector<std::int32_t>>
read_calibration_text(const LoadedModel& model, const std::filesystem::path& path, std::size_t length) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw Error("cannot open the calibration text " + path.string());
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const std::vector<std::int32_t> ids = tokenizer_of(model).encode(text, false);
    std::vector<std::vector<std::int32_t>> texts;
    for (std::size_t begin = 0; begin < ids.size(); begin += length)
        texts.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                           ids.begin() + static_cast<std::ptrdiff_t>(std::min(begin + length, ids.size())));
    return texts;
}

} // namespace switchyard
