// tests/gpu.sh as a whole, on a machine of emulated cards and on one of none: what it writes down.
#include "tests/gpu/report.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

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
        for (const char* program : {GPU_CHECK, KERNEL_TESTS, SWITCHYARD_CLI})
            std::filesystem::create_symlink(program, programs / std::filesystem::path(program).filename());
        setenv("SWITCHYARD_CUDA_LIBRARY", FAKE_CARDS, 1);
    }
    ~GpuScript() override {
        unsetenv("SWITCHYARD_CUDA_LIBRARY");
        unsetenv("SWITCHYARD_FAKE_CARDS");
    }
    /// Runs the script on a machine with these cards; its records, by phase.
    std::map<std::string, Json> run(const char* cards) {
        setenv("SWITCHYARD_FAKE_CARDS", cards, 1);
        const std::string line = "bash " SOURCE_FOLDER "/tests/gpu.sh --small --programs " +
                                 programs.string() + " --results " + results.string() + " >" +
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
    const auto phases = run("error 35 12020");
    EXPECT_EQ(code, 0) << slurp(results / "said");
    EXPECT_EQ(phases.size(), 1u);
    EXPECT_NE(page.find("**No GPU was at hand: the NVIDIA driver knows CUDA 12.2"), std::string::npos)
        << page;
    EXPECT_EQ(page.find("GB/s"), std::string::npos) << page;
}

TEST_F(GpuScript, MeasuresACard) {
    auto phases = run("cards Large/90/2");
    SCOPED_TRACE(slurp(results / "said"));
    EXPECT_EQ(phases["card"]["result"]["name"], "emulated device");
    for (const char* key :
         {"read_bytes_per_second", "copy_bytes_per_second", "half_mma_flops_per_second",
          "byte_mma_ops_per_second", "launch_us", "graph_launch_us", "graph_dependent_us"}) {
        const Json& limit = phases["limits"]["result"][key];
        EXPECT_GT(limit.value("best", 0.0), 0) << key;
        EXPECT_GT(limit.value("median", 0.0), 0) << key;
    }
    EXPECT_EQ(phases["memory"]["status"], "ok");
    EXPECT_GT(phases["kernels against the CPU"]["result"].value("tests", 0), 0);
    EXPECT_TRUE(phases["kernels against the CPU"]["result"]["failed"].empty());
    EXPECT_EQ(phases["memcheck"]["status"], "skipped");
    EXPECT_NE(page.find("| read | "), std::string::npos) << page;
    EXPECT_NE(page.find("| kernels against the CPU | ok | "), std::string::npos) << page;
}

TEST(ResultsPage, HasSharesOfTheMeasuredLimit) {
    const std::vector<Json> phases = {
        {{"phase", "card"}, {"status", "ok"}, {"result", {{"name", "A card"}}}},
        {{"phase", "limits"},
         {"status", "ok"},
         {"result", {{"read_bytes_per_second", {{"best", 4e12}, {"median", 3.9e12}}}}}},
        {{"phase", "bench a"},
         {"status", "ok"},
         {"result",
          {{"model", "shape"},
           {"quant", "Q8_0"},
           {"layers", 10},
           {"layers_total", 20},
           {"decode_tokens_per_second", 1000.0},
           {"bytes_read_per_token", 2e9},
           {"prefill_tokens_per_second", 5000.0}}}},
        {{"phase", "bench b"}, {"status", "over its time"}, {"note", "nothing"}}};
    const std::string page = results_page({"2026-01-02", "abc"}, phases);
    // 1 ms a token, of which 0.5 ms are its bytes; the rest over ten layers.
    EXPECT_NE(page.find("| shape | Q8_0 | 10 of 20 | 0 | 1000.0 | 50.0 % | 50.00 | 5000 |"),
              std::string::npos)
        << page;
    EXPECT_NE(page.find("| bench b | over its time |"), std::string::npos) << page;
    EXPECT_EQ(page.find("TFLOP"), std::string::npos) << "not measured: " << page;
}

} // namespace
} // namespace switchyard
