// A CUDA library is opened in a process of its own first: what it runs there may end or hang that process,
// and the program goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace switchyard {

/// How far a trial came before it failed.
enum class TrialEnd : std::uint8_t {
    Opening, ///< while the file was opened
    Starting ///< while CUDA was started
};

struct TrialFailure {
    TrialEnd end;
    std::string reason; ///< how a sentence about the file ends: "ends the program that opens it"
};

/// To be called first in main(): a process that was started for a trial makes it and ends. In all others
/// try_library() starts such processes from then on, of this very program. `waits`: called once,
/// where a trial takes longer than a few seconds, by the thread that waits.
void serve_library_trial(int argc, char** argv, void (*waits)() = nullptr);

/// Opens `file` and starts its CUDA elsewhere; nothing: both work, or this program makes no trials (its
/// main() does not serve them). Done once for a `build` of it. Waits while it takes: up to a minute where a
/// library or its driver hangs. From any thread.
std::optional<TrialFailure> try_library(const std::filesystem::path& file, const std::string& build);

} // namespace switchyard
