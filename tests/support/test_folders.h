// Where tests find their data: the source's folder and the build's, or those that the environment names, for
// programs that were carried to another machine.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace switchyard::test {

inline std::string named_or(const char* variable, const char* folder) {
    const char* named = std::getenv(variable);
    return named && *named != '\0' ? named : folder;
}

inline std::string data_folder() { return named_or("SWITCHYARD_TEST_DATA", SWITCHYARD_TEST_DATA); }
inline std::string work_folder() { return named_or("SWITCHYARD_TEST_WORK", SWITCHYARD_TEST_WORK); }

/// A tiny model of the reference: its GGUF file, or the authors' folder of what has none.
inline std::string reference_model(const std::string& family) {
    const std::string file = work_folder() + "/reference/models/" + family + "/model-f32.gguf";
    return std::filesystem::exists(file) ? file : data_folder() + "/reference/models/" + family;
}

} // namespace switchyard::test
