// The desktop program with scripted answers instead of a model: for tests of the process, and to look at the
// window.
#include "app/desktop/program.h"
#include "tests/support/scripted_services.h"

using namespace switchyard;

int main(int argc, char** argv) {
    return runProgram(argc, argv, [](const Paths&) {
        auto models = std::make_unique<ScriptedModels>();
        auto runs = std::make_unique<ScriptedRuns>(*models);
        const JobRunner jobs = scriptedJobs(*models);
        return AnswerServices{std::move(models), std::move(runs), jobs, std::make_shared<ScriptedHardware>()};
    });
}
