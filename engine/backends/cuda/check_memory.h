// What was found of cards, kept in a file: a card is asked once, not at every start.
#pragma once

#include "kernels/blocks.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace switchyard::cuda {

/// What is known of a card's kernels so far.
struct CardFindings {
    std::optional<std::string> trouble;      ///< why the card cannot be used, as a clause; "": it can
    std::map<BlockType, bool> serves;        ///< whether products with weights of a type are the CPU's
    std::optional<bool> takes_programs = {}; ///< SelfCheck::takes_programs()
    std::optional<bool> serves_states = {};  ///< SelfCheck::serves_states()
    std::optional<bool> serves_choices = {}; ///< SelfCheck::serves_choices()
    int program_trials = 0;                  ///< begun so far: one that does not come back finds nothing

    bool operator==(const CardFindings&) const = default;
};

/// Programs that find something at the same time each read the file anew before they write it.
class CheckMemory {
  public:
    /// `file`: empty: nothing is kept. One that cannot be read knows nothing.
    explicit CheckMemory(std::filesystem::path file) : file_(std::move(file)) {}

    /// `card`: a name that changes with the card, its driver and the builds of library and program.
    CardFindings find(const std::string& card) const;
    /// Adds to what is known. Where it cannot be written, it is asked again the next time.
    void add(const std::string& card, const CardFindings& findings) const;

  private:
    std::filesystem::path file_;
};

} // namespace switchyard::cuda
