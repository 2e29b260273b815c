// The tokenizer of a test's GGUF file.
#pragma once

#include "engine/base/error.h"
#include "engine/model/model_config.h"
#include "engine/text/tokenizer.h"

#include <memory>
#include <string>

namespace switchyard::test {

inline std::unique_ptr<Tokenizer> from_gguf(const std::string& name) {
    const auto file = open_gguf(std::string(SWITCHYARD_TEST_WORK) + "/" + name);
    auto data = read_tokenizer(*file);
    if (!data)
        throw Error(name + " has no tokenizer");
    return make_tokenizer(std::move(*data));
}

} // namespace switchyard::test
