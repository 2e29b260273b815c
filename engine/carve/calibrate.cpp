#include "engine/carve/calibrate.h"

#include "engine/base/error.h"
#include "engine/base/threads.h"
#include "engine/carve/cluster.h"
#include "engine/carve/refine.h"
#include "engine/carve/ridge.h"
#include "engine/quant/quant.h"
#include "engine/run/text_cache.h"
#include "kernels/cpu/kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

namespace switchyard {

namespace {

constexpr std::size_t kCompared = 1024;                    ///< tokens by which neurons are first grouped
constexpr std::size_t kFewestSamples = 2048;               ///< tokens whose activations are kept
constexpr std::size_t kSampleBytes = std::size_t{1} << 30; ///< that more samples may take, of all layers
constexpr int kChunk = 512;                                ///< tokens of a step
constexpr double kRidge = 1e-3;
constexpr double kMostRounding = 0.125; ///< of an expert's width, to whole blocks
constexpr int kBlock = 32;              ///< neurons that a block of the quantized formats holds
constexpr std::size_t kLeastTokens = 512;
constexpr double kMassive = 8;         ///< times the layer's usual output, said by one neuron
constexpr std::size_t kMostExact = 32; ///< neurons of a layer

// down [hidden, width] of a dense layer as floats, by column: [width, hidden].
std::vector<float> down_columns(const ModelFile& file, int layer, int hidden, int width) {
    const TensorView* t = file.find("blk." + std::to_string(layer) + ".ffn_down.weight");
    const auto data = t->matrix(0);
    std::vector<float> row(static_cast<std::size_t>(width)),
        columns(row.size() * static_cast<std::size_t>(hidden));
    for (int r = 0; r < hidden; ++r) {
        decode_row(t->type, data.get() + static_cast<std::size_t>(r) * row_bytes(t->type, width), row);
        for (std::size_t c = 0; c < row.size(); ++c)
            columns[c * static_cast<std::size_t>(hidden) + static_cast<std::size_t>(r)] = row[c];
    }
    return columns;
}

// First reading: how strongly each neuron speaks, and a sample of when.
class NeuronStatistics : public FeedForwardObserver {
  public:
    /// `blocks` of the model come before those of the plan's layers.
    NeuronStatistics(const CarvePlan& plan, int blocks, std::size_t tokens)
        : hidden_(plan.hidden), first_block_(blocks), layers_(plan.layers.size()) {
        std::size_t values = 0;
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            Layer& l = layers_[i];
            const auto width = static_cast<std::size_t>(plan.layers[i].width),
                       hidden = static_cast<std::size_t>(hidden_);
            l.strength.resize(width);
            l.sums.inputs = hidden_;
            l.sums.xx.resize(hidden * hidden);
            l.peak.resize(width);
            l.input.resize(hidden);
            values += hidden + width;
        }
        stride_ = stride(values, tokens);
    }

    struct Layer {
        std::vector<double> strength; ///< sum |activation| of each neuron
        std::vector<float> peak;      ///< the largest |activation| of each
        std::vector<double> input;    ///< sum of the inputs
        LayerSample sample;
        RidgeSums sums;
    };
    Layer& layer(std::size_t i) { return layers_[i]; } ///< of the plan's
    void next_step(std::size_t first_token) { first_token_ = first_token; }

    void observe(const FeedForwardView& v, int thread, int threads) override {
        if (v.block < first_block_)
            return;
        Layer& l = layer(static_cast<std::size_t>(v.block - first_block_));
        add_gram(l, v, thread, threads);
        if (thread != 0)
            return;
        for (int r = 0; r < v.rows; ++r) {
            const float* h = v.hidden + r * v.hidden_stride;
            for (std::size_t i = 0; i < l.peak.size(); ++i) {
                const float a = std::fabs(h[i]);
                l.strength[i] += a;
                l.peak[i] = std::max(l.peak[i], a);
            }
            const float* x = v.in + r * v.in_stride;
            for (int i = 0; i < hidden_; ++i)
                l.input[static_cast<std::size_t>(i)] += x[i];
            if ((first_token_ + static_cast<std::size_t>(r)) % stride_ == 0)
                keep(l.sample, x, h, v.width);
        }
        l.sums.rows += v.rows;
    }

  private:
    /// `values`: of a token in all layers.
    static std::size_t stride(std::size_t values, std::size_t tokens) {
        const std::size_t bytes = values * sizeof(std::uint16_t);
        const std::size_t samples = std::max(kFewestSamples, kSampleBytes / bytes);
        return std::max<std::size_t>(1, (tokens + samples - 1) / samples);
    }

    void keep(LayerSample& sample, const float* x, const float* h, int width) const {
        for (int i = 0; i < hidden_; ++i)
            sample.inputs.push_back(float_to_bf16(x[i]));
        for (int i = 0; i < width; ++i)
            sample.activations.push_back(float_to_bf16(std::fabs(h[i])));
    }

    // sum x x^T, as a product of the step's transposed inputs with themselves.
    void add_gram(Layer& l, const FeedForwardView& v, int thread, int threads) const {
        const std::int64_t cols = (v.rows + 7) / 8 * 8; // padded with zeros
        std::vector<float> transposed(static_cast<std::size_t>(hidden_ * cols));
        for (int r = 0; r < v.rows; ++r)
            for (int i = 0; i < hidden_; ++i)
                transposed[static_cast<std::size_t>(i * cols + r)] = v.in[r * v.in_stride + i];
        const std::int64_t count = cpu::panels(hidden_), first = count * thread / threads,
                           last = count * (thread + 1) / threads;
        std::vector<float> packed(cpu::packed_bytes(BlockType::F32, hidden_, cols) / sizeof(float));
        auto* bytes = reinterpret_cast<std::byte*>(packed.data());
        const auto* blocks = reinterpret_cast<const std::byte*>(transposed.data());
        cpu::pack_panels(BlockType::F32, hidden_, cols, blocks, bytes, first, last);
        cpu::MatmulArgs args;
        args.weights = {BlockType::F32, hidden_, cols, bytes};
        args.first_panel = first;
        args.last_panel = last;
        args.activations = blocks;
        args.activation_stride = static_cast<std::size_t>(cols) * sizeof(float);
        args.tokens = hidden_;
        args.y = l.sums.xx.data();
        args.y_stride = hidden_;
        args.accumulate = true;
        cpu::matmul(args);
    }

    int hidden_, first_block_;
    std::size_t stride_ = 1, first_token_ = 0;
    std::vector<Layer> layers_;
};

// The norm of what all neurons add, at the median token of the sample; neurons are taken as orthogonal.
double usual_output(const LayerSample& sample, const std::vector<double>& norms) {
    const std::size_t width = norms.size();
    std::vector<double> squares(sample.activations.size() / width);
    for (std::size_t t = 0; t < squares.size(); ++t)
        for (std::size_t n = 0; n < width; ++n) {
            const double a = bf16_to_float(sample.activations[t * width + n]) * norms[n];
            squares[t] += a * a;
        }
    const auto middle = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
    std::nth_element(squares.begin(), middle, squares.end());
    return std::sqrt(*middle);
}

// Neurons that at some token say many times what the whole layer usually does, the loudest first.
std::vector<std::size_t> massive_neurons(const NeuronStatistics::Layer& stats,
                                         const std::vector<double>& norms) {
    const double least = kMassive * usual_output(stats.sample, norms);
    std::vector<std::size_t> found;
    for (std::size_t n = 0; n < norms.size(); ++n)
        if (stats.peak[n] * norms[n] > least)
            found.push_back(n);
    std::sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
        return stats.peak[a] * norms[a] > stats.peak[b] * norms[b];
    });
    return found;
}

// Which neurons are shared (the strongest), and which expert has each of the others (those that speak
// together); then both again, by what a router can foretell.
std::vector<std::uint8_t> assign_neurons(const NeuronStatistics::Layer& stats,
                                         const std::vector<float>& columns, const CarvePlan& plan,
                                         const CarveLayer& layer) {
    const auto width = static_cast<std::size_t>(layer.width), hidden = static_cast<std::size_t>(plan.hidden),
               shared = static_cast<std::size_t>(layer.shared_width(plan.experts));
    std::vector<double> norms(width), strength(width);
    for (std::size_t i = 0; i < width; ++i) {
        const float* c = columns.data() + i * hidden;
        norms[i] = std::sqrt(std::inner_product(c, c + hidden, c, 0.0));
        strength[i] = stats.strength[i] * norms[i];
    }
    std::vector<std::uint8_t> owner(width, kSharedNeuron);
    std::vector<std::size_t> massive = massive_neurons(stats, norms);
    massive.resize(std::min(massive.size(), std::min(kMostExact, shared)));
    for (std::size_t n : massive) {
        owner[n] = kExactNeuron;
        strength[n] = std::numeric_limits<double>::infinity(); // shared before all others
    }
    std::vector<std::size_t> order(width);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return strength[a] > strength[b]; });
    std::vector<std::size_t> routed(order.begin() + static_cast<std::ptrdiff_t>(shared), order.end());
    std::sort(routed.begin(), routed.end());

    const std::size_t tokens = stats.sample.activations.size() / width, step = 1 + (tokens - 1) / kCompared,
                      samples = (tokens + step - 1) / step;
    std::vector<float> vectors(routed.size() * samples);
    for (std::size_t n = 0; n < routed.size(); ++n)
        for (std::size_t s = 0; s < samples; ++s)
            vectors[n * samples + s] = bf16_to_float(stats.sample.activations[s * step * width + routed[n]]);
    const auto groups = balanced_groups(std::move(vectors), static_cast<int>(routed.size()),
                                        static_cast<int>(samples), plan.experts);
    for (std::size_t n = 0; n < routed.size(); ++n)
        owner[routed[n]] = groups[n];
    refine_owners(owner, stats.sample, norms, plan.hidden, plan.experts);
    return owner;
}

// Second reading: the norm of each expert's output for each token, against the layer's input.
class ExpertNorms : public FeedForwardObserver {
  public:
    ExpertNorms(const CarvePlan& plan, int first_block, NeuronStatistics& statistics, const ModelFile& file)
        : plan_(plan), first_block_(first_block), statistics_(statistics), layers_(plan.layers.size()) {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const CarveLayer& layer = plan.layers[l];
            layers_[l].members.resize(static_cast<std::size_t>(plan.experts));
            for (std::size_t n = 0; n < layer.owner.size(); ++n)
                if (!is_shared(layer.owner[n]))
                    layers_[l].members[layer.owner[n]].push_back(static_cast<int>(n));
            pack(layers_[l], down_columns(file, layer.layer, plan.hidden, layer.width));
            RidgeSums& sums = statistics.layer(l).sums;
            sums.outputs = plan.experts;
            sums.xy.assign(static_cast<std::size_t>(plan.experts) * static_cast<std::size_t>(plan.hidden),
                           0.0);
        }
    }

    void observe(const FeedForwardView& v, int thread, int threads) override {
        if (v.block < first_block_)
            return;
        const auto index = static_cast<std::size_t>(v.block - first_block_);
        const Layer& layer = layers_[index];
        RidgeSums& sums = statistics_.layer(index).sums;
        for (int e = thread; e < plan_.experts; e += threads) { // an expert's sums belong to one thread
            double* xy = sums.xy.data() + static_cast<std::ptrdiff_t>(e) * plan_.hidden;
            const std::vector<double> norms = output_norms(layer, static_cast<std::size_t>(e), v);
            for (int r = 0; r < v.rows; ++r) {
                const double norm = norms[static_cast<std::size_t>(r)];
                const float* x = v.in + r * v.in_stride;
                for (int i = 0; i < plan_.hidden; ++i)
                    xy[i] += norm * x[i];
            }
        }
    }

  private:
    struct Layer {
        std::vector<std::vector<int>> members;  ///< neurons of each expert
        std::vector<std::vector<float>> packed; ///< down of each expert, in panels
    };

    void pack(Layer& layer, const std::vector<float>& columns) const {
        const auto hidden = static_cast<std::size_t>(plan_.hidden);
        for (const std::vector<int>& members : layer.members) {
            std::vector<float> rows(hidden * members.size());
            for (std::size_t m = 0; m < members.size(); ++m)
                for (std::size_t i = 0; i < hidden; ++i)
                    rows[i * members.size() + m] = columns[static_cast<std::size_t>(members[m]) * hidden + i];
            const auto width = static_cast<std::int64_t>(members.size());
            auto& packed = layer.packed.emplace_back(cpu::packed_bytes(BlockType::F32, plan_.hidden, width) /
                                                     sizeof(float));
            cpu::pack_panels(BlockType::F32, plan_.hidden, width,
                             reinterpret_cast<const std::byte*>(rows.data()),
                             reinterpret_cast<std::byte*>(packed.data()), 0, cpu::panels(plan_.hidden));
        }
    }

    // Of one expert's output for each row of the step.
    std::vector<double> output_norms(const Layer& layer, std::size_t expert, const FeedForwardView& v) const {
        const auto rows = static_cast<std::size_t>(v.rows), hidden = static_cast<std::size_t>(plan_.hidden);
        const std::vector<int>& members = layer.members[expert];
        std::vector<float> h(rows * members.size()), y(rows * hidden);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t m = 0; m < members.size(); ++m)
                h[r * members.size() + m] =
                    v.hidden[static_cast<std::ptrdiff_t>(r) * v.hidden_stride + members[m]];
        cpu::MatmulArgs args;
        args.weights = {BlockType::F32, plan_.hidden, static_cast<std::int64_t>(members.size()),
                        reinterpret_cast<const std::byte*>(layer.packed[expert].data())};
        args.last_panel = cpu::panels(plan_.hidden);
        args.activations = reinterpret_cast<const std::byte*>(h.data());
        args.activation_stride = members.size() * sizeof(float);
        args.tokens = v.rows;
        args.y = y.data();
        args.y_stride = plan_.hidden;
        cpu::matmul(args);
        std::vector<double> norms(rows);
        for (std::size_t r = 0; r < rows; ++r) {
            const float* row = y.data() + r * hidden;
            norms[r] = std::sqrt(std::inner_product(row, row + hidden, row, 0.0));
        }
        return norms;
    }

    const CarvePlan& plan_;
    int first_block_;
    NeuronStatistics& statistics_;
    std::vector<Layer> layers_;
};

// Runs every text through the model; the observer sees each step.
class Reading {
  public:
    Reading(LoadedModel& model, const std::vector<std::vector<std::int32_t>>& texts,
            const CarveProgress& progress)
        : model_(model), texts_(texts), progress_(progress) {
        for (const auto& t : texts)
            total_ += t.size();
    }
    std::size_t tokens() const { return total_; }

    template <typename BeforeStep>
    void run(FeedForwardObserver& observer, double from, double to, const std::string& stage,
             BeforeStep before) {
        const ObserverGuard guard(model_.executor(), observer);
        std::size_t done = 0;
        for (const auto& text : texts_) {
            TextCache cache(model_.executor());
            for (std::size_t begin = 0; begin < text.size(); begin += kChunk) {
                Batch batch;
                const std::size_t end = std::min(begin + kChunk, text.size());
                for (std::size_t i = begin; i < end; ++i)
                    batch.rows.push_back({.token = text[i], .position = static_cast<std::int32_t>(i)});
                batch.sequences.push_back(cache.next(model_.plan(), static_cast<int>(begin),
                                                     static_cast<int>(end), static_cast<int>(text.size()),
                                                     BlockType::F16));
                before(done);
                if (model_.executor().run(std::move(batch), model_.weights(), progress_.stop).cancelled)
                    throw Error("carving was stopped");
                done += end - begin;
                if (progress_.report)
                    progress_.report(
                        from + (to - from) * static_cast<double>(done) / static_cast<double>(total_), stage);
            }
        }
    }

  private:
    struct ObserverGuard {
        ObserverGuard(Executor& e, FeedForwardObserver& o) : executor(e) { executor.set_observer(&o); }
        ~ObserverGuard() { executor.set_observer(nullptr); }
        Executor& executor;
    };

    LoadedModel& model_;
    const std::vector<std::vector<std::int32_t>>& texts_;
    const CarveProgress& progress_;
    std::size_t total_ = 0;
};

// The mean of the inputs, so long that the root mean square of inputs times it is 1. `sum`: of the inputs.
std::vector<float> mean_direction(const RidgeSums& sums, const std::vector<double>& sum) {
    const std::size_t n = sum.size();
    double square = 0;
    for (std::size_t i = 0; i < n; ++i)
        square += sum[i] * std::inner_product(sum.begin(), sum.end(),
                                              sums.xx.begin() + static_cast<std::ptrdiff_t>(i * n), 0.0);
    const double scale = square > 0 ? 1 / std::sqrt(square / sums.rows) : 0;
    std::vector<float> direction(n);
    std::transform(sum.begin(), sum.end(), direction.begin(),
                   [&](double v) { return static_cast<float>(v * scale); });
    return direction;
}

// One layer at a time on as many threads as the backend has.
template <typename F>
void for_layers(std::size_t layers, int threads, F work) {
    std::atomic<std::size_t> next{0};
    share_ranges(threads, threads, [&](std::int64_t, std::int64_t) {
        for (std::size_t l = next++; l < layers; l = next++)
            work(l);
    });
}

} // namespace

/// Neurons of an expert, of `wanted` for each; the rest is shared.
static int expert_width(int neurons, int experts, double wanted) {
    const int nearest = static_cast<int>(std::lround(wanted / kBlock)) * kBlock;
    const bool blocks = neurons % kBlock == 0 && std::fabs(nearest - wanted) <= kMostRounding * wanted;
    const int width = blocks ? nearest : static_cast<int>(wanted);
    if (width < 1)
        throw Error("the " + std::to_string(neurons) + " neurons of a layer are too few for " +
                    std::to_string(experts) + " experts");
    return width;
}

/// As above, but for a layout whose shared part is a multiple of an expert: the widest expert that leaves at
/// least the wanted share; in whole blocks of 32 neurons where that is possible, so that down can be
/// quantized.
static int dividing_width(int neurons, int experts, double wanted) {
    const auto most = static_cast<int>(wanted);
    for (const int step : {kBlock, 1})
        for (int width = most / step * step; width >= step; width -= step)
            if ((neurons - experts * width) % width == 0)
                return width;
    throw Error("the " + std::to_string(neurons) + " neurons of a layer do not divide into " +
                std::to_string(experts) + " experts and a shared part that is a multiple of an expert");
}

CarvePlan shape_plan(const ModelFile& file, const ModelConfig& c, const CarveShape& shape) {
    if (!c.dense())
        throw Error(c.name + " has experts already: only a dense model can be carved");
    if (shape.routed < 2 || shape.routed > kMostCarvedExperts)
        throw Error("the number of routed experts must be 2 to " + std::to_string(kMostCarvedExperts) +
                    ", not " + std::to_string(shape.routed));
    if (!(shape.shared_share >= 0.0 && shape.shared_share < 1.0))
        throw Error("the shared share must be at least 0 and below 1");
    if (shape.dense_layers < 0 || shape.dense_layers >= c.layers)
        throw Error("the leading layers that stay dense must be 0 to " + std::to_string(c.layers - 1) +
                    ", not " + std::to_string(shape.dense_layers));
    const CarveLayout layout = carve_layout(file, c, shape.routed, shape.dense_layers);
    CarvePlan plan;
    plan.hidden = c.hidden;
    plan.model_layers = c.layers;
    plan.experts = shape.routed;
    plan.model = c.name;
    for (const int layer : feed_forward_layers(file, c)) {
        if (layer < shape.dense_layers)
            continue;
        const int neurons = neurons_of(file, layer);
        const double wanted = (1.0 - shape.shared_share) * neurons / shape.routed;
        plan.layers.push_back({layer, neurons,
                               layout.whole_shared ? dividing_width(neurons, shape.routed, wanted)
                                                   : expert_width(neurons, shape.routed, wanted)});
    }
    if (plan.layers.empty())
        throw Error(c.name + " has no layers with neurons behind the first " +
                    std::to_string(shape.dense_layers));
    return plan;
}

CarvePlan make_carve_plan(LoadedModel& model, const CarveShape& shape,
                          const std::vector<std::vector<std::int32_t>>& texts,
                          const CarveProgress& progress) {
    CarvePlan plan = shape_plan(model.file(), model.config(), shape);
    Reading reading(model, texts, progress);
    if (reading.tokens() < kLeastTokens)
        throw Error("the calibration text has " + std::to_string(reading.tokens()) + " tokens, at least " +
                    std::to_string(kLeastTokens) + " are needed");
    const std::size_t layers = plan.layers.size();
    const auto first_block =
        static_cast<int>(feed_forward_layers(model.file(), model.config()).size() - layers);
    NeuronStatistics statistics(plan, first_block, reading.tokens());
    reading.run(statistics, 0.0, 0.4, "ranking neurons",
                [&](std::size_t first) { statistics.next_step(first); });

    for_layers(layers, model.backend().threads(), [&](std::size_t l) {
        if (progress.stop.stop_requested())
            return;
        CarveLayer& layer = plan.layers[l];
        const auto columns = down_columns(model.file(), layer.layer, plan.hidden, layer.width);
        layer.owner = assign_neurons(statistics.layer(l), columns, plan, layer);
    });
    if (progress.stop.stop_requested())
        throw Error("carving was stopped");
    if (progress.report)
        progress.report(0.5, "grouping neurons");

    ExpertNorms norms(plan, first_block, statistics, model.file());
    reading.run(norms, 0.5, 0.9, "training routers", [](std::size_t) {});
    for_layers(layers, model.backend().threads(), [&](std::size_t l) {
        const NeuronStatistics::Layer& layer = statistics.layer(l);
        const RidgeSums& sums = layer.sums;
        plan.layers[l].direction = mean_direction(sums, layer.input);
        plan.layers[l].router = RidgeSolver(sums, kRidge).fit(sums);
    });
    plan.calibration = std::to_string(reading.tokens()) + " tokens";
    if (progress.report)
        progress.report(1.0, "training routers");
    return plan;
}

} // namespace switchyard
