// Reading of JSON fixtures, packed (unpacked by the build) or not.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace switchyard {

inline nlohmann::json read_json_fixture(const std::string& name) {
    for (const char* root : {SWITCHYARD_TEST_WORK, SWITCHYARD_TEST_DATA}) {
        const std::filesystem::path path = std::filesystem::path(root) / name;
        if (std::filesystem::exists(path)) {
            std::ifstream in(path);
            return nlohmann::json::parse(in);
        }
    }
    throw std::runtime_error("no fixture " + name);
}

} // namespace switchyard
