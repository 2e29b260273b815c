// tests/gpu.sh as a whole, on a machine of emulated cards and on one of none: what it writes down.
#include "tests/gpu/report.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct GpuScript : testing::Test {
    GpuScript() {
        std::filesystem::create_directory(programs);
        for (const char* program : {GPU_CHECK, KERNEL_TESTS})
            std::filesystem::create_symlink(program, programs / std::filesystem::path(program).filename());
        setenv("SWITCHYARD_CUDA_LIBRARY", FAKE_CARDS, 1);
    }
    ~GpuScript() override {
        unsetenv("SWITCHYARD_CUDA_LIBRARY");
        unsetenv("SWITCHYARD_FAKE_CARDS");
    }
    /// Runs the script on a machine with these cards; its records, by phase.
    std::map<std::string, Json> run(const char* cards, const std::string& more = "") {
        setenv("SWITCHYARD_FAKE_CARDS", cards, 1);
        const std::string line = "bash " SOURCE_FOLDER "/tests/gpu.sh --small --programs " +
                                 programs.string() + " --results " + results.string() + " " + more + " >" +
                                 (results / "said").string() + " 2>&1";
        std::filesystem::create_directories(results);
        code = WEXITSTATUS(std::system(line.c_str()));
        std::map<std::string, Json> phases;
        std::ifstream in(results / "gpu-results.jsonl");
        for (std::string record; std::getline(in, record);) {
            const Json phase = Json::parse(record, nullptr, false);
            phases[phase.value("phase", "?")] = phase;
        }
        page = slurp(results / "gpu-results.md");
        return phases;
    }

    const test::TemporaryFolder folder;
    const std::filesystem::path programs = folder.path() / "programs", results = folder.path() / "results";
    std::string page;
    int code = -1;
};

TEST_F(GpuScript, SaysPlainlyThatThereIsNoCard) {
    for (const auto& [cards, why] : {std::pair("error 35 0", "there is no NVIDIA driver"),
                                     std::pair("error 100 13000", "the NVIDIA driver finds no card"),
                                     std::pair("cards", "the NVIDIA driver finds no card")}) {
        const auto phases = run(cards);
        EXPECT_EQ(code, 0) << slurp(results / "said");
        EXPECT_EQ(phases.size(), 1u);
        EXPECT_NE(page.find(std::string("**No GPU was at hand: ") + why), std::string::npos) << page;
        EXPECT_EQ(page.find("GB/s"), std::string::npos) << page;
    }
}

TEST_F(GpuScript, FailsWhereACardCannotBeUsed) {
    for (const auto& [cards, why] :
         {std::pair("error 35 12020", "the NVIDIA driver knows CUDA 12.2"),
          std::pair("error 999 13000 unknown error", "CUDA does not start"),
          std::pair("cards Broken/90/2", "out of memory"), std::pair("cards Old/60/2", "is too old")}) {
        const auto phases = run(cards);
        const std::string said = slurp(results / "said");
        EXPECT_EQ(code, 1) << said;
        EXPECT_EQ(phases.size(), 1u);
        EXPECT_NE(said.find("gpu.sh: the card cannot be measured: "), std::string::npos) << said;
        EXPECT_NE(said.find(why), std::string::npos) << said;
        EXPECT_EQ(said.find("There is no card here"), std::string::npos) << said;
        EXPECT_NE(page.find("**The GPU could not be used: "), std::string::npos) << page;
        EXPECT_NE(page.find(why), std::string::npos) << page;
    }
    const std::filesystem::path written = results / "gpu-results.md";
    std::ofstream(written) << "measured before";
    run("error 999 13000 unknown error");
    EXPECT_EQ(code, 1);
    EXPECT_EQ(page, "measured before") << "what another run measured stays";
}

/// Cells of the rows below a heading of the page, the table's head first and without the line under it.
std::vector<std::vector<std::string>> table_of(const std::string& page, const std::string& heading) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(page);
    bool here = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("## "))
            here = line == "## " + heading;
        if (!here || !line.starts_with("| "))
            continue;
        std::vector<std::string> cells;
        for (std::size_t at = 2; at < line.size();) {
            const std::size_t end = std::min(line.find(" |", at), line.size());
            cells.push_back(line.substr(at, end - at));
            at = end + 3;
        }
        rows.push_back(std::move(cells));
    }
    return rows;
}

void expect_measured(const std::string& page, const std::string& heading, std::size_t rows,
                     const std::string& unit) {
    SCOPED_TRACE(heading);
    const auto table = table_of(page, heading);
    ASSERT_EQ(table.size(), rows + 1);
    bool units = false;
    for (const std::string& cell : table.front())
        units = units || cell.find(unit) != std::string::npos;
    EXPECT_TRUE(units) << unit;
    for (const auto& row : table) {
        EXPECT_EQ(row.size(), table.front().size()) << row.front();
        for (const std::string& cell : row)
            EXPECT_TRUE(!cell.empty() && cell != "-" && cell != "nan" && cell != "inf") << row.front();
    }
}

TEST_F(GpuScript, MeasuresACard) {
    auto phases = run("cards Large/90/2");
    SCOPED_TRACE(slurp(results / "said"));
    EXPECT_EQ(code, 0);
    EXPECT_EQ(phases["card"]["results"][0]["name"], "emulated device");
    for (const char* key : {"read_bytes_per_second", "copy_bytes_per_second", "half_mma_flops_per_second",
                            "byte_mma_ops_per_second", "instructions_per_second", "launch_us",
                            "graph_launch_us", "graph_dependent_us"}) {
        const Json& limit = phases["limits"]["results"][0][key];
        EXPECT_GT(limit.value("best", 0.0), 0) << key;
        EXPECT_GT(limit.value("median", 0.0), 0) << key;
    }
    EXPECT_EQ(phases["memory"]["status"], "ok");
    EXPECT_GT(phases["kernels against the CPU"]["results"][0].value("tests", 0), 0);
    EXPECT_TRUE(phases["kernels against the CPU"]["results"][0]["failed"].empty());
    EXPECT_EQ(phases["memcheck"]["status"], "skipped");
    // Five shapes: answers alone in two contexts, 8 and 32 at once, and prompts of two lengths.
    expect_measured(page, "Answers", 5 * 4, "us lost a layer");
    EXPECT_NE(page.find("One row by many launches or by one"), std::string::npos);
    expect_measured(page, "Sequences side by side", 5 * 2, "tokens/s");
    expect_measured(page, "Prompts", 5 * 2, "TFLOP/s");
    expect_measured(page, "Changes of precision", 3, "ms");
    expect_measured(page, "The slider of active experts", 2, "ms");
    expect_measured(page, "Making the models", 5, "GB/s");
    for (const auto& row : table_of(page, "Changes of precision"))
        EXPECT_TRUE(row.back() == "0" || row.back().starts_with("context")) << "the cache was not kept";
    EXPECT_NE(page.find("| read | "), std::string::npos) << page;
    EXPECT_NE(page.find("| kernels against the CPU | ok | "), std::string::npos) << page;
    EXPECT_EQ(page.find("cut short"), std::string::npos) << page;
}

TEST_F(GpuScript, EndsAPhaseThatHangs) {
    // A program that hangs after its first results, and does not end when it is asked to.
    const std::filesystem::path program = programs / "gpu_check";
    std::filesystem::remove(program);
    std::ofstream(program) << "#!/usr/bin/env bash\n"
                              "[ \"$1\" = limits ] || exec " GPU_CHECK " \"$@\"\n"
                              "trap '' TERM\n"
                              "echo '{\"read_bytes_per_second\": {\"best\": 4e12, \"median\": 3.9e12}}'\n"
                              "echo 'waits for its card' >&2\n"
                              "while :; do sleep 1; done\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    auto phases = run("cards Large/90/2", "--seconds 3");
    SCOPED_TRACE(slurp(results / "said"));
    EXPECT_EQ(code, 1);
    EXPECT_EQ(phases["limits"]["status"], "over its time");
    EXPECT_EQ(phases["limits"]["note"], "waits for its card");
    EXPECT_EQ(phases["limits"]["results"][0]["read_bytes_per_second"]["best"], 4e12);
    EXPECT_LT(phases["limits"].value("seconds", 0.0), 30);
    for (const char* phase : {"memory", "kernels against the CPU", "speed of deepseek-v2-lite, Q4_K"})
        EXPECT_EQ(phases[phase]["status"], "skipped") << phase;
    EXPECT_NE(page.find("| limits | over its time | "), std::string::npos) << page;
    EXPECT_NE(page.find("no time was left for it"), std::string::npos) << page;
    EXPECT_NE(page.find("| read | "), std::string::npos) << page;
}

Json limits_record() {
    return {{"phase", "limits"},
            {"status", "ok"},
            {"results", Json::array({{{"read_bytes_per_second", {{"best", 4e12}, {"median", 3.9e12}}},
                                      {"copy_bytes_per_second", {{"best", 3e12}, {"median", 3e12}}},
                                      {"half_mma_flops_per_second", {{"best", 5e14}, {"median", 5e14}}},
                                      {"instructions_per_second", {{"best", 5e13}, {"median", 5e13}}}}})}};
}
Json card_record() {
    return {{"phase", "card"}, {"status", "ok"}, {"results", Json::array({{{"name", "A card"}}})}};
}
/// 1 ms a step, of which 0.5 ms are its bytes.
Json decode_record(int batch, double step_us, double tiles) {
    return {{"measure", "decode"},
            {"shape", "a-shape"},
            {"weights", "Q8_0"},
            {"layers", 10},
            {"batch", batch},
            {"context", 128},
            {"step_us", step_us},
            {"bytes", 2e9},
            {"tiles", {{"Q8_0", {0.0, tiles, 0.0}}}},
            {"stages",
             {{"attention", {{"bytes", 4e8}, {"us", 300.0}}},
              {"router", {{"bytes", 0.0}, {"us", 50.0}}},
              {"experts", {{"bytes", 1.2e9}, {"us", 450.0}}},
              {"head", {{"bytes", 4e8}, {"us", step_us - 800.0}}}}}};
}

TEST(ResultsPage, HasSharesOfTheLimitsOfItsOwnRun) {
    const Json speed = {{"phase", "speed a"},
                        {"status", "over its time"},
                        {"results", Json::array({decode_record(1, 1000, 1e9),
                                                 decode_record(32, 2000, 4e10),
                                                 {{"measure", "prefill"},
                                                  {"shape", "a-shape"},
                                                  {"weights", "Q8_0"},
                                                  {"tokens", 512},
                                                  {"chunk", 512},
                                                  {"seconds", 0.01},
                                                  {"flops", 1e12}}})}};
    const std::string page =
        results_page({"2026-01-02", "abc", true}, {card_record(), limits_record(), speed});
    const auto answers = table_of(page, "Answers");
    ASSERT_EQ(answers.size(), 3u) << page;
    // Lost: 500 us over ten layers; by stage 200, 50 and 150 of ten layers' and 100 of the head.
    EXPECT_EQ(answers[1],
              (std::vector<std::string>{"a-shape", "Q8_0", "1", "128", "1000.0", "1000.0", "2000.0", "500.0",
                                        "bytes", "50.0 %", "50.00", "20.00", "5.00", "15.00", "100.00"}));
    EXPECT_EQ(answers[2][8], "instructions") << page;
    // Where the router's bytes were read within the experts' time, that is what they lie in.
    Json within = decode_record(1, 1000, 1e9);
    within["stages"]["router"] = {{"bytes", 4e7}, {"us", 0.0}};
    const std::string other =
        results_page({"2026-01-02", "abc", true},
                     {card_record(),
                      limits_record(),
                      {{"phase", "speed a"}, {"status", "ok"}, {"results", Json::array({within})}}});
    const auto row = table_of(other, "Answers").at(1);
    EXPECT_EQ(row[12], "0.00") << other;
    EXPECT_EQ(row[13], "14.00") << other;
    EXPECT_EQ(table_of(page, "Sequences side by side").at(1).back(), "16.0x");
    EXPECT_EQ(table_of(page, "Prompts").at(1).back(), "20.0 %");
    EXPECT_NE(page.find("| speed a | over its time |"), std::string::npos) << page;
    EXPECT_NE(page.find("cut short"), std::string::npos) << page;
}

TEST(ResultsPage, SaysWhereInstructionsWereNotCounted) {
    Json step = decode_record(32, 2000, 4e10); // by instructions, if it were not for:
    step["tiles"]["F32"] = {1.0, 0.0, 0.0};
    const Json speed = {{"phase", "speed a"}, {"status", "ok"}, {"results", Json::array({step})}};
    const std::string page = results_page({"2026-01-02", "abc"}, {card_record(), limits_record(), speed});
    const auto answers = table_of(page, "Answers");
    ASSERT_EQ(answers.size(), 2u) << page;
    EXPECT_EQ(answers[1][7], "500.0") << "its bytes alone";
    EXPECT_EQ(answers[1][8], "bytes, no issue limit");
    EXPECT_EQ(answers[1][9], "25.0 %");
}

TEST(ResultsPage, HasNoShareWhereTheLimitWasNotMeasured) {
    const Json speed = {
        {"phase", "speed a"}, {"status", "ok"}, {"results", Json::array({decode_record(1, 1000, 1e9)})}};
    const std::string page = results_page({"2026-01-02", "abc"}, {card_record(), speed});
    const auto answers = table_of(page, "Answers");
    ASSERT_EQ(answers.size(), 2u) << page;
    EXPECT_EQ(answers[1][9], "-");
    EXPECT_EQ(page.find("nan"), std::string::npos) << page;
    EXPECT_EQ(page.find("Limits of this card"), std::string::npos) << page;
}

} // namespace
} // namespace switchyard
