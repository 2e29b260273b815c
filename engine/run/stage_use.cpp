#include "engine/run/stage_use.h"

namespace switchyard {

std::string_view stage_name(StageKind kind) {
    constexpr std::string_view kNames[kStageKinds] = {"embedding",    "attention", "router",   "experts",
                                                      "feed_forward", "head",      "sampling", "waiting"};
    return kNames[static_cast<std::size_t>(kind)];
}

} // namespace switchyard
