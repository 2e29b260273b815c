#include "tests/gpu/step_counts.h"

#include <algorithm>
#include <set>
#include <variant>

namespace switchyard {

double StepCounts::bytes() const {
    double sum = 0;
    for (const StageCounts& stage : stages)
        sum += stage.bytes();
    return sum;
}

double StepCounts::macs() const {
    double sum = 0;
    for (const StageCounts& stage : stages)
        sum += stage.macs;
    return sum;
}

StepCounts& StepCounts::operator+=(const StepCounts& other) {
    for (std::size_t k = 0; k < kStageKinds; ++k) {
        stages[k].weight_bytes += other.stages[k].weight_bytes;
        stages[k].cache_bytes += other.stages[k].cache_bytes;
        stages[k].macs += other.stages[k].macs;
    }
    for (const auto& [type, own] : other.tiles) {
        TiledWeights& sum = tiles[type];
        sum.alone += own.alone;
        sum.first += own.first;
        sum.more += own.more;
    }
    return *this;
}

void StepCounts::divide(double by) {
    for (StageCounts& stage : stages) {
        stage.weight_bytes /= by;
        stage.cache_bytes /= by;
        stage.macs /= by;
    }
    for (auto& [type, own] : tiles) {
        own.alone /= by;
        own.first /= by;
        own.more /= by;
    }
}

namespace {

class Counter {
  public:
    Counter(const Plan& plan, const WeightSet& weights, const Batch& batch, const RoutingTable& routing,
            BlockType kv)
        : plan_(plan), weights_(weights), batch_(batch), routing_(routing), kv_(kv) {
        for (const Step& step : plan.steps)
            if (std::holds_alternative<RouteStep>(step.operation))
                routed_layers_.insert(step.layer);
    }

    StepCounts count() {
        for (const Step& step : plan_.steps) {
            layer_ = step.layer;
            std::visit([this](const auto& operation) { add(operation); }, step.operation);
        }
        return counts_;
    }

  private:
    double rows() const { return static_cast<double>(batch_.rows.size()); }
    double logit_rows() const {
        return static_cast<double>(
            std::ranges::count_if(batch_.rows, [](const BatchRow& r) { return r.wish != RowWish::Nothing; }));
    }
    StageKind block_kind() const {
        return routed_layers_.contains(layer_) ? StageKind::Experts : StageKind::FeedForward;
    }

    void vector(StageKind kind, WeightId id) {
        if (id != kNoWeight)
            counts_.of(kind).weight_bytes += static_cast<double>(weights_.slice(id).bytes);
    }
    /// Of a matrix all but its tiles; how many values it has.
    double untiled(StageKind kind, const Slice& slice, double rows) {
        const double values = static_cast<double>(slice.rows * slice.cols);
        counts_.of(kind).weight_bytes += static_cast<double>(slice.bytes);
        counts_.of(kind).macs += values * rows;
        return values;
    }
    /// A matrix that `rows` rows are multiplied with.
    void matrix(StageKind kind, const Slice& slice, double rows) {
        if (rows == 0)
            return;
        const double values = untiled(kind, slice, rows);
        TiledWeights& tiles = counts_.tiles[slice.type];
        (rows == 1 ? tiles.alone : tiles.first) += values;
        constexpr int kTile = 8;
        tiles.more += values * ((static_cast<int>(rows) + kTile - 1) / kTile - 1);
    }
    void matrices(StageKind kind, WeightId id, double rows) {
        for (const Slice& slice : weights_[id].slices)
            matrix(kind, slice, rows);
    }

    void add(const EmbedStep& s) {
        const Slice& table = weights_.slice(s.table);
        counts_.of(StageKind::Embedding).weight_bytes +=
            rows() * static_cast<double>(table.bytes) / static_cast<double>(table.rows);
    }
    void add(const NormStep& s) {
        vector(layer_ == kNoLayer ? StageKind::Head : StageKind::Attention, s.gain);
    }
    void add(const ProjectStep& s) {
        matrices(StageKind::Attention, s.weight, rows());
        vector(StageKind::Attention, s.bias);
    }
    void add(const RopeStep&) {}
    void add(const AttentionStep& s) {
        vector(StageKind::Attention, s.sinks);
        const int pair = s.head_dim + s.value_dim;
        attend(s.window, kv_bytes(s.kv_heads, s.head_dim) + kv_bytes(s.kv_heads, s.value_dim),
               double{1} * s.heads * pair);
    }
    void add(const LatentAttentionStep& s) {
        // Its heads share one key; with keys of their own, each token's are made of it once.
        matrices(StageKind::Attention, s.k_b, rows());
        matrices(StageKind::Attention, s.v_b, rows());
        attend(0, kv_bytes(1, s.latent_dim + s.rope), double{1} * s.heads * (s.nope + s.rope + s.value_dim));
    }
    void add(const IndexStep&) {}
    void add(const CompressStep&) {}
    void add(const CompressedAttentionStep&) {}
    void add(const MixStreamsStep&) {}
    void add(const SpreadStreamsStep&) {}
    void add(const GroupedProjectStep&) {}
    void add(const GateStep&) {}
    void add(const AddStep&) {}
    void add(const ScaleStep&) {}
    void add(const SplitStep&) {}
    void add(const ConvolutionStep& s) {
        vector(StageKind::Attention, s.kernel);
        vector(StageKind::Attention, s.bias);
        states(s.state, s.taps / std::max(s.taps - 1.0, 1.0)); // an entry a tap but the newest
    }
    void add(const DeltaRuleStep& s) {
        for (const WeightId id : {s.a, s.dt, s.gain})
            vector(StageKind::Attention, id);
        states(s.state, 3); // what keys know, what is added, what queries ask
    }
    void add(const StateSpaceStep& s) {
        for (const WeightId id : {s.a, s.d, s.dt_bias, s.gain})
            vector(StageKind::Attention, id);
        states(s.state, 2); // what is added, what C reads
    }
    void add(const RecurrenceStep& s) {
        vector(StageKind::Attention, s.decay);
        states(s.state, 1);
    }
    void add(const FeedForwardStep& s) {
        for (const WeightId id : {s.gate, s.up, s.down})
            matrices(block_kind(), id, rows());
        for (const WeightId id : {s.gate_bias, s.up_bias, s.down_bias, s.output_gate})
            vector(block_kind(), id);
    }
    void add(const RouteStep& s) {
        for (const Slice& slice : weights_[s.weight].slices)
            untiled(StageKind::Router, slice, rows());
        vector(StageKind::Router, s.bias);
        vector(StageKind::Router, s.selection_bias);
    }
    /// Experts that some row chose, each with the rows that did.
    void add(const ExpertsStep& s) {
        std::map<int, int> met;
        for (int row = 0; row < routing_.rows; ++row)
            for (const RouteChoice& choice : routing_.of(s.route, row))
                if (choice.expert >= 0)
                    ++met[choice.expert];
        for (const auto& [expert, own_rows] : met)
            for (const WeightId id : {s.gate, s.up, s.down})
                matrix(StageKind::Experts, weights_.slice(id, static_cast<std::size_t>(expert)), own_rows);
        for (const WeightId id : {s.gate_bias, s.up_bias, s.down_bias})
            if (id != kNoWeight)
                counts_.of(StageKind::Experts).weight_bytes += static_cast<double>(weights_.slice(id).bytes) /
                                                               static_cast<double>(weights_.slice(id).rows) *
                                                               static_cast<double>(met.size());
    }
    void add(const HeadStep& s) {
        if (logit_rows() == 0)
            return;
        matrices(StageKind::Head, s.weight, logit_rows());
        vector(StageKind::Head, s.bias);
    }

    /// Each sequence's once, and `macs` with each of their numbers for each row.
    void states(int state, double macs) {
        const double values = plan_.states[static_cast<std::size_t>(state)].values;
        StageCounts& stage = counts_.of(StageKind::Attention);
        stage.cache_bytes += static_cast<double>(batch_.sequences.size()) * sizeof(float) * values;
        stage.macs += macs * values * rows();
    }
    double kv_bytes(int heads, int dims) const { return static_cast<double>(row_bytes(kv_, dims)) * heads; }
    /// `token_bytes`: of a token in the cache. `row_macs`: of a row for each token that it sees.
    void attend(int window, double token_bytes, double row_macs) {
        StageCounts& stage = counts_.of(StageKind::Attention);
        for (std::size_t s = 0; s < batch_.sequences.size(); ++s) {
            int first = -1, end = 0; // tokens that some row of it sees
            for (const BatchRow& row : batch_.rows) {
                if (row.sequence != static_cast<std::int32_t>(s))
                    continue;
                const int seen = window > 0 ? std::min(window, row.position + 1) : row.position + 1;
                const int from = row.position + 1 - seen;
                first = first < 0 ? from : std::min(first, from);
                end = std::max(end, row.position + 1);
                stage.macs += row_macs * seen;
            }
            stage.cache_bytes += token_bytes * (end - std::max(first, 0));
        }
    }

    const Plan& plan_;
    const WeightSet& weights_;
    const Batch& batch_;
    const RoutingTable& routing_;
    BlockType kv_;
    std::set<int> routed_layers_;
    int layer_ = kNoLayer;
    StepCounts counts_;
};

} // namespace

StepCounts count_step(const Plan& plan, const WeightSet& weights, const Batch& batch,
                      const RoutingTable& routing, BlockType kv) {
    return Counter(plan, weights, batch, routing, kv).count();
}

} // namespace switchyard
