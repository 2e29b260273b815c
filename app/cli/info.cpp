// switchyard-cli info: what a model is made of and what it will take, read without loading its weights.
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/shape_options.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/base/real_text.h"
#include "engine/model/anatomy.h"
#include "engine/model/folder_model.h"
#include "engine/model/shape_file.h"
#include "engine/run/precision.h"

#include <algorithm>
#include <cstdio>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

struct InfoArguments {
    std::string model;
    ShapeOptions shape;
    DialOptions dials;
    int context = 0; ///< 0: the whole, at most kUsualContext
    bool json = false;
};

constexpr int kUsualContext = 4096; ///< tokens forecast where none are asked for

Json shape_of(const ModelConfig& config) {
    Json json = {{"layers", config.layers},         {"hidden", config.hidden},
                 {"vocabulary", config.vocabulary}, {"context", config.context},
                 {"heads", config.heads},           {"kv_heads", config.kv_heads},
                 {"head_dim", config.head_dim},     {"value_dim", config.value_dim}};
    if (config.feed_forward > 0)
        json["feed_forward"] = config.feed_forward;
    return json;
}

Json routing_of(const ModelConfig& config) {
    Json json = {{"dense_layers", config.dense_layers},   {"expert_width", config.expert_width},
                 {"shared_width", config.shared_width},   {"gate", gate_name(config)},
                 {"normalised", config.expert_normalise}, {"scale", config.expert_scale}};
    if (config.expert_groups > 1) {
        json["groups"] = config.expert_groups;
        json["groups_kept"] = config.expert_groups_kept;
    }
    return json;
}

Json parts_of(const Anatomy& anatomy, std::uint64_t AnatomyPart::*count) {
    Json json = Json::object();
    for (const AnatomyPart& part : anatomy.parts)
        json[std::string(part_name(part.role))] = part.*count;
    return json;
}

Json precisions_of(const std::vector<WeightSource>& sources, const MemoryForecast& memory) {
    Json json = Json::object();
    for (std::string_view name : find_control("quant")->choices) {
        const auto type = with_control({}, *find_control("quant"), std::string(name)).model.weights;
        const PrecisionForecast forecast = forecast_precision(sources, type);
        Json entry = {{"weights_bytes", memory.weights(type).weights}};
        if (type && !forecast.fallbacks.empty())
            entry["note"] = describe_fallbacks(*type, forecast.fallbacks);
        if (forecast.no_gain)
            entry["no_gain"] = true;
        json[std::string(name)] = std::move(entry);
    }
    return json;
}

Json kv_of(const MemoryForecast& memory) {
    Json json = Json::object();
    for (std::string_view name : find_control("kv")->choices) {
        const auto type = with_control({}, *find_control("kv"), std::string(name)).sequence.kv;
        if (memory.holds_kv(type))
            json[std::string(name)] = memory.kv_bytes_per_token(type);
    }
    return json;
}

Json tokenizer_of(const ModelFile& file) {
    const auto data = read_tokenizer(file);
    if (!data)
        return nullptr;
    return {{"model", data->model}, {"pre", data->pre}, {"tokens", data->tokens.size()},
            {"bos", data->bos},     {"eos", data->eos}, {"add_bos", adds_bos(*data)}};
}

Json forecast_of(const MemoryForecast& memory, const ModelConfig& config, const Tuning& tuning, int context) {
    const ControlSpec& quant = *find_control("quant");
    MemoryDials dials;
    dials.weights = tuning.model.weights;
    dials.kv = tuning.sequence.kv;
    dials.chunk = tuning.sequence.prefill_chunk;
    dials.experts = tuning.sequence.experts;
    dials.context = context > 0 ? context : std::min(config.context, kUsualContext);
    const MemoryUse use = memory.use(dials);
    Json json = {{"context_tokens", dials.context},
                 {"quant", format_control(quant, control_value(tuning, quant))},
                 {"kv", traits(dials.kv).name},
                 {"prefill_chunk_tokens", dials.chunk}};
    json.update(to_json(use));
    json["free_bytes"] = system_memory().available;
    json["fits"] = describe_shortage(use).empty();
    return json;
}

void add_parameters(Json& json, const ModelPlan& plan, int experts) {
    const Anatomy anatomy = anatomy_of(plan, experts);
    json["parameters_total"] = anatomy.parameters;
    json["parameters_active"] = anatomy.active;
    json["parameters_active_with_embedding"] = anatomy.active_with_embedding;
    json["parameters"] = parts_of(anatomy, &AnatomyPart::parameters);
    json["parameters_active_by_part"] = parts_of(anatomy, &AnatomyPart::active);
    json["tied_embeddings"] = anatomy.tied;
    json["flops_per_token"] = flops_per_token(plan, experts, 0);
    json["kv_values_per_token"] = anatomy.kv_values_per_token;
}

void add_memory(Json& json, const ModelPlan& plan, const MemoryForecast& memory) {
    const MemoryUse own = memory.weights(std::nullopt);
    json["weights_bytes"] = own.weights;
    json["weights_mapped_bytes"] = own.mapped;
    json["precisions"] = precisions_of(plan.sources, memory);
    json["kv_bytes_per_token"] = kv_of(memory);
}

std::vector<std::string> notes_of(const ModelFile& file, const ModelPlan& plan) {
    std::vector<std::string> notes = file.notes();
    notes.insert(notes.end(), plan.notes.begin(), plan.notes.end());
    return notes;
}

Json describe(const InfoArguments& options) {
    const bool shape = options.shape.given();
    const auto file = shape ? describe_shape(options.shape.shape(), std::nullopt) : open_model(options.model);
    const ModelConfig config = read_config(*file);
    const ModelPlan plan = build_plan(config, *file);
    const Tuning tuning = options.dials.over({});
    const int experts = tuning.sequence.experts;
    if (experts > config.experts)
        throw Error("experts: " + std::to_string(experts) + " is more than the " +
                    std::to_string(config.experts) + " of " + file->path().string());
    const auto precision = main_file_type(plan.sources);
    Json json;
    json["model"] = file->path().string();
    json["name"] = config.name;
    json["architecture"] = config.architecture;
    if (!shape)
        json["file_bytes"] = file->bytes();
    json["file_precision"] = precision ? Json(traits(*precision).name) : Json(nullptr);
    add_parameters(json, plan, experts);
    json["experts_total"] = config.experts;
    json["experts_active"] = config.experts_active;
    json["experts_shared"] = config.experts_shared;
    if (!config.dense())
        json["routing"] = routing_of(config);
    json["shape"] = shape_of(config);
    const auto backend = make_cpu_backend({});
    const MemoryForecast memory(plan, *file, *backend);
    add_memory(json, plan, memory);
    json["forecast"] = forecast_of(memory, config, tuning, options.context);
    json["tokenizer"] = tokenizer_of(*file);
    json["chat_template"] = config.chat_template.has_value();
    if (const std::vector<std::string> notes = notes_of(*file, plan); !notes.empty())
        json["notes"] = notes;
    return json;
}

std::string bytes_of(const Json& json) {
    return format_bytes(static_cast<std::uint64_t>(json.get<double>()));
}

void line(const std::string& label, const std::string& value) {
    std::printf("%-18s %s\n", one_line(label).c_str(), one_line(value).c_str());
}

/// "671.03 B", "134.5 M"
std::string count_of(const Json& count) {
    const auto value = count.get<double>();
    if (value >= 1e9)
        return fixed_text(value / 1e9, 2) + " B";
    return value >= 1e6 ? fixed_text(value / 1e6, 1) + " M" : fixed_text(value / 1e3, 1) + " K";
}

void print_parameters(const Json& json) {
    line("parameters", count_of(json["parameters_total"]) + ", " + count_of(json["parameters_active"]) +
                           " active a token (" + count_of(json["parameters_active_with_embedding"]) +
                           " with the embedding table, which is only looked up)");
    for (const auto& [part, count] : json["parameters"].items()) {
        const Json& active = json["parameters_active_by_part"][part];
        line("  " + part, count_of(count) + (active == count ? "" : ", " + count_of(active) + " active"));
    }
    if (json["tied_embeddings"].get<bool>())
        line("  output", "the embedding table (tied)");
}

void print_experts(const Json& json) {
    if (!json.contains("routing"))
        return line("experts", "none (dense)");
    const Json& routing = json["routing"];
    std::string text = json["experts_active"].dump() + " of " + json["experts_total"].dump() + " active, " +
                       json["experts_shared"].dump() + " shared; gate " + routing["gate"].get<std::string>() +
                       (routing["normalised"] ? ", normalised" : "");
    if (routing.contains("groups"))
        text += ", from " + routing["groups_kept"].dump() + " of " + routing["groups"].dump() + " groups";
    line("experts", text);
}

void print_memory(const Json& json) {
    line("weights",
         bytes_of(json["weights_bytes"]) +
             (json["file_precision"].is_null() ? "" : ", " + json["file_precision"].get<std::string>()) +
             ", " + bytes_of(json["weights_mapped_bytes"]) + " more stay in the file");
    for (const auto& [name, precision] : json["precisions"].items()) {
        std::string text = bytes_of(precision["weights_bytes"]);
        if (precision.contains("note"))
            text += " (" + precision["note"].get<std::string>() + ")";
        if (precision.contains("no_gain"))
            text += ", no gain";
        if (name != "file")
            line("  " + name, text);
    }
    std::string kv;
    for (const auto& [name, bytes] : json["kv_bytes_per_token"].items())
        kv += (kv.empty() ? "" : ", ") + bytes_of(bytes) + " in " + name;
    line("KV a token", kv + " (" + json["kv_values_per_token"].dump() + " values)");
    const Json& forecast = json["forecast"];
    line("will take", bytes_of(forecast["total_bytes"]) + " at " + forecast["context_tokens"].dump() +
                          " tokens: weights " + bytes_of(forecast["weights_bytes"]) + " (" +
                          forecast["quant"].get<std::string>() + "), KV " + bytes_of(forecast["kv_bytes"]) +
                          " (" + forecast["kv"].get<std::string>() + "), scratch " +
                          bytes_of(forecast["scratch_bytes"]));
    line("", (forecast["fits"].get<bool>() ? "fits: " : "does not fit: ") + bytes_of(forecast["free_bytes"]) +
                 " are free");
}

void print(const Json& json) {
    const Json& shape = json["shape"];
    line("model", json["name"].get<std::string>() + " (" + json["architecture"].get<std::string>() + ")");
    print_parameters(json);
    line("shape", shape["layers"].dump() + " layers of " + shape["hidden"].dump() + ", " +
                      shape["heads"].dump() + " heads (" + shape["kv_heads"].dump() + " KV) of " +
                      shape["head_dim"].dump() + ", vocabulary " + shape["vocabulary"].dump());
    line("context", shape["context"].dump() + " tokens");
    print_experts(json);
    print_memory(json);
    const Json& tokenizer = json["tokenizer"];
    line("tokenizer", tokenizer.is_null() ? "none"
                                          : tokenizer["model"].get<std::string>() + " (" +
                                                tokenizer["pre"].get<std::string>() + "), " +
                                                tokenizer["tokens"].dump() + " tokens");
    line("chat template", json["chat_template"].get<bool>() ? "yes" : "none");
    for (const Json& note : json.value("notes", Json::array()))
        line("note", note.get<std::string>());
}

} // namespace

void add_info(CLI::App& app) {
    auto options = std::make_shared<InfoArguments>();
    CLI::App* command = app.add_subcommand("info", "Show what a model is made of");
    options->shape.add_to(*command, command->add_option("model", options->model,
                                                        "GGUF file, or the first part of a split one"));
    options->dials.add_to(*command, {"experts", "quant", "kv", "prefill_chunk"});
    command->add_option("--ctx", options->context, "Tokens of context that memory is forecast for")
        ->check(CLI::Range(1, 1 << 30));
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options] {
        const Json json = describe(*options);
        if (options->json)
            std::printf("%s\n", json_text(json).c_str());
        else
            print(json);
    });
}

} // namespace switchyard
