// A step's way to experts that lie on the host: what a layer's router chose is read back, split into groups
// that the device has room for, and brought there group by group.
#pragma once

#include "engine/backends/cuda/expert_cache.h"
#include "engine/backends/cuda/stage.h"

#include <span>
#include <vector>

namespace switchyard::cuda {

/// Used from the thread that computes: in each layer ask(), then, for the rows of answers and for those of
/// prompts, begin() and bring() for each group in order, each followed by used().
class ExpertFetch {
  public:
    /// `matrices`: of an expert; two where gate and up are the same.
    ExpertFetch(std::shared_ptr<DevicePool> pool, std::size_t budget, std::size_t matrices);

    ExpertCache& cache() { return cache_; }
    const ExpertCache& cache() const { return cache_; }
    /// Of the step that begins; all must outlive it.
    void set_step(const WeightSet& weights, WeightTable& table, Stream& stream) {
        weights_ = &weights;
        table_ = &table;
        stream_ = &stream;
    }

    /// Has what a router chose, [rows][most], copied to the host, behind what was launched so far.
    void ask(const ExpertChoice* choices, int rows, int most);
    /// Waits for that. How many groups the experts come in that rows [first, first + count) chose: ascending
    /// numbers, the lower ones first; at least one, which may be empty.
    int begin(const ExpertsStep& layer, int first, int count);
    struct Group {
        int pairs_before = 0, pairs = 0; ///< choices of its experts, and of all groups before it
        bool all = false;                ///< it is the only one
    };
    /// Brings a group. Where it is not all, `choices` [count][most] and `counts` [count], memory of the
    /// device, become those of its experts alone, in the rows' order of choice.
    Group bring(int group, ExpertChoice* choices, std::int32_t* counts);
    /// The group's kernels were launched.
    void used() { cache_.used(*stream_); }

  private:
    void write_choices(int group, ExpertChoice* choices, std::int32_t* counts);
    std::span<const ExpertChoice> row(int r) const {
        return {reinterpret_cast<const ExpertChoice*>(chosen_.data()) +
                    static_cast<std::size_t>(first_ + r) * static_cast<std::size_t>(most_),
                static_cast<std::size_t>(most_)};
    }

    ExpertCache cache_;
    const WeightSet* weights_ = nullptr;
    WeightTable* table_ = nullptr;
    Stream* stream_ = nullptr;
    std::unique_ptr<Event> asked_;
    bool waits_ = false;    ///< for asked_
    HostBuffer chosen_;     ///< [rows][most]
    HostBuffer written_[2]; ///< choices and counts of groups, on their way to the device, by `part_`
    int part_ = 0;          ///< of the layer's rows: those of answers, of prompts
    std::size_t written_used_ = 0;
    int most_ = 0, first_ = 0, count_ = 0;
    std::vector<ExpertSlices> experts_; ///< of all groups
    std::vector<int> group_of_;         ///< by expert's number; -1: not chosen
    std::vector<Group> groups_;
    std::size_t group_size_ = 1;
};

} // namespace switchyard::cuda
