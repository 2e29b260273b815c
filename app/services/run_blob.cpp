#include "app/services/run_blob.h"

#include "engine/base/error.h"

#include <nlohmann/json.hpp>

namespace switchyard {

RunBlob packRun(const RunRecord& record) {
    // Bytes that are no UTF-8 cannot come from a tokenizer's assembler, but must not lose the answer.
    const std::string json = to_json(record).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    constexpr std::size_t kPlain = 4096;
    if (json.size() <= kPlain)
        return {0, QByteArray::fromStdString(json)};
    return {1,
            qCompress(reinterpret_cast<const uchar*>(json.data()), static_cast<qsizetype>(json.size()), 1)};
}

RunRecord unpackRun(const RunBlob& blob) {
    // Compressed begins with a length, which no brace of JSON opens.
    const bool plain = blob.bytes.startsWith('{');
    const QByteArray text = plain ? blob.bytes : qUncompress(blob.bytes);
    const auto json = nlohmann::ordered_json::parse(text.begin(), text.end(), nullptr, false);
    if (json.is_discarded())
        throw Error("a stored run is not readable");
    return run_record_from_json(json);
}

} // namespace switchyard
