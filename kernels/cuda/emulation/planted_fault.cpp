#include "kernels/cuda/emulation/planted_fault.h"

#include "kernels/cuda/kernel_list.h"

#include <charconv>
#include <iterator>
#include <stdexcept>

namespace switchyard::cuda {

PlantedFault parse_fault(const std::string& text) {
    static constexpr const char* kKinds[] = {"None",        "BlockMeeting", "WarpMeeting", "PreviousWait",
                                             "CopyWait",    "CopyGroup",    "Exchange",    "TileProduct",
                                             "ArrivalWait", "Stride",       "LostBlock"};
    const std::size_t first = text.find(':'), second = text.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
        throw std::invalid_argument("a fault is kernel:kind:use, not " + text);
    PlantedFault fault;
    std::size_t kind = 0, kernel = 0;
    const auto kernels = static_cast<std::size_t>(Kernel::kCount);
    while (kind < std::size(kKinds) && text.substr(first + 1, second - first - 1) != kKinds[kind])
        ++kind;
    while (kernel < kernels && text.substr(0, first) != kernel_name(static_cast<Kernel>(kernel)))
        ++kernel;
    const auto [end, error] = std::from_chars(text.data() + second + 1, text.data() + text.size(), fault.use);
    if (kind == std::size(kKinds) || kernel == kernels || error != std::errc() ||
        end != text.data() + text.size())
        throw std::invalid_argument("there is no fault " + text);
    fault.kind = static_cast<PlantedFault::Kind>(kind);
    fault.kernel = static_cast<Kernel>(kernel);
    return fault;
}

} // namespace switchyard::cuda
