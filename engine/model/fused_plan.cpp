#include "engine/model/fused_plan.h"

#include <utility>

namespace switchyard {
namespace {

class Fuser {
  public:
    FusedPlan fuse(const Plan& plan) {
        for (const Step& step : plan.steps) {
            layer_ = step.layer;
            std::visit([this](const auto& s) { add(s); }, step.operation);
        }
        flush();
        return std::move(fused_);
    }

  private:
    // A norm of whole rows waits for the steps that read its result; head norms wait for the attention.
    void add(const NormStep& s) {
        flush();
        if (s.add || s.kept)
            fused_.steps.emplace_back(FusedAddedNorm{s});
        else if (s.in == s.out)
            row_steps_.push_back({s, std::nullopt, 0});
        else
            norms_.push_back(s);
    }
    void add(const EmbedStep& s) { fused_.steps.emplace_back(s); }
    void add(const ProjectStep& s) {
        if (feed_forward_)
            flush();
        if (projection_ && projection_->in != source(s.in))
            flush();
        if (!projection_)
            projection_ = FusedProjection{source(s.in), norm_of(s.in), {}};
        projection_->steps.push_back(s);
    }
    void add(const RopeStep& s) {
        flush();
        row_steps_.push_back({std::nullopt, s, ropes_of(s)});
    }
    void add(const AttentionStep& s) {
        flush();
        fused_.steps.emplace_back(FusedAttention{layer_, std::exchange(row_steps_, {}), s});
    }
    void add(const LatentAttentionStep& s) {
        flush();
        fused_.steps.emplace_back(FusedLatentAttention{layer_, std::exchange(row_steps_, {}), s});
    }
    void add(const IndexStep& s) {
        flush();
        FusedIndex index{{}, s};
        // Rotations and norms of attention's own values stay for it.
        std::erase_if(row_steps_, [&](const RowStep& row) {
            const bool own = row.value() == s.q || row.value() == s.key;
            if (own)
                index.rows.push_back(row);
            return own;
        });
        fused_.steps.emplace_back(std::move(index));
    }
    void add(const RecurrenceStep& s) {
        flush();
        fused_.steps.emplace_back(FusedRecurrence{source(s.in), norm_of(s.in), s});
    }
    void add(const CompressedAttentionStep& s) {
        flush();
        fused_.steps.emplace_back(FusedCompressedAttention{
            layer_, std::exchange(row_steps_, {}), s, {std::nullopt, s.back, ropes_of(s.back)}});
    }
    void add(const CompressStep& s) { alone(s); }
    void add(const MixStreamsStep& s) { alone(s); }
    void add(const SpreadStreamsStep& s) { alone(s); }
    void add(const GroupedProjectStep& s) { alone(s); }
    void add(const AddStep& s) { alone(s); }
    void add(const ScaleStep& s) { alone(s); }
    void add(const GateStep& s) { alone(s); }
    void add(const SplitStep& s) { alone(s); }
    void add(const ConvolutionStep& s) { alone(s); }
    void add(const DeltaRuleStep& s) { alone(s); }
    void add(const StateSpaceStep& s) { alone(s); }
    void add(const RouteStep& s) { feed_forward(s.in, kNoValue).route = s; }
    void add(const ExpertsStep& s) {
        FusedFeedForward& block = feed_forward(s.in, s.out);
        block.experts = s;
        if (block.route && block.route->in != s.in) {
            block.route_norm = block.norm;
            block.norm = norm_of(s.in);
        }
    }
    void add(const FeedForwardStep& s) { feed_forward(s.in, s.out).blocks.push_back(s); }
    void add(const HeadStep& s) {
        flush();
        fused_.steps.emplace_back(FusedHead{source(s.in), norm_of(s.in), s});
    }

    template <typename S>
    void alone(const S& s) {
        flush();
        fused_.steps.emplace_back(s);
    }
    FusedFeedForward& feed_forward(ValueId in, ValueId out) {
        if (projection_)
            flush();
        if (!feed_forward_) {
            feed_forward_.emplace();
            feed_forward_->in = source(in);
            feed_forward_->out = out;
            feed_forward_->norm = norm_of(in);
            feed_forward_->number = dense_blocks_;
        }
        if (out != kNoValue)
            feed_forward_->out = out;
        return *feed_forward_;
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
    std::size_t ropes_of(const RopeStep& s) {
        for (std::size_t i = 0; i < fused_.ropes.size(); ++i)
            if (fused_.ropes[i].inverse == s.inverse_frequencies &&
                fused_.ropes[i].magnitude == s.magnitude &&
                fused_.ropes[i].long_inverse == s.long_frequencies)
                return i;
        fused_.ropes.push_back({s.inverse_frequencies, s.magnitude, s.long_frequencies, s.long_magnitude});
        return fused_.ropes.size() - 1;
    }
    void flush() {
        if (projection_)
            fused_.steps.emplace_back(*std::exchange(projection_, std::nullopt));
        if (feed_forward_) {
            dense_blocks_ += feed_forward_->dense();
            fused_.steps.emplace_back(*std::exchange(feed_forward_, std::nullopt));
        }
    }

    FusedPlan fused_;
    int layer_ = kNoLayer; ///< of the step at hand
    std::vector<NormStep> norms_;
    std::vector<RowStep> row_steps_;
    std::optional<FusedProjection> projection_;
    std::optional<FusedFeedForward> feed_forward_;
    int dense_blocks_ = 0;
};

} // namespace

FusedPlan fuse(const Plan& plan) { return Fuser().fuse(plan); }

} // namespace switchyard
