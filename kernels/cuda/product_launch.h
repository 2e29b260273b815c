// Which kernel and grid a product is launched with.
#pragma once

#include "kernels/cuda/kernel_list.h"

#include <algorithm>

namespace switchyard::cuda {

/// Launches the kernel for the parameters' number of rows.
inline void launch_product(Stream& stream, const ProductParams& params, int multiprocessors,
                           bool dependent = false) {
    // As many blocks as fit at once: a block goes on to further tile rows with their weights already under
    // way.
    const int fitting = params.rows <= 8 ? 2 * multiprocessors : multiprocessors;
    const auto blocks = static_cast<unsigned>(std::min(product_items(params), fitting));
    if (params.rows <= 1)
        launch<Kernel::ProductOne>(stream, {blocks, 1}, params, dependent);
    else if (params.rows <= 8)
        launch<Kernel::ProductFew>(stream, {blocks, 1}, params, dependent);
    else
        launch<Kernel::ProductMany>(stream, {blocks, static_cast<unsigned>((params.rows + 31) / 32)}, params,
                                    dependent);
}

/// The same for one row that is prepared on the way.
inline void launch_row_product(Stream& stream, const RowProductParams& params, int multiprocessors,
                               bool dependent = false) {
    const auto blocks = static_cast<unsigned>(std::min(product_items(params.product), 2 * multiprocessors));
    launch<Kernel::ProductRow>(stream, {blocks, 1}, params, dependent);
}

} // namespace switchyard::cuda
