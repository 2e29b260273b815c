// switchyard-cli bench: speed of prefill and decode, medians and spread over repetitions.
#include "app/cli/bench_recode.h"
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "engine/base/error.h"
#include "engine/run/sampler.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

struct Options {
    ModelOptions model;
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

RunRecord measure(Scheduler& scheduler, const LoadedModel& model, const Tuning& tuning, int prompt_tokens,
                  int gen_tokens, std::uint64_t seed, std::stop_token stop) {
    RunRequest request;
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

void print_line(const char* label, const nlohmann::ordered_json& json, const std::string& key,
                const char* unit) {
    std::printf("%-22s %10.1f %-9s (%.1f .. %.1f)\n", label, json[key].get<double>(), unit,
                json[key + "_min"].get<double>(), json[key + "_max"].get<double>());
}

void run(const Options& options) {
    const auto model = options.model.load();
    const int total = options.prompt_tokens + options.gen_tokens;
    if (total > model->config().context)
        throw Error("--prompt-tokens and --gen-tokens together are " + std::to_string(total) +
                    ", the model's context holds " + std::to_string(model->config().context));
    const Tuning tuning = options.model.tuning(*model);
    const auto scheduler = start_scheduler(model, tuning);
    const Interrupt interrupt;
    measure(*scheduler, *model, tuning, std::min(options.prompt_tokens, 64), 4, 999,
            interrupt.token()); // warm
    std::vector<RunRecord> records;
    for (int i = 0; i < options.repeat; ++i)
        records.push_back(measure(*scheduler, *model, tuning, options.prompt_tokens, options.gen_tokens,
                                  static_cast<std::uint64_t>(i), interrupt.token()));
    auto json = result_of(records, *model);
    if (options.recode)
        json["recode"] =
            bench_recode(*scheduler, *model, tuning.sequence,
                         random_prompt(*model, std::min(options.prompt_tokens, 64), 77), interrupt.token());
    if (options.json) {
        std::printf("%s\n", json.dump(2).c_str());
        return;
    }
    std::printf("%s, %s\n", options.model.path().c_str(), json["device"].get<std::string>().c_str());
    print_line("prefill", json, "prefill_tokens_per_second", "tokens/s");
    print_line("decode", json, "decode_tokens_per_second", "tokens/s");
    print_line("time to first token", json, "time_to_first_token_ms", "ms");
    for (const auto& change : json.value("recode", nlohmann::ordered_json::array()))
        std::printf("to %-19s %10.2f s         longest token %.0f ms, usual %.0f ms\n",
                    change["quant"].get<std::string>().c_str(), change["seconds"].get<double>(),
                    change["longest_token_ms"].get<double>(), change["usual_token_ms"].get<double>());
}

} // namespace

void add_bench(CLI::App& app) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("bench", "Measure the speed of a model");
    options->model.add_to(*command, {"experts", "quant", "kv", "prefill_chunk"});
    const auto at_least = [](int least) { return CLI::Range(least, 1 << 20); };
    command->add_option("--prompt-tokens", options->prompt_tokens, "Tokens of the prompt")
        ->check(at_least(1));
    command->add_option("--gen-tokens", options->gen_tokens, "Tokens of the answer")->check(at_least(2));
    command->add_option("--repeat", options->repeat, "Repetitions")->check(at_least(1));
    command->add_flag("--recode", options->recode,
                      "Also measure moving the weights to each precision during an answer");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options] { run(*options); });
}

} // namespace switchyard
