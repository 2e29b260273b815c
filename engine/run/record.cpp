#include "engine/run/record.h"

#include "engine/base/error.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kFinishNames = {"end_of_turn", "max_tokens", "stopped",
                                                          "context_full", "failed"};

std::string type_name(BlockType type) { return std::string(traits(type).name); }

BlockType type_from(const std::string& name, const char* key) {
    for (int i = 0; i < kBlockTypes; ++i)
        if (traits(static_cast<BlockType>(i)).name == name)
            return static_cast<BlockType>(i);
    throw Error("run record: " + std::string(key) + " \"" + name + "\" is not a known type");
}

std::string quant_name(const std::optional<BlockType>& type) { return type ? type_name(*type) : "file"; }

std::optional<BlockType> quant_from(const std::string& name) {
    if (name == "file")
        return std::nullopt;
    return type_from(name, "quant");
}

Json value_to_json(const ControlSpec& spec, const ControlValue& value) {
    if (const auto* name = std::get_if<std::string>(&value))
        return *name;
    const double real = std::get<double>(value);
    if (spec.kind == ControlKind::Integer)
        return static_cast<std::int64_t>(real);
    return real;
}

ControlValue value_from_json(const Json& json) {
    if (json.is_string())
        return json.get<std::string>();
    return json.get<double>();
}

Json settings_to_json(const Tuning& tuning) {
    Json json = Json::object();
    for (const ControlSpec& spec : controls())
        json[std::string(spec.json_key)] = value_to_json(spec, control_value(tuning, spec));
    return json;
}

/// Dials that a newer program wrote and this one does not know are left out: the rest still holds.
Tuning settings_from_json(const Json& json) {
    Tuning tuning;
    for (const ControlSpec& spec : controls()) {
        const auto found = json.find(std::string(spec.json_key));
        if (found == json.end())
            continue;
        if (spec.name == "kv" && *found == "F32")
            tuning.sequence.kv = BlockType::F32; // only the exact path writes it; not a choice of the dial
        else
            tuning = with_control(tuning, spec, value_from_json(*found));
    }
    return tuning;
}

Json moves_to_json(const std::vector<DialMove>& moves) {
    Json json = Json::array();
    for (const DialMove& move : moves) {
        const ControlSpec* spec = find_control(move.name);
        Json entry = {{"token", move.token}, {"name", move.name}};
        entry["value"] = spec ? value_to_json(*spec, move.value) : Json(nullptr);
        json.push_back(std::move(entry));
    }
    return json;
}

std::vector<DialMove> moves_from_json(const Json& json) {
    std::vector<DialMove> moves;
    for (const Json& entry : json) {
        DialMove move;
        move.token = entry.at("token").get<int>();
        move.name = entry.at("name").get<std::string>();
        move.value = value_from_json(entry.at("value"));
        const ControlSpec* spec = find_control(move.name);
        if (!spec)
            throw Error("run record: there is no dial \"" + move.name + "\"");
        with_control({}, *spec, move.value); // checks the value
        moves.push_back(std::move(move));
    }
    return moves;
}

Json weights_to_json(const WeightsState& state) {
    Json json = Json::array();
    for (const RecodeLayer& layer : state)
        json.push_back({{"quant", quant_name(layer.type)}, {"slices", layer.slices}});
    return json;
}

WeightsState weights_from_json(const Json& json) {
    WeightsState state;
    for (const Json& layer : json)
        state.push_back(
            {quant_from(layer.at("quant").get<std::string>()), layer.at("slices").get<std::uint32_t>()});
    return state;
}

Json context_to_json(const std::vector<ContextSpan>& spans) {
    Json json = Json::array();
    for (const ContextSpan& span : spans) {
        json.push_back({{"tokens", span.tokens},
                        {"experts_active", span.experts_active},
                        {"kv", type_name(span.kv)},
                        {"weights", weights_to_json(span.weights)}});
        if (span.decompressed)
            json.back()["decompressed"] = true;
        if (span.prompt)
            json.back()["prompt_path"] = span.library ? Json("library") : Json(true);
        if (span.activation_bits != 16)
            json.back()["activation_bits"] = span.activation_bits;
    }
    return json;
}

std::vector<ContextSpan> context_from_json(const Json& json) {
    std::vector<ContextSpan> spans;
    for (const Json& entry : json) {
        ContextSpan span;
        span.tokens = entry.at("tokens").get<int>();
        if (span.tokens <= 0)
            throw Error("run record: a context span has " + std::to_string(span.tokens) + " tokens");
        span.experts_active = entry.at("experts_active").get<int>();
        span.kv = type_from(entry.at("kv").get<std::string>(), "kv");
        span.weights = weights_from_json(entry.at("weights"));
        span.decompressed = entry.value("decompressed", false);
        if (const auto path = entry.find("prompt_path"); path != entry.end()) {
            span.library = *path == "library";
            span.prompt = span.library || path->get<bool>();
        }
        span.activation_bits = entry.value("activation_bits", 16);
        if (span.activation_bits != 16 && span.activation_bits != 8)
            throw Error("run record: a context span has activations of " +
                        std::to_string(span.activation_bits) + " bits");
        spans.push_back(std::move(span));
    }
    return spans;
}

Json timings_to_json(const RunTimings& timings) {
    Json json = {{"prompt_tokens", timings.prompt_tokens},
                 {"prompt_tokens_reused", timings.prompt_tokens_reused},
                 {"prefill_ms", timings.prefill_ms},
                 {"time_to_first_token_ms", timings.time_to_first_token_ms},
                 {"generated_tokens", timings.generated_tokens},
                 {"decode_ms", timings.decode_ms},
                 {"prefill_tokens_per_second", timings.prefill_tokens_per_second()},
                 {"decode_tokens_per_second", timings.decode_tokens_per_second()}};
    if (timings.drafted > 0) {
        json["drafted"] = timings.drafted;
        json["drafts_right"] = timings.drafts_right;
    }
    if (timings.continued > 0)
        json["continued"] = timings.continued;
    if (const ExpertTraffic& experts = timings.experts; experts != ExpertTraffic{})
        json["experts"] = {{"hits", experts.hits},
                           {"misses", experts.misses},
                           {"hit_rate", experts.hit_rate()},
                           {"fetched_bytes", experts.bytes}};
    return json;
}

/// Null where there is nothing to say.
Json reading_to_json(const AnswerReading& reading) {
    Json json;
    if (!reading.opened.empty())
        json["opened"] = reading.opened;
    for (const ThinkingMarks& marks : reading.marks) {
        Json entry = Json::array({marks.open, marks.close});
        if (!marks.reply_open.empty()) {
            entry.push_back(marks.reply_open);
            entry.push_back(marks.reply_close);
        }
        json["marks"].push_back(std::move(entry));
    }
    return json;
}

AnswerReading reading_from_json(const Json& json) {
    AnswerReading reading;
    reading.opened = json.value("opened", "");
    for (const Json& entry : json.value("marks", Json::array())) {
        ThinkingMarks marks{entry.at(0).get<std::string>(), entry.at(1).get<std::string>(), {}, {}};
        if (entry.size() > 3) {
            marks.reply_open = entry.at(2).get<std::string>();
            marks.reply_close = entry.at(3).get<std::string>();
        }
        if (marks.open.empty() || marks.close.empty())
            throw Error("run record: a mark of thinking is empty");
        reading.marks.push_back(std::move(marks));
    }
    return reading;
}

RunTimings timings_from_json(const Json& json) {
    RunTimings timings;
    timings.prompt_tokens = json.at("prompt_tokens").get<int>();
    timings.prompt_tokens_reused = json.at("prompt_tokens_reused").get<int>();
    timings.drafted = json.value("drafted", 0);
    timings.drafts_right = json.value("drafts_right", 0);
    timings.prefill_ms = json.at("prefill_ms").get<double>();
    timings.time_to_first_token_ms = json.at("time_to_first_token_ms").get<double>();
    timings.generated_tokens = json.at("generated_tokens").get<int>();
    timings.decode_ms = json.at("decode_ms").get<double>();
    timings.continued = json.value("continued", 0);
    if (const auto experts = json.find("experts"); experts != json.end())
        timings.experts = {experts->at("hits").get<std::uint64_t>(),
                           experts->at("misses").get<std::uint64_t>(),
                           experts->at("fetched_bytes").get<std::uint64_t>()};
    return timings;
}

Json computed_by_to_json(const ComputedBy& by) {
    Json json = {{"backend", by.backend},
                 {"arithmetic", by.arithmetic},
                 {"draw", static_cast<int>(by.draw)},
                 {"prompt_hash", by.prompt_hash}};
    if (!by.file_precision.empty())
        json["file_precision"] = by.file_precision;
    if (!by.library.empty())
        json["library"] = by.library;
    return json;
}

ComputedBy computed_by_from_json(const Json& json) {
    const int draw = json.at("draw").get<int>();
    if (draw < static_cast<int>(DrawVersion::Cumulative) || draw > static_cast<int>(kDrawVersion))
        throw Error("run record: it was drawn in a way that this program does not know (" +
                    std::to_string(draw) + "): a newer one made it");
    return {json.at("backend").get<std::string>(),
            json.at("arithmetic").get<int>(),
            static_cast<DrawVersion>(draw),
            json.value("prompt_hash", std::uint64_t{0}),
            json.value("file_precision", std::string()),
            json.value("library", std::string())};
}

FinishReason finish_from_name(const std::string& name) {
    for (std::size_t i = 0; i < kFinishNames.size(); ++i)
        if (kFinishNames[i] == name)
            return static_cast<FinishReason>(i);
    throw Error("run record: finish \"" + name + "\" is not known");
}

} // namespace

double RunTimings::prefill_tokens_per_second() const {
    return prefill_ms > 0 ? (prompt_tokens - prompt_tokens_reused) * 1000.0 / prefill_ms : 0;
}

double RunTimings::decode_tokens_per_second() const {
    const int measured = generated_tokens - 1 - continued;
    return decode_ms > 0 && measured > 0 ? measured * 1000.0 / decode_ms : 0;
}

std::string_view finish_name(FinishReason reason) { return kFinishNames[static_cast<std::size_t>(reason)]; }

nlohmann::ordered_json to_json(const TokenRecord& token) {
    Json json = {{"id", token.id},
                 {"text", token.text},
                 {"latency_ms", token.latency_ms},
                 {"probability", token.probability},
                 {"temperature", token.temperature},
                 {"top_p", token.top_p},
                 {"experts_active", token.experts_active},
                 {"quant", token.quant},
                 {"kv", type_name(token.kv)},
                 {"recoded_slices", token.recoded_slices},
                 {"recode_total", token.recode_total},
                 {"weights_version", token.weights_version},
                 {"weights_bytes", token.weights_bytes},
                 {"kv_bytes", token.kv_bytes},
                 {"scratch_bytes", token.scratch_bytes}};
    if (!token.control.empty())
        json["control"] = token.control;
    if (token.drafted)
        json["drafted"] = true;
    if (token.weights)
        json["weights"] = weights_to_json(*token.weights);
    return json;
}

TokenRecord token_record_from_json(const nlohmann::ordered_json& json) {
    try {
        TokenRecord token;
        token.id = json.at("id").get<std::int32_t>();
        token.text = json.at("text").get<std::string>();
        token.control = json.value("control", "");
        token.latency_ms = json.at("latency_ms").get<double>();
        token.probability = json.at("probability").get<double>();
        token.temperature = json.at("temperature").get<double>();
        token.top_p = json.at("top_p").get<double>();
        token.experts_active = json.at("experts_active").get<int>();
        token.quant = json.at("quant").get<std::string>();
        token.kv = type_from(json.at("kv").get<std::string>(), "kv");
        token.recoded_slices = json.at("recoded_slices").get<std::uint32_t>();
        token.recode_total = json.at("recode_total").get<std::uint32_t>();
        token.weights_version = json.at("weights_version").get<std::uint64_t>();
        token.weights_bytes = json.at("weights_bytes").get<std::uint64_t>();
        token.kv_bytes = json.at("kv_bytes").get<std::uint64_t>();
        token.scratch_bytes = json.at("scratch_bytes").get<std::uint64_t>();
        token.drafted = json.value("drafted", false);
        if (json.contains("weights"))
            token.weights = weights_from_json(json.at("weights"));
        return token;
    } catch (const nlohmann::json::exception& e) {
        throw Error("it is not the record of an answer, as --json prints it: a token lacks what it needs");
    }
}

/// FNV-1a (Fowler, Noll, Vo) over the ids.
std::uint64_t prompt_hash(std::span<const std::int32_t> ids) {
    std::uint64_t hash = 0xcbf29ce484222325ull;
    for (const std::int32_t id : ids)
        for (int byte = 0; byte < 4; ++byte)
            hash = (hash ^ ((static_cast<std::uint32_t>(id) >> (8 * byte)) & 0xff)) * 0x100000001b3ull;
    return std::max<std::uint64_t>(hash, 1);
}

nlohmann::ordered_json to_json(const RunRecord& record) {
    Json json = Json::object();
    json["settings"] = settings_to_json(record.settings);
    if (record.computed_by != ComputedBy{})
        json["computed_by"] = computed_by_to_json(record.computed_by);
    json["moves"] = moves_to_json(record.moves);
    json["context"] = context_to_json(record.context);
    if (Json reading = reading_to_json(record.reading); !reading.is_null())
        json["reading"] = std::move(reading);
    json["tokens"] = Json::array();
    for (const TokenRecord& token : record.tokens)
        json["tokens"].push_back(to_json(token));
    json["timings"] = timings_to_json(record.timings);
    json["finish"] = finish_name(record.finish);
    if (!record.error.empty())
        json["error"] = record.error;
    if (record.system_prompt)
        json["system_prompt"] = *record.system_prompt;
    if (record.left_out > 0)
        json["left_out"] = record.left_out;
    return json;
}

RunRecord run_record_from_json(const nlohmann::ordered_json& json) {
    try {
        RunRecord record;
        if (!json.at("settings").is_object())
            throw Error("it is not the record of an answer, as --json prints it: its settings are missing");
        record.settings = settings_from_json(json.at("settings"));
        if (const auto by = json.find("computed_by"); by != json.end())
            record.computed_by = computed_by_from_json(*by);
        record.moves = moves_from_json(json.at("moves"));
        if (const auto context = json.find("context"); context != json.end())
            record.context = context_from_json(*context);
        if (const auto reading = json.find("reading"); reading != json.end())
            record.reading = reading_from_json(*reading);
        for (const Json& token : json.at("tokens"))
            record.tokens.push_back(token_record_from_json(token));
        record.timings = timings_from_json(json.at("timings"));
        record.finish = finish_from_name(json.at("finish").get<std::string>());
        record.error = json.value("error", std::string());
        if (const auto prompt = json.find("system_prompt"); prompt != json.end())
            record.system_prompt = prompt->get<std::string>();
        record.left_out = std::max(0, json.value("left_out", 0));
        return record;
    } catch (const nlohmann::json::exception& e) {
        throw Error("it is not the record of an answer, as --json prints it");
    }
}

} // namespace switchyard
