#include "app/cli/model_options.h"
#include "app/cli/terminal_text.h"

#include "engine/base/error.h"
#include "engine/base/threads.h"
#include "engine/run/model_defaults.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace switchyard {
namespace {

std::atomic<int> interrupted{0}; ///< by which signal
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler writes it");

void note_interrupt(int signal) {
    if (interrupted != SIGTERM)
        interrupted = signal;
}

/// What `read` throws; "" nothing.
template <typename Read>
std::string complaint_about(Read&& read) {
    try {
        read();
        return "";
    } catch (const Error& e) {
        return e.what();
    }
}

/// What is wrong with a dial's value, after its name; "" nothing.
std::string complaint(const ControlSpec& spec, const std::string& text) {
    return complaint_about([&] { with_control({}, spec, parse_control(spec, text)); });
}

/// The same where the option's own name stands before it.
std::string complaint_of_flag(const ControlSpec& spec, const std::string& text) {
    const std::string all = complaint(spec, text), name = std::string(spec.name) + ": ";
    return all.starts_with(name) ? all.substr(name.size()) : all;
}

} // namespace

void DialOptions::add_to(CLI::App& command, std::initializer_list<std::string_view> names) {
    for (std::string_view name : names) {
        const ControlSpec& spec = *find_control(name);
        std::string help(spec.help);
        help += (model_decides(name) ? " Default: the model's, else " : " Default: ") +
                format_control(spec, spec.fallback) + ".";
        command
            .add_option_function<std::string>(
                std::string(spec.flag),
                [this, &spec](const std::string& text) {
                    asked_.emplace_back(&spec, parse_control(spec, text));
                },
                help)
            ->type_name(spec.kind == ControlKind::Choice ? "TYPE" : "NUMBER")
            ->check([&spec](const std::string& text) { return complaint_of_flag(spec, text); });
    }
}

Tuning DialOptions::over(Tuning tuning) const {
    for (const auto& [spec, value] : asked_)
        tuning = with_control(tuning, *spec, value);
    return tuning;
}

CLI::Option* ModelOptions::add_to(CLI::App& command, std::initializer_list<std::string_view> dials) {
    CLI::Option* model =
        command.add_option("model", path_, "GGUF file, or the first part of a split one")->required();
    command.add_option("--threads", threads_, "Threads to compute with (default: one a physical core)")
        ->check(CLI::Range(1, 1024));
    command
        .add_option(
            "--device", device_,
            "Where to compute: cpu, cuda, cuda:N (as `devices` lists them), or auto: a card where one "
            "can be used. Default: auto.")
        ->type_name("DEVICE")
        ->check([](const std::string& text) { return complaint_about([&] { parse_device(text); }); });
    command.add_flag("--verbose", verbose_, "Say why the CPU or a card computes where neither was asked for");
    CLI::Option* exact =
        command.add_flag("--exact", exact_, "Activations and KV cache in F32: slow and simple");
    dials_.add_to(command, dials);
    for (const char* dial : {"--kv", "--activations"}) // which it says
        if (CLI::Option* said = command.get_option_no_throw(dial))
            exact->excludes(said);
    return model;
}

std::shared_ptr<LoadedModel> ModelOptions::load() const {
    const auto model =
        load_with([&](const LoadOptions& options) { return LoadedModel::load(path_, options); },
                  [&](Backend& backend) { return usual_need(path_, backend); });
    for (const std::string& note : model->notes())
        print_note(note);
    if (const int experts = tuning(*model).sequence.experts; experts > 0)
        check_experts(*model, experts);
    for (const char* dial : {"kv", "activations", "quant"})
        note_substitute(*model, *find_control(dial), control_value(tuning(*model), *find_control(dial)));
    return model;
}

std::shared_ptr<LoadedModel>
ModelOptions::load_with(const std::function<std::shared_ptr<LoadedModel>(const LoadOptions&)>& load,
                        std::function<MemoryUse(Backend&)> need) const {
    std::shared_ptr<LoadedModel> model;
    const ChosenBackend used =
        use_backend(*this_hardware(), {parse_device(device_), std::move(need)},
                    {threads_, exact_, card_checks_file()}, [&](const ChosenBackend& chosen) {
                        LoadOptions options;
                        options.backend = chosen.backend;
                        model = load(options);
                    });
    why_ = used.why;
    why_not_cuda_ = used.why_not_cuda;
    if (verbose_ && !why_.empty())
        print_note(why_not_cuda_.empty() ? why_ : "the CPU computes: " + why_not_cuda_);
    return model;
}

nlohmann::ordered_json ModelOptions::device_json(const LoadedModel& model) const {
    nlohmann::ordered_json json = {{"name", model.backend().name()},
                                   {"description", model.backend().description()}};
    if (!why_.empty())
        json["why"] = why_;
    if (!why_not_cuda_.empty())
        json["why_not_cuda"] = why_not_cuda_;
    return json;
}

Tuning ModelOptions::tuning(const LoadedModel& model) const {
    return dials_.over(default_tuning(model.file(), model.config()));
}

void check_experts(const LoadedModel& model, int count) {
    const int experts = model.plan().experts;
    if (experts == 0)
        throw Error("experts: " + model.path().string() +
                    " is a dense model, it has no experts to choose from");
    if (count > experts)
        throw Error("experts: " + std::to_string(count) + " is more than the " + std::to_string(experts) +
                    " of " + model.path().string());
}

std::string substitute_on(const Backend& backend, const ControlSpec& spec, const ControlValue& value) {
    const Tuning tuning = with_control({}, spec, value);
    const auto sentence = [](const char* begin, BlockType wanted, BlockType taken) {
        return wanted == taken ? std::string()
                               : begin + std::string(traits(wanted).name) +
                                     " on this device: " + std::string(traits(taken).name) + " is taken";
    };
    if (spec.name == "kv" && !backend.exact())
        return sentence("the KV cache cannot be kept as ", tuning.sequence.kv,
                        backend.nearest_kv(tuning.sequence.kv));
    if (const int bits = tuning.sequence.activation_bits; spec.name == "activations" && !backend.exact()) {
        const int taken = backend.nearest_activation_bits(bits);
        return taken == bits ? std::string()
                             : "activations of " + std::to_string(bits) +
                                   " bits are for the processor: " + std::to_string(taken) +
                                   " are taken on this device";
    }
    if (spec.name == "quant" && tuning.model.weights)
        return sentence("the weights cannot be computed with as ", *tuning.model.weights,
                        backend.nearest_weights(*tuning.model.weights));
    return {};
}

void note_substitute(const LoadedModel& model, const ControlSpec& spec, const ControlValue& value) {
    if (const std::string note = substitute_on(model.backend(), spec, value); !note.empty())
        print_note(note);
}

std::pair<const ControlSpec*, ControlValue> parse_assignment(const std::string& option,
                                                             const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos)
        throw CLI::ValidationError(option, "\"" + text + "\" is not NAME=VALUE");
    const std::string name = text.substr(0, equals);
    const ControlSpec* spec = find_control(name);
    if (!spec) {
        std::string known;
        for (const ControlSpec& other : controls())
            known += (known.empty() ? "" : ", ") + std::string(other.name);
        throw CLI::ValidationError(option, "there is no dial \"" + name + "\"; there are " + known);
    }
    const std::string value = text.substr(equals + 1);
    if (const std::string wrong = complaint(*spec, value); !wrong.empty())
        throw CLI::ValidationError(option, wrong);
    return {spec, parse_control(*spec, value)};
}

std::unique_ptr<Scheduler> start_scheduler(const std::shared_ptr<LoadedModel>& model, const Tuning& tuning,
                                           SchedulerOptions options) {
    auto scheduler = std::make_unique<Scheduler>(engine_parts(model), std::move(options));
    scheduler->set_model_tuning(tuning.model);
    scheduler->wait_recoded();
    return scheduler;
}

std::shared_ptr<const WeightSet> recoded_weights(LoadedModel& model, const ModelTuning& tuning) {
    Recoder recoder(model.sources(), model.shared_file(), model.backend(), model.weights(), {});
    recoder.set_threads(model.backend().threads());
    recoder.retarget(tuning.weights);
    return recoder.wait_applied(recoder.total());
}

Interrupt::Interrupt() {
    interrupted = 0;
#ifdef _WIN32
    std::signal(SIGINT, note_interrupt);
#else
    struct sigaction action = {};
    action.sa_handler = note_interrupt;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
#endif
    watcher_ = start_thread([this](std::stop_token stop) {
        while (!stop.stop_requested() && !interrupted)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        if (interrupted)
            source_.request_stop();
    });
}

Interrupt::~Interrupt() {
    watcher_.request_stop();
    watcher_.join();
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    if (interrupted == SIGTERM) // what was under way is given up in order; then it ends as it was told to
        end_program();
}

void Interrupt::end_program() {
    const int signal = interrupted;
    if (signal == 0)
        return;
    std::fflush(stdout);
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

std::string read_text_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in && in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    if (in.bad() || !in.is_open() || std::filesystem::is_directory(path))
        throw Error("cannot read " + path);
    return text.str();
}

} // namespace switchyard
