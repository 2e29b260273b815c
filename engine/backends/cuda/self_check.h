// Whether a card computes what the CPU does: asked once, before a model is entrusted to it.
#pragma once

#include "engine/run/backend.h"

#include <string>
#include <vector>

namespace switchyard::cuda {

struct SelfCheck {
    std::string trouble;        ///< why the card cannot be used, as a clause; "": it can
    std::vector<BlockType> off; ///< types whose products differ: they are placed as others
};

/// Sends a small model of every type through the card and the CPU: answers' rows and a prompt's, attention,
/// routing and experts.
SelfCheck check_card(Backend& card);

} // namespace switchyard::cuda
