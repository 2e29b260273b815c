#include "engine/run/stage_use.h"

namespace switchyard {

std::string_view stage_name(StageKind kind) {
    constexpr std::string_view kNames[kStageKinds] = {"embedding",    "attention", "router",   "experts",
                                                      "feed_forward", "head",      "sampling", "waiting"};
    return kNames[static_cast<std::size_t>(kind)];
}

StageTable& StageTable::operator+=(const StageTable& other) {
    for (std::size_t k = 0; k < kStageKinds; ++k) {
        uses[k].seconds += other.uses[k].seconds;
        uses[k].bytes += other.uses[k].bytes;
        uses[k].macs += other.uses[k].macs;
    }
    return *this;
}

StageTable StageTable::operator-(const StageTable& other) const {
    StageTable table = *this;
    for (std::size_t k = 0; k < kStageKinds; ++k) {
        table.uses[k].seconds -= other.uses[k].seconds;
        table.uses[k].bytes -= other.uses[k].bytes;
        table.uses[k].macs -= other.uses[k].macs;
    }
    return table;
}

} // namespace switchyard
