// What the commands say of cards, and where they compute.
#include "tests/cli/cli_fixture.h"

namespace switchyard {
namespace {

class CliDevices : public CliTest {
  protected:
    ~CliDevices() override { unsetenv("SWITCHYARD_FAKE_CARDS"); }
    /// From here on a CUDA library answers this.
    static void machine_with(const char* cards) {
        setenv("SWITCHYARD_CUDA_LIBRARY", FAKE_CARDS, 1);
        setenv("SWITCHYARD_FAKE_CARDS", cards, 1);
    }
};

TEST_F(CliDevices, AreTheProcessorAndWhyThereIsNoCard) {
    Json devices = json_of("devices --json");
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_EQ(devices[0]["name"], "cpu");
    EXPECT_GT(devices[0]["threads"], 0);
    EXPECT_EQ(devices[1]["name"], "cuda");
    EXPECT_EQ(devices[1]["unusable"], "this build of the program has no CUDA library");
    machine_with("error 35 12020");
    devices = json_of("devices --json");
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_NE(devices[1]["unusable"].get<std::string>().find("install driver 580"), std::string::npos);
    EXPECT_NE(run("devices").out.find("\ncuda: the NVIDIA driver knows CUDA 12.2"), std::string::npos);
    setenv("SWITCHYARD_CUDA_LIBRARY", FAKE_OTHER_BUILD, 1);
    EXPECT_NE(run("devices").out.find("of another build"), std::string::npos);
}

/// What a library runs when it is opened, or a driver when it is started, takes a process with it: not ours.
TEST_F(CliDevices, AreTheCpuWhereOpeningTheLibraryEndsAProcess) {
    setenv("SWITCHYARD_CUDA_LIBRARY", FAKE_CONSTRUCTOR, 1);
    const std::string generate = "generate " + model + " --prompt hello --max-tokens 2 --json";
    const std::pair<const char*, const char*> ways[] = {
        {"exits", " ends the program that opens it"},
        {"aborts", " ends the program that opens it"},
        {"hangs", " gives no answer in 10 s"},
        {"start exits", "CUDA does not start: the driver ends the program that starts it"},
        {"start aborts", "CUDA does not start: the driver ends the program that starts it"}};
    for (const auto& [way, why] : ways) {
        setenv("SWITCHYARD_FAKE_CARDS", way, 1);
        const Json answer = json_of(generate);
        EXPECT_EQ(answer["device"]["name"], "cpu") << way;
        EXPECT_NE(answer["device"]["why_not_cuda"].get<std::string>().find(why), std::string::npos)
            << answer["device"];
        EXPECT_EQ(answer["tokens"].size(), 2u) << way;
    }
    expect_refused(generate + " --device cuda", 1, "ends the program that starts it");
    EXPECT_EQ(json_of("devices --json")[1]["unusable"],
              "CUDA does not start: the driver ends the program that starts it");
    setenv("SWITCHYARD_FAKE_CARDS", "", 1); // it may also be sound
    EXPECT_NE(json_of("devices --json")[1]["unusable"].get<std::string>().find("finds no card"),
              std::string::npos);
}

TEST_F(CliDevices, AreListedWithWhatTheirDriverTells) {
    machine_with("cards Old/61/8 Large/90/80");
    const Json devices = json_of("devices --json");
    ASSERT_EQ(devices.size(), 3u);
    EXPECT_EQ(devices[1]["unusable"], "Old is too old");
    const Json& card = devices[2];
    EXPECT_EQ(card["name"], "cuda:1");
    EXPECT_EQ(card["description"], "Large");
    EXPECT_EQ(card["compute_capability"], "9.0");
    EXPECT_EQ(card["memory_bytes"], std::uint64_t{80} << 30);
    EXPECT_EQ(card["memory_available_bytes"], std::uint64_t{40} << 30);
    EXPECT_EQ(card["driver"], "580.0");
    EXPECT_EQ(card["driver_cuda"], "13.0");
    EXPECT_EQ(card["health"], (Json{{"celsius", 41}, {"watts", 75.5}})); // nothing that is not known
    EXPECT_FALSE(card.contains("unusable"));
    const std::string text = run("devices").out;
    EXPECT_EQ(std::ranges::count(text, '\n'), 3) << text;
    EXPECT_NE(text.find("cuda:1: Large, compute capability 9.0; "), std::string::npos) << text;
    EXPECT_NE(text.find("41 °C, 76 W"), std::string::npos) << text;
}

TEST_F(CliDevices, ThatCannotBeHadAreOneLine) {
    const std::string ids = " --ids 1,2 --out " + file("out.npy");
    for (const std::string& command : std::vector<std::string>{
             "generate " + model + " --prompt hello --max-tokens 2", "chat " + model, "logits " + model + ids,
             "bench " + model + " --prompt-tokens 8 --gen-tokens 4 --repeat 1",
             "bench --shape smollm2-135m --layers 1", "perplexity " + model + " --file " + file("t", "text")})
        expect_refused(command + " --device cuda", 1, "this build of the program has no CUDA library");
    machine_with("error 35 0");
    expect_refused("generate " + model + " --prompt x --device cuda:0", 1, "no NVIDIA driver");
    machine_with("cards Old/61/8 Large/90/1");
    expect_refused("generate " + model + " --prompt x --device cuda:0", 1, "Old is too old");
    expect_refused("generate " + model + " --prompt x --device cuda:7", 1, "cuda:0 to cuda:1");
    expect_refused("generate " + model + " --prompt x --device gpu", 2, "there are auto, cpu, cuda");
}

TEST_F(CliDevices, ComputeWhereTheyCanAndTheCpuWhereAModelDoesNotFit) {
    machine_with("cards Old/61/8 Large/90/1");
    const std::string call = "generate " + model + " --prompt hello --max-tokens 3 --temp 0 --json";
    const Json unasked = json_of(call), asked = json_of(call + " --device cuda:1"),
               cpu = json_of(call + " --device cpu");
    EXPECT_EQ(unasked["device"]["name"], "cuda");
    EXPECT_FALSE(unasked["device"].contains("why_not_cuda"));
    EXPECT_EQ(unasked["device"]["why"].get<std::string>().find("Automatic: Large, "), 0u);
    EXPECT_EQ(unasked["tokens"].size(), 3u);
    EXPECT_EQ(ids(unasked), ids(asked));
    EXPECT_EQ(ids(unasked), ids(cpu));
    EXPECT_EQ(
        json_of("generate " + model + " --prompt hello --max-tokens 1 --json --exact")["device"]["name"],
        "cpu");

    machine_with("cards Broken/90/80 Large/90/1"); // the larger one does not open
    EXPECT_EQ(json_of(call)["device"]["why"].get<std::string>().find("Automatic: Large, "), 0u);

    machine_with("cards Tiny/90/0");
    EXPECT_EQ(run(call + " --device cuda").code, 1);
    const Json elsewhere = json_of(call);
    EXPECT_EQ(elsewhere["device"]["name"], "cpu");
    EXPECT_NE(elsewhere["device"]["why_not_cuda"], "");
    EXPECT_EQ(ids(elsewhere), ids(cpu));
}

TEST_F(CliDevices, AreTheCpuWhereThereIsNoCard) {
    machine_with("error 35 0");
    const std::string call = "generate " + model + " --prompt hello --max-tokens 3 --temp 0 --json";
    const Outcome quiet = run(call), loud = run(call + " --verbose"),
                  cpu = run(call + " --device cpu --verbose");
    EXPECT_EQ(quiet.err, "");
    EXPECT_EQ(loud.err, "switchyard-cli: the CPU computes: there is no NVIDIA driver on this machine\n");
    EXPECT_EQ(cpu.err, "");
    const Json answer = Json::parse(quiet.out);
    EXPECT_EQ(answer["device"]["name"], "cpu");
    EXPECT_EQ(answer["device"]["why_not_cuda"], "there is no NVIDIA driver on this machine");
    EXPECT_EQ(answer["device"]["why"],
              "Automatic: the CPU, because there is no NVIDIA driver on this machine.");
    const Outcome timed = run("generate " + model + " --prompt hello --max-tokens 3 --stats --kv FP8");
    EXPECT_NE(timed.err.find("the KV cache cannot be kept as FP8 on this device: Q8_0 is taken"),
              std::string::npos)
        << timed.err;
    EXPECT_NE(timed.err.find("; answer 3 tokens, "), std::string::npos) << timed.err;
    EXPECT_FALSE(Json::parse(cpu.out)["device"].contains("why_not_cuda"));
    EXPECT_EQ(ids(answer), ids(Json::parse(cpu.out)));
    // The same of a dial that moves while the answer is written, and of one that is set between answers.
    const Outcome moved = run(call + " --at 2:kv=FP8 --at 1:kv=Q8_0");
    EXPECT_EQ(moved.err,
              "switchyard-cli: the KV cache cannot be kept as FP8 on this device: Q8_0 is taken\n");
    EXPECT_EQ(Json::parse(moved.out)["tokens"][2]["kv"], "Q8_0");
    EXPECT_NE(run("chat " + model, "/set kv=FP8\n")
                  .out.find("kv is FP8; the KV cache cannot be kept as FP8 on this device: Q8_0 is taken\n"),
              std::string::npos);
    const Json bench = json_of("bench " + model + " --prompt-tokens 8 --gen-tokens 4 --repeat 1 --json");
    EXPECT_EQ(bench["why_not_cuda"], "there is no NVIDIA driver on this machine");
    EXPECT_TRUE(bench["stages"]["decode"]["head"].contains("share_of_read_rate"));
    EXPECT_NE(bench["limits"].get<std::string>().find("may exceed 1"), std::string::npos);
}

/// A card's kernels read its own memory: the processor's limits say nothing of them.
TEST_F(CliDevices, ThatAreCardsHaveNoSharesOfTheProcessorsLimits) {
    machine_with("cards Turing/75/1");
    const Json bench = json_of("bench " + model + " --prompt-tokens 8 --gen-tokens 4 --repeat 1 --json");
    EXPECT_NE(bench["device"].get<std::string>().find("compute capability 7.5"), std::string::npos)
        << bench["device"];
    EXPECT_FALSE(bench.contains("read_gb_per_second"));
    for (const auto& stage : bench["stages"]["decode"])
        EXPECT_FALSE(stage.contains("share_of_read_rate"));
}

/// Before 8.0 no product of BF16 is there.
TEST_F(CliDevices, SayWhatTheyTakeInThePlaceOfAPrecision) {
    machine_with("cards Turing/75/1");
    const std::string note =
        "switchyard-cli: the weights cannot be computed with as BF16 on this device: F32 is taken\n";
    const std::string call = "generate " + model + " --prompt hello --max-tokens 2 --json";
    EXPECT_EQ(run(call + " --quant BF16").err, note);
    EXPECT_EQ(run(call + " --at 1:quant=BF16").err, note);
    EXPECT_EQ(run(call + " --at 1:quant=Q8_0").err, "");
    EXPECT_EQ(run(call + " --quant BF16 --device cpu").err, "");
}

TEST_F(CliDevices, AreNamedInLettersOfAnyCase) {
    machine_with("cards Large/90/1");
    const std::string call = "generate " + model + " --prompt hello --max-tokens 1 --json --device ";
    EXPECT_EQ(json_of(call + "CUDA")["device"]["name"], "cuda");
    EXPECT_EQ(json_of(call + "Cuda:0")["device"]["name"], "cuda");
    EXPECT_EQ(json_of(call + "CPU")["device"]["name"], "cpu");
    EXPECT_EQ(json_of(call + "AUTO")["device"]["name"], "cuda");
    expect_refused(call + "CUDA:x", 2, "--device: \"CUDA:x\" is no device");
}

} // namespace
} // namespace switchyard
