// Where tests find their data: the source's folder and the build's, or those that the environment names, for
// programs that were carried to another machine.
#pragma once

#include <cstdlib>
#include <string>

namespace switchyard::test {

inline std::string named_or(const char* variable, const char* folder) {
    const char* named = std::getenv(variable);
    return named && *named != '\0' ? named : folder;
}

inline std::string data_folder() { return named_or("SWITCHYARD_TEST_DATA", SWITCHYARD_TEST_DATA); }
inline std::string work_folder() { return named_or("SWITCHYARD_TEST_WORK", SWITCHYARD_TEST_WORK); }

} // namespace switchyard::test
