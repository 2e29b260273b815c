#include "tests/support/scripted_services.h"

#include "engine/base/error.h"

#include <condition_variable>

namespace switchyard {

JobRunner scriptedJobs(const ScriptedModels& models) {
    return [&models](const JobTask&, const JobReport& report) {
        constexpr int kSteps = 20;
        const FakeScript script = models.script();
        const auto start = std::chrono::steady_clock::now();
        std::mutex mutex;
        std::condition_variable_any wake;
        for (int step = 1; step <= kSteps; ++step) {
            const double share = static_cast<double>(step) / kSteps;
            const std::chrono::duration<double> due(script.carve_seconds * share);
            std::unique_lock lock(mutex);
            wake.wait_until(lock, report.stop,
                            start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(due),
                            [] { return false; });
            if (report.stop.stop_requested())
                throw Error("stopped");
            report.progress(share, share < 0.7 ? QStringLiteral("writing calibration text")
                                               : QStringLiteral("ranking neurons"));
        }
        if (!script.carve_error.isEmpty())
            throw Error(script.carve_error.toStdString());
    };
}

} // namespace switchyard
