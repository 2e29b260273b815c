// What this machine computes on: the processor, and the cards there are. Looking and opening take a while.
#pragma once

#include "engine/run/backend.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

struct DeviceChoice {
    enum class Kind : std::uint8_t { Auto, Cpu, Cuda } kind = Kind::Auto;
    int index = -1; ///< of the card; -1: the best one
    friend bool operator==(const DeviceChoice&, const DeviceChoice&) = default;
};

/// "auto", "cpu", "cuda", "cuda:0" ..., in letters of any case. Throws Error.
DeviceChoice parse_device(std::string_view text);
/// As parse_device() reads it.
std::string device_word(const DeviceChoice& choice);

struct CardInfo {
    int index = 0;                 ///< "cuda:index"
    std::string name;              ///< "NVIDIA H200"
    std::uint64_t memory = 0;      ///< bytes
    std::uint64_t memory_free = 0; ///< bytes now; 0: not known
    std::string unusable{};        ///< why it cannot be used, as a clause; "": it can
};

struct CardList {
    std::vector<CardInfo> cards;
    std::string none; ///< why no card can be used, as a clause; "": one can

    const CardInfo* find(int index) const;
    /// The one with most room; nullptr: none can be used.
    const CardInfo* roomiest() const;
    /// All that can be used, those with more free memory first.
    std::vector<const CardInfo*> usable() const;
};

/// How a card is now, as far as its driver tells: below zero or 0 where it does not.
struct CardReading {
    std::uint64_t memory = 0, memory_free = 0; ///< bytes
    std::uint64_t taken = 0;                   ///< bytes of it that this program's models have
    int celsius = -1;
    double watts = -1, watts_limit = -1;
    int clock_mhz = -1, memory_clock_mhz = -1;
    /// Of the models on it whose experts do not all fit it.
    std::optional<ExpertCacheUse> experts{};

    bool known() const { return memory > 0; }
};

/// Thread-safe.
class Hardware {
  public:
    virtual ~Hardware() = default;

    /// A card that was lost is among them, and cannot be used.
    CardList cards() const;
    /// Nothing of a card that was lost.
    CardReading read(int card) const;
    /// Throws Error where it cannot be had. PRECOND: a choice, not Auto.
    std::shared_ptr<Backend> open(const DeviceChoice& choice, const BackendOptions& options) const;
    /// It failed in a way from which a program does not recover: nothing is opened on it any more.
    void lose(int card, const std::string& name);

  protected:
    virtual CardList look() const = 0;
    virtual CardReading read_card(int card) const = 0;
    virtual std::shared_ptr<Backend> open_card(int card, const BackendOptions& options) const = 0;

  private:
    std::string loss_of(int card) const; ///< as a clause; "": it was not lost

    mutable std::mutex mutex_;
    std::map<int, std::string> lost_; ///< guarded; their names
};

/// Where this user's programs keep what was found of cards (BackendOptions::card_checks); empty: nowhere.
std::filesystem::path card_checks_file();

/// Of the machine that the program runs on.
std::shared_ptr<Hardware> this_hardware();

} // namespace switchyard
