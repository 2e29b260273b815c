// Runs switchyard-cli as other programs do: what it prints and how it ends.
#pragma once

#include "tests/app/tiny_model.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <vector>

namespace switchyard {

using Json = nlohmann::ordered_json;

struct Outcome {
    int code = -1;
    std::string out, err;
};

inline std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

class CliTest : public testing::Test {
  protected:
    void SetUp() override {
        setenv("SWITCHYARD_CUDA_LIBRARY", "", 1); // the CPU computes, whatever this machine has
        model = (folder_ / "tiny.gguf").string();
        dense = (folder_ / "dense.gguf").string();
        writeTinyModel(model);
        writeTinyModel(dense, {.experts = 0});
    }

    std::string file(const std::string& name, const std::string& text = {}) {
        const auto path = folder_ / name;
        if (!text.empty())
            std::ofstream(path, std::ios::binary) << text;
        return path.string();
    }
    Outcome run(const std::string& arguments, const std::string& input = {}) {
        const std::string err = file("stderr");
        Outcome outcome = run_to(arguments, input, err);
        outcome.err = slurp(err);
        return outcome;
    }
    /// Both streams in one file, as `2>&1` has them.
    Outcome run_together(const std::string& arguments, const std::string& input = {}) {
        return run_to(arguments, input, "&1");
    }
    Json json_of(const std::string& arguments) {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, 0) << arguments << ": " << outcome.err;
        return Json::parse(outcome.out, nullptr, false);
    }
    void expect_refused(const std::string& arguments, int code, const std::string& part) {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, code) << arguments;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << arguments << ": " << outcome.err;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << "one line: " << outcome.err;
    }
    static std::vector<int> ids(const Json& answer) {
        std::vector<int> all;
        for (const Json& token : answer["tokens"])
            all.push_back(token["id"]);
        return all;
    }

    std::string model, dense;

  private:
    Outcome run_to(const std::string& arguments, const std::string& input, const std::string& err) {
        const std::string in = file("stdin", input.empty() ? "\n" : input), out = file("stdout");
        const std::string line =
            std::string(SWITCHYARD_CLI) + " " + arguments + " <" + in + " >" + out + " 2>" + err;
        const int status = std::system(line.c_str());
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(out), {}};
    }

    const test::TemporaryFolder temporary_;
    const std::filesystem::path& folder_ = temporary_.path();
};

} // namespace switchyard
