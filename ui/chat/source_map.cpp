#include "ui/chat/source_map.h"

#include "ui/chat/long_text.h"

#include <algorithm>

namespace switchyard {
namespace {

/// UTF-16 units of UTF-8 text.
int unitsOf(std::string_view text) {
    int units = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        units += (byte & 0xC0) != 0x80;
        units += byte >= 0xF0;
    }
    return units;
}

} // namespace

int shownPosition(const std::vector<SourceRun>& runs, std::string_view source, std::size_t offset) {
    const auto after = std::ranges::upper_bound(runs, offset, {}, &SourceRun::begin);
    if (after == runs.begin())
        return runs.empty() ? 0 : runs.front().position;
    const SourceRun& run = *std::prev(after);
    if (run.shown != SourceRun::as_written)
        return run.position + (offset < run.end ? 0 : run.shown);
    return run.position + unitsOf(source.substr(run.begin, std::min(offset, run.end) - run.begin));
}

std::size_t sourceOffset(const std::vector<SourceRun>& runs, std::string_view source, int position) {
    const auto after = std::ranges::upper_bound(runs, position, {}, &SourceRun::position);
    if (after == runs.begin())
        return runs.empty() ? 0 : runs.front().begin;
    const SourceRun& run = *std::prev(after);
    const int inside = position - run.position;
    if (run.shown != SourceRun::as_written)
        return inside < run.shown ? run.begin : run.end;
    return run.begin + bytesOfUnits(source.substr(run.begin, run.end - run.begin), inside);
}

} // namespace switchyard
