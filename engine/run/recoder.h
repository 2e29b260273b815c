// The precision dial: re-encodes the weights slice by slice in the background, from the mapped file, and
// swaps finished slices in at token boundaries.
#pragma once

#include "engine/run/backend.h"
#include "engine/run/precision.h"
#include "engine/run/record.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace switchyard {

struct RecodeProgress {
    std::optional<BlockType> target; ///< nullopt: the file's own bits
    std::uint32_t done = 0;          ///< slices swapped in
    std::uint32_t total = 0;         ///< equal to done: finished
    std::string error;               ///< why it stopped short, one sentence; empty: it did not
    bool finished() const { return done == total; }
};

/// Slices swap in a fixed order (weight by weight, matrix by matrix), so that a re-run can swap the same
/// number of slices at the same token. At most the largest slice's bytes are held above what is in force.
class Recoder {
  public:
    /// `sources`, `file` (which keeps their tensors mapped; may be null) and `backend` outlive the recoder;
    /// `start`: the weights as in the file. `on_ready` is called on the recoder's thread when a slice waits
    /// to be swapped.
    Recoder(const std::vector<WeightSource>& sources, std::shared_ptr<const ModelFile> file,
            const Backend& backend, std::shared_ptr<const WeightSet> start, std::function<void()> on_ready);
    /// Begins from what is in force in `other`, and shares with it what does not change. To be called by the
    /// thread that owns the other's weights.
    Recoder(const Recoder& other, std::function<void()> on_ready);
    ~Recoder();
    Recoder(const Recoder&) = delete;
    Recoder& operator=(const Recoder&) = delete;

    // From any thread.
    /// Begins to work towards `target`; the same target again changes nothing.
    void retarget(std::optional<BlockType> target);
    RecodeProgress progress() const;
    bool ready() const; ///< whether a slice waits to be swapped
    /// Whether something is left to be encoded.
    bool busy() const;
    /// The same, or memory of what was swapped out is still to be freed.
    bool working() const;
    /// Whether it can go on before a slice is swapped.
    bool stalled() const;
    void set_threads(int threads); ///< for one slice
    std::uint32_t total() const { return static_cast<std::uint32_t>(items_.size()); }

    // From the thread that owns the weights, between two steps.
    /// While answers are computed: works only in windows, and where the owner waits for slices. Afterwards,
    /// and after each of these, all its threads rest.
    void set_background(bool background);
    void open_window(WorkGate::Clock::time_point until);
    void close_window();
    /// Swaps what is ready, until `limit` slices of this target are in. Returns the weights now in force.
    std::shared_ptr<const WeightSet> apply_ready(std::uint32_t limit = UINT32_MAX);
    /// Waits until exactly min(count, total) slices of this target are in, or the stop. Throws Error where
    /// re-encoding failed.
    std::shared_ptr<const WeightSet> wait_applied(std::uint32_t count, std::stop_token stop = {});
    /// Goes on towards exactly min(count, total) slices of `target`. Returns whether they are in. Throws
    /// Error where re-encoding failed.
    bool approach(std::optional<BlockType> target, std::uint32_t count);
    /// The same towards a recorded state.
    bool approach(const WeightsState& state);
    /// Waits until approach() is through.
    std::shared_ptr<const WeightSet> restore(const WeightsState& state, std::stop_token stop = {});
    std::shared_ptr<const WeightSet> weights() const { return weights_; }
    std::shared_ptr<const WeightsState> state() const { return state_; }

  private:
    struct Item {
        WeightId weight;
        int slice;
        std::optional<BlockType> content; ///< what is in force: nullopt the file's own bits
    };
    struct Ready {
        bool unchanged = false;
        std::optional<BlockType> content;
        Slice slice;
        std::size_t bytes = 0;
    };
    struct Waiting;
    void work(std::stop_token stop);
    bool has_room() const; ///< with the lock held
    bool freeing() const { return freeing_ || !retired_.empty(); }
    void free_retired(std::unique_lock<std::mutex>& lock) noexcept;
    std::size_t slice_bytes(const Item& item, std::optional<BlockType> content) const;
    Ready encode(const Item& item, std::optional<BlockType> content, std::uint64_t epoch);
    std::shared_ptr<const WeightsState> state_with(std::uint32_t slices) const;
    std::shared_ptr<WeightSet> with_ready(std::size_t count) const;
    void retire(std::span<const SliceId> changed) noexcept;
    void take_ready(std::size_t count) noexcept;
    void give_up(std::string error) noexcept;

    const std::vector<WeightSource>& sources_;
    std::shared_ptr<const ModelFile> file_;
    const Backend& backend_;
    std::function<void()> on_ready_;

    mutable std::mutex mutex_;
    std::condition_variable_any wake_worker_, wake_waiter_;
    std::vector<Item> items_;
    std::optional<BlockType> target_;
    std::uint32_t next_ = 0;    ///< to be encoded
    std::uint32_t applied_ = 0; ///< in force
    std::deque<Ready> ready_;
    std::size_t ready_bytes_ = 0, largest_bytes_ = 0;
    std::vector<Slice> retired_; ///< swapped out, to be freed by the recoder's thread
    bool freeing_ = false;
    std::string error_;
    std::uint32_t generation_ = 0;
    std::atomic<int> threads_{1};
    bool background_ = false; ///< the owner's
    WorkGate gate_;           ///< its number of work moves with every new target

    std::shared_ptr<const WeightSet> weights_;
    std::shared_ptr<const WeightsState> state_;
    /// How far the way to a recorded state is gone.
    struct Restoring {
        WeightsState state;
        bool from_file = false; ///< all slices are put back first
        std::size_t layer = 0;
    };
    std::optional<Restoring> restoring_;
    std::jthread worker_; ///< last: it uses everything above
};

} // namespace switchyard
