#include "engine/base/json_words.h"

namespace switchyard {

std::string without_infinities(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') {
            quoted = !quoted;
        } else if (quoted && text[i] == '\\' && i + 1 < text.size()) {
            clean += text[i++];
        } else if (!quoted) {
            const std::string_view rest = text.substr(i);
            for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
                if (rest.starts_with(word)) {
                    clean += "null";
                    i += word.size();
                    break;
                }
            }
            if (i >= text.size()) {
                break;
            }
        }
        clean += text[i];
    }
    return clean;
}

} // namespace switchyard
