#include "engine/run/scheduler.h"

#include <future>

namespace switchyard {

EngineParts engine_parts(const std::shared_ptr<LoadedModel>& model) {
    EngineParts parts;
    parts.owner = model;
    parts.executor = &model->executor();
    parts.backend = &model->backend();
    parts.plan = &model->plan();
    parts.tokenizer = model->tokenizer();
    parts.sources = &model->sources();
    parts.file = model->shared_file();
    parts.context = model->config().context;
    parts.weights = model->weights();
    parts.publish = [model = model.get()](std::shared_ptr<const WeightSet> weights) {
        model->set_weights(std::move(weights));
    };
    return parts;
}

RunRecord run_to_end(Scheduler& scheduler, RunRequest request, std::stop_token stop) {
    const auto promise = std::make_shared<std::promise<std::shared_ptr<const RunRecord>>>();
    auto record = promise->get_future();
    request.on_event = [promise, next = std::move(request.on_event)](const SchedulerEvent& event) {
        if (event.kind != SchedulerEvent::Kind::Finished) {
            if (next)
                next(event);
            return;
        }
        try {
            if (next)
                next(event);
            promise->set_value(event.record);
        } catch (...) {
            promise->set_exception(std::current_exception()); // who waits must hear of it
        }
    };
    const RunHandle handle = scheduler.submit(std::move(request));
    const std::stop_callback cancel(stop, [&] { scheduler.cancel(handle); });
    return *record.get();
}

} // namespace switchyard
