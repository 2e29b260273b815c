#include "engine/backends/cuda/check_memory.h"

#include "engine/base/error.h"
#include "engine/files/output_file.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace switchyard::cuda {

namespace {

using Json = nlohmann::ordered_json;

/// {"cards": [{"card": "...", "trouble": "", "programs": true, "states": true, "choices": true,
/// "types": {"Q4_K": true}}]}, the latest last.
Json read_cards(const std::filesystem::path& file) {
    constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 20; // what is larger, or no file, is not ours
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error) ||
        std::filesystem::file_size(file, error) > kMostBytes)
        return Json::array();
    std::ifstream in(file, std::ios::binary);
    const Json json = in ? Json::parse(in, nullptr, false) : Json();
    const Json cards = json.is_object() ? json.value("cards", Json::array()) : Json::array();
    return cards.is_array() ? cards : Json::array();
}

bool is_card(const Json& entry, const std::string& card) {
    return entry.is_object() && entry.contains("card") && entry["card"] == card;
}

CardFindings findings_of(const Json& entry) {
    CardFindings findings;
    if (entry.contains("trouble") && entry["trouble"].is_string())
        findings.trouble = entry["trouble"].get<std::string>();
    if (entry.contains("programs") && entry["programs"].is_boolean())
        findings.takes_programs = entry["programs"].get<bool>();
    if (entry.contains("states") && entry["states"].is_boolean())
        findings.serves_states = entry["states"].get<bool>();
    if (entry.contains("choices") && entry["choices"].is_boolean())
        findings.serves_choices = entry["choices"].get<bool>();
    if (entry.contains("program_trials") && entry["program_trials"].is_number_unsigned())
        findings.program_trials =
            static_cast<int>(std::min(entry["program_trials"].get<std::uint64_t>(), std::uint64_t{1000}));
    if (!entry.contains("types") || !entry["types"].is_object())
        return findings;
    for (const auto& [name, serves] : entry["types"].items())
        if (const auto type = parse_block_type(name); type && serves.is_boolean())
            findings.serves[*type] = serves.get<bool>();
    return findings;
}

Json to_json(const std::string& card, const CardFindings& findings) {
    Json entry = {{"card", card}};
    if (findings.trouble)
        entry["trouble"] = *findings.trouble;
    if (findings.takes_programs)
        entry["programs"] = *findings.takes_programs;
    if (findings.serves_states)
        entry["states"] = *findings.serves_states;
    if (findings.serves_choices)
        entry["choices"] = *findings.serves_choices;
    if (findings.program_trials > 0)
        entry["program_trials"] = findings.program_trials;
    entry["types"] = Json::object();
    for (const auto& [type, serves] : findings.serves)
        entry["types"][std::string(traits(type).name)] = serves;
    return entry;
}

} // namespace

CardFindings CheckMemory::find(const std::string& card) const {
    if (!file_.empty())
        for (const Json& entry : read_cards(file_))
            if (is_card(entry, card))
                return findings_of(entry);
    return {};
}

void CheckMemory::add(const std::string& card, const CardFindings& findings) const {
    if (file_.empty())
        return;
    std::error_code none;
    const auto kind = std::filesystem::symlink_status(file_, none).type();
    if (kind != std::filesystem::file_type::not_found && kind != std::filesystem::file_type::regular)
        return;                       // a link, a folder or a pipe: not ours
    constexpr std::size_t kMost = 16; // cards and builds
    CardFindings all = find(card);
    if (findings.trouble)
        all.trouble = findings.trouble;
    all.program_trials = findings.program_trials;
    if (findings.takes_programs)
        all.takes_programs = findings.takes_programs;
    if (findings.serves_states)
        all.serves_states = findings.serves_states;
    if (findings.serves_choices)
        all.serves_choices = findings.serves_choices;
    for (const auto& [type, serves] : findings.serves)
        all.serves[type] = serves;
    Json cards = Json::array();
    for (Json& entry : read_cards(file_))
        if (!is_card(entry, card))
            cards.push_back(std::move(entry));
    while (cards.size() >= kMost)
        cards.erase(cards.begin());
    cards.push_back(to_json(card, all));
    try {
        std::error_code error;
        std::filesystem::create_directories(file_.parent_path(), error);
        OutputFile out(file_);
        const std::string text = Json{{"cards", cards}}.dump(1) + "\n";
        out.write(text.data(), text.size());
        out.finish();
    } catch (const Error&) {
        // A full disk, say: nothing that a model could not be opened for.
    }
}

} // namespace switchyard::cuda
