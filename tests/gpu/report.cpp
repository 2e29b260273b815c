#include "tests/gpu/report.h"

#include "tests/gpu/report_tables.h"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

const Json* find_phase(const std::vector<Json>& phases, const std::string& name) {
    for (const Json& phase : phases)
        if (phase.value("phase", "") == name && phase.contains("results") && !phase["results"].empty())
            return &phase["results"].back();
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
           row("a large product of 16-bit floats by NVIDIA's library", "half_product_flops_per_second", 1e12,
               1, "TFLOP/s") +
           row("`mma.sync` of bytes", "byte_mma_ops_per_second", 1e12, 1, "TOP/s") +
           row("instructions of lanes", "instructions_per_second", 1e12, 2, "T/s") +
           row("a launch in a stream", "launch_us", 1, 2, "us") +
           row("a launch in a graph", "graph_launch_us", 1, 2, "us") +
           row("a dependent launch in a graph", "graph_dependent_us", 1, 2, "us");
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
        std::string why, status;
        for (const Json& phase : phases)
            if (phase.value("phase", "") == "card") {
                why = phase.value("note", "");
                status = phase.value("status", "");
            }
        const bool none = status.empty() || status == "no card";
        return text + (none ? "\n**No GPU was at hand" : "\n**The GPU could not be used") +
               (why.empty() ? "" : ": " + why) +
               ".** No figure of a card has been measured for this commit. The kernels were run by the "
               "emulated device "
               "alone (`cuda_kernel_tests`).\n";
    }
    text += card_lines(*card);
    if (head.unfinished)
        text += "- The run was cut short: phases that are not in the last table were not reached.\n";
    const Json* limits = find_phase(phases, "limits");
    if (limits)
        text += limits_table(*limits);
    std::vector<Json> results;
    for (const Json& phase : phases)
        for (const Json& result : phase.value("results", Json::array()))
            results.push_back(result);
    const CardLimits reached = CardLimits::of(limits);
    return text + answers_table(results, reached) + launches_table(results) + batches_table(results) +
           prompts_table(results, reached) + dials_tables(results) + loads_table(results) +
           phase_table(phases);
}

} // namespace switchyard
