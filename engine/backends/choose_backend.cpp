#include "engine/backends/choose_backend.h"

#include "engine/backends/cuda/device_library.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <variant>

namespace switchyard {

namespace {

using Kind = DeviceChoice::Kind;

/// A card that was opened, and what the model takes there.
struct Fit {
    std::shared_ptr<Backend> backend;
    MemoryUse need;
    std::uint64_t free = 0;     ///< of the card's memory; 0: not known
    std::uint64_t free_ram = 0; ///< the same of this machine's

    bool knows() const { return free > 0; }
    /// What the card must have free. With fewer experts there than a token passes, each is fetched anew.
    std::uint64_t least() const {
        return need.on_device() - need.expert_cache + std::min(need.expert_cache_least, need.pinned);
    }
    bool fits_card() const { return !knows() || least() <= free; }
    bool fits_ram() const { return need.pinned == 0 || free_ram == 0 || need.in_ram() <= free_ram; }
};

Fit fit_on(const Hardware& hardware, const CardInfo& card, const DeviceWish& wish,
           const BackendOptions& options) {
    Fit fit;
    fit.backend = hardware.open({Kind::Cuda, card.index}, options);
    fit.need = wish.need(*fit.backend);
    const DeviceStatus status = fit.backend->device_status();
    fit.free = status.total > 0 ? status.free : card.memory_free;
    fit.free_ram = system_memory().available;
    if (fit.free > 0 && wish.freed_on == card.index)
        fit.free += wish.freed;
    if (fit.free_ram > 0 && wish.freed_on < 0)
        fit.free_ram += wish.freed;
    // What the cache of experts has goes to all else first.
    const std::uint64_t without = fit.need.on_device() - fit.need.expert_cache;
    if (fit.knows() && fit.need.on_device() > fit.free) {
        fit.need.expert_cache = fit.free > without ? std::min(fit.need.expert_cache, fit.free - without) : 0;
        fit.backend->limit_expert_cache(fit.need.expert_cache);
    }
    return fit;
}

/// "12.1 GiB even without most of its experts": what a card has not.
std::string needed_text(const Fit& fit) {
    return format_bytes(fit.least()) + (fit.need.pinned > 0 ? " even without most of its experts" : "");
}

/// The CPU in place of a card.
ChosenBackend cpu_because(const Hardware& hardware, const BackendOptions& options, std::string why) {
    ChosenBackend chosen;
    chosen.backend = hardware.open({Kind::Cpu, -1}, options);
    chosen.why = "Automatic: the CPU, because " + why + ".";
    chosen.why_not_cuda = std::move(why);
    return chosen;
}

std::string why_card(const CardInfo& card, const Fit& fit) {
    const std::string free = fit.knows() ? ", " + format_bytes(fit.free) + " free" : "";
    const std::string begin = "Automatic: " + card.name + free + "; this model needs ";
    if (fit.need.pinned == 0)
        return begin + format_bytes(fit.need.on_device()) + ".";
    return begin + format_bytes(fit.need.on_device()) + " there and keeps its experts in RAM, " +
           format_bytes(fit.need.pinned) + ", of which the card holds " +
           format_bytes(fit.need.expert_cache) + " at a time.";
}

/// The card, if the model fits it; else why not.
std::variant<ChosenBackend, std::string> try_card(const Hardware& hardware, const CardInfo& card,
                                                  const DeviceWish& wish, const BackendOptions& options) {
    try {
        Fit fit = fit_on(hardware, card, wish, options);
        if (!fit.fits_card())
            return "the model needs " + needed_text(fit) + " and " + card.name + " has " +
                   format_bytes(fit.free) + " free";
        if (!fit.fits_ram())
            return "the model is larger than the memory of " + card.name + " and needs " +
                   format_bytes(fit.need.in_ram()) + " of RAM beside it, of which " +
                   format_bytes(fit.free_ram) + " are free";
        return ChosenBackend{std::move(fit.backend), card.index, card.name, why_card(card, fit), {}};
    } catch (const std::runtime_error& error) { // Error, or the device's own
        return error.what();
    }
}

ChosenBackend choose_automatically(const Hardware& hardware, const DeviceWish& wish,
                                   const BackendOptions& options) {
    const CardList all = hardware.cards();
    std::string why = all.none; // or of the first that was tried
    bool tried = false;
    for (const CardInfo* card : all.usable()) {
        auto one = try_card(hardware, *card, wish, options);
        if (auto* chosen = std::get_if<ChosenBackend>(&one))
            return std::move(*chosen);
        if (!std::exchange(tried, true))
            why = std::get<std::string>(one);
        if (wish.stop.stop_requested())
            break;
    }
    return cpu_because(hardware, options, why);
}

ChosenBackend choose_card(const Hardware& hardware, const DeviceWish& wish, const BackendOptions& options) {
    const CardList all = hardware.cards();
    const CardInfo* card = wish.choice.index < 0 ? all.roomiest() : all.find(wish.choice.index);
    if (!card || !card->unusable.empty())
        throw Error("The chosen card cannot be used: " +
                    (card                ? card->unusable
                     : all.cards.empty() ? all.none
                     : wish.choice.index < 0
                         ? all.none
                         : no_such_card(wish.choice.index, static_cast<int>(all.cards.size()))) +
                    ".");
    Fit fit = fit_on(hardware, *card, wish, options);
    // Few experts there are slow, and what somebody asks for is done.
    const std::uint64_t least = fit.need.on_device() - fit.need.expert_cache;
    if (fit.knows() && least > fit.free)
        throw Error("This model needs " + format_bytes(least) + " on " + card->name + " (weights " +
                    format_bytes(fit.need.weights) + ", KV cache " + format_bytes(fit.need.kv) +
                    ", scratch " + format_bytes(fit.need.scratch) + ") and " + format_bytes(fit.free) +
                    " are free there: open it on the CPU, close what else uses the card, or choose a smaller "
                    "model.");
    return {std::move(fit.backend), card->index, card->name, {}, {}};
}

} // namespace

ChosenBackend choose_backend(const Hardware& hardware, const DeviceWish& wish,
                             const BackendOptions& options) {
    switch (wish.choice.kind) {
    case Kind::Auto:
        return choose_automatically(hardware, wish, options);
    case Kind::Cuda:
        return choose_card(hardware, wish, options);
    case Kind::Cpu:
        break;
    }
    return {hardware.open({Kind::Cpu, -1}, options), -1, {}, {}, {}};
}

ChosenBackend use_backend(Hardware& hardware, const DeviceWish& wish, const BackendOptions& options,
                          const std::function<void(const ChosenBackend& chosen)>& use) {
    ChosenBackend chosen = choose_backend(hardware, wish, options);
    try {
        use(chosen);
        return chosen;
    } catch (const std::runtime_error& error) {
        if (chosen.card >= 0 && !chosen.backend->device_status().lost.empty())
            hardware.lose(chosen.card, chosen.name);
        if (wish.choice.kind != Kind::Auto || chosen.card < 0 || wish.stop.stop_requested())
            throw;
        chosen = cpu_because(hardware, options, error.what()); // what the card had taken is given back by now
    }
    use(chosen);
    return chosen;
}

} // namespace switchyard
