// Answers that a scheduler computes: prompts, ids, and some at the same time.
#pragma once

#include "engine/run/scheduler.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace switchyard::test {

inline std::vector<std::int32_t> prompt_of(int tokens, int seed) {
    std::vector<std::int32_t> ids;
    for (int t = 0; t < tokens; ++t)
        ids.push_back((t * 31 + seed * 17 + t * t) % 180 + 3);
    return ids;
}

inline std::vector<std::int32_t> ids_of(const RunRecord& record) {
    std::vector<std::int32_t> ids;
    for (const TokenRecord& token : record.tokens)
        ids.push_back(token.id);
    return ids;
}

/// A short answer whose tokens are drawn, whatever they are.
inline RunRequest drawn_request(std::vector<std::int32_t> prompt) {
    RunRequest request;
    request.prompt = std::move(prompt);
    request.tuning.max_tokens = 7;
    request.tuning.temperature = 0.9;
    request.tuning.top_k = 20;
    request.tuning.seed = 100 + request.prompt.size();
    request.ignore_end = true;
    return request;
}

/// Their records, in the order of the requests, which have no listeners of their own.
inline std::vector<RunRecord> answers_together(const std::shared_ptr<LoadedModel>& model,
                                               std::vector<RunRequest> requests,
                                               const SchedulerOptions& options = {}) {
    Scheduler scheduler(engine_parts(model), options);
    std::vector<std::future<RunRecord>> under_way;
    for (RunRequest& request : requests) {
        auto promise = std::make_shared<std::promise<RunRecord>>();
        under_way.push_back(promise->get_future());
        request.on_event = [promise](const SchedulerEvent& event) {
            if (event.kind == SchedulerEvent::Kind::Finished)
                promise->set_value(*event.record);
        };
        scheduler.submit(std::move(request));
    }
    std::vector<RunRecord> records;
    for (auto& one : under_way)
        records.push_back(one.get());
    return records;
}

/// What `prompt` gives where it is computed as the record says.
inline RunRecord replayed(Scheduler& scheduler, const std::vector<std::int32_t>& prompt,
                          const RunRecord& record) {
    RunRequest again;
    again.prompt = prompt;
    again.replay = std::make_shared<const RunRecord>(record);
    return run_to_end(scheduler, again);
}

/// Holds the ids of answers given together to each other, however a family's steps are launched; each(model,
/// launches) looks at what the model has counted.
template <typename Each>
void expect_the_same_however_launched(const std::string& family, const std::vector<RunRequest>& requests,
                                      const Each& each) {
    using cuda::StepLaunches;
    std::vector<std::vector<std::int32_t>> expected;
    for (const auto launches : {StepLaunches::Stages, StepLaunches::Graphs, StepLaunches::Programs}) {
        const auto model = load_reference(family, emulated_backend({}, launches));
        const std::vector<RunRecord> records = answers_together(model, requests);
        for (std::size_t i = 0; i < records.size(); ++i) {
            ASSERT_EQ(records[i].error, "");
            if (expected.size() < records.size())
                expected.push_back(ids_of(records[i]));
            EXPECT_EQ(ids_of(records[i]), expected[i]) << i << " " << static_cast<int>(launches);
        }
        each(*model, launches);
    }
}

} // namespace switchyard::test
