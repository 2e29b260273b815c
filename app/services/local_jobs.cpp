#include "app/services/local_jobs.h"

#include "app/services/paths.h"
#include "engine/base/cores.h"
#include "engine/base/error.h"
#include "engine/carve/carve.h"
#include "engine/model/folder_model.h"
#include "engine/model/quantize_file.h"

#include <algorithm>

namespace switchyard {

namespace {

void doTask(const CarveTask& task, const JobReport& report, int threads) {
    CarveRequest request;
    request.in = filePath(task.in);
    request.out = filePath(task.out);
    request.compare = false;
    request.threads = threads;
    CarveProgress progress;
    progress.stop = report.stop;
    progress.report = [&report](double share, const std::string& stage) {
        report.progress(share, QString::fromStdString(stage));
    };
    carve_model(request, progress);
}

void doTask(const QuantizeTask& task, const JobReport& report, int threads) {
    QuantizeOptions options;
    options.type = task.type;
    options.threads = threads;
    const auto file = open_model(filePath(task.in));
    quantize_file(*file, filePath(task.out), options, [&report](std::size_t done, std::size_t total) {
        const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
        report.progress(share, QStringLiteral("writing"));
        return !report.stop.stop_requested();
    });
}

} // namespace

JobRunner localJobs(int threads) {
    const int used = threads > 0 ? threads : std::max(1, available_cores() - 1);
    return [used](const JobTask& task, const JobReport& report) {
        std::visit([&](const auto& one) { doTask(one, report, used); }, task);
    };
}

} // namespace switchyard
