// JSON files of model folders, read with limits on size and depth.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace switchyard {

/// Parses `text`; `name` (the file's) starts every message. Throws Error where it is not JSON, or nests more
/// than 64 deep.
nlohmann::json parse_json(std::string_view text, const std::string& name);

/// Reads and parses a JSON file. Throws Error where it is missing, larger than `limit` bytes, or not JSON.
nlohmann::json read_json(const std::filesystem::path& path, std::size_t limit);

} // namespace switchyard
