#include "engine/backends/cpu/compile.h"

#include "engine/backends/cpu/stages.h"

#include <optional>
#include <utility>

namespace switchyard::cpu {
namespace {

class Compiler {
  public:
    Compiler(const Plan& plan, Shared& shared) : plan_(plan), shared_(shared) {}

    std::vector<std::unique_ptr<Stage>> compile() {
        stages_.push_back(nullptr); // the rope tables, once it is known which there are
        for (const Step& step : plan_.steps) {
            layer_ = step.layer;
            std::visit([this](const auto& s) { add(s); }, step.operation);
        }
        flush();
        stages_.front() = std::make_unique<RopeTableStage>(shared_.ropes.size());
        return std::move(stages_);
    }

  private:
    // A norm of whole rows waits for the steps that read its result; head norms wait for the attention.
    void add(const NormStep& s) {
        flush();
        if (s.in == s.out)
            row_steps_.add(s);
        else
            norms_.push_back(s);
    }
    void add(const EmbedStep& s) { stages_.push_back(std::make_unique<EmbedStage>(s)); }
    void add(const ProjectStep& s) {
        if (feed_forward_)
            flush();
        if (projection_ && projection_->input() != source(s.in))
            flush();
        if (!projection_)
            projection_ = std::make_unique<ProjectionStage>(source(s.in), norm_of(s.in));
        projection_->add(s);
    }
    void add(const RopeStep& s) {
        flush();
        row_steps_.add(s, rope_table(s));
    }
    void add(const AttentionStep& s) {
        flush();
        stages_.push_back(std::make_unique<AttentionStage>(layer_, s, std::exchange(row_steps_, {})));
    }
    void add(const LatentAttentionStep& s) {
        flush();
        stages_.push_back(std::make_unique<LatentAttentionStage>(layer_, s, std::exchange(row_steps_, {})));
    }
    void add(const RecurrenceStep& s) {
        flush();
        stages_.push_back(std::make_unique<RecurrenceStage>(s, source(s.in), norm_of(s.in)));
    }
    void add(const RouteStep& s) { feed_forward(s.in, kNoValue).add(s); }
    void add(const ExpertsStep& s) { feed_forward(s.in, s.out).add(s); }
    void add(const FeedForwardStep& s) { feed_forward(s.in, s.out).add(s); }
    void add(const HeadStep& s) {
        flush();
        stages_.push_back(std::make_unique<HeadStage>(with_input(s, source(s.in)), norm_of(s.in)));
    }

    FeedForwardStage& feed_forward(ValueId in, ValueId out) {
        if (projection_)
            flush();
        if (!feed_forward_)
            feed_forward_ = std::make_unique<FeedForwardStage>(source(in), out, norm_of(in), dense_blocks_);
        if (out != kNoValue)
            feed_forward_->set_output(out);
        return *feed_forward_;
    }
    static HeadStep with_input(HeadStep s, ValueId in) {
        s.in = in;
        return s;
    }
    std::optional<NormStep> norm_of(ValueId v) const {
        for (auto n = norms_.rbegin(); n != norms_.rend(); ++n)
            if (n->out == v)
                return *n;
        return std::nullopt;
    }
    ValueId source(ValueId v) const {
        const auto norm = norm_of(v);
        return norm ? norm->in : v;
    }
    std::size_t rope_table(const RopeStep& s) {
        for (std::size_t i = 0; i < shared_.ropes.size(); ++i)
            if (shared_.ropes[i].inverse_frequencies == s.inverse_frequencies &&
                shared_.ropes[i].magnitude == s.magnitude)
                return i;
        RopeTable& table = shared_.ropes.emplace_back();
        table.inverse_frequencies = s.inverse_frequencies;
        table.magnitude = s.magnitude;
        return shared_.ropes.size() - 1;
    }
    void flush() {
        if (projection_)
            stages_.push_back(std::move(projection_));
        if (feed_forward_) {
            dense_blocks_ += feed_forward_->dense();
            stages_.push_back(std::move(feed_forward_));
        }
    }

    const Plan& plan_;
    Shared& shared_;
    std::vector<std::unique_ptr<Stage>> stages_;
    int layer_ = kNoLayer; ///< of the step at hand
    std::vector<NormStep> norms_;
    RowSteps row_steps_;
    std::unique_ptr<ProjectionStage> projection_;
    std::unique_ptr<FeedForwardStage> feed_forward_;
    int dense_blocks_ = 0;
};

} // namespace

std::vector<std::unique_ptr<Stage>> compile_stages(const Plan& plan, Shared& shared) {
    return Compiler(plan, shared).compile();
}

} // namespace switchyard::cpu
