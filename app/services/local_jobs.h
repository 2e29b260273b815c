// The long work that the engine of this program does.
#pragma once

#include "app/services/job_queue.h"

namespace switchyard {

/// `threads` 0: as many as there are cores, but for one, which is left to the answers and the window.
JobRunner localJobs(int threads = 0);

} // namespace switchyard
