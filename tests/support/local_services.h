// All services that answer and work, by the engine.
#pragma once

#include "app/services/local_jobs.h"
#include "app/services/local_run_service.h"

namespace switchyard {

struct LocalServices {
    explicit LocalServices(int threads) : LocalServices(withThreads(threads)) {}
    explicit LocalServices(const LocalHostOptions& options)
        : models(options), runs(models), jobs(localJobs(options.threads)) {}
    static LocalHostOptions withThreads(int threads) {
        LocalHostOptions options;
        options.threads = threads;
        return options;
    }

    LocalModelHost models;
    LocalRunService runs;
    JobQueue jobs;
};

} // namespace switchyard
