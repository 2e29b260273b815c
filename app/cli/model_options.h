// What the commands that run a model share: its options, loading it, the dials as flags, and Ctrl+C.
#pragma once

#include "engine/backends/choose_backend.h"
#include "engine/run/loaded_model.h"
#include "engine/run/scheduler.h"
#include "engine/text/tokenizer.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace switchyard {

/// Dials as flags, each by the flag of its row in the table of controls.
class DialOptions {
  public:
    /// `names`: of controls. They are checked as they are parsed.
    void add_to(CLI::App& command, std::initializer_list<std::string_view> names);
    /// `tuning` with the dials asked for.
    Tuning over(Tuning tuning) const;

  private:
    std::vector<std::pair<const ControlSpec*, ControlValue>> asked_; ///< in the order given
};

/// MODEL, --threads, --device, --verbose, --exact, and the dials that a command takes.
class ModelOptions {
  public:
    /// Gives the option MODEL, which is required.
    CLI::Option* add_to(CLI::App& command, std::initializer_list<std::string_view> dials);

    /// Loads the model. Throws Error; also where --experts does not fit the model.
    std::shared_ptr<LoadedModel> load() const;
    /// The dials asked for, the rest at the model's defaults.
    Tuning tuning(const LoadedModel& model) const;
    /// The dials asked for, the rest at the program's defaults.
    Tuning tuning() const { return dials_.over({}); }
    /// What `load` makes of a backend, as --device says; `need`: as DeviceWish has it. Throws Error where
    /// that cannot be had.
    std::shared_ptr<LoadedModel>
    load_with(const std::function<std::shared_ptr<LoadedModel>(const LoadOptions&)>& load,
              std::function<MemoryUse(Backend&)> need) const;
    /// What computes `model` and, where nothing was asked for, why it does:
    /// {"name": "cpu", "description": ..., "why": ..., "why_not_cuda": ...}.
    nlohmann::ordered_json device_json(const LoadedModel& model) const;
    const std::string& path() const { return path_; }
    bool exact() const { return exact_; }

  private:
    std::string path_, device_ = "auto";
    int threads_ = 0;
    bool exact_ = false, verbose_ = false;
    mutable std::string why_, why_not_cuda_; ///< as load_with() found
    DialOptions dials_;
};

/// "NAME=VALUE" to a dial and its value. Throws CLI::ValidationError naming `option`.
std::pair<const ControlSpec*, ControlValue> parse_assignment(const std::string& option,
                                                             const std::string& text);

/// Throws Error where the model has fewer experts than `count`, or none.
void check_experts(const LoadedModel& model, int count);

/// What `backend` takes in the place of a dial's value that it cannot, in a sentence without an end; "": it
/// can.
std::string substitute_on(const Backend& backend, const ControlSpec& spec, const ControlValue& value);
/// Says so on stderr.
void note_substitute(const LoadedModel& model, const ControlSpec& spec, const ControlValue& value);

/// The model's weights at the precision asked for, and a scheduler over them.
std::unique_ptr<Scheduler> start_scheduler(const std::shared_ptr<LoadedModel>& model, const Tuning& tuning,
                                           SchedulerOptions options = {});
/// The weights at a precision, without a scheduler.
std::shared_ptr<const WeightSet> recoded_weights(LoadedModel& model, const ModelTuning& tuning);

/// Turns Ctrl+C and SIGTERM into a stop, as long as it lives. Where it was SIGTERM, the program ends with it.
class Interrupt {
  public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    std::stop_token token() const { return source_.get_token(); }
    void stop() { source_.request_stop(); } ///< as Ctrl+C does
    /// Ends the program by the signal that came, so that who started it knows; none came: nothing. For
    /// commands that end in order when they are interrupted: others throw Error.
    static void end_program();

  private:
    std::stop_source source_;
    std::jthread watcher_;
};

std::string read_text_file(const std::string& path);

} // namespace switchyard
