#include "app/services/forecast.h"

#include "app/services/paths.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/base/threads.h"
#include "engine/carve/calibrate.h"
#include "engine/model/folder_model.h"
#include "engine/run/model_defaults.h"
#include "engine/run/precision.h"

#include <QCryptographicHash>
#include <QFile>

#include <algorithm>
#include <chrono>
#include <numeric>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

QString text(std::string_view view) {
    return QString::fromUtf8(view.data(), static_cast<qsizetype>(view.size()));
}

ChoiceForecast forecastWeights(const ModelPlan& plan, const MemoryForecast& memory, BlockType type) {
    const PrecisionForecast precision = forecast_precision(plan.sources, type);
    ChoiceForecast choice;
    choice.name = text(traits(type).name);
    const MemoryUse use = memory.weights(type);
    choice.bytes = use.weights + use.expert_cache;
    const MemoryUse file = memory.weights(std::nullopt);
    choice.no_gain = precision.no_gain && use.weights + use.pinned > file.weights + file.mapped + file.pinned;
    choice.note = QString::fromStdString(describe_fallbacks(type, precision.fallbacks));
    choice.experts_in_ram = use.pinned;
    choice.token.bytes = memory.bytes_read_per_token(type, 0);
    choice.token.weights = memory.bytes_read_per_token(BlockType::F16, 0) / 2; // two bytes a weight
    choice.token.steps = static_cast<double>(plan.plan.steps.size());
    choice.token.vocabulary = plan.plan.vocabulary;
    return choice;
}

// Whether its layers divide into experts, by the shape carving takes where none is asked for.
bool carvable(const ModelFile& file, const ModelConfig& config) {
    try {
        shape_plan(file, config, {});
        return true;
    } catch (const Error&) {
        return false;
    }
}

} // namespace

QString shortageBeside(const QString& path, Backend& backend, quint64 free) {
    const std::string shortage = describe_shortage(usual_need(filePath(path), backend), free);
    if (shortage.empty())
        return {};
    return QStringLiteral("This model %1 beside the models in use: unload one of them, or choose a smaller "
                          "model.")
        .arg(QString::fromStdString(shortage));
}

double measureMemoryBandwidth(int threads) {
    constexpr std::size_t kBytes = std::size_t{128} << 20; // well above any cache of a desktop
    if (const SystemMemory memory = system_memory(); memory.available != 0 && memory.available < 8 * kBytes)
        return 0;
    const std::vector<std::uint64_t> buffer(kBytes / sizeof(std::uint64_t), 1);
    const std::size_t share = buffer.size() / static_cast<std::size_t>(std::max(threads, 1));
    double best = 0;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::uint64_t> sums(static_cast<std::size_t>(std::max(threads, 1)));
        const auto start = std::chrono::steady_clock::now();
        const auto parts = static_cast<std::int64_t>(sums.size());
        share_ranges(parts, parts, [&](std::int64_t t, std::int64_t) {
            const auto begin = buffer.begin() + t * static_cast<std::ptrdiff_t>(share);
            sums[static_cast<std::size_t>(t)] =
                std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(share), std::uint64_t{0});
        });
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        // The sums are looked at, or a compiler may leave the reading out.
        if (sums[0] == share)
            best = std::max(best, static_cast<double>(kBytes) / time.count());
    }
    return best;
}

void expectSpeeds(const SpeedHistory& history, Capabilities& capabilities) {
    capabilities.speed = capabilities.speed_on_cpu = {};
    const bool on_card = capabilities.card >= 0;
    for (ChoiceForecast& choice : capabilities.weights) {
        choice.speed =
            on_card ? history.expectOnCard(capabilities.device, choice.name, choice.token)
                    : history.expect(choice.name, capabilities.threads, choice.token, capabilities.bandwidth);
        if (on_card && choice.name == capabilities.file_precision) {
            capabilities.speed = choice.speed;
            capabilities.speed_on_cpu = history.measured(choice.name, choice.token);
        }
    }
}

bool learnSpeed(const RunRecord& record, const Capabilities& capabilities, SpeedHistory& history) {
    constexpr std::size_t kEnough = 15, kMost = 512;
    if (record.tokens.size() < 2)
        return false;
    const TokenRecord& last = record.tokens.back();
    const auto steady = [&](const TokenRecord& token) {
        return token.quant == last.quant && token.recoded_slices == token.recode_total &&
               token.experts_active == capabilities.experts_active;
    };
    std::vector<double> latencies; // from the last back to where a dial moved; the first is the prompt's
    for (std::size_t i = record.tokens.size() - 1; i > 0 && latencies.size() < kMost; --i) {
        if (!steady(record.tokens[i]))
            break;
        // Tokens that came of one step share its time: no token's own.
        const bool shared =
            record.tokens[i].drafted || (i + 1 < record.tokens.size() && record.tokens[i + 1].drafted);
        if (record.tokens[i].latency_ms > 0 && !shared)
            latencies.push_back(record.tokens[i].latency_ms);
    }
    // As the line under the answer counts, but for the longest twentieth, when something else had the
    // processor, and for as many as may have been computed beside drafts that were wrong.
    const auto vain =
        static_cast<std::size_t>(std::max(record.timings.drafted - record.timings.drafts_right, 0));
    const std::size_t left_out = (latencies.size() + 19) / 20 + vain;
    if (latencies.size() < kEnough + vain)
        return false;
    const auto usual = latencies.end() - static_cast<std::ptrdiff_t>(left_out);
    std::ranges::nth_element(latencies, usual);
    const double milliseconds =
        std::accumulate(latencies.begin(), usual, 0.0) / static_cast<double>(usual - latencies.begin());
    const QString name = last.quant == "file" ? capabilities.file_precision : text(last.quant);
    const auto choice = std::ranges::find(capabilities.weights, name, &ChoiceForecast::name);
    if (choice == capabilities.weights.end())
        return false;
    if (capabilities.card >= 0)
        history.addOnCard(capabilities.device, choice->name, choice->token, milliseconds / 1000);
    else
        history.add(choice->name, capabilities.threads, choice->token, milliseconds / 1000);
    return true;
}

QString fingerprintFile(const QString& path) {
    constexpr qint64 kEnd = 1 << 20;
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QCryptographicHash hash(QCryptographicHash::Sha256);
    hash.addData(QByteArray::number(file.size()));
    hash.addData(file.read(kEnd));
    if (file.seek(std::max<qint64>(0, file.size() - kEnd)))
        hash.addData(file.read(kEnd));
    return QString::fromLatin1(hash.result().toHex());
}

/// A file's own name; of a blob, whose name says nothing, the one that it has inside.
static QString modelName(const LoadedModel& model) {
    const QString file = QString::fromStdU16String(model.path().filename().u16string());
    const auto inside = model.file().metadata().text("general.name");
    const bool blob = file.startsWith(QLatin1String("sha256")) && !file.endsWith(QLatin1String(".gguf"));
    return blob && inside && !inside->empty() ? QString::fromStdString(*inside) : file;
}

/// What computes it, and the memory there.
static void describeDevice(const Backend& backend, const ChosenBackend& device, double bandwidth,
                           Capabilities& c) {
    const SystemMemory machine = system_memory();
    const DeviceStatus status = backend.device_status();
    const bool own = status.total > 0;
    c.device = QString::fromStdString(device.card < 0 ? backend.description() : device.name);
    c.device_why = QString::fromStdString(device.why);
    c.card = device.card;
    c.threads = backend.threads();
    c.bandwidth = device.card < 0 ? bandwidth : 0; // nothing is expected of a card by what RAM gives
    c.memory_total = own ? status.total : machine.total;
    c.memory_available = own ? status.free : machine.available;
}

Capabilities describeModel(LoadedModel& model, const ChosenBackend& device, double bandwidth) {
    Capabilities c;
    const Plan& plan = model.plan();
    const ModelConfig& config = model.config();
    c.ready = true;
    c.model_path = QString::fromStdU16String(model.path().u16string());
    c.model_name = modelName(model);
    c.model_fingerprint = fingerprintFile(c.model_path);
    c.architecture = QString::fromStdString(config.architecture);
    for (const std::string& note : model.notes())
        c.notes.append(QString::fromStdString(note));
    describeDevice(model.backend(), device, bandwidth, c);
    c.context = config.context;
    c.thinking = !model.template_traits().thinking.empty();
    c.thinking_effort = !model.template_traits().effort.empty();
    c.system_role = model.template_traits().system;
    c.experts = plan.experts;
    c.experts_active = plan.experts_active;
    if (const auto type = main_file_type(model.sources()))
        c.file_precision = text(traits(*type).name);
    c.can_carve = carvable(model.file(), model.config());
    const ModelPlan model_plan{plan, model.sources()};
    const MemoryForecast memory(model_plan, model.file(), model.backend());
    c.weights_bytes = model.weights()->own_bytes() + model.backend().expert_cache_bytes();
    const auto& choices = find_control("quant")->choices;
    for (int i = 0; i < kBlockTypes; ++i) {
        const auto type = static_cast<BlockType>(i);
        const bool own = text(traits(type).name) == c.file_precision;
        if (own || std::ranges::find(choices, traits(type).name) != choices.end())
            c.weights.push_back(forecastWeights(model_plan, memory, type));
    }
    std::ranges::stable_sort(c.weights, std::greater<>{}, &ChoiceForecast::bytes);
    const ControlSpec& cache = *find_control("kv");
    for (const std::string_view name : cache.choices) {
        const BlockType type = with_control({}, cache, std::string(name)).sequence.kv;
        if (!memory.holds_kv(type))
            continue;
        ChoiceForecast choice;
        choice.name = text(name);
        const quint64 a_token = static_cast<quint64>(memory.kv_bytes_per_token(type));
        choice.bytes = a_token * static_cast<quint64>(std::max(config.context, 0));
        c.kv.push_back(choice);
        if (type == BlockType::F16)
            c.kv_bytes_per_token = a_token;
    }
    for (auto* choices_of : {&c.weights, &c.kv}) {
        for (ChoiceForecast& choice : *choices_of)
            choice.on_card = device.card >= 0;
    }
    c.defaults = default_tuning(model.file(), config);
    c.defaults.sequence.experts = plan.experts_active;
    return c;
}

} // namespace switchyard
