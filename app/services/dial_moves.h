// Which dials differ between two settings: what a run reports as moves.
#pragma once

#include "engine/run/record.h"

#include <vector>

namespace switchyard {

/// One move a dial that differs, in the order of the controls, each before token `token`.
std::vector<DialMove> dialMoves(const Tuning& before, const Tuning& after, int token);

/// The name by which a precision of the weights is recorded: "file" or "Q4_K".
std::string precisionName(const ModelTuning& tuning);

} // namespace switchyard
