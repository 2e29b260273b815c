// All services that answer and work, by the engine.
#pragma once

#include "app/services/local_jobs.h"
#include "app/services/local_run_service.h"

namespace switchyard {

struct LocalServices {
    explicit LocalServices(int threads) : models(threads), runs(models), jobs(localJobs(threads)) {}

    LocalModelHost models;
    LocalRunService runs;
    JobQueue jobs;
};

} // namespace switchyard
