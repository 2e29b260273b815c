#include "engine/files/mapped_file.h"

#include "engine/base/error.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace switchyard {

/// A mapping, as the signal handler knows it.
struct MappedFile::Place {
    std::atomic<const std::byte*> begin{nullptr}; ///< nullptr: free
    std::atomic<std::size_t> size{0};
    std::atomic<bool> cut{false};
    const MappedFile* file = nullptr; ///< guarded by table_mutex
};

namespace {

/// Closes the descriptor where opening goes wrong.
struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0) {
            ::close(fd);
        }
    }
};

[[noreturn]] void refuse_cut(const std::filesystem::path& path) {
    throw Error(path.string() + ": was cut short or could no longer be read while it was in use; restore the "
                                "file and load it again");
}

std::mutex table_mutex;
std::atomic<bool> any_cut{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

template <typename Place>
std::array<Place, 2048>& table() {
    static std::array<Place, 2048> places;
    return places;
}

struct sigaction previous_action;

/// The rest of the mapping, from the page at `address` on, becomes zeros: beyond a file's end there is
/// nothing more to come.
bool fill_with_zeros(const std::byte* begin, std::size_t size, const std::byte* address) {
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t offset = static_cast<std::size_t>(address - begin) / page * page;
    return ::mmap(const_cast<std::byte*>(begin) + offset, size - offset, PROT_READ,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

template <typename Place>
void on_bus_error(int signal, siginfo_t* info, void* context) {
    const int error = errno;
    const auto* address = static_cast<const std::byte*>(info->si_addr);
    for (Place& place : table<Place>()) {
        const std::byte* begin = place.begin.load();
        const std::size_t size = place.size.load();
        if (begin == nullptr || address < begin || address >= begin + size) {
            continue;
        }
        place.cut = true;
        any_cut = true;
        if (fill_with_zeros(begin, size, address)) {
            errno = error;
            return;
        }
    }
    // Not ours: as it would have gone.
    if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
        previous_action.sa_sigaction(signal, info, context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(signal);
    } else {
        ::sigaction(SIGBUS, &previous_action, nullptr); // and the access is made again
    }
    errno = error;
}

template <typename Place>
void install_handler() {
    static const bool installed = [] {
        table<Place>(); // not for the first time in the handler
        struct sigaction action = {};
        action.sa_sigaction = on_bus_error<Place>;
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
        return ::sigaction(SIGBUS, &action, &previous_action) == 0;
    }();
    static_cast<void>(installed);
}

} // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
    const std::string name = path.string();
    // O_NONBLOCK: opening a pipe by mistake must not wait for its writer.
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (file.fd < 0 || ::fstat(file.fd, &status) != 0) {
        throw Error(name + ": cannot be read: " + std::strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error(name + ": is not a regular file");
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) {
        throw Error(name + ": the file is empty");
    }
    install_handler<Place>();
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd, 0);
    if (data == MAP_FAILED) {
        throw Error(name + ": cannot be mapped into memory: " + std::strerror(errno));
    }
    bytes_ = {static_cast<const std::byte*>(data), size};
    descriptor_ = std::exchange(file.fd, -1);
    const std::lock_guard lock(table_mutex);
    for (Place& place : table<Place>()) {
        if (place.begin.load() == nullptr) {
            place_ = &place;
            place.file = this;
            place.cut = false;
            place.size = size;
            place.begin = bytes_.data();
            break;
        }
    }
}

MappedFile::~MappedFile() {
    if (place_ != nullptr) {
        const std::lock_guard lock(table_mutex);
        place_->begin = nullptr;
        place_->file = nullptr;
    }
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    ::close(descriptor_);
}

void MappedFile::check() const {
    struct stat status {};
    const bool shrunk =
        ::fstat(descriptor_, &status) == 0 && static_cast<std::size_t>(status.st_size) < bytes_.size();
    if (shrunk || (place_ != nullptr && place_->cut)) {
        refuse_cut(path_);
    }
}

bool any_mapped_file_was_cut() { return any_cut.load(std::memory_order_relaxed); }

void check_mapped(const std::byte* data) {
    const std::lock_guard lock(table_mutex);
    for (const auto& place : table<MappedFile::Place>()) {
        const std::byte* begin = place.begin.load();
        if (begin != nullptr && place.cut && data >= begin && data < begin + place.size) {
            refuse_cut(place.file->path_);
        }
    }
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kLongest = 80;
    std::string out = "\"";
    for (const char c : text.substr(0, kLongest)) {
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    out += text.size() > kLongest ? "...\"" : "\"";
    return out;
}

} // namespace switchyard
