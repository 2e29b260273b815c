// Attention of a batch's rows, launch by launch.
#pragma once

#include "kernels/cuda/kernel_list.h"

namespace switchyard::cuda {

/// Launches what the rows need: `params` without its buffers. `prompts`: some rows are marked as a prompt's.
/// PRECOND: split_buffer_bytes(), and with `prompts` prompt_buffer_bytes(), take the shape on this device.
inline void launch_attention(Stream& stream, AttentionParams params, bool prompts, const DeviceInfo& device,
                             bool dependent = false) {
    const KvLayerView& cache = params.cache;
    const bool latent = cache.value_dim == 0;
    if (params.split_rows > 0) {
        params.split_buffer =
            split_buffer_bytes(cache.key_dim, params.value_dim, latent, device.shared_bytes);
        launch<Kernel::Attend>(stream, attend_grid(params, device.multiprocessors), params, dependent,
                               static_cast<std::size_t>(params.split_buffer));
        launch<Kernel::AttendMerge>(stream, merge_grid(params), params, true);
        dependent = true;
    }
    if (prompts) {
        params.prompt_buffer =
            prompt_buffer_bytes(cache.key_dim, params.value_dim, latent, device.shared_bytes);
        launch<Kernel::AttendPrompt>(stream, attend_prompt_grid(params), params, dependent,
                                     static_cast<std::size_t>(params.prompt_buffer));
    }
}

/// The same of rows with lists of what they attend to; `context`: tokens that a row sees at most.
inline void launch_chosen(Stream& stream, ChosenParams params, int context, const DeviceInfo& device,
                          bool dependent = false) {
    AttentionParams& a = params.attention;
    a.split_buffer =
        split_buffer_bytes(a.cache.key_dim, a.value_dim, a.cache.value_dim == 0, device.shared_bytes);
    launch<Kernel::AttendChosen>(stream, attend_chosen_grid(params, context), params, dependent,
                                 static_cast<std::size_t>(a.split_buffer));
    launch<Kernel::ChosenMerge>(stream, chosen_merge_grid(params), params, true);
}

/// A launch of AttendRow by itself has such a buffer of splits.
inline std::int32_t attend_row_buffer(const AttentionParams& p, const DeviceInfo& device) {
    return split_buffer_bytes(p.cache.key_dim, p.value_dim, p.cache.value_dim == 0, device.shared_bytes);
}
/// The same for a step of one row, its row steps among it. PRECOND: attends_row().
inline void launch_attend_row(Stream& stream, AttendRowParams params, const DeviceInfo& device,
                              bool dependent = false) {
    AttentionParams& a = params.attention;
    a.split_buffer = attend_row_buffer(a, device);
    launch<Kernel::AttendRow>(
        stream, attend_grid(a, device.multiprocessors), params, dependent,
        static_cast<std::size_t>(a.split_buffer + attend_row_bytes(a.cache.key_dim, a.cache.value_dim)));
}

} // namespace switchyard::cuda
