#include "tests/gpu/report.h"

#include <algorithm>
#include <cstdio>

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

std::string fixed(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

const Json* find_phase(const std::vector<Json>& phases, const std::string& name) {
    for (const Json& phase : phases)
        if (phase.value("phase", "") == name && phase.value("status", "") == "ok" && phase.contains("result"))
            return &phase["result"];
    return nullptr;
}

/// "best (median)" of a measured value, in units of `unit`.
std::string best_of(const Json& limits, const char* key, double unit, int digits) {
    const Json& value = limits[key];
    return fixed(value["best"].get<double>() / unit, digits) + " (" +
           fixed(value["median"].get<double>() / unit, digits) + ")";
}

std::string card_lines(const Json& card) {
    std::string text =
        "- Card: " + card.value("name", "?") + ", compute capability " +
        card.value("compute_capability", "?") + ", " + std::to_string(card.value("multiprocessors", 0)) +
        " multiprocessors, " +
        fixed(static_cast<double>(card.value("memory_bytes", std::uint64_t{0})) / (1ull << 30), 1) + " GiB\n";
    text += "- Driver: " + card.value("driver", "?") + ", which knows CUDA " +
            card.value("driver_cuda", "?") + "; library built with CUDA " + card.value("runtime_cuda", "?") +
            "\n";
    if (card.contains("celsius"))
        text += "- At the start: " + std::to_string(card["celsius"].get<int>()) + " °C, " +
                fixed(card.value("watts", -1.0), 0) + " W, " + std::to_string(card.value("clock_mhz", -1)) +
                " MHz\n";
    return text;
}

std::string limits_table(const Json& limits) {
    const auto row = [&](const char* label, const char* key, double unit, int digits, const char* name) {
        return limits.contains(key) ? std::string("| ") + label + " | " + best_of(limits, key, unit, digits) +
                                          " " + name + " |\n"
                                    : std::string();
    };
    return "\n## Limits of this card, in this run\nBest of the runs, the median behind it.\n\n| what | "
           "reached "
           "|\n|---|---|\n" +
           row("read", "read_bytes_per_second", 1e9, 0, "GB/s") +
           row("copy, read and written", "copy_bytes_per_second", 1e9, 0, "GB/s") +
           row("`mma.sync` of 16-bit floats", "half_mma_flops_per_second", 1e12, 1, "TFLOP/s") +
           row("`mma.sync` of bytes", "byte_mma_ops_per_second", 1e12, 1, "TOP/s") +
           row("a launch in a stream", "launch_us", 1, 2, "us") +
           row("a launch in a graph", "graph_launch_us", 1, 2, "us") +
           row("a dependent launch in a graph", "graph_dependent_us", 1, 2, "us");
}

/// Bytes a second that everything is compared with: the better of reading and copying.
double read_limit(const Json* limits) {
    double best = 0;
    if (limits)
        for (const char* key : {"read_bytes_per_second", "copy_bytes_per_second"})
            if (limits->contains(key))
                best = std::max(best, (*limits)[key]["best"].get<double>());
    return best;
}

std::string bench_row(const Json& bench, double limit) {
    const double tokens = bench.value("decode_tokens_per_second", 0.0);
    const double bytes = bench.value("bytes_read_per_token", 0.0);
    const int layers = bench.value("layers", 0), all = bench.value("layers_total", layers);
    std::string row = "| " + bench.value("model", "?") + " | " + bench.value("quant", "?") + " | " +
                      std::to_string(layers) + (layers < all ? " of " + std::to_string(all) : "") + " | " +
                      std::to_string(bench.value("prompt_tokens", 0)) + " | " + fixed(tokens, 1) + " | ";
    if (tokens > 0 && bytes > 0 && limit > 0 && layers > 0) {
        row += fixed(100 * tokens * bytes / limit, 1) + " % | " +
               fixed((1 / tokens - bytes / limit) / layers * 1e6, 2) + " | ";
    } else {
        row += "- | - | ";
    }
    return row + fixed(bench.value("prefill_tokens_per_second", 0.0), 0) + " |\n";
}

std::string bench_table(const std::vector<Json>& phases, double limit) {
    std::string rows;
    for (const Json& phase : phases)
        if (phase.value("phase", "").starts_with("bench ") && phase.value("status", "") == "ok" &&
            phase.contains("result"))
            rows += bench_row(phase["result"], limit);
    if (rows.empty())
        return "";
    return "\n## Speed\nRandom valid blocks for weights. Share and loss are against the better of this run's "
           "read and "
           "copy rates; the loss is what a step takes beyond its bytes, over its layers.\n\n"
           "| shape | weights | layers | prompt | decode tokens/s | share of the limit | us lost a layer | "
           "prefill "
           "tokens/s |\n|---|---|---|---|---|---|---|---|\n" +
           rows;
}

std::string phase_table(const std::vector<Json>& phases) {
    std::string text = "\n## Phases\n| phase | outcome | seconds | |\n|---|---|---|---|\n";
    for (const Json& phase : phases)
        text += "| " + phase.value("phase", "?") + " | " + phase.value("status", "?") + " | " +
                fixed(phase.value("seconds", 0.0), 1) + " | " + phase.value("note", "") + " |\n";
    return text;
}

} // namespace

std::string results_page(const ReportHead& head, const std::vector<Json>& phases) {
    std::string text =
        "# What was measured on a card\nWritten by `tests/gpu.sh`. Nothing stands here that was not "
        "measured in that run.\n\n- Date: " +
        head.date + "\n- Commit: " + head.commit + "\n";
    const Json* card = find_phase(phases, "card");
    if (!card) {
        std::string why;
        for (const Json& phase : phases)
            if (phase.value("phase", "") == "card")
                why = phase.value("note", "");
        return text + "\n**No GPU was at hand" + (why.empty() ? "" : ": " + why) +
               ".** No figure of a card has been measured for this commit. The kernels were run by the "
               "emulated device "
               "alone (`cuda_kernel_tests`).\n";
    }
    text += card_lines(*card);
    const Json* limits = find_phase(phases, "limits");
    if (limits)
        text += limits_table(*limits);
    return text + bench_table(phases, read_limit(limits)) + phase_table(phases);
}

} // namespace switchyard
