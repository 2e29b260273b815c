// Writing files: not over what they are made from, not into something that is no file, and so that a file
// that was there before stays whole until the new one is.
#pragma once

#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace switchyard {

/// Throws Error naming the one of `outputs` that is a folder, a device or another thing that is no plain
/// file, a link, write-protected, one of the files that `inputs` consist of (by whatever name or link), or
/// named twice. An input is a file, the first part of a split model, or a folder with all that lies in it.
/// The same holds for an output with ".part" behind it, where an unfinished file lies. Empty paths are passed
/// over.
void check_outputs(std::span<const std::filesystem::path> outputs,
                   std::span<const std::filesystem::path> inputs);
/// The same of what is read alone: devices, pipes and links may be written.
void check_not_read(const std::filesystem::path& output, std::span<const std::filesystem::path> inputs);
/// Those of `outputs` that are files now: what is to be said once they are replaced.
std::vector<std::filesystem::path> existing_files(std::span<const std::filesystem::path> outputs);

/// A file in the making: it is written to "<path>.part", which takes the name at finish(). Until then a file
/// of that name stays as it was. Devices, pipes and links are written straight. The destructor removes an
/// unfinished part. Throws Error (disk full, no permission) naming the file.
class OutputFile {
  public:
    explicit OutputFile(std::filesystem::path path);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(const void* data, std::size_t bytes);
    /// The data are on the disk before the name says so. The file is closed.
    void finish();
    /// Removes the part and throws.
    [[noreturn]] void fail(const std::string& why);

  private:
    void drop();
    std::filesystem::path path_, part_; ///< the same where it is written straight
    std::FILE* file_ = nullptr;
};

} // namespace switchyard
