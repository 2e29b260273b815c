// switchyard-cli info: what a model file holds, read without loading its weights.
#include "app/cli/commands.h"
#include "engine/model/build_plan.h"
#include "engine/model/folder_model.h"
#include "engine/run/controls.h"
#include "engine/run/memory.h"
#include "engine/run/precision.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::string model;
    bool json = false;
};

const char* role_name(WeightRole role) {
    switch (role) {
    case WeightRole::Embedding:
        return "embedding";
    case WeightRole::Attention:
        return "attention";
    case WeightRole::FeedForward:
        return "feed_forward";
    case WeightRole::SharedExpert:
        return "shared_experts";
    case WeightRole::RoutedExpert:
        return "routed_experts";
    case WeightRole::Router:
        return "router";
    case WeightRole::Norm:
        return "norm";
    case WeightRole::Output:
        return "output";
    }
    return "other";
}

struct Parameters {
    std::uint64_t total = 0;
    std::uint64_t active = 0; ///< multiplied for one token; rows that are only looked up do not count
    Json by_role = Json::object();
};

Parameters count_parameters(const ModelPlan& plan) {
    Parameters result;
    std::set<const TensorView*> seen, multiplied;
    for (const WeightSource& source : plan.sources) {
        const TensorView& tensor = *source.tensor;
        const auto values = static_cast<std::uint64_t>(tensor.cols() * tensor.rows() * tensor.matrices());
        if (seen.insert(&tensor).second) {
            result.total += values;
            Json& role = result.by_role[role_name(source.role)];
            role = (role.is_null() ? 0 : role.get<std::uint64_t>()) + values;
        }
        if (source.use == WeightUse::Table || !multiplied.insert(&tensor).second)
            continue;
        const bool routed = source.role == WeightRole::RoutedExpert && plan.plan.experts > 0;
        const auto experts = static_cast<std::uint64_t>(plan.plan.experts);
        const auto active = static_cast<std::uint64_t>(plan.plan.experts_active);
        result.active += routed ? values / experts * active : values;
    }
    return result;
}

std::uint64_t kv_bytes_per_token(const Plan& plan, BlockType type) {
    std::uint64_t bytes = 0;
    for (const KvLayer& layer : plan.kv)
        for (const int width : {layer.key_dim, layer.value_dim}) {
            const std::int64_t values = traits(type).values;
            const std::int64_t padded = (width + values - 1) / values * values;
            bytes += static_cast<std::uint64_t>(layer.kv_heads) * row_bytes(type, padded);
        }
    return bytes;
}

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
    static constexpr const char* kGates[] = {"softmax", "softmax", "sigmoid", "softmax_chosen"};
    const bool known = config.expert_gate >= 0 && config.expert_gate < 4;
    return {{"dense_layers", config.dense_layers},   {"expert_width", config.expert_width},
            {"shared_width", config.shared_width},   {"gate", known ? kGates[config.expert_gate] : "other"},
            {"normalised", config.expert_normalise}, {"scale", config.expert_scale}};
}

Json precisions_of(const std::vector<WeightSource>& sources) {
    Json json = Json::object();
    for (std::string_view name : find_control("quant")->choices) {
        const auto type = with_control({}, *find_control("quant"), std::string(name)).model.weights;
        const PrecisionForecast forecast = forecast_precision(sources, type);
        Json entry = {{"weights_bytes", forecast.bytes}};
        if (type && !forecast.fallbacks.empty())
            entry["note"] = describe_fallbacks(*type, forecast.fallbacks);
        if (forecast.no_gain)
            entry["no_gain"] = true;
        json[std::string(name)] = std::move(entry);
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

Json describe(const std::string& path) {
    const auto file = open_model(path);
    const ModelConfig config = read_config(*file);
    const ModelPlan plan = build_plan(config, *file);
    const Parameters parameters = count_parameters(plan);
    const auto precision = main_file_type(plan.sources);
    Json json;
    json["model"] = path;
    json["name"] = config.name;
    json["architecture"] = config.architecture;
    json["file_bytes"] = file->bytes();
    json["file_precision"] = precision ? Json(traits(*precision).name) : Json(nullptr);
    json["parameters_total"] = parameters.total;
    json["parameters_active"] = parameters.active;
    json["parameters"] = parameters.by_role;
    json["experts_total"] = config.experts;
    json["experts_active"] = config.experts_active;
    json["experts_shared"] = config.experts_shared;
    if (!config.dense())
        json["routing"] = routing_of(config);
    json["shape"] = shape_of(config);
    json["weights_bytes"] = forecast_precision(plan.sources, std::nullopt).bytes;
    json["precisions"] = precisions_of(plan.sources);
    json["kv_bytes_per_token"] = {{"F16", kv_bytes_per_token(plan.plan, BlockType::F16)},
                                  {"Q8_0", kv_bytes_per_token(plan.plan, BlockType::Q8_0)}};
    json["tokenizer"] = tokenizer_of(*file);
    json["chat_template"] = config.chat_template.has_value();
    return json;
}

std::string bytes_of(const Json& json) { return format_bytes(json.get<std::uint64_t>()); }

void print(const Json& json) {
    const auto line = [](const char* label, const std::string& value) {
        std::printf("%-16s %s\n", label, value.c_str());
    };
    const auto count_of = [](const Json& count) {
        const auto value = count.get<double>();
        char text[32];
        if (value >= 1e9)
            std::snprintf(text, sizeof text, "%.2f B", value / 1e9);
        else if (value >= 1e6)
            std::snprintf(text, sizeof text, "%.1f M", value / 1e6);
        else
            std::snprintf(text, sizeof text, "%.1f K", value / 1e3);
        return std::string(text);
    };
    const Json& shape = json["shape"];
    line("model", json["name"].get<std::string>() + " (" + json["architecture"].get<std::string>() + ")");
    line("parameters",
         count_of(json["parameters_total"]) + ", " + count_of(json["parameters_active"]) + " active a token");
    for (const auto& [role, count] : json["parameters"].items())
        line(("  " + role).c_str(), count_of(count));
    line("shape", shape["layers"].dump() + " layers of " + shape["hidden"].dump() + ", " +
                      shape["heads"].dump() + " heads (" + shape["kv_heads"].dump() + " KV) of " +
                      shape["head_dim"].dump() + ", vocabulary " + shape["vocabulary"].dump());
    line("context", shape["context"].dump() + " tokens");
    if (json.contains("routing"))
        line("experts", json["experts_active"].dump() + " of " + json["experts_total"].dump() + " active, " +
                            json["experts_shared"].dump() + " shared; gate " +
                            json["routing"]["gate"].get<std::string>() +
                            (json["routing"]["normalised"] ? ", normalised" : ""));
    else
        line("experts", "none (dense)");
    line("weights",
         bytes_of(json["weights_bytes"]) +
             (json["file_precision"].is_null() ? "" : ", " + json["file_precision"].get<std::string>()));
    for (const auto& [name, precision] : json["precisions"].items()) {
        std::string text = bytes_of(precision["weights_bytes"]);
        if (precision.contains("note"))
            text += " (" + precision["note"].get<std::string>() + ")";
        if (precision.contains("no_gain"))
            text += ", no gain";
        if (name != "file")
            line(("  " + name).c_str(), text);
    }
    line("KV a token", bytes_of(json["kv_bytes_per_token"]["F16"]) + " in F16, " +
                           bytes_of(json["kv_bytes_per_token"]["Q8_0"]) + " in Q8_0");
    const Json& tokenizer = json["tokenizer"];
    line("tokenizer", tokenizer.is_null() ? "none"
                                          : tokenizer["model"].get<std::string>() + " (" +
                                                tokenizer["pre"].get<std::string>() + "), " +
                                                tokenizer["tokens"].dump() + " tokens");
    line("chat template", json["chat_template"].get<bool>() ? "yes" : "none");
}

} // namespace

void add_info(CLI::App& app) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("info", "Show what a model is made of");
    command->add_option("model", options->model, "GGUF file, or the first part of a split one")->required();
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options] {
        const Json json = describe(options->model);
        if (options->json)
            std::printf("%s\n", json.dump(2).c_str());
        else
            print(json);
    });
}

} // namespace switchyard
