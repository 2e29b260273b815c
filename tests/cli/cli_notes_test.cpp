// What the commands say beside their result: where it stands, and that nothing is lost without a word.
#include "tests/app/scripted_model.h"
#include "tests/cli/cli_fixture.h"

#include <sstream>

namespace switchyard {
namespace {

using CliNotesTest = CliTest;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

/// Where the answer and what is said about it go to one place, each has lines of its own.
TEST_F(CliNotesTest, ANoteBeginsItsOwnLine) {
    const std::string talker = file("talker.gguf");
    chatScript({"One", " two", " three", " four"}).write(talker);
    const std::string call = "generate " + talker + " --prompt x --temp 0 --repetition-penalty 1 ";
    const Outcome cut = run_together(call + "--max-tokens 2");
    EXPECT_EQ(cut.code, 0);
    const std::vector<std::string> lines = lines_of(cut.out);
    ASSERT_EQ(lines.size(), 2u) << cut.out;
    EXPECT_EQ(lines[0], "One two");
    EXPECT_TRUE(lines[1].starts_with("The answer was cut at its limit of 2 tokens")) << lines[1];
    // An error after what was printed, too; and results come before what is said of them.
    const std::string out = file("again.gguf");
    ASSERT_EQ(run("quantize " + dense + " " + out + " --type Q8_0").code, 0);
    const std::vector<std::string> said =
        lines_of(run_together("quantize " + dense + " " + out + " --type Q8_0").out);
    ASSERT_GE(said.size(), 2u);
    EXPECT_TRUE(said.back().starts_with("switchyard-cli: " + out)) << said.back();
    EXPECT_TRUE(said[said.size() - 2].starts_with(out)) << said[said.size() - 2];
}

/// On a terminal a line of progress is gone before anything else is said.
TEST_F(CliNotesTest, AnErrorDoesNotHangOnALineOfProgress) {
    const std::string typed = file("typed"), words = file("words.txt", std::string(3000, 'a'));
    const std::string line = "script -qec '" + std::string(SWITCHYARD_CLI) + " quantize " + dense + " " +
                             file("o.gguf") + " --type Q8_0 --calibration " + words + " --save-importance " +
                             file("no/such/folder") + "' /dev/null >" + typed + " </dev/null";
    if (std::system("command -v script >/dev/null") != 0)
        GTEST_SKIP() << "script makes no terminal here";
    EXPECT_NE(std::system(line.c_str()), 0);
    const std::string terminal = slurp(typed);
    const auto error = terminal.find("switchyard-cli: ");
    ASSERT_NE(error, std::string::npos) << terminal;
    ASSERT_GE(error, 1u);
    EXPECT_TRUE(terminal.substr(0, error).ends_with("\r\033[K") || terminal[error - 1] == '\n') << terminal;
}

TEST_F(CliNotesTest, AFileThatIsReplacedIsNamedAndWholeUntilThen) {
    std::string words;
    for (int i = 0; i < 300; ++i)
        words += "Word " + std::to_string(i * i) + " of a text. ";
    const std::string text = file("text.txt", words), mine(5000, 'm');
    const auto write = [&](const std::string& name) { return file(name, mine); };
    struct Case {
        std::string command;
        std::vector<std::string> outputs;
    };
    const std::string quantized = write("q.gguf"), importance = write("i.gguf"), carved = write("c.gguf"),
                      plan = write("c.plan"), own = write("c.text"), logits = write("l.npy");
    const std::vector<Case> cases = {{"quantize " + dense + " " + quantized + " --type Q8_0", {quantized}},
                                     {"quantize " + dense + " " + quantized + " --type Q8_0 --calibration " +
                                          text + " --save-importance " + importance,
                                      {quantized, importance}},
                                     {"carve " + dense + " " + carved + " --routed 4 --calibration " + text +
                                          " --save-plan " + plan + " --save-text " + own,
                                      {carved, plan, own}},
                                     {"logits " + dense + " --ids 1,2 --out " + logits, {logits}}};
    for (const Case& c : cases) {
        const Outcome replaced = run(c.command);
        EXPECT_EQ(replaced.code, 0) << c.command << replaced.err;
        for (const std::string& out : c.outputs) {
            EXPECT_NE(replaced.err.find(out + " existed and was replaced"), std::string::npos)
                << c.command << ": " << replaced.err;
            EXPECT_TRUE(slurp(out) != mine) << out;
            EXPECT_FALSE(std::filesystem::exists(out + ".part"));
            std::filesystem::remove(out);
        }
        const Outcome fresh = run(c.command);
        EXPECT_EQ(fresh.code, 0) << c.command << fresh.err;
        EXPECT_EQ(fresh.err.find("replaced"), std::string::npos) << fresh.err;
    }
    // A command that fails in the middle of writing leaves what was there. The limit stands for a full disk.
    for (const Case& c : cases) {
        for (const std::string& out : c.outputs) {
            std::filesystem::remove(out);
            write(std::filesystem::path(out).filename().string());
        }
        const std::string line = "(trap '' XFSZ; ulimit -f 4; " + std::string(SWITCHYARD_CLI) + " " +
                                 c.command + " >/dev/null 2>&1)";
        if (c.command.starts_with("logits"))
            continue; // two rows fit the limit
        EXPECT_NE(std::system(line.c_str()), 0) << c.command;
        EXPECT_TRUE(slurp(c.outputs.front()) == mine) << c.command;
        EXPECT_FALSE(std::filesystem::exists(c.outputs.front() + ".part")) << c.command;
    }
    // The logits of a model never go over the model.
    const std::string before = slurp(dense);
    expect_refused("logits " + dense + " --ids 1,2 --out " + dense, 1, "what is read");
    const std::string ids = file("ids.txt", "1 2 3");
    expect_refused("logits " + dense + " --ids-file " + ids + " --out " + ids, 1, "what is read");
    EXPECT_EQ(slurp(dense), before);
    EXPECT_EQ(run("logits " + dense + " --ids 1,2 --out /dev/null").code, 0);
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

/// Whole numbers have all their digits, wherever a dial's range or value is told.
TEST_F(CliNotesTest, WholeNumbersAreWrittenOut) {
    const std::string generate = "generate " + model + " --prompt x ";
    expect_refused(generate + "--seed -1", 2,
                   "seed: \"-1\" is not a whole number from 0 to 9007199254740991");
    expect_refused(generate + "--seed 99999999999999999", 2, "\"99999999999999999\" is not a whole number");
    expect_refused(generate + "--at 3:seed=1.5", 2, "to 9007199254740991");
    expect_refused(generate + "--max-tokens 9999999", 2, "from 1 to 1048576");
    expect_refused(generate + "--max-tokens 12345678901", 2, "\"12345678901\" is not a whole number");
    expect_refused(generate + "--experts 4000000000", 2, "\"4000000000\" is not a whole number");
    const std::string largest = "9007199254740991";
    const std::string out = run(generate + "--max-tokens 1 --json --seed " + largest).out;
    EXPECT_NE(out.find("\"seed\": " + largest), std::string::npos) << out;
    EXPECT_NE(run("chat " + model, "/set seed=" + largest + "\n").out.find("seed is " + largest),
              std::string::npos);
    EXPECT_NE(run("chat " + model, "/set seed=1e17\n").out.find("9007199254740991"), std::string::npos);
    for (const char* command : {"generate", "chat", "bench", "logits", "perplexity", "quantize", "carve"}) {
        const std::string help = run(std::string(command) + " --help").out;
        EXPECT_EQ(help.find("e+"), std::string::npos) << help;
    }
}

} // namespace
} // namespace switchyard
