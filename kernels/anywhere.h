// Functions that hosts and devices both compile.
#pragma once

#if defined(__CUDACC__)
#define SWITCHYARD_ANYWHERE __host__ __device__
#else
#define SWITCHYARD_ANYWHERE
#endif
