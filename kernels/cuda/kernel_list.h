// Every kernel, its parameter struct, its threads a block and its shared memory: one table for the launchers
// of both libraries and for the typed launch below. A new kernel is a row in its family's list.
#pragma once

#include "kernels/cuda/attend_row_kernels.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/chosen_kernels.h"
#include "kernels/cuda/clock_kernels.h"
#include "kernels/cuda/compress_kernels.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/draw_next_kernels.h"
#include "kernels/cuda/encode_kernels.h"
#include "kernels/cuda/feed_forward_kernels.h"
#include "kernels/cuda/gate_up_row_kernels.h"
#include "kernels/cuda/head_kernels.h"
#include "kernels/cuda/index_kernels.h"
#include "kernels/cuda/input_kernels.h"
#include "kernels/cuda/latent_row_kernels.h"
#include "kernels/cuda/limits_kernels.h"
#include "kernels/cuda/product_kernels.h"
#include "kernels/cuda/prompt_dense_kernels.h"
#include "kernels/cuda/prompt_feed_forward_kernels.h"
#include "kernels/cuda/prompt_kernels.h"
#include "kernels/cuda/prompt_latent_kernels.h"
#include "kernels/cuda/routing_kernels.h"
#include "kernels/cuda/row_kernels.h"
#include "kernels/cuda/row_program_kernels.h"
#include "kernels/cuda/state_kernels.h"
#include "kernels/cuda/step_data.h"
#include "kernels/cuda/stream_kernels.h"
#include "kernels/cuda/value_kernels.h"

#include <type_traits>

namespace switchyard::cuda {

/// X(name, function, Params, Shared, threads, blocks): `Shared` is the struct that the kernel's shared memory
/// is, NoShared where it has none; `blocks` that shall fit a multiprocessor at once.
#define SWITCHYARD_CUDA_KERNELS(X)                                                                           \
    SWITCHYARD_CLOCK_KERNELS(X)                                                                              \
    SWITCHYARD_LIMITS_KERNELS(X)                                                                             \
    SWITCHYARD_ROUTING_KERNELS(X)                                                                            \
    SWITCHYARD_ROW_KERNELS(X)                                                                                \
    SWITCHYARD_STATE_KERNELS(X)                                                                              \
    SWITCHYARD_DELTA_RULE_KERNELS(X)                                                                         \
    SWITCHYARD_STATE_SPACE_KERNELS(X)                                                                        \
    SWITCHYARD_SELECTIVE_SCAN_KERNELS(X)                                                                     \
    SWITCHYARD_VALUE_KERNELS(X)                                                                              \
    SWITCHYARD_ATTENTION_KERNELS(X)                                                                          \
    SWITCHYARD_ATTEND_ROW_KERNELS(X)                                                                         \
    SWITCHYARD_PROMPT_ATTENTION_KERNELS(X)                                                                   \
    SWITCHYARD_INDEX_KERNELS(X)                                                                              \
    SWITCHYARD_CHOSEN_KERNELS(X)                                                                             \
    SWITCHYARD_COMPRESS_KERNELS(X)                                                                           \
    SWITCHYARD_STREAM_KERNELS(X)                                                                             \
    SWITCHYARD_LATENT_ROW_KERNELS(X)                                                                         \
    SWITCHYARD_INPUT_KERNELS(X)                                                                              \
    SWITCHYARD_PRODUCT_KERNELS(X)                                                                            \
    SWITCHYARD_PROMPT_KERNELS(X)                                                                             \
    SWITCHYARD_PROMPT_DENSE_KERNELS(X)                                                                       \
    SWITCHYARD_PROMPT_LATENT_KERNELS(X)                                                                      \
    SWITCHYARD_PROMPT_FEED_FORWARD_KERNELS(X)                                                                \
    SWITCHYARD_HEAD_KERNELS(X)                                                                               \
    SWITCHYARD_DRAW_NEXT_KERNELS(X)                                                                          \
    SWITCHYARD_GATE_UP_KERNELS(X)                                                                            \
    SWITCHYARD_GATE_UP_ROW_KERNELS(X)                                                                        \
    SWITCHYARD_DOWN_KERNELS(X)                                                                               \
    SWITCHYARD_ROW_PROGRAM_KERNELS(X)                                                                        \
    SWITCHYARD_ENCODE_KERNELS(X)

enum class Kernel : std::uint16_t {
#define SWITCHYARD_ENUMERATOR(name, function, Params, Shared, threads, blocks) name,
    SWITCHYARD_CUDA_KERNELS(SWITCHYARD_ENUMERATOR)
#undef SWITCHYARD_ENUMERATOR
        kCount
};

template <Kernel kKernel>
struct KernelTraits;
#define SWITCHYARD_TRAITS(name, function, ParamsType, SharedType, thread_count, block_count)                 \
    template <>                                                                                              \
    struct KernelTraits<Kernel::name> {                                                                      \
        using Params = ParamsType;                                                                           \
        using Shared = SharedType;                                                                           \
        static constexpr int kThreads = thread_count;                                                        \
        static constexpr const char* kName = #name;                                                          \
    };
SWITCHYARD_CUDA_KERNELS(SWITCHYARD_TRAITS)
#undef SWITCHYARD_TRAITS

/// Starts a kernel with its own parameters.
template <Kernel kKernel>
void launch(Stream& stream, GridSize grid, const typename KernelTraits<kKernel>::Params& params,
            bool dependent = false, std::size_t more_shared = 0) {
    static_assert(std::is_trivially_copyable_v<typename KernelTraits<kKernel>::Params>);
    stream.launch({kKernel, grid, dependent, &params, more_shared});
}

const char* kernel_name(Kernel kernel);

} // namespace switchyard::cuda
