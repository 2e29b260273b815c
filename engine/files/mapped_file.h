// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace switchyard {

/// The bytes stay valid as long as the object lives. The file must not shrink meanwhile.
class MappedFile {
  public:
    /// Throws Error naming the file where it is missing, unreadable, empty or not a regular file.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::span<const std::byte> bytes_;
};

/// `text` in quotes, control characters replaced and cut to a readable length: names out of files go into
/// messages only through this.
std::string in_quotes(std::string_view text);

} // namespace switchyard
