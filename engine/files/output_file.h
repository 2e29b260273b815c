// Where a file may be written: not over what it is made from, and not into something that is no file.
#pragma once

#include <filesystem>
#include <span>

namespace switchyard {

/// Throws Error naming the one of `outputs` that is a folder, a device or another thing that is no plain file,
/// a link, write-protected, one of the files that `inputs` consist of (by whatever name or link), or named
/// twice. An input is a file, the first part of a split model, or a folder with all that lies in it. The same
/// holds for an output with ".part" behind it, where an unfinished file lies. Empty paths are passed over.
void check_outputs(std::span<const std::filesystem::path> outputs,
                   std::span<const std::filesystem::path> inputs);

} // namespace switchyard
