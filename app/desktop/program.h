// The desktop program but for what answers: it builds the services, shows the window, and loads the model
// behind it.
#pragma once

#include "app/services/job_queue.h"
#include "app/services/paths.h"
#include "app/services/run_service.h"

namespace switchyard {

struct AnswerServices {
    std::unique_ptr<ModelHost> models;
    std::unique_ptr<RunService> runs; ///< on those models
    JobRunner jobs;
    std::shared_ptr<const Hardware> hardware; ///< what those models can be computed on
};
using MakeAnswers = std::function<AnswerServices(const Paths& paths)>;

/// To be returned from main().
int runProgram(int argc, char** argv, const MakeAnswers& make);

} // namespace switchyard
