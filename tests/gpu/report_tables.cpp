#include "tests/gpu/report_tables.h"

#include "tests/gpu/instruction_costs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace switchyard {

using Json = nlohmann::ordered_json;

std::string fixed(double value, int digits) {
    if (!std::isfinite(value))
        return "-";
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

CardLimits CardLimits::of(const Json* limits) {
    CardLimits own;
    if (!limits)
        return own;
    const auto best = [&](const char* key) {
        return limits->contains(key) ? (*limits)[key].value("best", 0.0) : 0.0;
    };
    own.bytes_per_second = std::max(best("read_bytes_per_second"), best("copy_bytes_per_second"));
    own.half_flops_per_second =
        std::max(best("half_mma_flops_per_second"), best("half_product_flops_per_second"));
    own.instructions_per_second = best("instructions_per_second");
    return own;
}

namespace {

std::string limit_name(const StepLimit& limit) {
    if (limit.no_issue)
        return "bytes, no issue limit";
    return limit.by_issue ? "instructions" : "bytes";
}

} // namespace

StepLimit step_limit(const Json& step, const CardLimits& limits) {
    StepLimit limit;
    if (limits.bytes_per_second <= 0)
        return limit;
    limit.us = step.value("bytes", 0.0) / limits.bytes_per_second * 1e6;
    if (limits.instructions_per_second <= 0 || !step.contains("tiles"))
        return limit;
    double instructions = 0;
    for (const auto& [type, tiles] : step["tiles"].items())
        if (const auto own = instructions_of(type, tiles[0], tiles[1], tiles[2]))
            instructions += *own;
        else
            limit.no_issue = true;
    if (limit.no_issue)
        return limit;
    const double issue_us = instructions / limits.instructions_per_second * 1e6;
    limit.by_issue = issue_us > limit.us;
    limit.us = std::max(limit.us, issue_us);
    return limit;
}

LostTime lost_time(const Json& step, const CardLimits& limits) {
    LostTime lost;
    const double layers = step.value("layers", 0);
    if (limits.bytes_per_second <= 0 || layers <= 0)
        return lost;
    const auto beyond = [&](double us, double bytes) { return us - bytes / limits.bytes_per_second * 1e6; };
    lost.whole = beyond(step.value("step_us", 0.0), step.value("bytes", 0.0)) / layers;
    const Json stages = step.value("stages", Json::object());
    for (const auto& [name, stage] : stages.items()) {
        const double us = stage.value("us", 0.0), own = beyond(us, stage.value("bytes", 0.0));
        lost.by_stage = lost.by_stage || stage.contains("us");
        if (name == "attention")
            lost.attention += own / layers;
        else if (name == "router" && us > 0)
            lost.router += own / layers;
        else if (name == "router" || name == "experts" || name == "feed_forward")
            lost.feed_forward += own / layers; // one row may be routed within it
        else
            lost.head += own;
    }
    return lost;
}

namespace {

std::string text_of(const Json& result, const char* key) { return result.value(key, "?"); }

std::string row(std::initializer_list<std::string> cells) {
    std::string text = "|";
    for (const std::string& cell : cells)
        text += " " + cell + " |";
    return text + "\n";
}

/// The rows of one measure under a heading, a text and a table's head.
template <typename Row>
std::string table(const std::vector<Json>& results, const std::string& measure, const std::string& head,
                  const Row& row_of) {
    std::string rows;
    for (const Json& result : results)
        if (result.value("measure", "") == measure)
            rows += row_of(result);
    return rows.empty() ? "" : head + rows;
}

} // namespace

std::string answers_table(const std::vector<Json>& results, const CardLimits& limits) {
    return table(
        results, "decode",
        "\n## Answers\nRandom valid blocks for weights, F16 cache, tokens drawn as by default. A step gives "
        "a "
        "token of each sequence; its time is the median from the end of one step to that of the next. The "
        "limit is what the bytes that the step has to read take at the better of this run's read and copy "
        "rates, or what its instructions take (counted in the kernels' code; no issue limit: not counted for "
        "all of its weights) where that is longer. Lost is "
        "what a step takes beyond its bytes, over its layers; by stage as the device's clock shared out a "
        "step (what belongs to no layer: a step's).\n\n"
        "| shape | weights | sequences | context | us a step | tokens/s | MB to read | limit, us | by | "
        "share of "
        "the limit | us lost a layer | attention | router | feed-forward | us lost outside layers |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        [&](const Json& r) {
            const double us = r.value("step_us", 0.0);
            const int batch = r.value("batch", 1);
            const StepLimit limit = step_limit(r, limits);
            const LostTime lost = lost_time(r, limits);
            const bool known = limit.us > 0 && us > 0;
            const auto part = [&](double value) {
                return known && lost.by_stage ? fixed(value, 2) : std::string("-");
            };
            return row({text_of(r, "shape"), text_of(r, "weights"), std::to_string(batch),
                        std::to_string(r.value("context", 0)), fixed(us, 1),
                        us > 0 ? fixed(batch / us * 1e6, 1) : "-", fixed(r.value("bytes", 0.0) / 1e6, 1),
                        known ? fixed(limit.us, 1) : "-", known ? limit_name(limit) : "-",
                        known ? fixed(100 * limit.us / us, 1) + " %" : "-",
                        known ? fixed(lost.whole, 2) : "-", part(lost.attention), part(lost.router),
                        part(lost.feed_forward), part(lost.head)});
        });
}

std::string launches_table(const std::vector<Json>& results) {
    return table(
        results, "decode",
        "\n## One row by many launches or by one\nThe best step of one row by the device's events: as a "
        "graph "
        "of launches, and as one launch that goes through all stages. Answers take the quicker one.\n\n"
        "| shape | weights | context | us by a graph | us by one launch |\n|---|---|---|---|---|\n",
        [&](const Json& r) {
            if (!r.contains("launches"))
                return std::string();
            const auto us = [&](const char* way) { return fixed(r["launches"].value(way, 0.0), 1); };
            return row({text_of(r, "shape"), text_of(r, "weights"), std::to_string(r.value("context", 0)),
                        us("graph_us"), us("program_us")});
        });
}

std::string batches_table(const std::vector<Json>& results) {
    return table(
        results, "decode",
        "\n## Sequences side by side\nTokens/s of all together, over those of one alone in the same "
        "context.\n\n| shape | weights | sequences | tokens/s over one sequence's |\n|---|---|---|---|\n",
        [&](const Json& r) {
            const auto alone = std::ranges::find_if(results, [&](const Json& other) {
                return other.value("measure", "") == "decode" && other.value("batch", 0) == 1 &&
                       other.value("shape", "") == r.value("shape", "") &&
                       other.value("weights", "") == r.value("weights", "") &&
                       other.value("context", 0) == r.value("context", 0);
            });
            const double us = r.value("step_us", 0.0);
            const int batch = r.value("batch", 1);
            if (batch == 1 || alone == results.end() || us <= 0)
                return std::string();
            return row({text_of(r, "shape"), text_of(r, "weights"), std::to_string(batch),
                        fixed(batch * alone->value("step_us", 0.0) / us, 1) + "x"});
        });
}

std::string prompts_table(const std::vector<Json>& results, const CardLimits& limits) {
    return table(
        results, "prefill",
        "\n## Prompts\nThe best run. Operations: two for each multiply-add with a weight, those of the "
        "experts that were chosen, and of attention, latent attention in its form with keys and values "
        "a head. The FP16 rate is the best that this run measured.\n\n"
        "| shape | weights | tokens | rows a step | ms | tokens/s | TFLOP/s | of the FP16 rate |\n"
        "|---|---|---|---|---|---|---|---|\n",
        [&](const Json& r) {
            const double seconds = r.value("seconds", 0.0);
            const double rate = seconds > 0 ? r.value("flops", 0.0) / seconds : 0;
            const int tokens = r.value("tokens", 0);
            return row({text_of(r, "shape"), text_of(r, "weights"), std::to_string(tokens),
                        std::to_string(r.value("chunk", 0)), fixed(seconds * 1e3, 2),
                        seconds > 0 ? fixed(tokens / seconds, 0) : "-", fixed(rate / 1e12, 2),
                        limits.half_flops_per_second > 0
                            ? fixed(100 * rate / limits.half_flops_per_second, 1) + " %"
                            : "-"});
        });
}

std::string dials_tables(const std::vector<Json>& results) {
    const auto ms = [](const Json& r, const char* key) { return fixed(r.value(key, 0.0), 2); };
    return table(results, "precision",
                 "\n## Changes of precision\nIn the middle of an answer, from pages of the host, as the "
                 "scheduler serves it; `file` is the shape's own type. Stalls are a token's time.\n\n"
                 "| shape | weights | to | s | GB then | usual token, ms | longest meanwhile, ms | first "
                 "behind it, ms "
                 "| usual behind it, ms | context computed again, tokens "
                 "|\n|---|---|---|---|---|---|---|---|---|---|\n",
                 [&](const Json& r) {
                     return row({text_of(r, "shape"), text_of(r, "weights"), text_of(r, "quant"),
                                 fixed(r.value("seconds", 0.0), 3),
                                 fixed(r.value("weights_bytes", 0.0) / 1e9, 2), ms(r, "usual_token_ms"),
                                 ms(r, "longest_token_ms"), ms(r, "first_token_afterwards_ms"),
                                 ms(r, "token_ms_afterwards"),
                                 std::to_string(r.value("context_read_again", 0))});
                 }) +
           table(results, "experts",
                 "\n## The slider of active experts\nMoved in the middle of an answer.\n\n"
                 "| shape | weights | experts | to | tokens until it is obeyed | first such token, ms | "
                 "usual before, "
                 "ms | usual behind it, ms |\n|---|---|---|---|---|---|---|---|\n",
                 [&](const Json& r) {
                     return row({text_of(r, "shape"), text_of(r, "weights"),
                                 std::to_string(r.value("usual_experts", 0)),
                                 std::to_string(r.value("experts", 0)),
                                 std::to_string(r.value("tokens_until_obeyed", 0)), ms(r, "first_token_ms"),
                                 ms(r, "usual_token_ms"), ms(r, "token_ms_afterwards")});
                 });
}

std::string loads_table(const std::vector<Json>& results) {
    return table(
        results, "load",
        "\n## Making the models\nRandom blocks on the host, then every matrix on the card by itself.\n\n"
        "| shape | weights | GB on the host | s to make | GB on the card | s to place | GB/s |\n"
        "|---|---|---|---|---|---|---|\n",
        [&](const Json& r) {
            const double bytes = r.value("bytes", 0.0), seconds = r.value("load_seconds", 0.0);
            return row({text_of(r, "shape"), text_of(r, "weights"),
                        fixed(r.value("host_bytes", 0.0) / 1e9, 2),
                        fixed(r.value("generate_seconds", 0.0), 2), fixed(bytes / 1e9, 2), fixed(seconds, 2),
                        seconds > 0 ? fixed(bytes / seconds / 1e9, 1) : "-"});
        });
}

} // namespace switchyard
