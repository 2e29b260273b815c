// On which device a model is opened: the one that was asked for, or a card where there is one that it fits.
#pragma once

#include "engine/backends/hardware.h"
#include "engine/run/forecast.h"

#include <functional>
#include <stop_token>

namespace switchyard {

/// A model that is to be opened.
struct DeviceWish {
    DeviceChoice choice;
    /// What it takes on a backend, of a conversation of usual length; throws Error where it cannot be read.
    /// Weights are not read for it.
    std::function<MemoryUse(Backend& backend)> need;
    /// What the model whose place it takes will give back, and on which card that is (-1: in RAM).
    std::uint64_t freed = 0;
    int freed_on = -1;
    std::stop_token stop{};
};

struct ChosenBackend {
    std::shared_ptr<Backend> backend;
    int card = -1;      ///< -1: the CPU
    std::string name{}; ///< of the card
    /// Of an automatic choice: a sentence that says why it is this one.
    std::string why{};
    /// Of an automatic choice of the CPU: why no card was taken, as a clause.
    std::string why_not_cuda{};
};

/// Throws Error where the one that was asked for cannot be had or is too small, and where the model cannot be
/// read.
ChosenBackend choose_backend(const Hardware& hardware, const DeviceWish& wish, const BackendOptions& options);

/// Gives `use` what was chosen. Where nothing was asked for and `use` fails with a card after all, it gets
/// the CPU. A card that is lost meanwhile is noted. Returns what `use` got last.
ChosenBackend use_backend(Hardware& hardware, const DeviceWish& wish, const BackendOptions& options,
                          const std::function<void(const ChosenBackend& chosen)>& use);

} // namespace switchyard
