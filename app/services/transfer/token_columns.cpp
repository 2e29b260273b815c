#include "app/services/transfer/token_columns.h"

#include "engine/base/error.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

/// What of a token's record is in columns or lists of its own.
constexpr std::array kOwn{"id", "text", "latency_ms", "probability", "control", "drafted"};
constexpr const char* kWeights = "weights"; ///< said of the token alone, not of those after it

Json restOf(const TokenRecord& token) {
    TokenRecord rest = token;
    rest.text.clear();
    Json json = to_json(rest);
    for (const char* key : kOwn)
        json.erase(key);
    return json;
}

bool sameRest(const TokenRecord& a, const TokenRecord& b) {
    return !a.weights && a.temperature == b.temperature && a.top_p == b.top_p &&
           a.experts_active == b.experts_active && a.kv == b.kv && a.quant == b.quant &&
           a.recoded_slices == b.recoded_slices && a.recode_total == b.recode_total &&
           a.weights_version == b.weights_version && a.weights_bytes == b.weights_bytes &&
           a.kv_bytes == b.kv_bytes && a.scratch_bytes == b.scratch_bytes;
}

[[noreturn]] void refuse(const char* what) { throw Error(std::string("a record of tokens ") + what); }

const Json& columnOf(const Json& columns, const char* name, std::size_t size) {
    const auto found = columns.find(name);
    if (found == columns.end() || !found->is_array() || found->size() != size)
        refuse("has columns of different lengths");
    return *found;
}

double realOf(const Json& value, double most) {
    const double real = value.is_number() ? value.get<double>() : -1;
    if (!(real >= 0 && real <= most)) // NaN is neither
        refuse("has a number out of its range");
    return real;
}

std::size_t indexOf(const Json& value, std::size_t size) {
    if (!value.is_number_unsigned() || value.get<std::size_t>() >= size)
        refuse("names a token that it does not have");
    return value.get<std::size_t>();
}

/// From which token on a change is.
std::size_t tokenOf(const Json& change, std::size_t size) {
    const auto found = change.is_object() ? change.find("token") : change.end();
    return indexOf(found != change.end() ? *found : Json(), size);
}

void check(const Json& rest) {
    constexpr double kMostBytes = 1e18, kMostCount = 4e9, kMostExperts = 65536;
    const std::pair<const char*, double> limits[] = {{"temperature", 2},
                                                     {"top_p", 1},
                                                     {"experts_active", kMostExperts},
                                                     {"recoded_slices", kMostCount},
                                                     {"recode_total", kMostCount},
                                                     {"weights_version", 1.8e19},
                                                     {"weights_bytes", kMostBytes},
                                                     {"kv_bytes", kMostBytes},
                                                     {"scratch_bytes", kMostBytes}};
    for (const auto& [key, most] : limits)
        realOf(rest.contains(key) ? rest[key] : Json(), most);
    if (const auto weights = rest.find(kWeights); weights != rest.end()) {
        for (const Json& layer : *weights)
            realOf(layer.is_object() && layer.contains("slices") ? layer["slices"] : Json(), kMostCount);
    }
}

/// A token that says nothing of itself, with the dials of `rest`.
TokenRecord patternOf(Json rest) {
    check(rest);
    rest["id"] = 0;
    rest["text"] = "";
    rest["latency_ms"] = 0;
    rest["probability"] = 0;
    return token_record_from_json(rest);
}

} // namespace

Json tokenColumns(const std::vector<TokenRecord>& tokens) {
    Json ids = Json::array(), texts = Json::array(), latencies = Json::array(), shares = Json::array();
    Json control = Json::array(), drafted = Json::array(), changes = Json::array(), before = Json::object();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const TokenRecord& token = tokens[i];
        ids.push_back(token.id);
        texts.push_back(token.text);
        latencies.push_back(token.latency_ms);
        shares.push_back(token.probability);
        if (!token.control.empty())
            control.push_back({i, token.control});
        if (token.drafted)
            drafted.push_back(i);
        if (i > 0 && sameRest(token, tokens[i - 1]))
            continue;
        const Json rest = restOf(token);
        Json change = {{"token", i}};
        for (const auto& [key, value] : rest.items()) {
            if (key == kWeights || !before.contains(key) || before[key] != value)
                change[key] = value;
        }
        changes.push_back(std::move(change));
        before = rest;
    }
    Json columns = {{"ids", std::move(ids)},
                    {"texts", std::move(texts)},
                    {"latency_ms", std::move(latencies)},
                    {"probability", std::move(shares)}};
    if (!control.empty())
        columns["control"] = std::move(control);
    if (!drafted.empty())
        columns["drafted"] = std::move(drafted);
    columns["changes"] = std::move(changes);
    return columns;
}

std::vector<TokenRecord> tokensFromColumns(const Json& columns) {
    if (!columns.is_object() || !columns.contains("ids") || !columns["ids"].is_array())
        refuse("has no ids");
    const Json& ids = columns["ids"];
    const std::size_t size = ids.size();
    const Json &texts = columnOf(columns, "texts", size), &latencies = columnOf(columns, "latency_ms", size),
               &shares = columnOf(columns, "probability", size);
    const Json changes = columns.value("changes", Json::array());
    std::vector<TokenRecord> tokens;
    tokens.reserve(size);
    Json rest = Json::object();
    TokenRecord pattern;
    auto change = changes.begin();
    for (std::size_t i = 0; i < size; ++i) {
        pattern.weights.reset();
        if (change != changes.end() && tokenOf(*change, size) == i) {
            rest.update(*change);
            pattern = patternOf(rest);
            rest.erase(kWeights);
            ++change;
        } else if (i == 0) {
            refuse("does not say which dials were in force");
        }
        TokenRecord token = pattern;
        constexpr double kMostId = 16'777'216, kMostMs = 1e9, kMostShare = 1.001; // a sum of rounded ones
        token.id = static_cast<std::int32_t>(realOf(ids[i], kMostId));
        if (!texts[i].is_string())
            refuse("has a text that is none");
        token.text = texts[i].get<std::string>();
        token.latency_ms = realOf(latencies[i], kMostMs);
        token.probability = realOf(shares[i], kMostShare);
        tokens.push_back(std::move(token));
    }
    if (change != changes.end())
        refuse("has changes out of their order");
    for (const Json& one : columns.value("control", Json::array())) {
        if (!one.is_array() || one.size() != 2 || !one[1].is_string())
            refuse("has a control token that is none");
        tokens[indexOf(one[0], size)].control = one[1].get<std::string>();
    }
    for (const Json& one : columns.value("drafted", Json::array()))
        tokens[indexOf(one, size)].drafted = true;
    return tokens;
}

} // namespace switchyard
