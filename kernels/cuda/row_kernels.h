// What is done to the rows of a batch between their projections and attention: rotations and norms of heads,
// and the append to the KV cache.
#pragma once

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

// ---- cos and sin, once a step for all layers

inline constexpr int kRopeTables = 4; ///< of a launch

struct RopeTable {
    const float* inverse_frequencies; ///< [pairs]
    float* cosines;                   ///< [rows][pairs]
    float* sines;                     ///< [rows][pairs]
    float magnitude;                  ///< multiplies both
    std::int32_t pairs;
    const float* long_frequencies = nullptr; ///< [pairs], of rows of long texts; null: the same
    float long_magnitude = 1.0f;             ///< with those
};

/// Fills the tables for every row with a position. Grid: rope_grid().
struct RopeTablesParams {
    const RowInput* rows;
    std::int32_t row_count, tables;
    RopeTable table[kRopeTables];
};
inline constexpr int kRopeThreads = 128;
inline GridSize rope_grid(int rows) { return {static_cast<unsigned>(rows), 1}; }

// ---- Steps of single rows

inline constexpr int kRowSteps = 8, kRowValues = 4; ///< of a launch

/// A norm or a rotation, in place, over the parts of a row's value (NormStep and RopeStep of a plan).
struct RowStep {
    const MatrixView* gain; ///< norm: [group] floats; null: 1
    const float* cosines;   ///< rotation: [rows][dims / 2], of a RopeTable; null: a norm
    const float* sines;
    float epsilon;
    std::int32_t value;       ///< which of RowStepsParams::values
    std::int32_t group;       ///< norm: values that are normed together
    std::int32_t count;       ///< norm: values of a row that are normed, from its first
    std::int32_t heads;       ///< rotation: of a row
    std::int32_t head_dim;    ///< rotation: values from head to head
    std::int32_t offset;      ///< rotation: of the first rotated value in its head
    std::int32_t dims;        ///< rotation: values that are rotated
    std::int32_t interleaved; ///< rotation: pairs (2i, 2i + 1); else (i, i + dims / 2)

    SWITCHYARD_ANYWHERE constexpr bool norms() const { return !cosines; }
};

enum class RowStore : std::int32_t { None, Keys, Values };

/// A buffer that steps change, or that is stored in the cache. A row is cut into units that no step
/// crosses: each is a block's work. row_unit() finds the unit.
struct RowValue {
    float* data;          ///< [rows][width]
    std::int32_t width;   ///< of a row, all of it used
    std::int32_t unit;    ///< divides width
    RowStore store;       ///< after the steps: [kv_heads * key_dim] or [kv_heads * value_dim] into the cache
    std::int32_t copied;  ///< values of each unit that are also copied elsewhere, after the steps; 0: none
    std::int32_t copy_at; ///< the first of them in its unit
    /// Where to: value i of unit u of row r goes to copy + r * copy_row + u * copy_unit + i (the rotated part
    /// of a latent attention's query, behind the part that k_b makes).
    float* copy;
    std::int64_t copy_row, copy_unit;
};

/// All steps in their order, then the stores. Grid: row_steps_grid(). Rows without a position are left alone.
struct RowStepsParams {
    const RowInput* rows;
    const KvBlockRef* blocks; ///< the step's table; row r's block of position p is at first_block + p / 32
    KvLayerView cache;
    std::int32_t row_count, values, steps;
    RowValue value[kRowValues];
    RowStep step[kRowSteps];
};
inline constexpr int kRowStepThreads = 128;

/// The most values that a unit of `value` may have so that no step crosses it: its heads where all steps and
/// stores keep to them, else the row. `head` is the width of a stored head, or 0.
constexpr std::int32_t row_unit(const RowStepsParams& p, std::int32_t value, std::int32_t head) {
    std::int32_t unit = head;
    for (std::int32_t s = 0; s < p.steps; ++s) {
        const RowStep& step = p.step[s];
        if (step.value != value)
            continue;
        const std::int32_t own = step.norms() ? step.group : step.head_dim;
        const bool whole = step.norms() ? step.count < p.value[value].width
                                        : step.heads * step.head_dim < p.value[value].width;
        if (whole || (unit != 0 && unit != own))
            return p.value[value].width;
        unit = own;
    }
    return unit == 0 ? p.value[value].width : unit;
}

inline unsigned row_units(const RowStepsParams& p) {
    unsigned units = 0;
    for (std::int32_t v = 0; v < p.values; ++v)
        units += static_cast<unsigned>(p.value[v].width / p.value[v].unit);
    return units;
}
inline GridSize row_steps_grid(const RowStepsParams& p) {
    return {row_units(p), static_cast<unsigned>(p.row_count)};
}

struct RowStepsShared {
    static constexpr int kStaged = 1024;
    float unit[kStaged]; ///< of units that fit
    float sums[kRowStepThreads / 32];
};

#define SWITCHYARD_ROW_KERNELS(X)                                                                            \
    X(RopeTables, rope_tables, RopeTablesParams, NoShared, kRopeThreads, 4)                                  \
    X(RowSteps, row_steps, RowStepsParams, RowStepsShared, kRowStepThreads, 8)

} // namespace switchyard::cuda
