// All services that answer and work, by a script.
#pragma once

#include "app/services/job_queue.h"
#include "tests/support/scripted_hardware.h"
#include "tests/support/scripted_runs.h"

namespace switchyard {

/// Jobs that take the script's time and end as it says.
JobRunner scriptedJobs(const ScriptedModels& models);

struct ScriptedServices {
    explicit ScriptedServices(const FakeScript& script = {})
        : models(script), runs(models), jobs(scriptedJobs(models)) {}
    void setScript(const FakeScript& script) { models.setScript(script); }
    std::vector<GenerationRequest> requests() const { return runs.requests(); }

    std::shared_ptr<const Hardware> hardware = std::make_shared<ScriptedHardware>();
    ScriptedModels models;
    ScriptedRuns runs;
    JobQueue jobs;
};

} // namespace switchyard
