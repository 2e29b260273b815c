// The commands as other programs call them: what they print, what they write and how they end.
#include "engine/run/controls.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/npy.h"

#include <cmath>
#include <csignal>

namespace switchyard {
namespace {

TEST_F(CliTest, TellsItsVersion) {
    const Outcome told = run("--version");
    EXPECT_EQ(told.code, 0);
    EXPECT_TRUE(told.out.starts_with("switchyard-cli ")) << told.out;
    EXPECT_NE(told.out.find('.'), std::string::npos) << told.out;
}

TEST_F(CliTest, InfoCountsParametersAndExperts) {
    const Json info = json_of("info " + model + " --json");
    EXPECT_EQ(info["architecture"], "deepseek");
    EXPECT_EQ(info["experts_total"], 8);
    EXPECT_EQ(info["experts_active"], 3);
    // Two layers: attention 4 x 64 x 64; an expert 3 x 64 x 32, 8 routed and 1 shared; router 8 x 64; norms.
    const int expert = 3 * 64 * 32, layer = 4 * 64 * 64 + 8 * 64 + 2 * 64;
    EXPECT_EQ(info["parameters_total"], 2 * (layer + 9 * expert) + 64 + 2 * 259 * 64);
    EXPECT_EQ(info["parameters_active"], 2 * (layer + 4 * expert) + 64 + 259 * 64);
    EXPECT_EQ(info["kv_bytes_per_token"]["F16"], 2 * 2 * 64 * 2);
    EXPECT_EQ(info["tokenizer"]["tokens"], 259);
    EXPECT_EQ(info["precisions"]["file"]["weights_bytes"], info["weights_bytes"]);
    EXPECT_NE(run("info " + dense).out.find("none (dense)"), std::string::npos);
}

TEST_F(CliTest, DamagedWeightsHaveNoPerplexity) {
    std::string bytes = slurp(model);
    std::fill(bytes.end() - 4096, bytes.end(), '\xff');
    expect_refused("perplexity " + file("damaged.gguf", bytes) + " --ctx 8 --file " +
                       file("words.txt", "some words, and some words more"),
                   1, "no usable logits");
}

TEST_F(CliTest, ExactSaysWhatItsCacheAndActivationsAre) {
    const std::string call = "generate " + model + " --prompt hello --exact";
    expect_refused(call + " --kv Q8_0", 2, "--kv");
    expect_refused(call + " --activations 8", 2, "--activations");
}

/// `model` with its name and an end token spelled with commands to a terminal.
std::string with_commands(const std::string& model) {
    std::string bytes = slurp(model);
    const auto replace = [&](std::string_view from, std::string_view to) {
        for (std::size_t at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + 1))
            bytes.replace(at, to.size(), to);
    };
    replace("Tiny", "\x1b[2J");
    replace("smollm", "\x1b]0;x\x07");
    return bytes;
}

std::size_t commands_in(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F; }));
}

TEST_F(CliTest, NothingFromAFileCommandsTheTerminal) {
    const std::string hostile = file("hostile.gguf", with_commands(model));
    for (const std::string& call :
         {"info " + hostile, "info " + hostile + " --json", "tokenize " + hostile + " --text x",
          "info '" + file("not\x1b[2Ja.gguf", "no") + "'",
          "generate " + hostile + " --prompt hello --max-tokens 2 --experts 99"}) {
        const Outcome shown = run(call);
        EXPECT_EQ(commands_in(shown.out), 0u) << call << ": " << shown.out;
        EXPECT_EQ(commands_in(shown.err), 0u) << call << ": " << shown.err;
    }
    // Random weights and a byte vocabulary say many control characters: a program gets them, a terminal not.
    const std::string call = "generate " + model + " --prompt hello --max-tokens 300 --temp 1.5 --seed 3";
    EXPECT_GT(commands_in(run(call).out), 3u);
    const std::string typed = file("typed");
    const std::string line =
        "script -qec '" + std::string(SWITCHYARD_CLI) + " " + call + "' /dev/null >" + typed + " </dev/null";
    if (std::system(line.c_str()) != 0)
        GTEST_SKIP() << "script makes no terminal here";
    const std::string terminal = slurp(typed);
    EXPECT_EQ(terminal.find('\x1b'), std::string::npos);
    EXPECT_EQ(commands_in(terminal) - static_cast<std::size_t>(std::ranges::count(terminal, '\t')) -
                  static_cast<std::size_t>(std::ranges::count(terminal, '\r')),
              0u); // the terminal itself writes \r\n
}

TEST_F(CliTest, InfoForecastsMemory) {
    const Json near = json_of("info " + model + " --ctx 64 --json")["forecast"];
    const Json far = json_of("info " + model + " --ctx 1024 --quant Q4_0 --kv Q8_0 --json")["forecast"];
    EXPECT_EQ(near["kv_bytes"], 64 * 2 * 2 * 64 * 2); // two layers of K and V of 64 F16 values
    EXPECT_EQ(near["quant"], "file");
    std::uint64_t sum = 0;
    for (const char* part :
         {"weights_bytes", "copies_bytes", "tokenizer_and_metadata_bytes", "kv_bytes", "scratch_bytes"})
        sum += near[part].get<std::uint64_t>();
    EXPECT_EQ(near["total_bytes"].get<std::uint64_t>(), sum);
    EXPECT_LT(far["weights_bytes"], near["weights_bytes"]);
    EXPECT_GT(far["kv_bytes"], near["kv_bytes"]);
    EXPECT_EQ(far["kv"], "Q8_0");
    const Json small = json_of("info " + model + " --ctx 1024 --kv Q4_0 --json")["forecast"];
    EXPECT_EQ(small["kv"], "Q4_0");
    EXPECT_EQ(small["kv_bytes"],
              1024 * 2 * 2 * (64 / 2 + 4 * 2)); // half bytes, and a scale of F16 for each of four heads
    EXPECT_TRUE(near["fits"].get<bool>());
    const std::string text = run("info " + model + " --ctx 64").out;
    EXPECT_NE(text.find("will take"), std::string::npos) << text;
}

TEST_F(CliTest, ShapesNeedNoFile) {
    const Json info = json_of("info --shape deepseek-v3 --json");
    EXPECT_EQ(info["name"], "DeepSeek-V3");
    EXPECT_NEAR(info["parameters_total"].get<double>() / 1e9, 671, 0.5);
    EXPECT_NEAR(info["parameters_active"].get<double>() / 1e9, 37, 0.5);
    EXPECT_EQ(info["kv_values_per_token"], 61 * 576);
    EXPECT_EQ(info["file_precision"], "BF16");
    EXPECT_FALSE(info["forecast"]["fits"].get<bool>());
    EXPECT_EQ(json_of("info --shape deepseek-v3 --layers 4 --json")["shape"]["layers"], 4);
    expect_refused("info --shape deepseek-v9", 2, "deepseek-v2-lite");
    expect_refused("info", 2, "MODEL or --shape");
    expect_refused("info " + model + " --shape qwen3-8b", 2, "--shape");
    expect_refused("info " + model + " --experts 9", 1, "more than the 8");
    expect_refused("bench --shape deepseek-v3 --quant F16", 1, "are free");
    expect_refused("bench --shape qwen3-8b --layers 99", 1, "36 layers");
}

TEST_F(CliTest, BenchRunsAShape) {
    const Json bench = json_of("bench --shape smollm2-135m --layers 2 --quant Q8_0 --prompt-tokens 40"
                               " --gen-tokens 8 --repeat 1 --json");
    EXPECT_EQ(bench["quant"], "Q8_0");
    EXPECT_GT(bench["decode_tokens_per_second"], 0);
    EXPECT_EQ(bench["layers"], 2);
    EXPECT_EQ(bench["layers_total"], 30);
    EXPECT_LT(bench["extrapolated_decode_tokens_per_second"], bench["decode_tokens_per_second"]);
    const auto forecast = bench["forecast_bytes"].get<double>(),
               counted = bench["counted_bytes"].get<double>();
    EXPECT_NEAR(forecast / counted, 1, 0.03);
    EXPECT_GT(bench["measured_bytes"].get<double>(), 0.9 * forecast);
}

TEST_F(CliTest, ExactLogitsAreTheReferences) {
    for (const std::string family : {"llama31", "deepseek1"}) {
        const std::string data = std::string(SWITCHYARD_TEST_DATA "/reference/models/") + family;
        const auto prompt = test::read_npy<std::int32_t>(data + "/ids.npy");
        const auto expected = test::read_npy<float>(data + "/logits.npy");
        std::string list;
        for (std::int32_t id : prompt.values)
            list += std::to_string(id) + " ";
        const std::string out = file("logits.npy");
        const Outcome outcome =
            run("logits " + std::string(SWITCHYARD_TEST_WORK "/reference/models/") + family +
                "/model-f32.gguf --exact --ids-file " + file("ids.txt", list) + " --out " + out);
        ASSERT_EQ(outcome.code, 0) << outcome.err;
        const auto logits = test::read_npy<float>(out);
        ASSERT_EQ(logits.shape.size(), 2u);
        EXPECT_EQ(logits.shape[0], prompt.values.size());
        ASSERT_EQ(logits.values.size(), expected.values.size());
        double error = 0, power = 0;
        for (std::size_t i = 0; i < expected.values.size(); ++i) {
            error += std::pow(logits.values[i] - expected.values[i], 2);
            power += std::pow(expected.values[i], 2);
        }
        EXPECT_LT(error / power, 1e-9) << family;
    }
}

TEST_F(CliTest, GenerateRecordsEveryTokenAndMove) {
    const std::string call = "generate " + model +
                             " --prompt hello --max-tokens 24 --temp 1.1 --seed 4 --json"
                             " --at 8:experts=1 --at 16:quant=Q8_0 --at 12:kv=Q8_0 --at 20:kv=Q4_0";
    const Json answer = json_of(call);
    ASSERT_EQ(answer["tokens"].size(), 24u);
    EXPECT_EQ(answer["settings"]["seed"], 4);
    EXPECT_EQ(answer["settings"]["experts_active"], 3);
    ASSERT_EQ(answer["moves"].size(), 4u);
    EXPECT_EQ(answer["moves"][1]["name"], "kv");
    EXPECT_EQ(answer["tokens"][7]["experts_active"], 3);
    EXPECT_EQ(answer["tokens"][8]["experts_active"], 1);
    EXPECT_EQ(answer["tokens"][11]["kv"], "F16");
    EXPECT_EQ(answer["tokens"][12]["kv"], "Q8_0");
    EXPECT_EQ(answer["tokens"][20]["kv"], "Q4_0");
    EXPECT_EQ(answer["tokens"][15]["quant"], "file");
    EXPECT_EQ(answer["tokens"][16]["quant"], "Q8_0");
    EXPECT_EQ(answer["tokens"][16]["recoded_slices"], answer["tokens"][16]["recode_total"]);
    std::string text;
    for (const Json& token : answer["tokens"])
        text += token["text"].get<std::string>();
    EXPECT_EQ(answer["text"], text);
    EXPECT_EQ(ids(json_of(call)), ids(answer)) << "the same every time";
    EXPECT_EQ(ids(json_of(call + " --threads 1 --prefill-chunk 3")), ids(answer));
    const std::string stored = file("answer.json", answer.dump());
    EXPECT_EQ(ids(json_of("generate " + model + " --prompt hello --json --replay " + stored)), ids(answer));
    expect_refused("generate " + model + " --prompt jello --replay " + stored, 1,
                   "its prompt was another one");
    expect_refused("generate " + model + " --prompt hello --seed 3 --replay " + stored, 2, "--seed");
    Json other = answer;
    other["computed_by"]["file_precision"] = "Q2_K";
    expect_refused("generate " + model + " --prompt hello --replay " + file("other.json", other.dump()), 1,
                   "a file of Q2_K made it");
    const Outcome plain = run("generate " + model + " --prompt hello --max-tokens 8 --temp 1.1 --seed 4");
    EXPECT_EQ(plain.code, 0);
    EXPECT_EQ(plain.out.find(text.substr(0, 4)), 0u);
}

TEST_F(CliTest, ATemperatureTooSmallToDivideByIsGreedy) {
    const std::string command =
        "generate " + model + " --prompt hello --max-tokens 6 --json --seed 5 --temp ";
    const Json greedy = json_of(command + "0");
    for (const char* tiny : {"1e-40", "4.9e-324", "1e-12", "-0.0"}) {
        const Json answer = json_of(command + tiny);
        EXPECT_EQ(ids(answer), ids(greedy)) << tiny;
        EXPECT_EQ(answer["settings"]["temperature"].dump(), greedy["settings"]["temperature"].dump()) << tiny;
    }
    EXPECT_EQ(ids(json_of(command + "0 --at 3:temperature=1e-40")), ids(greedy));
    for (const char* bad : {"nan", "inf", "-1", "1e300", "-1e-300"})
        expect_refused(command + bad, 2, "--temp: \"" + std::string(bad) + "\" is not a number from 0 to 2");
}

TEST_F(CliTest, AMoveBeforeTheFirstTokenIsTheFlag) {
    const std::string call = "generate " + model + " --prompt hello --raw --max-tokens 12 --json ";
    EXPECT_EQ(ids(json_of(call + "--at 0:experts=1 --at 0:temperature=0.2 --at 0:quant=Q4_0")),
              ids(json_of(call + "--experts 1 --temp 0.2 --quant Q4_0")));
}

TEST_F(CliTest, ChatKeepsTheConversationAndItsDials) {
    const Outcome chat =
        run("chat " + model + " --max-tokens 5",
            "hello\n/set temperature=0\n/set experts=99\n/set nonsense\n/dials\nagain\n/quit\n");
    EXPECT_EQ(chat.code, 0) << chat.err;
    EXPECT_NE(chat.out.find("temperature is 0"), std::string::npos);
    EXPECT_NE(chat.out.find("99 is more than the 8"), std::string::npos);
    EXPECT_NE(chat.out.find("\"nonsense\" is not NAME=VALUE"), std::string::npos);
    EXPECT_NE(chat.out.find("max_tokens           5"), std::string::npos);
}

// Its model goes on by itself: "I am fine.\n\nUser: ...".
TEST_F(CliTest, WithoutATemplateTheNextTurnEndsTheAnswer) {
    const std::string base = SWITCHYARD_TEST_WORK "/app/no_template.gguf";
    const Outcome once = run("generate " + base + " --prompt Hello --temp 0 --max-tokens 400");
    EXPECT_EQ(once.code, 0) << once.err;
    EXPECT_EQ(once.out, " I am fine.\n");
    const Json record = json_of("generate " + base + " --prompt Hello --temp 0 --max-tokens 400 --json");
    EXPECT_EQ(record["text"], " I am fine.");
    EXPECT_EQ(record["finish"], "end_of_turn");
    std::string stored;
    for (const Json& token : record["tokens"])
        stored += token["text"].get<std::string>();
    EXPECT_EQ(stored, " I am fine.") << "trimmed from what is kept, too";
    const Outcome chat = run("chat " + base + " --temp 0 --max-tokens 400", "Hello\nAgain\n");
    EXPECT_EQ(chat.out, " I am fine.\n I am fine.\n");
    EXPECT_GT(run("generate " + base + " --raw --prompt Hello --temp 0 --max-tokens 100").out.size(), 50u);
}

// At the dials its authors advise, with files that are looked for where the program keeps its models.
TEST_F(CliTest, RealModelsKnowTheCapitalOfFrance) {
    std::vector<std::filesystem::path> folders;
    for (const auto& [name, rest] : {std::pair{"SWITCHYARD_TEST_MODELS", ""},
                                     {"XDG_DATA_HOME", "switchyard/models"},
                                     {"HOME", ".local/share/switchyard/models"}})
        if (const char* value = std::getenv(name); value && *value)
            folders.push_back(std::filesystem::path(value) / rest);
    int asked = 0;
    for (const std::filesystem::path& folder : folders) {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
            const std::string name = entry.path().filename().string();
            const bool dense =
                name.find("carve") == std::string::npos && name.find("expert") == std::string::npos;
            if (entry.path().extension() != ".gguf" || !dense)
                continue;
            ++asked;
            for (int seed = 1; seed <= 10; ++seed) {
                const Outcome answer =
                    run("generate '" + entry.path().string() +
                        "' --prompt 'What is the capital of France?' --max-tokens 48 --seed " +
                        std::to_string(seed));
                EXPECT_NE(answer.out.find("Paris"), std::string::npos)
                    << name << ", seed " << seed << ": " << answer.out << answer.err;
            }
        }
        if (asked > 0)
            return;
    }
    GTEST_SKIP() << "no model is here: set SWITCHYARD_TEST_MODELS to a folder of GGUF files";
}

TEST_F(CliTest, BenchAndPerplexityReportFigures) {
    const Json bench =
        json_of("bench " + model + " --prompt-tokens 40 --gen-tokens 8 --repeat 3 --experts 2 --json");
    for (const char* key :
         {"prefill_tokens_per_second", "decode_tokens_per_second", "time_to_first_token_ms"}) {
        EXPECT_GT(bench[key], 0) << key;
        EXPECT_LE(bench[std::string(key) + "_min"], bench[key]);
        EXPECT_GE(bench[std::string(key) + "_max"], bench[key]);
    }
    EXPECT_EQ(bench["experts_active"], 2);
    EXPECT_GT(bench["weights_bytes"], 0);

    std::string text;
    for (int i = 0; i < 300; ++i)
        text += "line " + std::to_string(i * 7919 % 1000) + "\n";
    const std::string call =
        "perplexity " + model + " --file " + file("text.txt", text) + " --ctx 64 --json ";
    const Json all = json_of(call);
    EXPECT_GT(all["tokens"], 1000);
    EXPECT_NEAR(all["perplexity"].get<double>(), std::exp(all["nats"].get<double>()), 1e-6);
    EXPECT_NE(json_of(call + "--experts 1")["nats"], all["nats"]);
    EXPECT_NE(json_of(call + "--quant Q4_0")["nats"], all["nats"]);
}

TEST_F(CliTest, BenchFollowsEveryChangeOfPrecision) {
    const Json bench =
        json_of("bench " + model + " --prompt-tokens 8 --gen-tokens 4 --repeat 1 --recode --json");
    const Json& recode = bench["recode"];
    ASSERT_EQ(recode.size(), find_control("quant")->choices.size());
    EXPECT_EQ(recode.back()["quant"], "file");
    EXPECT_EQ(recode.back()["weights_bytes"], bench["weights_bytes"]);
    for (const Json& change : recode)
        EXPECT_GT(change["seconds"], 0) << change["quant"];
}

TEST_F(CliTest, AnInterruptedAnswerEndsByTheSignal) {
    // Only once it answers: whatever else it does then is done in order.
    const std::string out = file("answer"), line = std::string(SWITCHYARD_CLI) + " generate " + model +
                                                   " --raw --prompt a --temp 0 --max-tokens 4000 >" + out +
                                                   " & while kill -0 $! && ! [ -s " + out +
                                                   " ]; do sleep 0.01; done; kill -INT $!; wait $!";
    const int status = std::system(line.c_str());
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
    EXPECT_EQ(slurp(out).back(), '\n') << "the answer's line is ended";
}

TEST_F(CliTest, ErrorsAreOneLineThatNamesTheCause) {
    const std::string generate = "generate " + model + " --prompt x ";
    expect_refused("info /no/such.gguf", 1, "/no/such.gguf");
    expect_refused("info " + file("text.gguf", "not a model"), 1, "text.gguf");
    expect_refused(generate + "--temp 9", 2, "--temp");
    expect_refused(generate + "--kv Q2_K", 2,
                   "switchyard-cli: --kv: \"Q2_K\" is not one of F16, Q8_0, FP8, Q4_0");
    expect_refused(generate + "--top-p 2", 2, "switchyard-cli: --top-p: \"2\" is not a number from 0 to 1");
    expect_refused(generate + "--at 5", 2, "TOKEN:NAME=VALUE");
    expect_refused(generate + "--at 5:volume=3", 2, "volume");
    expect_refused(generate + "--at 5:top_p=3", 2, "top_p");
    expect_refused(generate + "--at 5:experts=9", 1, "more than the 8");
    expect_refused(generate + "--experts 9", 1, "more than the 8");
    expect_refused(generate + "--device gpu", 2, "--device");
    expect_refused(generate + "--loud", 2, "--loud");
    expect_refused("generate " + dense + " --prompt x --experts 2", 1, "dense");
    expect_refused("logits " + model + " --ids 1,x --out " + file("a.npy"), 1, "\"x\"");
    expect_refused("logits " + model + " --ids 1,259 --out " + file("a.npy"), 1, "259");
    expect_refused("logits " + model + " --out " + file("a.npy"), 2, "--ids");
    expect_refused("logits " + model + " --ids 1 --out /no/such/a.npy", 1, "/no/such/a.npy");
    expect_refused("perplexity " + model + " --file /no/such.txt", 1, "/no/such.txt");
    expect_refused("perplexity " + model + " --file " + file("short.txt", "x"), 1, "two or more");
    expect_refused("bench " + model + " --prompt-tokens 5000", 1, "4096");
    expect_refused(generate + "--replay " + file("r.json", "{}"), 1, "r.json");
    EXPECT_FALSE(std::filesystem::exists(file("a.npy"))) << "no half file is left";
}

TEST_F(CliTest, WhatControlTokensMeanStandsInTheRecord) {
    const std::string ask = "generate " + model + " --prompt a --max-tokens 1 --json";
    EXPECT_EQ(json_of(ask)["settings"]["special_tokens"], "text");
    EXPECT_EQ(json_of(ask + " --special-tokens")["settings"]["special_tokens"], "control");
    // In a chat it is a dial like any other.
    EXPECT_NE(run("chat " + model + " --special-tokens --max-tokens 1", "/dials\n").out.find("control"),
              std::string::npos);
}

TEST_F(CliTest, ThinkingStandsInTheRecord) {
    const std::string ask = "generate " + model + " --prompt a --max-tokens 1 --json";
    EXPECT_EQ(json_of(ask)["settings"]["thinking"], "auto");
    const auto off = json_of(ask + " --thinking off --thinking-effort high");
    EXPECT_EQ(off["settings"]["thinking"], "off");
    EXPECT_EQ(off["settings"]["thinking_effort"], "high");
    expect_refused("generate " + model + " --prompt a --thinking perhaps", 2, "on, off, auto");
}

TEST_F(CliTest, WhatIsReadIsNeverOverwritten) {
    const std::string plan = file("a.plan"), text = file("text.txt", "Once upon a time there was a text.");
    const std::string link = file("link.gguf"), hard = file("hard.gguf"), part = file("x.gguf.part");
    std::filesystem::create_symlink(dense, link);
    std::filesystem::create_hard_link(dense, hard);
    std::filesystem::copy_file(dense, part);
    const std::string before = slurp(dense), folder = std::filesystem::path(dense).parent_path().string();
    for (const std::string& command : std::vector<std::string>{
             "quantize " + dense + " %1 --type Q8_0", "carve " + dense + " %1 --calibration " + text}) {
        for (const auto& [out, why] : {std::pair{dense, "what is read"},
                                       {link, "what is read"},
                                       {hard, "what is read"},
                                       {folder, "it is a folder"},
                                       {std::string("/dev/null"), "it is a device"},
                                       {std::string("/dev/full"), "it is a device"}}) {
            std::string line = command;
            line.replace(line.find("%1"), 2, out);
            expect_refused(line, 1, why);
        }
    }
    // The unfinished file would lie where the input does.
    expect_refused("quantize " + part + " " + file("x.gguf") + " --type Q8_0", 1, "what is read");
    expect_refused("carve " + dense + " " + text + " --calibration " + text, 1, "what is read");
    expect_refused("carve " + dense + " " + file("new.gguf") + " --calibration " + text + " --save-plan " +
                       text,
                   1, "what is read");
    // Everything that is written, not the model alone.
    const std::string carve = "carve " + dense + " " + file("new.gguf") + " --calibration " + text;
    expect_refused(carve + " --save-text " + text, 1, "what is read");
    expect_refused(carve + " --save-text " + dense, 1, "what is read");
    expect_refused(carve + " --save-plan " + file("both") + " --save-text " + file("both"), 1, "twice");
    expect_refused(carve + " --save-text " + file("new.gguf"), 1, "twice");
    expect_refused(carve + " --save-plan " + file("new.gguf.part"), 1, "twice");
    // A link is not replaced by a file, wherever it leads.
    const std::string dangling = file("dangling.gguf"), other = file("other.gguf", "mine");
    std::filesystem::create_symlink(file("nowhere"), dangling);
    std::filesystem::create_symlink(other, file("to-other.gguf"));
    expect_refused("quantize " + dense + " " + dangling + " --type Q8_0", 1, "it is a link");
    expect_refused("quantize " + dense + " " + file("to-other.gguf") + " --type Q8_0", 1, "it is a link");
    std::filesystem::permissions(other, std::filesystem::perms::owner_read);
    expect_refused("quantize " + dense + " " + other + " --type Q8_0", 1, "write-protected");
    EXPECT_EQ(slurp(other), "mine");
    EXPECT_EQ(slurp(text), "Once upon a time there was a text.");
    EXPECT_EQ(slurp(dense), before);
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

// A limit on files' sizes is an error like a full disk, and what was begun goes.
TEST_F(CliTest, AFileThatGrowsTooLargeIsSaidAndRemoved) {
    const std::string out = file("out.gguf");
    Outcome outcome;
    {
        const test::FileSizeLimit few(4096);
        outcome = run("quantize " + dense + " " + out + " --type Q8_0");
    }
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_NE(outcome.err.find("out.gguf"), std::string::npos) << outcome.err;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(out).parent_path()))
        EXPECT_FALSE(entry.path().filename().string().starts_with("out.gguf")) << entry.path();
}

TEST_F(CliTest, AnOutputThatCannotBeWrittenEndsWithOne) {
    for (const std::string& command :
         std::vector<std::string>{"--help", "info " + model, "info " + model + " --json", "devices --json",
                                  "generate " + model + " --prompt a --raw --max-tokens 400",
                                  "generate " + model + " --prompt a --raw --max-tokens 4 --json",
                                  "tokenize " + model + " --text abc",
                                  "quantize " + dense + " " + file("out.gguf") + " --type Q8_0",
                                  "bench " + model + " --prompt-tokens 8 --gen-tokens 4 --repeat 1"}) {
        for (const std::string& place : std::vector<std::string>{">/dev/full", ">&-"}) {
            const std::string err = file("stderr");
            const int status = std::system(
                (std::string(SWITCHYARD_CLI) + " " + command + " " + place + " 2>" + err + " </dev/null")
                    .c_str());
            EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 1) << command << place;
            EXPECT_NE(slurp(err).find("the output could not be written"), std::string::npos)
                << command << place << slurp(err);
        }
    }
    // What was written under a closed stream is whole: it did not get the stream's number.
    EXPECT_EQ(run("info " + file("out.gguf")).code, 0);
}

} // namespace
} // namespace switchyard
