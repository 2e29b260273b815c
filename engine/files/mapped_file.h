// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace switchyard {

/// The bytes stay readable as long as the object lives. Where the file shrinks meanwhile, what was beyond its
/// new end reads as zeros instead of ending the program (a handler of SIGBUS sees to it), and check() says
/// so: whoever computes with the bytes asks it before the result is used.
class MappedFile {
  public:
    /// Throws Error naming the file where it is missing, unreadable, empty or not a regular file.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return bytes_; }
    /// Throws Error where the file has shrunk, or could not be read.
    void check() const;

  private:
    struct Place;
    friend void check_mapped(const std::byte* data);

    std::filesystem::path path_;
    int descriptor_ = -1;
    std::span<const std::byte> bytes_;
    Place* place_ = nullptr; ///< in the handler's table; nullptr: it was full
};

/// MappedFile::check() of the file that `data` lies in, as far as reading has shown; nothing for other
/// memory.
void check_mapped(const std::byte* data);
/// Whether check_mapped() has anything to say: cheap enough for every step.
bool any_mapped_file_was_cut();

/// `text` in quotes, control characters replaced and cut to a readable length: names out of files go into
/// messages only through this.
std::string in_quotes(std::string_view text);

} // namespace switchyard
