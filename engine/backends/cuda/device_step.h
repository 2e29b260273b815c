// A batch's way through a plan on a device, and what comes back of it.
#pragma once

#include "engine/backends/common/step_queue.h"
#include "engine/backends/common/step_wishes.h"
#include "engine/backends/cuda/candidate_search.h"
#include "engine/backends/cuda/expert_fetch.h"
#include "engine/backends/cuda/quicker_way.h"
#include "engine/backends/cuda/stage.h"
#include "engine/backends/cuda/step_launches.h"
#include "engine/model/latent_form.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace switchyard::cuda {

struct DeviceStepOptions {
    StepLaunches launches = StepLaunches::Measured;
    bool offloads = false;        ///< routed experts lie on the host
    std::size_t expert_cache = 0; ///< bytes of the device's memory for those in use
    double step_budget = 0;       ///< of a long step's pace (StepPace); 0: the card's
};

/// Used from one thread at a time. Two steps may be under way: one that was launched, and one that follows it
/// before it has ended.
class DeviceStep {
  public:
    DeviceStep(const Plan& plan, std::shared_ptr<DevicePool> pool, const KvStore& kv,
               const DeviceStepOptions& options);

    /// Launches a step where none is under way. False: it was stopped. Throws Error and DeviceError; drop()
    /// then.
    bool launch(const StepWishes& wishes, const WeightSet& weights, const StepStop& stop, StepResult& result);
    /// Launches another behind it, over the same weights: the rows' tokens are those that `before` draws on
    /// the device. Rows of both draw alone, and as the device can (draws_on_device()). False: it could not
    /// without waiting.
    bool follow(const StepWishes& before, const StepWishes& wishes, const WeightSet& weights,
                StepResult& result);
    bool can_be_followed() const { return launched_.size() == 1 && launched_.front().recorded; }
    /// Whether the first step under way has ended.
    bool ended();
    /// Waits for that, and fills in what the wishes seek and `result` tells of experts and times. False: it
    /// was stopped. Throws Error and DeviceError.
    bool finish(StepWishes& wishes, const StepStop& stop, StepResult& result);
    /// What the rows of the step that finished last were computed with, if it followed another; -1: nothing
    /// that the device could draw.
    std::span<const std::int32_t> followed_with() const { return candidates_.drawn(finished_place_); }
    /// Gives up what is under way, once the device is done with it.
    void drop() noexcept;
    /// Of a row among the logit rows of the step that was launched last; valid until the next call.
    std::span<const float> logits(std::size_t row);
    std::size_t scratch_bytes();
    /// As Executor::prompt_rows().
    int prompt_rows() const { return has_prompt_form_ ? kPromptFrom : 0; }
    /// As Executor::prompt_library().
    std::string prompt_library() const { return has_library() ? scratch_.dense.products->name() : ""; }
    /// As Executor::prepare().
    void prepare();
    /// As Executor::decompressed_rows().
    int decompressed_rows() const {
        return prompt_rows() > 0 && inputs_.decompresses() ? std::max(decompress_from(plan_), prompt_rows())
                                                           : 0;
    }
    std::optional<ExpertCacheUse> expert_cache() const {
        return offloads_ ? std::optional(experts_.cache().use()) : std::nullopt;
    }
    /// As Executor::row_launch_times().
    RowLaunchTimes row_launch_times() const {
        return latest_way_ ? RowLaunchTimes{latest_way_->best(0), latest_way_->best(1)} : RowLaunchTimes{};
    }
    /// As Executor::forecast_scratch(). Instead of run().
    std::size_t forecast(int rows, int context, int experts);

  private:
    /// Fewer rows are as quick among those of answers.
    static constexpr int kPromptFrom = 64;

    bool has_library() const { return prompt_rows() > 0 && scratch_.dense.products; }

    struct Launched {
        StepShape shape;
        int place;     ///< of what is copied for it
        bool recorded; ///< it is a graph
        int experts;   ///< that a row passes at most, as the dial stands
        bool sampled, by_program;
        QuickerWay* timed; ///< is told how long it took; null: nothing
        std::chrono::steady_clock::time_point began;
        ExpertTraffic traffic; ///< before it
    };
    /// As `wishes` wants it; of recorded steps as they are recorded.
    Launched launched(const StepWishes& wishes, const WeightSet& weights, StepResult& result);
    /// Launches it, in room that it has. False: it was stopped.
    bool start(const StepWishes& wishes, std::span<const FollowRow> follow, const StepStop& stop, double macs,
               const Launched& own);
    bool room_moves(const StepWishes& wishes, int place);
    void forget_first(); ///< of those under way

    bool is_recorded(const StepShape& shape) const;
    /// The context that a step is recorded for: few serve all.
    int recorded_context(int context) const {
        constexpr unsigned kLeast = 256;
        return knows_context_
                   ? static_cast<int>(std::bit_ceil(std::max(static_cast<unsigned>(context), kLeast)))
                   : context;
    }
    /// Notes what the step needs.
    void want(const Batch& batch, const StepShape& shape);
    /// Takes that, and the room for what is sought. Throws Error; then none of the memory is held, so that
    /// the next step has all of it for its own need.
    void take_room(const StepWishes& wishes, int place);
    /// `macs`: of all stages. `clock`: reads the times of this step's stages.
    bool launch_stages(const StepShape& shape, double macs, const StepStop& stop, StageClock* clock);
    /// `sampled`: the clock is read between stages.
    struct Recording {
        std::unique_ptr<RowProgram> program; ///< that the graph launches
        std::unique_ptr<Graph> graph;
        std::vector<StageKind> kinds; ///< where the clock is read
    };
    /// What a recording is for; addresses are those of now.
    struct RecordingKey {
        int rows;
        int context; ///< recorded_context() where launches know it, else 0
        bool sampled, by_program;
        auto operator<=>(const RecordingKey&) const = default;
    };
    void start_graph(const Launched& own);
    void record(const RecordingKey& key, const StepShape& shape, Recording& recording);
    /// Says whether the step's clock is read, and if not, whether it goes by a program.
    void choose_way(Launched& own, int position);
    void tell_routing(const Batch& batch, int most, StepResult& result);
    StepLaunch launch_of(const StepShape& shape);

    const Plan& plan_;
    std::shared_ptr<DevicePool> pool_;
    const KvStore& kv_;
    StepLaunches launches_;
    bool offloads_;
    double step_budget_;
    bool knows_context_;   ///< some launches follow from the longest context
    bool has_prompt_form_; ///< all of its attention has a form for prompts
    WeightTable weights_;
    Constants constants_;
    Arrivals arrivals_;
    std::vector<std::unique_ptr<Stage>> stages_;
    Scratch scratch_;
    StepInputs inputs_;
    CandidateSearch candidates_;
    StageClock clock_;
    ExpertFetch experts_;
    HostBuffer table_staging_, downloads_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Event> passed_[2];  ///< by long steps, so that they can be stopped
    std::unique_ptr<Event> ended_[2];   ///< by place
    std::deque<Launched> launched_;     ///< under way
    std::unique_lock<std::mutex> turn_; ///< of the device's steps, while any is
    int next_place_ = 0, finished_place_ = 0;
    std::chrono::steady_clock::time_point finished_; ///< the last one
    std::map<RecordingKey, Recording> recorded_;
    std::size_t program_stages_, program_arrivals_; ///< of a step at most; where their counters begin
    /// Launches of one row, by experts and the size of the context, with the weights of now.
    std::map<std::pair<int, int>, QuickerWay> quicker_;
    const WeightSet* timed_weights_ = nullptr; ///< to be compared only
    const QuickerWay* latest_way_ = nullptr;
    std::unique_ptr<Event> begun_[2], done_[2]; ///< by place: around a recorded step's launches
};

} // namespace switchyard::cuda
