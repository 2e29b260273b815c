#include "engine/run/failure.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <exception>
#include <new>

namespace switchyard {
namespace {

std::string describe(const char* doing) {
    const std::string start = *doing ? std::string(doing) + ": " : std::string();
    try {
        throw;
    } catch (const std::bad_alloc&) {
        return start + "out of memory: " + format_bytes(system_memory().available) +
               " are free; close other programs or choose a lower precision";
    } catch (const std::exception& error) {
        return start + error.what();
    } catch (...) {
        return start + "an error without a description";
    }
}

} // namespace

void refuse_logits() {
    throw Error("the model computed no usable logits: its weights or the file are damaged");
}

std::string current_failure(const char* doing) noexcept {
    try {
        return describe(doing);
    } catch (...) {
        return "out of memory"; // short enough to need none
    }
}

} // namespace switchyard
