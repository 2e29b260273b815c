// Any text given as a JSON configuration is parsed or refused with an Error.
#include "engine/base/error.h"
#include "engine/files/json_file.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        switchyard::parse_json({reinterpret_cast<const char*>(data), size}, "fuzz");
    } catch (const switchyard::Error&) {
    }
    return 0;
}
