// The page that tells what was measured on a card, from the records of the phases.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace switchyard {

struct ReportHead {
    std::string date, commit;
    bool unfinished = false; ///< the run goes on, or was cut short
};

/// `phases`: as gpu.sh appended them, {"phase", "status", "seconds", "note", "results": [{...}]}. Has no
/// figure that is in none of them, but for what follows of two.
std::string results_page(const ReportHead& head, const std::vector<nlohmann::ordered_json>& phases);

} // namespace switchyard
