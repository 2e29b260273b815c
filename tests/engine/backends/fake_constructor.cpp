// A CUDA library that does something when it is opened, as SWITCHYARD_FAKE_CARDS says: "exits", "aborts",
// "hangs", or when CUDA is started: "start exits", "start aborts".
#include "kernels/cuda/library_interface.h"

#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace {

std::string_view wish() {
    const char* word = std::getenv("SWITCHYARD_FAKE_CARDS");
    return word ? word : "";
}

__attribute__((constructor)) void when_opened() {
    if (wish() == "exits")
        std::_Exit(0);
    if (wish() == "aborts")
        std::abort();
    while (wish() == "hangs")
        ::pause();
}

} // namespace

extern "C" __attribute__((visibility("default"))) switchyard::cuda::DeviceList*
switchyard_cuda_open(std::int32_t, switchyard::cuda::LibraryAnswer* answer) {
    if (wish() == "start exits")
        std::_Exit(0);
    if (wish() == "start aborts")
        std::abort();
    answer->abi = switchyard::cuda::library_abi();
    answer->error = 100;
    return nullptr;
}
