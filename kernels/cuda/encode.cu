#include "kernels/cuda/field_values.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/thread_lanes.cuh"
#include "kernels/cuda/tile_fields.h"

#include <utility>

#if defined(__CUDACC__) && !defined(SWITCHYARD_NO_FUSED)
#error "compile with -fmad=false -DSWITCHYARD_NO_FUSED: the CPU's bits are wanted"
#endif

namespace switchyard::cuda {
namespace {

#include "kernels/fit.h"

#include "kernels/fit_fields.h"

/// The part of a matrix that a block takes.
struct EncodeUnit {
    int rows, cols; ///< of them that there are
    int part_shift; ///< log2 of the columns that stand without a gap among the values

    __device__ explicit EncodeUnit(const EncodeParams& p)
        : rows(min(kTileRows, p.rows - static_cast<int>(blockIdx.x) * kTileRows)),
          cols(min(kEncodeColumns, p.cols - static_cast<int>(blockIdx.y) * kEncodeColumns)),
          part_shift(p.type == BlockType::FP8 ? 6 : 5) {}
    /// Where the value of a row and column stands: threads that read a part each meet in no bank of memory.
    __device__ int place(int row, int column) const {
        const int at = row * kEncodeColumns + column;
        return at + (at >> part_shift);
    }
    __device__ bool has(int row, int column) const { return row < rows && column < cols; }
};

/// Where its tiles go.
struct EncodeTarget {
    std::byte* out;
    int groups; ///< that there are

    __device__ explicit EncodeTarget(const EncodeParams& p) {
        const TileGroup shape = tile_group(p.type);
        const int per_unit = kEncodeColumns / shape.columns, first = static_cast<int>(blockIdx.y) * per_unit;
        groups = min(per_unit, tile_groups(p.type, p.cols) - first);
        out = p.out + static_cast<std::size_t>(blockIdx.x) * tile_row_bytes(p.type, p.cols) +
              static_cast<std::size_t>(first) * static_cast<std::size_t>(shape.bytes);
    }
};

__device__ const std::byte* file_row(const EncodeParams& p, int row) {
    return p.from + (static_cast<std::int64_t>(blockIdx.x) * kTileRows + row) * p.from_stride;
}

__device__ bool plain(BlockType type) {
    return type == BlockType::F32 || type == BlockType::F16 || type == BlockType::BF16;
}

/// Values of a plain type; their own bits where nothing becomes of them. Zeros where there are none.
template <typename Stored, typename Widen>
__device__ void read_plain(const EncodeParams& p, const EncodeUnit& unit, float* values, Widen widen) {
    const auto first = static_cast<std::size_t>(blockIdx.y) * kEncodeColumns;
    for (int at = static_cast<int>(threadIdx.x); at < kTileRows * kEncodeColumns; at += kEncodeThreads) {
        const int row = at / kEncodeColumns, column = at % kEncodeColumns;
        float value = 0.0f;
        if (unit.has(row, column))
            value = widen(reinterpret_cast<const Stored*>(file_row(p, row))[first + column]);
        values[unit.place(row, column)] = value;
    }
}
__device__ void read_values(const EncodeParams& p, const EncodeUnit& unit, float* values) {
    const bool as_it_is = p.type == p.from_type;
    if (p.from_type == BlockType::F32)
        read_plain<float>(p, unit, values, [](float x) { return x; });
    else if (as_it_is)
        read_plain<std::uint16_t>(p, unit, values, [](std::uint16_t x) { return bits_float(x); });
    else if (p.from_type == BlockType::F16)
        read_plain<std::uint16_t>(p, unit, values, half_of_file);
    else
        read_plain<std::uint16_t>(p, unit, values, bfloat_to_float);
}

/// A thread takes a block at a time.
template <typename Block>
__device__ void read_blocks(const EncodeParams& p, const EncodeUnit& unit, int block_columns,
                            BlockFields* fields) {
    const int per_row = kEncodeColumns / block_columns;
    for (int at = static_cast<int>(threadIdx.x); at < kTileRows * per_row; at += kEncodeThreads) {
        const int row = at / per_row, block = at % per_row;
        if (unit.has(row, block * block_columns))
            load_fields(reinterpret_cast<const Block*>(
                            file_row(p, row))[static_cast<std::int64_t>(blockIdx.y) * per_row + block],
                        block, fields[row]);
    }
}
/// The fields of a packed type; zeros where there is none. The block meets once.
__device__ void read_fields(const EncodeParams& p, const EncodeUnit& unit, BlockFields* fields) {
    auto* words = reinterpret_cast<std::uint32_t*>(fields);
    for (int i = static_cast<int>(threadIdx.x); i < static_cast<int>(kTileRows * sizeof(BlockFields) / 4);
         i += kEncodeThreads)
        words[i] = 0;
    sync_block();
    with_block_of(p.from_type, [&](auto block) {
        using Block = decltype(block);
        read_blocks<Block>(p, unit, columns_of_block(p.from_type), fields);
    });
}
__device__ void widen_fields(const EncodeParams& p, const EncodeUnit& unit, const BlockFields* fields,
                             float* values) {
    for (int at = static_cast<int>(threadIdx.x); at < kTileRows * kEncodeColumns; at += kEncodeThreads) {
        const int row = at / kEncodeColumns, column = at % kEncodeColumns;
        values[unit.place(row, column)] =
            unit.has(row, column) ? field_value(p.from_type, fields[row], column) : 0.0f;
    }
}

/// Fields from values. The block meets once; then each thread has the fields of its parts.
template <typename Format>
__device__ void fit_values(const EncodeUnit& unit, EncodeShared& shared) {
    constexpr int kPart = Format::kPart, kParts = Format::kParts, kPerRow = kEncodeColumns / kPart;
    for (int part = static_cast<int>(threadIdx.x); part < kTileRows * kPerRow; part += kEncodeThreads)
        shared.fits[part] =
            Format::fit(shared.values + unit.place(part / kPerRow, part % kPerRow * kPart), AllAlike{});
    sync_block();
    for (int part = static_cast<int>(threadIdx.x); part < kTileRows * kPerRow; part += kEncodeThreads) {
        const int row = part / kPerRow, of_row = part % kPerRow;
        const float* values = shared.values + unit.place(row, of_row * kPart);
        BlockFields& fields = shared.fields[row];
        const bool here = unit.has(row, of_row * kPart);
        const Settled settled = Format::settle(shared.fits + part / kParts * kParts);
        const auto rounded = Format::part(shared.fits[part], settled);
        SWITCHYARD_ROLLED
        for (int i = 0; i < kPart; i += 4) {
            std::uint32_t word = 0;
            for (int k = 0; k < 4; ++k)
                word |= (static_cast<std::uint32_t>(rounded.code(values[i + k])) & 0xffu) << (8 * k);
            set_code_word(fields, of_row * kPart + i, here ? word : 0u);
        }
        fields.scales[of_row] = static_cast<std::uint8_t>(here ? rounded.scale : 0);
        fields.mins[of_row] = static_cast<std::uint8_t>(here ? rounded.min : 0);
        if (part % kParts == 0) {
            const int block = of_row / kParts;
            if (kPart == 64)
                fields.wide[block] = here ? settled.d : 0.0f;
            fields.d[block] = here ? float_to_half(settled.d) : std::uint16_t{0};
            fields.m[block] = here ? float_to_half(settled.m) : std::uint16_t{0};
        }
    }
}
__device__ void fit_fields(BlockType type, const EncodeUnit& unit, EncodeShared& shared) {
    switch (type) {
    case BlockType::Q8_0:
        return fit_values<Q8_0Format>(unit, shared);
    case BlockType::Q4_0:
        return fit_values<Q4_0Format>(unit, shared);
    case BlockType::Q4_1:
        return fit_values<Q4_1Format>(unit, shared);
    case BlockType::Q5_0:
        return fit_values<Q5_0Format>(unit, shared);
    case BlockType::Q5_1:
        return fit_values<Q5_1Format>(unit, shared);
    case BlockType::IQ4_NL:
        return fit_values<IQ4_NLFormat>(unit, shared);
    case BlockType::MXFP4:
        return fit_values<MXFP4Format>(unit, shared);
    case BlockType::FP8:
        return fit_values<FP8Format>(unit, shared);
    case BlockType::Q4_K:
        return fit_values<Q4_KFormat>(unit, shared);
    case BlockType::Q5_K:
        return fit_values<Q5_KFormat>(unit, shared);
    case BlockType::Q6_K:
        return fit_values<Q6_KFormat>(unit, shared);
    case BlockType::Q3_K:
        return fit_values<Q3_KFormat>(unit, shared);
    case BlockType::Q2_K:
        return fit_values<Q2_KFormat>(unit, shared);
    case BlockType::IQ4_XS:
        return fit_values<IQ4_XSFormat>(unit, shared);
    default:
        return;
    }
}

/// Tiles of a plain type, a warp a group.
__device__ void write_plain(const EncodeParams& p, const EncodeUnit& unit, const float* values) {
    const EncodeTarget target(p);
    const int lane = lane_index(), number = warp_index();
    if (number >= target.groups)
        return;
    const TileGroup shape = tile_group(p.type);
    write_tile_floats(p.type, lane, number * shape.columns, target.out + number * shape.bytes,
                      [&](int upper, int column) -> std::uint32_t {
                          const float x = values[unit.place(lane / 4 + 8 * upper, column)];
                          if (p.type == p.from_type || p.type == BlockType::F32)
                              return float_bits(x);
                          return p.type == BlockType::F16 ? half_for_file(x) : bfloat_for_file(x);
                      });
}

} // namespace

static __global__ void __launch_bounds__(kEncodeThreads, 3) encode(const __grid_constant__ EncodeParams p) {
    EncodeShared& shared = shared_memory<EncodeShared>();
    const EncodeUnit unit(p);
    wait_for_previous();
    let_next_start();
    // All choices are the same for all threads.
    if (plain(p.from_type)) {
        read_values(p, unit, shared.values);
    } else {
        read_fields(p, unit, shared.fields);
        sync_block();
        if (p.type != p.from_type)
            widen_fields(p, unit, shared.fields, shared.values);
    }
    sync_block();
    if (plain(p.type)) {
        write_plain(p, unit, shared.values);
        return;
    }
    if (p.type != p.from_type) {
        fit_fields(p.type, unit, shared);
        sync_block();
    }
    const EncodeTarget target(p);
    TileLane<kEncodeThreads / kWarpLanes>(shared.fields, lane_index(), target.groups, warp_index())
        .write(p.type, target.out);
}

SWITCHYARD_ENCODE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
