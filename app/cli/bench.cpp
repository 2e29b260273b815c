// switchyard-cli bench: speed of prefill and decode, medians and spread over repetitions.
#include "app/cli/bench_recode.h"
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/shape_options.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/model/anatomy.h"
#include "engine/model/shape_file.h"
#include "kernels/cpu/machine_rates.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace switchyard {
namespace {

struct BenchArguments {
    ModelOptions model;
    ShapeOptions shape;
    int prompt_tokens = 512, gen_tokens = 128, repeat = 5;
    bool recode = false, json = false;
};

struct Spread {
    double median = 0, least = 0, most = 0;
};

Spread spread_of(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t n = values.size();
    const double median = n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    return {median, values.front(), values.back()};
}

/// Ordinary tokens, drawn anew each time so that nothing is found in the cache.
std::vector<std::int32_t> random_prompt(const LoadedModel& model, int count, std::uint64_t seed) {
    std::vector<std::int32_t> ids;
    for (std::uint64_t i = 0; static_cast<int>(ids.size()) < count; ++i) {
        const auto id = static_cast<std::int32_t>(uniform_at(seed, i) * model.plan().vocabulary);
        if (!model.tokenizer() || !model.tokenizer()->is_special(id))
            ids.push_back(id);
    }
    return ids;
}

/// What the engine did for a run's prompt, and for its answer.
struct Stages {
    StageTable prefill, decode;
};

RunRecord measure(Scheduler& scheduler, LoadedModel& model, const Tuning& tuning, int prompt_tokens,
                  int gen_tokens, std::uint64_t seed, std::stop_token stop, Stages* stages = nullptr) {
    RunRequest request;
    const StageTable before = model.executor().stage_totals();
    StageTable read;
    request.on_event = [&, first = true](const SchedulerEvent& event) mutable {
        if (event.kind == SchedulerEvent::Kind::Token && std::exchange(first, false))
            read = model.executor().stage_totals();
    };
    request.prompt = random_prompt(model, prompt_tokens, seed);
    request.tuning = tuning.sequence;
    request.tuning.temperature = 0;
    request.tuning.max_tokens = gen_tokens;
    request.priority = RunPriority::Lab;
    request.alone = true;
    request.ignore_end = true;
    request.reuse_cache = false;
    request.keep_cache = false;
    const RunRecord record = run_to_end(scheduler, std::move(request), stop);
    if (record.finish == FinishReason::Failed)
        throw Error(record.error);
    if (record.finish == FinishReason::Stopped)
        throw Error("the benchmark was stopped");
    if (stages) {
        stages->prefill += read - before;
        stages->decode += model.executor().stage_totals() - read;
    }
    return record;
}

nlohmann::ordered_json result_of(const std::vector<RunRecord>& records, const LoadedModel& model) {
    nlohmann::ordered_json json;
    json["model"] = model.path().string();
    json["architecture"] = model.config().architecture;
    json["device"] = model.backend().description();
    json["threads"] = model.backend().threads();
    const TokenRecord& last = records.back().tokens.back();
    json["prompt_tokens"] = records.back().timings.prompt_tokens;
    json["gen_tokens"] = records.back().timings.generated_tokens;
    json["repeat"] = records.size();
    json["quant"] = last.quant;
    json["kv"] = traits(last.kv).name;
    json["activations"] = std::to_string(records.back().settings.sequence.activation_bits);
    json["experts_total"] = model.plan().experts;
    json["experts_active"] = last.experts_active;
    const auto add = [&](const char* name, auto&& value) {
        std::vector<double> values;
        for (const RunRecord& record : records)
            values.push_back(value(record.timings));
        const Spread spread = spread_of(values);
        json[name] = spread.median;
        json[std::string(name) + "_min"] = spread.least;
        json[std::string(name) + "_max"] = spread.most;
    };
    add("prefill_tokens_per_second", [](const RunTimings& t) { return t.prefill_tokens_per_second(); });
    add("decode_tokens_per_second", [](const RunTimings& t) { return t.decode_tokens_per_second(); });
    add("time_to_first_token_ms", [](const RunTimings& t) { return t.time_to_first_token_ms; });
    json["weights_bytes"] = last.weights_bytes;
    json["kv_bytes"] = last.kv_bytes;
    json["scratch_bytes"] = last.scratch_bytes;
    return json;
}

/// `rates`: those of the machine's processor; null where something else computes.
nlohmann::ordered_json to_json(const StageTable& table, const MachineRates* rates) {
    nlohmann::ordered_json json;
    for (std::size_t k = 0; k < kStageKinds; ++k) {
        const StageUse& use = table.uses[k];
        if (use.seconds <= 0)
            continue;
        auto& stage = json[std::string(stage_name(static_cast<StageKind>(k)))];
        stage["seconds"] = use.seconds;
        stage["bytes"] = use.bytes;
        const double bytes_rate = static_cast<double>(use.bytes) / use.seconds,
                     macs_rate = static_cast<double>(use.macs) / use.seconds;
        stage["gb_per_second"] = bytes_rate / 1e9;
        if (!rates)
            continue;
        stage["share_of_read_rate"] = bytes_rate / rates->read_bytes_per_second;
        stage["share_of_arithmetic_peak"] = macs_rate / rates->macs_per_second;
    }
    return json;
}

/// Where the time of all repetitions went, against what the processor reads and computes at most where it is
/// what computed.
void add_stages(nlohmann::ordered_json& json, const Stages& stages, const Backend& backend) {
    std::optional<MachineRates> rates;
    if (backend.name() == "cpu") {
        rates = measure_machine(backend.threads());
        json["read_gb_per_second"] = rates->read_bytes_per_second / 1e9;
        json["arithmetic_peak_gmac_per_second"] = rates->macs_per_second / 1e9;
        json["limits"] =
            "read_gb_per_second is of memory: weights that stay in the processor's caches are read "
            "faster. arithmetic_peak_gmac_per_second is of floats: products of integers are "
            "faster. Shares of both may exceed 1.";
    }
    const MachineRates* const known = rates ? &*rates : nullptr;
    json["stages"] = {{"prefill", to_json(stages.prefill, known)}, {"decode", to_json(stages.decode, known)}};
}

void print_stages(const nlohmann::ordered_json& json) {
    double all = 0;
    for (const auto& stage : json["stages"]["decode"])
        all += stage["seconds"].get<double>();
    std::printf("%-22s", "a token's time");
    for (const auto& [name, stage] : json["stages"]["decode"].items())
        if (const double share = stage["seconds"].get<double>() / all; share >= 0.005)
            std::printf(" %s %.0f %%", name.c_str(), 100 * share);
    std::printf("\n");
}

MemoryDials dials_of(const BenchArguments& options) {
    const Tuning tuning = options.model.tuning();
    MemoryDials dials;
    dials.weights = tuning.model.weights;
    dials.kv = options.model.exact() ? BlockType::F32 : tuning.sequence.kv;
    dials.context = options.prompt_tokens + options.gen_tokens;
    dials.chunk = std::min(tuning.sequence.prefill_chunk, options.prompt_tokens);
    dials.experts = tuning.sequence.experts;
    return dials;
}

MemoryUse forecast(const ModelFile& file, Backend& backend, const MemoryDials& dials) {
    const ModelPlan plan = build_plan(read_config(file), file);
    return MemoryForecast(plan, file, backend).use(dials);
}

/// The shape with random weights, made in the precision asked for. Throws Error where it does not fit.
std::shared_ptr<LoadedModel> load_shape(const BenchArguments& options) {
    const Shape shape = options.shape.shape();
    const auto type = options.model.tuning().model.weights;
    const auto described = describe_shape(shape, type);
    const auto need = [&](Backend& backend) {
        backend.expect(build_plan(read_config(*described), *described).sources);
        MemoryUse use = forecast(*described, backend, dials_of(options));
        use.copies = contents_bytes(*described);
        return use;
    };
    const auto model = options.model.load_with(
        [&](const LoadOptions& load) {
            if (const std::string shortage = describe_shortage(need(*load.backend)); !shortage.empty())
                throw Error(shape.name + " " + shortage +
                            ": choose a lower --quant, or --layers for a part of it");
            return LoadedModel::load(fill_shape(shape, type), load);
        },
        need);
    if (const int experts = options.model.tuning().sequence.experts; experts > 0)
        check_experts(*model, experts);
    return model;
}

/// Weights that a token of the answer reads.
double bytes_read(const BenchArguments& options, const LoadedModel& model, const ModelFile& file) {
    const MemoryDials dials = dials_of(options);
    const ModelPlan plan = build_plan(read_config(file), file);
    return MemoryForecast(plan, file, model.backend()).bytes_read_per_token(dials.weights, dials.experts);
}

/// What the whole of a cut shape would reach, where layers cost what they read and compute: the embedding and
/// the head are there once either way.
void add_extrapolation(nlohmann::ordered_json& json, const BenchArguments& options,
                       const LoadedModel& model) {
    const Shape whole = find_shape(options.shape.name());
    json["layers"] = model.config().layers;
    json["layers_total"] = whole.config.layers;
    if (whole.config.layers == model.config().layers)
        return;
    const MemoryDials dials = dials_of(options);
    const auto cost = [&](const ModelFile& file) {
        return std::pair(bytes_read(options, model, file),
                         flops_per_token(build_plan(read_config(file), file), dials.experts, dials.context));
    };
    const auto [cut_bytes, cut_flops] = cost(model.file());
    const auto [bytes, flops] = cost(*describe_shape(whole, dials.weights));
    json["extrapolated_decode_tokens_per_second"] =
        json["decode_tokens_per_second"].get<double>() * cut_bytes / bytes;
    json["extrapolated_prefill_tokens_per_second"] =
        json["prefill_tokens_per_second"].get<double>() * cut_flops / flops;
}

void add_memory(nlohmann::ordered_json& json, const MemoryUse& predicted, const TokenRecord& last,
                const LoadedModel& model, std::uint64_t resident_before) {
    json["forecast"] = to_json(predicted);
    json["forecast_bytes"] = predicted.total();
    json["counted_bytes"] = last.weights_bytes + last.kv_bytes + last.scratch_bytes + predicted.text +
                            predicted.pinned + model.file().memory_bytes();
    const std::uint64_t resident = process_memory().anonymous;
    json["measured_bytes"] = resident > resident_before ? resident - resident_before : 0;
}

/// Where experts do not all fit the card: what of those needed was there, and what the others cost.
void add_expert_cache(nlohmann::ordered_json& json, const std::vector<RunRecord>& records,
                      LoadedModel& model) {
    const auto cache = model.executor().expert_cache();
    if (!cache)
        return;
    ExpertTraffic traffic;
    double tokens = 0;
    for (const RunRecord& record : records) {
        traffic += record.timings.experts;
        tokens += record.timings.prompt_tokens + record.timings.generated_tokens;
    }
    json["experts"] = {{"total", cache->experts},
                       {"on_card", cache->slots},
                       {"on_card_bytes", cache->cache_bytes},
                       {"in_ram_bytes", cache->pinned_bytes},
                       {"hits", traffic.hits},
                       {"misses", traffic.misses},
                       {"hit_rate", traffic.hit_rate()},
                       {"fetched_bytes", traffic.bytes},
                       {"fetched_bytes_per_token", static_cast<double>(traffic.bytes) / tokens}};
}

/// Where a device draws tokens for the step behind: how many steps began so, and how many of them in vain;
/// and how steps of one row are launched.
void add_device_draws(nlohmann::ordered_json& json, LoadedModel& model) {
    if (const auto draws = model.executor().device_draws())
        json["device_draws"] = {
            {"steps", draws->steps}, {"differed", draws->differed}, {"undecided", draws->undecided}};
    if (const auto times = model.executor().row_launch_times())
        json["row_launches"] = {{"graph_us", times->graph * 1e6}, {"program_us", times->program * 1e6}};
}

void print_expert_cache(const nlohmann::ordered_json& json) {
    if (const auto experts = json.find("experts"); experts != json.end())
        std::printf(
            "%-22s %10.1f %%         found on the card, %s fetched a token\n", "experts",
            100 * (*experts)["hit_rate"].get<double>(),
            format_bytes(static_cast<std::uint64_t>((*experts)["fetched_bytes_per_token"].get<double>()))
                .c_str());
}

void print_line(const char* label, const nlohmann::ordered_json& json, const std::string& key,
                const char* unit) {
    std::printf("%-22s %10.1f %-9s (%.1f .. %.1f)\n", label, json[key].get<double>(), unit,
                json[key + "_min"].get<double>(), json[key + "_max"].get<double>());
}

void print_measured_memory(const nlohmann::ordered_json& json) {
    const auto bytes = [&](const char* key) { return format_bytes(json[key].get<std::uint64_t>()); };
    std::printf("%-22s %10s           (forecast %s)\n", "memory", bytes("measured_bytes").c_str(),
                bytes("forecast_bytes").c_str());
    if (!json.contains("extrapolated_decode_tokens_per_second"))
        return;
    std::printf("%s of %s layers were measured. By the weights read and the operations done, all of them "
                "would reach about %.1f tokens/s in prefill and %.1f in decode.\n",
                json["layers"].dump().c_str(), json["layers_total"].dump().c_str(),
                json["extrapolated_prefill_tokens_per_second"].get<double>(),
                json["extrapolated_decode_tokens_per_second"].get<double>());
}

void run_bench(const BenchArguments& options) {
    const std::uint64_t resident_before = process_memory().anonymous;
    const auto model = options.shape.given() ? load_shape(options) : options.model.load();
    const MemoryUse predicted = forecast(model->file(), model->backend(), dials_of(options));
    const int total = options.prompt_tokens + options.gen_tokens;
    if (total > model->config().context)
        throw Error("--prompt-tokens and --gen-tokens together are " + std::to_string(total) +
                    ", the model's context holds " + std::to_string(model->config().context));
    const Tuning tuning = options.model.tuning(*model);
    SchedulerOptions scheduling;
    // Greedy answers to random words go round in circles, and drafts would be right.
    scheduling.draft_rows = 0;
    const auto scheduler = start_scheduler(model, tuning, std::move(scheduling));
    const Interrupt interrupt;
    measure(*scheduler, *model, tuning, std::min(options.prompt_tokens, 64), 4, 999,
            interrupt.token()); // warm
    std::vector<RunRecord> records;
    Stages stages;
    for (int i = 0; i < options.repeat; ++i)
        records.push_back(measure(*scheduler, *model, tuning, options.prompt_tokens, options.gen_tokens,
                                  static_cast<std::uint64_t>(i), interrupt.token(), &stages));
    auto json = result_of(records, *model);
    const auto device = options.model.device_json(*model);
    for (const char* reason : {"why", "why_not_cuda"})
        if (device.contains(reason))
            json[reason] = device[reason];
    add_stages(json, stages, model->backend());
    add_expert_cache(json, records, *model);
    add_device_draws(json, *model);
    json["bytes_read_per_token"] = bytes_read(options, *model, model->file());
    add_memory(json, predicted, records.back().tokens.back(), *model, resident_before);
    if (options.shape.given())
        add_extrapolation(json, options, *model);
    if (options.recode)
        json["recode"] =
            bench_recode(*scheduler, *model, tuning.sequence,
                         random_prompt(*model, std::min(options.prompt_tokens, 64), 77), interrupt.token());
    if (options.json) {
        std::printf("%s\n", json_text(json).c_str());
        return;
    }
    std::printf("%s, %s\n", one_line(json["model"].get<std::string>()).c_str(),
                json["device"].get<std::string>().c_str());
    print_line("prefill", json, "prefill_tokens_per_second", "tokens/s");
    print_line("decode", json, "decode_tokens_per_second", "tokens/s");
    print_line("time to first token", json, "time_to_first_token_ms", "ms");
    print_measured_memory(json);
    print_expert_cache(json);
    print_stages(json);
    for (const auto& change : json.value("recode", nlohmann::ordered_json::array()))
        std::printf("to %-19s %10.2f s         longest token %.0f ms, usual %.0f ms\n",
                    change["quant"].get<std::string>().c_str(), change["seconds"].get<double>(),
                    change["longest_token_ms"].get<double>(), change["usual_token_ms"].get<double>());
}

} // namespace

void add_bench(CLI::App& app) {
    auto options = std::make_shared<BenchArguments>();
    CLI::App* command = app.add_subcommand("bench", "Measure the speed of a model");
    options->shape.add_to(*command, options->model.add_to(*command, {"experts", "quant", "kv", "activations",
                                                                     "prefill_chunk"}));
    const auto at_least = [](int least) { return CLI::Range(least, 1 << 20); };
    command->add_option("--prompt-tokens", options->prompt_tokens, "Tokens of the prompt")
        ->check(at_least(1));
    command->add_option("--gen-tokens", options->gen_tokens, "Tokens of the answer")->check(at_least(2));
    command->add_option("--repeat", options->repeat, "Repetitions")->check(at_least(1));
    command->add_flag("--recode", options->recode,
                      "Also measure moving the weights to each precision during an answer");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options] { run_bench(*options); });
}

} // namespace switchyard
