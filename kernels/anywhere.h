// Functions that hosts and devices both compile.
#pragma once

#if defined(__CUDACC__)
#define SWITCHYARD_ANYWHERE __host__ __device__
/// Of what a file of kernels and a file of the host include, each for itself.
#define SWITCHYARD_HERE __device__
/// Before loops that devices shall not unroll, or by 4 alone.
#define SWITCHYARD_ROLLED _Pragma("unroll 1")
#define SWITCHYARD_ROLLED_4 _Pragma("unroll 4")
#else
#define SWITCHYARD_ANYWHERE
#define SWITCHYARD_HERE
#define SWITCHYARD_ROLLED
#define SWITCHYARD_ROLLED_4
#endif
