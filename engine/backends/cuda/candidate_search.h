// Candidates among logits that lie on a device: what is sought goes there, and kilobytes come back. And the
// next tokens, drawn there for the step that follows.
#pragma once

#include "engine/backends/common/step_wishes.h"
#include "engine/backends/cuda/scratch.h"
#include "kernels/cuda/draw_next_kernels.h"

#include <vector>

namespace switchyard::cuda {

/// Two steps may be under way: each has a place of its own, 0 or 1.
class CandidateSearch {
  public:
    explicit CandidateSearch(DevicePool& pool) : pool_(pool), places_{Place(pool), Place(pool)} {}

    /// Makes room for what will be sought in rows of `vocabulary` logits. Throws Error.
    void make_room(const StepWishes& wishes, std::int32_t vocabulary, int place);
    /// Whether that moves memory, which steps under way may be using.
    bool moves(const StepWishes& wishes, std::int32_t vocabulary, int place) const;
    /// Gives the room back.
    void forget() {
        for (Place& place : places_)
            place.device.forget();
    }
    /// Copies what there is room for to the device. `follow`: rows whose tokens the step before draws.
    void upload(const StepWishes& wishes, std::span<const FollowRow> follow, int place, Stream& stream);
    /// Draws them from what the step before found at the other place, and writes them to `rows`; behind the
    /// upload.
    void draw_next(RowInput* rows, int place, Stream& stream);
    /// Launches the search among `logits` [rows][vocabulary]; before the stream is waited for.
    void launch(const float* logits, int place, Stream& stream);
    /// Fills in what was found, once the stream has come so far.
    void read(std::span<Sought> sought, int place) const;
    /// What draw_next() drew, in the order of `follow`; -1: nothing.
    std::span<const std::int32_t> drawn(int place) const;
    std::size_t bytes() const { return places_[0].device.bytes() + places_[1].device.bytes(); }

  private:
    /// Of one stretch of memory, here and there: what is sought, then what was found, then scratch.
    struct Layout {
        std::size_t sought, draws, follow, ids, parts, best, gathered, drawn, downloaded, scratch,
            end; ///< offsets
        std::int32_t rows, most, part_count, followers, vocabulary;
    };
    struct Place {
        explicit Place(DevicePool& pool) : host(pool.device()) {}
        ScratchBuffer device;
        HostBuffer host;
        Layout layout = {};

        template <typename T>
        T* there(std::size_t offset) const {
            return reinterpret_cast<T*>(device.get<std::byte>() + offset);
        }
        template <typename T>
        T* here(std::size_t offset) const {
            return reinterpret_cast<T*>(host.data() + offset);
        }
        SoughtRows rows() const;
    };
    static Layout layout_of(const StepWishes& wishes, std::int32_t vocabulary);

    DevicePool& pool_;
    Place places_[2];
};

} // namespace switchyard::cuda
