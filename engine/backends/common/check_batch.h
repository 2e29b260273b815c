// What must hold of a batch before a backend computes it.
#pragma once

#include "engine/model/plan.h"
#include "engine/run/batch.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace switchyard {

/// The members of RowDials, in their order.
enum class RowDial : std::uint8_t {
    Experts,
    GateThreshold,
    RoutingMass,
    Pool,
    OffMask,
    AttentionWindow,
    Adapter,
    ActivationBits
};

/// The dials of a row that a backend obeys; the others must be at rest.
struct ObeyedDials {
    std::string_view backend; ///< as a sentence begins with it: "the CPU"
    std::span<const RowDial> dials;
};

/// Throws Error where rows are out of order, lack memory or states, name what the batch or the vocabulary
/// does not have, or move a dial that is not obeyed.
void check_batch(const Batch& batch, const Plan& plan, const ObeyedDials& obeyed);

} // namespace switchyard
