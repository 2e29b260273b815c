#include "app/services/anatomy_reader.h"

#include "app/services/engine_sentence.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/model/folder_model.h"
#include "engine/model/shape_file.h"
#include "engine/run/controls.h"
#include "engine/run/forecast.h"
#include "engine/run/precision.h"

#include <algorithm>
#include <filesystem>

namespace switchyard {

namespace {

QString text(std::string_view view) {
    return QString::fromUtf8(view.data(), static_cast<qsizetype>(view.size()));
}

void describePrecisions(const ModelPlan& plan, const MemoryForecast& memory, AnatomyReport& report) {
    const ControlSpec& quant = *find_control("quant");
    for (const std::string_view name : quant.choices) {
        const auto type = with_control({}, quant, std::string(name)).model.weights;
        const PrecisionForecast forecast = forecast_precision(plan.sources, type);
        const MemoryUse use = memory.weights(type);
        AnatomyReport::Precision precision{text(name), use.weights, use.mapped, {}, forecast.no_gain};
        if (type)
            precision.note = QString::fromStdString(describe_fallbacks(*type, forecast.fallbacks));
        report.precisions.push_back(std::move(precision));
    }
}

void describeCaches(const MemoryForecast& memory, AnatomyReport& report) {
    const ControlSpec& kv = *find_control("kv");
    for (const std::string_view name : kv.choices) {
        const BlockType type = with_control({}, kv, std::string(name)).sequence.kv;
        if (memory.holds_kv(type))
            report.caches.push_back(
                {text(name), memory.kv(type), static_cast<quint64>(memory.kv_bytes_per_token(type))});
    }
}

AnatomyReport describe(const ModelFile& file) {
    constexpr int kFar = 1 << 20; // beyond every window of attention
    AnatomyReport report;
    report.config = read_config(file);
    const ModelPlan plan = build_plan(report.config, file);
    report.anatomy = anatomy_of(plan);
    if (const auto type = main_file_type(plan.sources))
        report.file_precision = text(traits(*type).name);
    const auto backend = make_cpu_backend({.threads = 1});
    const MemoryForecast memory(plan, file, *backend);
    describePrecisions(plan, memory, report);
    describeCaches(memory, report);
    MemoryDials whole_chunks;
    whole_chunks.context = report.config.context;
    const MemoryUse use = memory.use(whole_chunks);
    report.scratch_bytes = use.scratch;
    report.copies_bytes = use.copies;
    report.text_bytes = use.text;
    report.flops_per_token = flops_per_token(plan, 0, 0);
    report.flops_per_context_token = flops_per_token(plan, 0, kFar + 1) - flops_per_token(plan, 0, kFar);
    report.memory_available = system_memory().available;
    return report;
}

template <typename Open>
AnatomyReport readOr(const QString& source, bool is_file, Open&& open) {
    AnatomyReport report;
    try {
        report = describe(*open());
    } catch (const Error& error) {
        report.error = engineSentence(QString::fromUtf8(error.what()), source);
    } catch (const std::exception& error) {
        report.error =
            AnatomyReader::tr("%1 cannot be read: %2").arg(source, QString::fromUtf8(error.what()));
    }
    report.source = source;
    report.is_file = is_file;
    return report;
}

} // namespace

ReportedMemory memoryOf(const AnatomyReport& report, int precision, int cache, int context) {
    ReportedMemory memory;
    memory.scratch = report.scratch_bytes;
    memory.text = report.text_bytes;
    if (precision >= 0 && static_cast<std::size_t>(precision) < report.precisions.size()) {
        const auto& p = report.precisions[static_cast<std::size_t>(precision)];
        memory.weights = p.weights_bytes + report.copies_bytes;
        memory.mapped = p.mapped_bytes;
    }
    if (cache >= 0 && static_cast<std::size_t>(cache) < report.caches.size())
        memory.kv = report.caches[static_cast<std::size_t>(cache)].sequence.of(context);
    return memory;
}

AnatomyReport readAnatomy(const QString& path) {
    return readOr(path, true, [&] { return open_model(std::filesystem::path(path.toStdU16String())); });
}

AnatomyReport readAnatomy(const Shape& shape) {
    return readOr(QString::fromStdString(shape.name), false,
                  [&] { return describe_shape(shape, std::nullopt); });
}

void AnatomyReader::readFile(const QString& path) {
    post([path] { return readAnatomy(path); });
}

void AnatomyReader::readShape(const Shape& shape) {
    post([shape] { return readAnatomy(shape); });
}

void AnatomyReader::post(std::function<AnatomyReport()> job) {
    const int serial = ++serial_;
    background_.run(
        this,
        [this, serial, job = std::move(job)] {
            return serial == serial_ ? std::optional(job()) : std::nullopt;
        },
        [this, serial](const std::optional<AnatomyReport>& report) {
            if (report && serial == serial_)
                Q_EMIT read(*report);
        });
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_anatomy_reader.cpp"
