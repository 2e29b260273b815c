// A batch's way through a plan on a device, and what comes back of it.
#pragma once

#include "engine/backends/common/step_queue.h"
#include "engine/backends/common/step_wishes.h"
#include "engine/backends/cuda/candidate_search.h"
#include "engine/backends/cuda/expert_fetch.h"
#include "engine/backends/cuda/stage.h"
#include "engine/run/latent_form.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace switchyard::cuda {

struct DeviceStepOptions {
    bool graphs = true;           ///< steps of answers alone are recorded, once a batch size
    bool offloads = false;        ///< routed experts lie on the host
    std::size_t expert_cache = 0; ///< bytes of the device's memory for those in use
    double step_budget = 0;       ///< of a long step's pace (StepPace); 0: the card's
};

/// Used from one thread at a time.
class DeviceStep {
  public:
    DeviceStep(const Plan& plan, std::shared_ptr<DevicePool> pool, const KvStore& kv,
               const DeviceStepOptions& options);

    /// Runs the step to its end, and fills in what the wishes seek and `result` tells of experts and times.
    /// False: it was stopped. Throws Error and DeviceError.
    bool run(StepWishes& wishes, const WeightSet& weights, const StepStop& stop, StepResult& result);
    /// Of a row among the last step's logit rows; valid until the next call.
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
    /// As Executor::forecast_scratch(). Instead of run().
    std::size_t forecast(int rows, int context, int experts);

  private:
    /// Fewer rows are as quick among those of answers.
    static constexpr int kPromptFrom = 64;

    bool has_library() const { return prompt_rows() > 0 && scratch_.dense.products; }
    /// Notes what the step needs.
    void want(const Batch& batch, const StepShape& shape);
    /// Takes that, and the room for what is sought. Throws Error; then none of the memory is held, so that
    /// the next step has all of it for its own need.
    void take_room(std::span<const Sought> sought);
    /// `macs`: of all stages. `clock`: reads the times of this step's stages.
    bool launch_stages(const StepShape& shape, double macs, const StepStop& stop, StageClock* clock);
    /// `sampled`: the clock is read between stages.
    struct Recording {
        std::unique_ptr<Graph> graph;
        std::vector<StageKind> kinds; ///< where the clock is read
    };
    void start_graph(const StepShape& shape, bool sampled);
    void record(const StepShape& shape, bool sampled, Recording& recording);
    void tell_routing(const Batch& batch, int most, StepResult& result);
    StepLaunch launch_of(const StepShape& shape);

    const Plan& plan_;
    std::shared_ptr<DevicePool> pool_;
    const KvStore& kv_;
    bool graphs_, offloads_;
    double step_budget_;
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
    std::unique_ptr<Event> passed_[2]; ///< by long steps, so that they can be stopped
    /// By rows, and whether it reads the clock; addresses are those of now.
    std::map<std::pair<int, bool>, Recording> recorded_;
};

} // namespace switchyard::cuda
