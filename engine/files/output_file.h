// Where a file may be written: not over what it is made from, and not into something that is no file.
#pragma once

#include <filesystem>
#include <span>

namespace switchyard {

/// Throws Error naming `out` where it is a folder, a device or another thing that is no plain file, or one of
/// the files that `inputs` consist of (by whatever name or link). An input is a file, the first part of a
/// split model, or a folder with all that lies in it. The same holds for `out` with ".part" behind it, where
/// an unfinished file lies.
void check_output(const std::filesystem::path& out, std::span<const std::filesystem::path> inputs);

} // namespace switchyard
