// Under any limit of memory a command works, or says in one line that it cannot: never a signal, never a
// hang.
#include "tests/app/tiny_model.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

namespace switchyard {
namespace {

using Clock = std::chrono::steady_clock;

class MemoryLimit : public testing::TestWithParam<std::string> {
  protected:
    struct Outcome {
        int code = -1, signal = 0;
        std::string err;
    };
    std::string path(const char* name) const { return (folder_.path() / name).string(); }
    Outcome run(const std::string& arguments, long kib) const {
        const std::string line = "ulimit -v " + std::to_string(kib) + "; exec timeout -s ABRT 60 " +
                                 SWITCHYARD_CLI + " " + arguments + " </dev/null >/dev/null 2>" + path("err");
        const int status = std::system(line.c_str());
        Outcome outcome;
        outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : outcome.code > 128 ? outcome.code - 128 : 0;
        std::ifstream in(path("err"), std::ios::binary);
        outcome.err = {std::istreambuf_iterator<char>(in), {}};
        return outcome;
    }
    /// What the program itself takes before it can do anything.
    long least() const {
        long kib = 16 << 10;
        while (run("devices", kib).code != 0 && kib < (8 << 20))
            kib += kib / 32;
        return kib;
    }

    const test::TemporaryFolder folder_;
};

TEST_P(MemoryLimit, EndsWithASentenceOrWell) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer takes terabytes of address space";
#endif
    const std::string model = path("tiny.gguf");
    writeTinyModel(model);
    std::string arguments = GetParam();
    arguments.replace(arguments.find("MODEL"), 5, model);
    if (const auto out = arguments.find("OUT"); out != std::string::npos)
        arguments.replace(out, 3, path("out.gguf"));
    const auto until = Clock::now() + std::chrono::seconds(40);
    int refused = 0, worked = 0;
    for (long kib = least(); worked < 3 && Clock::now() < until; kib += kib / 64) {
        const Outcome outcome = run(arguments, kib);
        EXPECT_EQ(outcome.signal, 0) << kib << " KiB: " << outcome.err;
        EXPECT_TRUE(outcome.code == 0 || outcome.code == 1) << kib << " KiB: " << outcome.code;
        if (outcome.code != 0) {
            ++refused;
            EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << kib << " KiB: " << outcome.err;
        }
        worked += outcome.code == 0;
    }
    EXPECT_GT(refused, 0);
    EXPECT_GT(worked, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Commands, MemoryLimit,
    testing::Values("generate MODEL --prompt hello --max-tokens 4 --threads 2",
                    "generate MODEL --prompt hello --max-tokens 4 --threads 2 --quant Q4_0 --json",
                    "bench MODEL --prompt-tokens 40 --gen-tokens 4 --repeat 1 --threads 2",
                    "quantize MODEL OUT --type Q4_0"),
    [](const auto& info) { return "Command" + std::to_string(info.index); });

} // namespace
} // namespace switchyard
