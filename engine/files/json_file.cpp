#include "engine/files/json_file.h"

#include "engine/base/error.h"
#include "engine/base/json_words.h"
#include "engine/files/mapped_file.h"

#include <nlohmann/json.hpp>

namespace switchyard {

namespace {

constexpr int kMaxDepth = 64;

} // namespace

nlohmann::json parse_json(std::string_view text, const std::string& name) {
    const auto check_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        if (depth > kMaxDepth) {
            throw Error(name + ": nests more than " + std::to_string(kMaxDepth) + " deep");
        }
        return true;
    };
    try {
        return nlohmann::json::parse(text, check_depth);
    } catch (const nlohmann::json::parse_error& error) {
        if (const std::string clean = without_infinities(text); clean != text) {
            return parse_json(clean, name);
        }
        throw Error(name + ": is not JSON (byte " + std::to_string(error.byte) + ")");
    } catch (const nlohmann::json::exception&) {
        throw Error(name + ": is not JSON");
    }
}

nlohmann::json read_json(const std::filesystem::path& path, std::size_t limit) {
    const MappedFile file(path);
    if (file.bytes().size() > limit) {
        throw Error(path.string() + ": is larger than " + std::to_string(limit >> 20) + " MiB");
    }
    // Read whole first: what is cut meanwhile is said before it is called no JSON.
    const std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
    file.check();
    return parse_json(text, path.string());
}

} // namespace switchyard
