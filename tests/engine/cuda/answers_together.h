// Answers that a scheduler computes: prompts, ids, and some at the same time.
#pragma once

#include "engine/run/scheduler.h"

#include <cstdint>
#include <future>
#include <memory>
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

} // namespace switchyard::test
