// Where a model is computed: what was asked for, or a card where there is one that can be used.
#pragma once

#include "engine/run/backend.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace switchyard {

struct DeviceChoice {
    enum class Kind : std::uint8_t { Auto, Cpu, Cuda } kind = Kind::Auto;
    int index = -1; ///< of the card; -1: the best one
    friend bool operator==(const DeviceChoice&, const DeviceChoice&) = default;
};

/// "auto", "cpu", "cuda", "cuda:0" ... Throws Error.
DeviceChoice parse_device(std::string_view text);

/// Where this user's programs keep what was found of cards (BackendOptions::card_checks); empty: nowhere.
std::filesystem::path card_checks_file();

struct ChosenBackend {
    std::shared_ptr<Backend> backend;
    /// Why no card was taken, as a clause, where nothing was asked for; "": one was, or the CPU was asked
    /// for.
    std::string why_not_cuda;
};

/// Throws Error where a card is asked for and cannot be had.
ChosenBackend choose_backend(const DeviceChoice& choice, const BackendOptions& options);

/// Gives `use` what was chosen. Where nothing was asked for and `use` fails with a card (the model
/// does not fit, say), it gets the CPU. Returns why no card was taken, as above.
std::string use_backend(const DeviceChoice& choice, const BackendOptions& options,
                        const std::function<void(const std::shared_ptr<Backend>&)>& use);

} // namespace switchyard
