#include "engine/backends/cuda/device_library.h"

#include "engine/backends/cuda/library_trial.h"
#include "engine/base/error.h"
#include "kernels/cuda/device_text.h"
#include "kernels/cuda/library_interface.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <elf.h>
#include <fstream>
#include <span>
#include <string_view>
#include <sys/mman.h>
#include <system_error>
#include <utility>

namespace switchyard {

namespace {

constexpr int kInsufficientDriver = 35, kNoDevice = 100; // as CUDA numbers them

/// The oldest driver that knows a generation of CUDA, by NVIDIA's table of minor version compatibility.
std::string driver_for(int runtime) {
    switch (runtime / 1000) {
    case 12:
        return "driver 525 or newer";
    case 13:
        return "driver 580 or newer";
    default:
        return "a newer driver";
    }
}

std::string first_line(std::string text) {
    if (const auto end = text.find('\n'); end != std::string::npos)
        text.resize(end);
    return text;
}

/// Size and time of a file: another build has others.
std::string stamp(const std::filesystem::path& file) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file, error);
    const auto written = std::filesystem::last_write_time(file, error);
    return error ? "?" : std::to_string(bytes) + "@" + std::to_string(written.time_since_epoch().count());
}

/// What keeps a file from being opened as a library: the loader maps what the head promises, and a program
/// that touches what is not there dies. "": nothing that can be seen so.
std::string damage_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (!std::filesystem::exists(status))
        return ""; // the loader says so
    if (!std::filesystem::is_regular_file(status))
        return "is no file";
    const std::uint64_t bytes = std::filesystem::file_size(file, error);
    std::ifstream in(file, std::ios::binary);
    Elf64_Ehdr head = {};
    if (!in.read(reinterpret_cast<char*>(&head), sizeof head) ||
        !std::ranges::equal(std::span(head.e_ident, SELFMAG), std::string_view(ELFMAG, SELFMAG)))
        return ""; // not a library: the loader says so
    const auto whole = [&](std::uint64_t at, std::uint64_t length) {
        return at <= bytes && length <= bytes - at;
    };
    bool complete = whole(head.e_phoff, std::uint64_t{head.e_phnum} * sizeof(Elf64_Phdr)) &&
                    whole(head.e_shoff, std::uint64_t{head.e_shnum} * sizeof(Elf64_Shdr));
    in.seekg(static_cast<std::streamoff>(head.e_phoff));
    for (int i = 0; complete && i < head.e_phnum; ++i) {
        Elf64_Phdr part = {};
        complete =
            in.read(reinterpret_cast<char*>(&part), sizeof part) && whole(part.p_offset, part.p_filesz);
    }
    return complete ? "" : "ends too soon: it was not copied whole";
}

std::filesystem::path find_library() {
    if (const char* named = std::getenv("SWITCHYARD_CUDA_LIBRARY"))
        return named;
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
        return {};
    const auto folder = program.parent_path();
    for (const auto& place : {folder, folder.parent_path() / "lib" / "switchyard"})
        if (auto file = place / cuda::kCudaLibraryFile; // a link to nothing is one that cannot be opened
            std::filesystem::exists(std::filesystem::symlink_status(file, error)))
            return file;
    return {};
}

} // namespace

std::string no_such_card(int index, int count) {
    return "there is no cuda:" + std::to_string(index) + ": this machine has " +
           (count == 1 ? "one card, cuda:0" : "cuda:0 to cuda:" + std::to_string(count - 1));
}

std::shared_ptr<const DeviceLibrary> DeviceLibrary::find() { return open(find_library()); }

std::shared_ptr<const DeviceLibrary> DeviceLibrary::open(const std::filesystem::path& file) {
    std::shared_ptr<DeviceLibrary> library(new DeviceLibrary);
    library->build_ = stamp(file) + " " + stamp("/proc/self/exe");
    library->load(file);
    return library;
}

DeviceLibrary::~DeviceLibrary() = default;

void DeviceLibrary::set_trouble(DeviceTrouble trouble, std::string reason) {
    trouble_ = trouble;
    reason_ = std::move(reason);
}

/// Whether the library, and what its runtime takes at once, find room: CUDA's runtime writes where it was
/// given no memory, and the program would end with it.
static bool has_room(const std::filesystem::path& file) {
    constexpr std::size_t kOfRuntime = std::size_t{64} << 20;
    std::error_code error;
    const std::uintmax_t length = std::filesystem::file_size(file, error);
    if (error)
        return true; // no file of that path: the loader finds it elsewhere, or says that there is none
    const std::size_t bytes = 2 * static_cast<std::size_t>(length) + kOfRuntime;
    void* memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    munmap(memory, bytes);
    return true;
}

void DeviceLibrary::load(const std::filesystem::path& file) {
    if (file.empty())
        return set_trouble(DeviceTrouble::NoLibrary, "this build of the program has no CUDA library");
    if (const std::string why = damage_of(file); !why.empty())
        return set_trouble(DeviceTrouble::OtherLibrary,
                           "the CUDA library cannot be opened: " + file.string() + " " + why);
    if (!has_room(file))
        return set_trouble(DeviceTrouble::Failed,
                           "the CUDA library cannot be opened: there is no memory for it");
    if (const auto failure = try_library(file, build_))
        return failure->end == TrialEnd::Opening
                   ? set_trouble(DeviceTrouble::OtherLibrary, "the CUDA library cannot be opened: " +
                                                                  file.string() + " " + failure->reason)
                   : set_trouble(DeviceTrouble::Failed, "CUDA does not start: the driver " + failure->reason);
    // Never closed: CUDA's runtime has threads and work at exit.
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char* why = dlerror();
        return set_trouble(DeviceTrouble::OtherLibrary,
                           "the CUDA library cannot be opened: " + first_line(why ? why : file.string()));
    }
    const auto open = reinterpret_cast<cuda::OpenCudaLibrary>(dlsym(library, cuda::kOpenCudaLibrary));
    cuda::LibraryAnswer answer;
    if (open)
        devices_.reset(open(cuda::library_abi(), &answer));
    if (!open || answer.abi != cuda::library_abi()) {
        (void)devices_.release(); // nothing that we could end
        return set_trouble(DeviceTrouble::OtherLibrary,
                           "the CUDA library " + file.string() + " is of another build than the program");
    }
    answer.error_text[sizeof answer.error_text - 1] = '\0';
    if (!devices_ && answer.error == kInsufficientDriver && answer.driver == 0)
        return set_trouble(DeviceTrouble::NoDriver, "there is no NVIDIA driver on this machine");
    if (!devices_ && answer.error == kInsufficientDriver)
        return set_trouble(DeviceTrouble::OldDriver,
                           "the NVIDIA driver knows CUDA " + cuda::version_text(answer.driver) +
                               " and this build needs " + cuda::version_text(answer.runtime) + ": install " +
                               driver_for(answer.runtime));
    if ((!devices_ && answer.error == kNoDevice) || (devices_ && devices_->count() == 0))
        return set_trouble(
            DeviceTrouble::NoDevice,
            "the NVIDIA driver finds no card on this machine, or none is free for this program");
    if (!devices_)
        return set_trouble(DeviceTrouble::Failed,
                           std::string("CUDA does not start: ") +
                               (answer.error_text[0] != '\0' ? first_line(answer.error_text)
                                                             : "error " + std::to_string(answer.error)));
    for (int i = 0; i < count(); ++i)
        if (unusable(i).empty())
            return;
    set_trouble(DeviceTrouble::UnfitDevice, unusable(0));
}

int DeviceLibrary::count() const { return devices_ ? devices_->count() : 0; }

const cuda::DeviceInfo& DeviceLibrary::info(int index) const { return devices_->info(index); }

std::string DeviceLibrary::unusable(int index) const {
    const std::string why = devices_->unusable(index);
    return why.empty() ? "" : first_line(info(index).name + " " + why);
}

cuda::MemoryUse DeviceLibrary::memory(int index) const { return devices_->memory(index); }

cuda::DeviceHealth DeviceLibrary::health(int index) const { return devices_->health(index); }

int DeviceLibrary::best() const {
    int best = -1;
    for (int i = 0; i < count(); ++i)
        if (unusable(i).empty() && (best < 0 || info(i).memory_bytes > info(best).memory_bytes))
            best = i;
    return best;
}

std::unique_ptr<cuda::Device> DeviceLibrary::open_device(int index) const {
    if (!reason_.empty())
        throw Error(reason_);
    if (index < 0 || index >= count())
        throw Error(no_such_card(index, count()));
    if (const std::string why = unusable(index); !why.empty())
        throw Error(why);
    try {
        return devices_->open(index);
    } catch (const cuda::DeviceError& error) {
        throw Error(info(index).name + ": " + first_line(error.what()));
    }
}

} // namespace switchyard
