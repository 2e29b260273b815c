// All services that answer and work, by the engine.
#pragma once

#include "app/services/local_jobs.h"
#include "app/services/local_run_service.h"
#include "tests/support/scripted_hardware.h"

namespace switchyard {

struct LocalServices {
    explicit LocalServices(int threads) : LocalServices(withThreads(threads)) {}
    explicit LocalServices(const LocalHostOptions& options)
        : hardware(options.hardware), models(options), runs(models), jobs(localJobs(options.threads)) {}
    static LocalHostOptions withThreads(int threads) {
        LocalHostOptions options;
        options.threads = threads;
        options.hardware = std::make_shared<ScriptedHardware>(); // whatever cards the machine has
        return options;
    }

    std::shared_ptr<const Hardware> hardware;
    LocalModelHost models;
    LocalRunService runs;
    JobQueue jobs;
};

} // namespace switchyard
