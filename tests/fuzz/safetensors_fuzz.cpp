// Any bytes given as a safetensors file either open or are refused with an Error; what opened can be read.
#include "engine/base/error.h"
#include "engine/files/safetensors.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        volatile std::size_t sum = 0;
        for (const auto& t : switchyard::parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz")) {
            for (std::size_t i = 0; i < t.bytes; ++i) {
                sum = sum + static_cast<std::size_t>(t.data[i]);
            }
            sum = sum + static_cast<std::size_t>(t.values());
        }
    } catch (const switchyard::Error&) {
    }
    return 0;
}
