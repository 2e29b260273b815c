// The desktop program, with the engine on this machine.
#include "app/desktop/program.h"
#include "app/services/local_jobs.h"
#include "app/services/local_run_service.h"
#include "engine/backends/cuda/library_trial.h"

using namespace switchyard;

int main(int argc, char** argv) {
    serve_library_trial(argc, argv);
    return runProgram(argc, argv, [](const Paths& paths) {
        LocalHostOptions options;
        options.speeds_file = paths.data + QStringLiteral("/speeds.json");
        auto models = std::make_unique<LocalModelHost>(options);
        auto runs = std::make_unique<LocalRunService>(*models);
        return AnswerServices{std::move(models), std::move(runs), localJobs(), options.hardware};
    });
}
