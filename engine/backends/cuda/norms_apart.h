// Norms that products do not compute on their way.
#pragma once

#include "engine/model/plan.h"

namespace switchyard::cuda {

/// Products norm what they read by RMS norms with gains, and what precedes attention are RMS norms. Others
/// are launches of their own here: they are kept in their values before anybody reads these. Throws Error
/// where one would come behind a rotation.
Plan with_norms_apart(Plan plan);

} // namespace switchyard::cuda
