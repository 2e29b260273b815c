#include "engine/backends/choose_backend.h"

#include "engine/backends/cuda/cuda_backend.h"
#include "engine/backends/cuda/device_library.h"
#include "engine/base/error.h"

#include <charconv>
#include <cstdlib>
#include <stdexcept>

namespace switchyard {

namespace {

/// Throws Error where it cannot be had.
std::shared_ptr<Backend> open_card(const DeviceChoice& choice, const BackendOptions& options) {
    const auto library = DeviceLibrary::find();
    if (!library->reason().empty())
        throw Error(library->reason());
    if (options.exact)
        throw Error("the exact path computes on the CPU alone");
    return make_cuda_backend(
        library->open_device(choice.index >= 0 ? choice.index : library->best()),
        {.threads = options.threads, .card_checks = options.card_checks, .build = library->build()});
}

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

DeviceChoice parse_device(std::string_view text) {
    using Kind = DeviceChoice::Kind;
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
    throw Error("\"" + std::string(text) +
                "\" is no device: there are auto, cpu, cuda, and cuda:0, cuda:1 ...");
}

ChosenBackend choose_backend(const DeviceChoice& choice, const BackendOptions& options) {
    std::string why_not;
    if (choice.kind == DeviceChoice::Kind::Cuda)
        return {open_card(choice, options), {}};
    if (choice.kind == DeviceChoice::Kind::Auto) {
        try {
            return {open_card(choice, options), {}};
        } catch (const Error& error) {
            why_not = error.what();
        }
    }
    return {make_cpu_backend(options), why_not};
}

std::string use_backend(const DeviceChoice& choice, const BackendOptions& options,
                        const std::function<void(const std::shared_ptr<Backend>&)>& use) {
    ChosenBackend chosen = choose_backend(choice, options);
    if (choice.kind != DeviceChoice::Kind::Auto || !chosen.why_not_cuda.empty()) {
        use(chosen.backend);
        return chosen.why_not_cuda;
    }
    try {
        use(chosen.backend);
        return {};
    } catch (const std::runtime_error& error) { // Error, or the device's own
        chosen.why_not_cuda = error.what();
    }
    chosen.backend = make_cpu_backend(options); // what the card had taken is given back by now
    use(chosen.backend);
    return chosen.why_not_cuda;
}

} // namespace switchyard
