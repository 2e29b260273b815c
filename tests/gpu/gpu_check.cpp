// gpu_check: what tests/gpu.sh needs on a machine with a card: the card itself, its limits, and the page of
// results. Each command prints one JSON object, or fails with one line.
#include "engine/backends/choose_backend.h"
#include "engine/backends/cuda/cuda_backend.h"
#include "engine/backends/cuda/device_library.h"
#include "engine/base/error.h"
#include "engine/quant/quant.h"
#include "kernels/cuda/device_text.h"
#include "tests/gpu/dials.h"
#include "tests/gpu/limits.h"
#include "tests/gpu/report.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace switchyard {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
    std::string device = "cuda";
    cuda::LimitsOptions limits;
    SpeedOptions speed;
    std::string type;
    // note
    std::string phase, output, errors, reason, tests;
    int code = 0;
    double seconds = 0;
    // report
    std::string records, page;
    ReportHead head;
};

/// A machine without a card, or without a driver for one: nothing there is to be mended.
struct NoCard : Error {
    using Error::Error;
};
constexpr int kNoCardCode = 3; ///< as tests/gpu.sh reads it

std::unique_ptr<cuda::Device> open_device(const Arguments& arguments) {
    const auto library = DeviceLibrary::find();
    if (library->trouble() == DeviceTrouble::NoDriver || library->trouble() == DeviceTrouble::NoDevice)
        throw NoCard(library->reason());
    const int index = parse_device(arguments.device).index;
    return library->open_device(index >= 0 ? index : library->best());
}

/// At once: what follows may be cut short.
void print(const Json& json) {
    std::printf("%s\n", json.dump().c_str());
    std::fflush(stdout);
}

/// Runs a measurement with the shape and the type asked for, on weights that the card's own check is not
/// repeated for.
template <typename Measure>
void measure(Arguments& arguments, const Measure& measure_with) {
    const std::optional<BlockType> type = parse_block_type(arguments.type);
    if (!type)
        throw Error("there is no type " + arguments.type);
    arguments.speed.type = type;
    arguments.speed.small = arguments.limits.small;
    measure_with(make_cuda_backend(open_device(arguments), {.check = false}), arguments.speed, print);
}

void print_card(const Arguments& arguments) {
    const auto device = open_device(arguments);
    const cuda::DeviceInfo& info = device->info();
    Json json = {{"name", info.name},
                 {"compute_capability", cuda::capability_text(info.compute)},
                 {"multiprocessors", info.multiprocessors},
                 {"memory_bytes", info.memory_bytes},
                 {"memory_free_bytes", device->memory().free},
                 {"l2_bytes", info.l2_bytes},
                 {"shared_bytes", info.shared_bytes},
                 {"driver", info.driver_version},
                 {"driver_cuda", cuda::version_text(info.driver)},
                 {"runtime_cuda", cuda::version_text(info.runtime)}};
    const cuda::DeviceHealth health = device->health();
    if (health.celsius >= 0)
        json["celsius"] = health.celsius;
    if (health.watts >= 0)
        json["watts"] = health.watts;
    if (health.clock_mhz >= 0)
        json["clock_mhz"] = health.clock_mhz;
    print(json);
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The last line that says something, cut to a width that a table bears.
std::string last_line(const std::string& text) {
    std::string last;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        if (std::string line = text.substr(begin, end - begin);
            line.find_first_not_of(" \t\r") != std::string::npos)
            last = std::move(line);
        begin = end + 1;
    }
    for (char& c : last)
        if (c == '|' || static_cast<unsigned char>(c) < 0x20)
            c = ' ';
    constexpr std::size_t kWidth = 160;
    return last.substr(0, kWidth);
}

/// What a GoogleTest program wrote with --gtest_output=json.
Json count_tests(const std::string& path) {
    const Json written = Json::parse(read_file(path), nullptr, false);
    if (!written.is_object())
        return nullptr;
    Json failed = Json::array();
    int skipped = 0;
    for (const Json& suite : written.value("testsuites", Json::array()))
        for (const Json& test : suite.value("testsuite", Json::array())) {
            if (test.contains("failures"))
                failed.push_back(test.value("classname", "") + "." + test.value("name", ""));
            skipped += test.value("result", "") == "SKIPPED";
        }
    return {{"tests", written.value("tests", 0)}, {"skipped", skipped}, {"failed", failed}};
}

std::string tests_note(const Json& counts) {
    std::string note = std::to_string(counts["tests"].get<int>()) + " tests, " +
                       std::to_string(counts["failed"].size()) + " failed, " +
                       std::to_string(counts["skipped"].get<int>()) + " skipped";
    for (const Json& name : counts["failed"])
        note += (note.find(':') == std::string::npos ? ": " : ", ") + name.get<std::string>();
    return note;
}

/// One line of the records: how a phase ended, and what it printed where that is JSON.
void print_note(const Arguments& arguments) {
    constexpr int kTimedOut = 124, kKilled = 137; // as timeout(1) ends
    Json json = {{"phase", arguments.phase}};
    if (!arguments.reason.empty()) {
        json["status"] = "skipped";
        json["note"] = arguments.reason;
        return print(json);
    }
    const bool late = arguments.code == kTimedOut || arguments.code == kKilled;
    json["status"] = arguments.code == 0             ? "ok"
                     : late                          ? "over its time"
                     : arguments.code == kNoCardCode ? "no card"
                                                     : "failed";
    json["seconds"] = arguments.seconds;
    if (const Json counts = count_tests(arguments.tests); counts.is_object()) {
        json["results"] = Json::array({counts});
        json["note"] = tests_note(counts);
        return print(json);
    }
    const std::string output = read_file(arguments.output);
    // A line an object; what is cut short is none.
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);)
        if (Json result = Json::parse(line, nullptr, false); result.is_object())
            json["results"].push_back(std::move(result));
    std::string note = last_line(read_file(arguments.errors));
    if (note.empty() && !json.contains("results"))
        note = last_line(output);
    if (arguments.code == 0 && !json.contains("results")) { // ended well, and measured nothing
        json["status"] = "failed";
        note = "it ended without results" + (note.empty() ? "" : ": " + note);
    }
    json["note"] = note;
    print(json);
}

void write_report(const Arguments& arguments) {
    std::vector<Json> phases;
    std::ifstream in(arguments.records);
    for (std::string line; std::getline(in, line);)
        if (Json phase = Json::parse(line, nullptr, false); phase.is_object())
            phases.push_back(std::move(phase));
    std::ofstream out(arguments.page, std::ios::binary);
    out << results_page(arguments.head, phases);
    if (!out.flush())
        throw Error("cannot write " + arguments.page);
}

void add_commands(CLI::App& app, Arguments& arguments) {
    app.require_subcommand(1);
    const auto measuring = [&](const char* name, const char* help, auto run) {
        CLI::App* command = app.add_subcommand(name, help);
        command->add_option("--device", arguments.device, "cuda or cuda:N");
        command->add_flag("--small", arguments.limits.small, "Sizes for an emulated card");
        command->callback(run);
        return command;
    };
    measuring("card", "What the card is", [&] { print_card(arguments); });
    measuring("limits", "What it reaches at most",
              [&] { print(cuda::measure_limits(*open_device(arguments), arguments.limits)); });
    measuring("memory", "Whether its memory is counted exactly", [&] {
        const Json json = cuda::check_memory(*open_device(arguments), arguments.limits);
        print(json);
        if (!json["exact"].get<bool>())
            throw Error("the driver took other sizes than were counted");
    });
    const auto with_shape = [&](const char* name, const char* help, auto measure_with) {
        CLI::App* command = measuring(name, help, [&, measure_with] { measure(arguments, measure_with); });
        command->add_option("--shape", arguments.speed.shape, "As `switchyard-cli bench` takes it")
            ->required();
        command->add_option("--quant", arguments.type, "Type of the weights")->required();
    };
    with_shape("speed", "Answers and prompts of a shape", measure_speed);
    with_shape("precision", "Changes of precision in an answer", measure_precision);
    with_shape("experts", "The slider of active experts in an answer", measure_experts);
    CLI::App* note = app.add_subcommand("note", "A line for the records");
    note->add_option("--phase", arguments.phase)->required();
    note->add_option("--skipped", arguments.reason, "Why it was not run");
    note->add_option("--code", arguments.code);
    note->add_option("--seconds", arguments.seconds);
    note->add_option("--tests", arguments.tests, "What a test program wrote as JSON");
    note->add_option("--output", arguments.output);
    note->add_option("--errors", arguments.errors);
    note->callback([&] { print_note(arguments); });
    CLI::App* report = app.add_subcommand("report", "The page of results, from the records");
    report->add_option("--records", arguments.records)->required();
    report->add_option("--date", arguments.head.date)->required();
    report->add_option("--commit", arguments.head.commit)->required();
    report->add_option("--out", arguments.page)->required();
    report->add_flag("--unfinished", arguments.head.unfinished, "The run goes on");
    report->callback([&] { write_report(arguments); });
}

int run(int argc, char** argv) {
    CLI::App app("Measures a card, for tests/gpu.sh.", "gpu_check");
    Arguments arguments;
    try {
        add_commands(app, arguments);
        app.parse(argc, argv);
        return 0;
    } catch (const CLI::Error& error) {
        return app.exit(error);
    } catch (const NoCard& none) {
        std::fprintf(stderr, "%s\n", none.what());
        return kNoCardCode;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

} // namespace
} // namespace switchyard

int main(int argc, char** argv) { return switchyard::run(argc, argv); }
