// Any bytes given as tokenizer.json, a zero byte and tokenizer_config.json either make a tokenizer or are
// refused with an Error; the tokenizer made encodes and decodes.
#include "engine/base/error.h"
#include "engine/text/tokenizer_json.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace {

void use(const switchyard::Tokenizer& tokenizer) {
    for (const std::string_view text :
         {"", "Hello <sp> world's 123\r\n\t  x", "\u00e9\u0301\u3000\u6f22\u5b57 \U0001F999\xFF",
          "aaaaaaaaaaaaaaaaaaaaaaaaa"}) {
        const auto ids = tokenizer.encode(text, true);
        tokenizer.decode(ids);
        for (const std::int32_t id : ids) {
            tokenizer.token_bytes(id);
            tokenizer.is_end(id);
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = input.find('\0');
    switchyard::TokenizerFiles files;
    try {
        files.tokenizer = nlohmann::json::parse(input.substr(0, cut));
        if (cut != std::string_view::npos)
            files.tokenizer_config = nlohmann::json::parse(input.substr(cut + 1));
    } catch (const nlohmann::json::exception&) {
        return 0;
    }
    try {
        use(*switchyard::tokenizer_from_files(files, "fuzz"));
    } catch (const switchyard::Error&) {
    }
    return 0;
}
