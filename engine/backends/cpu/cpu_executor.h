// Runs compiled plans on the CPU's threads.
#pragma once

#include "engine/backends/cpu/thread_pool.h"
#include "engine/run/backend.h"

namespace switchyard::cpu {

/// Steps are computed one after another on a thread of the executor's own, which joins the pool's. Executors
/// of one pool take turns.
std::unique_ptr<Executor> make_cpu_executor(std::shared_ptr<const Plan> plan,
                                            std::shared_ptr<ThreadPool> pool);

} // namespace switchyard::cpu
