// Any bytes given as a GGUF file either open or are refused with an Error; what opened can be read to the
// end.
#include "engine/base/error.h"
#include "engine/files/gguf_parse.h"
#include "engine/quant/quant.h"

#include <cstddef>
#include <cstdint>

namespace {

/// Reads every value and decodes the first row of every tensor.
void use(const switchyard::GgufHeader& header) {
    volatile std::size_t sum = 0;
    for (const auto& [key, value] : header.metadata.entries()) {
        sum = sum + key.size() + value.index();
        try {
            header.metadata.integers(key);
            header.metadata.real(key);
        } catch (const switchyard::Error&) {
        }
    }
    for (const switchyard::TensorView& t : header.tensors) {
        for (std::size_t i = 0; i < t.bytes; ++i) {
            sum = sum + static_cast<std::size_t>(t.data[i]);
        }
        std::vector<float> row(static_cast<std::size_t>(t.cols()));
        switchyard::decode_row(t.type, t.data, row);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        use(switchyard::parse_gguf(std::as_bytes(std::span(data, size)), "fuzz"));
    } catch (const switchyard::Error&) {
    }
    return 0;
}
