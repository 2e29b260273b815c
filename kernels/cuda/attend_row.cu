#include "kernels/cuda/attend_row.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kAttendThreads, 2)
    attend_row(const __grid_constant__ AttendRowParams p) {
    attend_projected<kAttendThreads>(p, shared_memory<AttendShared>(), BehindLaunch{});
    wait_for_previous(); // also where there was nothing to do
}

SWITCHYARD_ATTEND_ROW_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
