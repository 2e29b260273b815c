#include "engine/backends/hardware.h"

#include "engine/backends/cuda/cuda_backend.h"
#include "engine/backends/cuda/device_library.h"
#include "engine/base/error.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>

namespace switchyard {

namespace {

/// For comparisons: what the variable says, or as is quicker.
cuda::StepLaunches wanted_launches() {
    const char* const word = std::getenv("SWITCHYARD_CUDA_LAUNCHES");
    if (!word)
        return cuda::StepLaunches::Measured;
    if (const auto launches = cuda::step_launches_of(word))
        return *launches;
    throw Error("SWITCHYARD_CUDA_LAUNCHES is \"" + std::string(word) +
                "\", and can be stages, graphs, programs or measured");
}

class ThisHardware : public Hardware {
  protected:
    CardList look() const override {
        const auto library = DeviceLibrary::find();
        {
            const std::lock_guard lock(mutex_);
            library_ = library;
        }
        CardList all;
        for (int i = 0; i < library->count(); ++i)
            all.cards.push_back({i, library->info(i).name, library->info(i).memory_bytes,
                                 library->memory(i).free, library->unusable(i)});
        all.none = library->reason();
        return all;
    }

    CardReading read_card(int card) const override {
        std::shared_ptr<const DeviceLibrary> library;
        {
            const std::lock_guard lock(mutex_);
            library = library_;
        }
        if (!library || card < 0 || card >= library->count())
            return {};
        const cuda::MemoryUse memory = library->memory(card);
        const cuda::DeviceHealth health = library->health(card);
        CardReading reading;
        reading.memory = memory.total;
        reading.memory_free = memory.free;
        reading.celsius = health.celsius;
        reading.watts = health.watts;
        reading.watts_limit = health.watts_limit;
        reading.clock_mhz = health.clock_mhz;
        reading.memory_clock_mhz = health.memory_clock_mhz;
        return reading;
    }

    std::shared_ptr<Backend> open_card(int card, const BackendOptions& options) const override {
        const auto library = DeviceLibrary::find();
        return make_cuda_backend(library->open_device(card), {.threads = options.threads,
                                                              .launches = wanted_launches(),
                                                              .card_checks = options.card_checks,
                                                              .build = library->build()});
    }

  private:
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const DeviceLibrary> library_; ///< guarded; of the last look
};

} // namespace

std::filesystem::path card_checks_file() {
    const char* const caches = std::getenv("XDG_CACHE_HOME");
    const char* const home = std::getenv("HOME");
    std::filesystem::path folder;
    if (caches && caches[0] == '/')
        folder = caches;
    else if (home && home[0] == '/')
        folder = std::filesystem::path(home) / ".cache";
    return folder.empty() ? folder : folder / "switchyard" / "card-checks.json";
}

DeviceChoice parse_device(std::string_view word) {
    using Kind = DeviceChoice::Kind;
    std::string text(word);
    for (char& c : text)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (text == "auto")
        return {Kind::Auto, -1};
    if (text == "cpu")
        return {Kind::Cpu, -1};
    if (text == "cuda")
        return {Kind::Cuda, -1};
    constexpr std::string_view kNumbered = "cuda:";
    int index = -1;
    if (text.starts_with(kNumbered)) {
        const char* end = text.data() + text.size();
        const auto [read, error] = std::from_chars(text.data() + kNumbered.size(), end, index);
        if (error == std::errc() && read == end && index >= 0)
            return {Kind::Cuda, index};
    }
    throw Error("\"" + std::string(word) +
                "\" is no device: there are auto, cpu, cuda, and cuda:0, cuda:1 ...");
}

std::string device_word(const DeviceChoice& choice) {
    switch (choice.kind) {
    case DeviceChoice::Kind::Auto:
        return "auto";
    case DeviceChoice::Kind::Cpu:
        return "cpu";
    case DeviceChoice::Kind::Cuda:
        return choice.index < 0 ? "cuda" : "cuda:" + std::to_string(choice.index);
    }
    return {};
}

const CardInfo* CardList::find(int index) const {
    const auto found = std::ranges::find(cards, index, &CardInfo::index);
    return found == cards.end() ? nullptr : &*found;
}

std::vector<const CardInfo*> CardList::usable() const {
    std::vector<const CardInfo*> usable;
    for (const CardInfo& card : cards)
        if (card.unusable.empty())
            usable.push_back(&card);
    std::ranges::stable_sort(usable, std::greater(), [](const CardInfo* card) {
        return card->memory_free > 0 ? card->memory_free : card->memory;
    });
    return usable;
}

const CardInfo* CardList::roomiest() const {
    const std::vector<const CardInfo*> all = usable();
    return all.empty() ? nullptr : all.front();
}

std::string Hardware::loss_of(int card) const {
    const std::lock_guard lock(mutex_);
    const auto lost = lost_.find(card);
    return lost == lost_.end()
               ? std::string()
               : lost->second + " was lost while it computed; start the program again to use it";
}

void Hardware::lose(int card, const std::string& name) {
    const std::lock_guard lock(mutex_);
    lost_[card] = name;
}

CardList Hardware::cards() const {
    CardList all = look();
    for (CardInfo& card : all.cards)
        if (std::string loss = loss_of(card.index); !loss.empty())
            card.unusable = std::move(loss);
    if (!all.roomiest() && all.none.empty() && !all.cards.empty())
        all.none = all.cards.front().unusable;
    return all;
}

CardReading Hardware::read(int card) const { return loss_of(card).empty() ? read_card(card) : CardReading(); }

std::shared_ptr<Backend> Hardware::open(const DeviceChoice& choice, const BackendOptions& options) const {
    if (choice.kind != DeviceChoice::Kind::Cuda)
        return make_cpu_backend(options);
    if (options.exact)
        throw Error("the exact path computes on the CPU alone");
    if (const std::string loss = loss_of(choice.index); !loss.empty())
        throw Error(loss);
    return open_card(choice.index, options);
}

std::shared_ptr<Hardware> this_hardware() { return std::make_shared<ThisHardware>(); }

} // namespace switchyard
