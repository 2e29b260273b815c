// Where a device's kernels find the weights: one entry a slice, read by every launch, so that slices are
// exchanged between steps while recorded graphs stay as they are.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "engine/model/weights.h"
#include "kernels/cuda/prompt_kernels.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace switchyard::cuda {

class WeightTable {
  public:
    WeightTable(std::shared_ptr<DevicePool> pool) : pool_(std::move(pool)) {}

    /// An input that products with these weights read: its number among the inputs. `floats`: it is also
    /// wanted as floats. Before build().
    int add_input(std::vector<WeightId> weights, bool floats = false);
    /// A weight that prompts' rows are multiplied with. Before build().
    void add_prompt_weight(WeightId id);
    /// Makes the tables for so many slices of each weight. Once, before addresses are asked for.
    void build(const WeightSet& weights);
    bool built() const { return memory_ != nullptr; }

    /// Copies to the device what is different in `weights`; before the step that uses them.
    void update(const WeightSet& weights, Stream& stream, HostBuffer& staging);
    /// Finds the ranges of what update() exchanged since; before a step with prompts' rows.
    void find_ranges(Stream& stream);
    /// How large the prompts' weights are.
    WeightRanges ranges() const;

    /// The entry of a weight's first slice; the others follow. Null for kNoWeight.
    const MatrixView* entry(WeightId id) const;
    /// From here on a weight's matrix lies at `data`. Copied by way of `staging`, memory that streams copy
    /// from.
    void show(WeightId id, int matrix, const std::byte* data, MatrixView& staging, Stream& stream);
    /// The formats (InputFormat) that an input is wanted in.
    const std::uint32_t* formats(int input) const;
    /// All formats that any input may be wanted in.
    std::uint32_t all_formats() const { return all_formats_; }
    std::size_t bytes() const { return layout().end; }

  private:
    /// Where parts of the memory begin.
    struct Layout {
        std::size_t formats, stale, uploaded, ranges, end;
    };
    Layout layout() const;

    std::shared_ptr<DevicePool> pool_;
    struct Input {
        std::vector<WeightId> weights;
        bool floats;
    };
    std::vector<Input> inputs_;
    std::vector<std::size_t> first_;  ///< entry of each weight's first slice
    std::vector<MatrixView> entries_; ///< as on the device
    std::vector<std::uint32_t> formats_;
    std::vector<bool> for_prompts_;   ///< by weight
    std::vector<std::int32_t> stale_; ///< entries of these whose ranges are to be found
    std::size_t prompt_entries_ = 0;
    std::uint32_t all_formats_ = 0;
    std::vector<std::shared_ptr<const Weight>> weights_; ///< whose slices the entries show
    std::shared_ptr<std::byte> memory_;
};

} // namespace switchyard::cuda
