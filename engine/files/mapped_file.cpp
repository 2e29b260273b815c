#include "engine/files/mapped_file.h"

#include "engine/base/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace switchyard {

namespace {

/// Closes the descriptor at the end of the scope; a mapping outlives it.
struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0) {
            ::close(fd);
        }
    }
};

} // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
    const std::string name = path.string();
    // O_NONBLOCK: opening a pipe by mistake must not wait for its writer.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
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
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd, 0);
    if (data == MAP_FAILED) {
        throw Error(name + ": cannot be mapped into memory: " + std::strerror(errno));
    }
    bytes_ = {static_cast<const std::byte*>(data), size};
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

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
