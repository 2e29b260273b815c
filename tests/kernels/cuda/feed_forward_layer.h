// A layer of gated blocks on the device, routed and dense, and what plain sums of the decoded matrices say
// that it computes.
#pragma once

#include "kernels/cuda/feed_forward_launch.h"
#include "kernels/cuda/prompt_feed_forward_launch.h"
#include "tests/kernels/cuda/placed_matrix.h"
#include "tests/kernels/cuda/route_reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <span>
#include <vector>

namespace switchyard::cuda {

using test::Random;

struct GatedBlockShape {
    std::int32_t width;
    BlockType up, down;
    bool biases, output_gate;
};

struct GatedLayerShape {
    std::int32_t in, out, experts, active;
    GatedBlockShape expert; ///< width 0: none
    std::vector<GatedBlockShape> blocks;
    GatedActivation activation;
    bool add;
};

/// A layer on the device, and what it should compute.
class GatedLayer {
  public:
    GatedLayer(Device& device, Stream& stream, const GatedLayerShape& shape, Random& random)
        : shape_(shape), device_(device), stream_(stream), random_(random) {
        std::uint32_t formats = kInputF32;
        if (shape.expert.width > 0) {
            expert_ = block(shape.expert, shape.experts);
            formats |= input_format(shape.expert.up);
        }
        for (const GatedBlockShape& b : shape.blocks) {
            blocks_.push_back(block(b, 1));
            formats |= input_format(b.up);
            gates_.push_back(b.output_gate ? random_.normals(static_cast<std::size_t>(shape.in))
                                           : std::vector<float>());
            gate_views_.push_back(b.output_gate ? plain(gates_.back()) : nullptr);
        }
        formats_ = upload(device, stream, std::vector<std::uint32_t>{formats});
        make_table();
    }

    struct Rows {
        std::vector<RowInput> rows;
        std::vector<float> logits, in, residual;
    };
    Rows random_rows(std::size_t count) {
        Rows r;
        r.rows.resize(count);
        for (RowInput& row : r.rows) {
            row.routing_mass = 1;
            row.off_mask = -1;
        }
        r.logits = random_.normals(count * static_cast<std::size_t>(shape_.experts));
        r.in = random_.normals(count * static_cast<std::size_t>(shape_.in));
        r.residual = random_.normals(count * static_cast<std::size_t>(shape_.out));
        return r;
    }
    Rows alone(const Rows& all, std::size_t row) const {
        const auto part = [&](const std::vector<float>& values, std::int32_t width) {
            const auto n = static_cast<std::size_t>(width);
            return std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(row * n),
                                      values.begin() + static_cast<std::ptrdiff_t>((row + 1) * n));
        };
        return {{all.rows[row]},
                part(all.logits, shape_.experts),
                part(all.in, shape_.in),
                part(all.residual, shape_.out)};
    }

    RouteRule rule() const { return {shape_.experts, shape_.active, RouterGate::Softmax, 1, 1.0f, 1, 1, 0}; }

    /// As answers' rows, or as prompts'.
    std::vector<float> run(const Rows& r, bool prompt = false) {
        const auto rows = static_cast<std::int32_t>(r.rows.size());
        const auto count = r.rows.size();
        FeedForwardParams p = {};
        p.most = shape_.active;
        p.in_width = shape_.in;
        if (shape_.expert.width > 0)
            p.most_units = std::min(shape_.experts, rows * shape_.active);
        p.block_count = static_cast<std::int32_t>(blocks_.size());
        for (std::size_t b = 0; b < blocks_.size(); ++b)
            p.blocks[b] = {blocks_[b].device, gate_views_[b],
                           upload(device_, stream_, std::vector<float>(count))};
        p.row_count = rows;
        p.in = prepared_rows(count, padded_columns(shape_.in));
        p.out = upload(device_, stream_, r.residual);
        p.out_stride = p.out_width = shape_.out;
        p.add = shape_.add;
        if (shape_.expert.width > 0)
            p.expert = expert_.device;
        p.hidden = prepared_rows(1, static_cast<std::int32_t>(hidden_columns(p)));
        const float* in = upload(device_, stream_, r.in);
        // Before any launch: uploads wait for the stream, and no launch would begin before another's end.
        latest_route_ = route(r, p);
        launch<Kernel::Prepare>(stream_, prepare_grid(rows, 1),
                                {.in = in,
                                 .in_stride = shape_.in,
                                 .heads = 1,
                                 .head_stride = 0,
                                 .width = shape_.in,
                                 .gather = nullptr,
                                 .gain = nullptr,
                                 .epsilon = 0,
                                 .formats = formats_,
                                 .out = p.in});
        if (prompt) {
            launch_routing(stream_, latest_route_, true);
            run_prompt(p, in);
        } else {
            launch_feed_forward(stream_, p, &latest_route_, 4, true);
        }
        return download(stream_, p.out, r.residual.size());
    }

    const RouteFewParams& latest_route() const { return latest_route_; }
    /// The same rows, to memory of its own.
    RouteFewParams copy_for_route_few(RouteFewParams p) {
        const auto rows = static_cast<std::size_t>(p.route.row_count),
                   places = rows * static_cast<std::size_t>(p.route.most);
        p.units.choices = p.route.choices = upload(device_, stream_, std::vector<ExpertChoice>(places));
        p.units.counts = p.route.counts = upload(device_, stream_, std::vector<std::int32_t>(rows));
        p.route.blocks[0].output_weights = upload(device_, stream_, std::vector<float>(rows));
        p.units.list = upload(device_, stream_, std::vector<FeedForwardList>(1));
        p.units.units =
            upload(device_, stream_, std::vector<FeedForwardUnit>(static_cast<std::size_t>(shape_.experts)));
        p.units.pair_rows = upload(device_, stream_, std::vector<std::int32_t>(places));
        p.units.pair_weights = upload(device_, stream_, std::vector<float>(places));
        p.units.row_pairs = memory<std::int32_t>(places);
        return p;
    }

    std::vector<double> expected(const Rows& r) const {
        std::vector<double> out(r.residual.size());
        const auto width = static_cast<std::size_t>(shape_.out),
                   in_width = static_cast<std::size_t>(shape_.in);
        for (std::size_t row = 0; row < r.rows.size(); ++row) {
            const std::span<double> to = std::span(out).subspan(row * width, width);
            const float* in = r.in.data() + row * in_width;
            for (std::size_t m = 0; m < width; ++m)
                to[m] = shape_.add ? r.residual[row * width + m] : 0.0;
            if (shape_.expert.width > 0)
                for (const ExpertChoice& choice : route_reference(
                         rule(), r.rows[row],
                         r.logits.data() + row * static_cast<std::size_t>(shape_.experts), {}, {}))
                    add_block(expert_, static_cast<std::size_t>(choice.expert), in, choice.weight, to);
            for (std::size_t b = 0; b < blocks_.size(); ++b) {
                double weight = 1;
                if (!gates_[b].empty()) {
                    double sum = 0;
                    for (std::size_t i = 0; i < in_width; ++i)
                        sum += double{gates_[b][i]} * in[i];
                    weight = 1 / (1 + std::exp(-sum));
                }
                add_block(blocks_[b], 0, in, weight, to);
            }
        }
        return out;
    }

  private:
    struct Block {
        GatedBlockShape shape;
        GatedMatrices device;
        std::vector<PlacedMatrix> gate, up, down; ///< by expert
        std::vector<float> gate_bias, up_bias, down_bias;
    };

    void run_prompt(const FeedForwardParams& p, const float* in) {
        const auto rows = static_cast<std::size_t>(p.row_count);
        PromptFeedForward f = {};
        f.layer = p;
        f.experts = shape_.experts;
        f.row_pairs = latest_route_.units.row_pairs;
        f.counts = latest_route_.route.counts;
        f.in = half_rows(rows, shape_.in);
        f.hidden = memory<float>(static_cast<std::size_t>(prompt_hidden_columns(p)));
        f.hidden_values = memory<std::uint16_t>(static_cast<std::size_t>(prompt_hidden_columns(p)));
        f.hidden_scales = memory<float>(static_cast<std::size_t>(prompt_hidden_rows(p)));
        f.results = memory<float>(rows * static_cast<std::size_t>(p.most * p.out_width));
        f.ranges = ranges_;
        launch<Kernel::PreparePrompt>(stream_, prepare_grid(p.row_count, 1),
                                      {.in = in,
                                       .in_stride = shape_.in,
                                       .heads = 1,
                                       .head_stride = 0,
                                       .width = shape_.in,
                                       .count = nullptr,
                                       .gain = nullptr,
                                       .epsilon = 0,
                                       .out = f.in},
                                      true);
        launch_prompt_feed_forward(f, TestLaunches{stream_});
    }

    PlacedMatrix placed(BlockType type, std::int32_t rows, std::int32_t cols) {
        return place_matrix(device_, stream_, type, rows, cols, random_);
    }
    const MatrixView* plain(const std::vector<float>& values) {
        const auto* data = reinterpret_cast<const std::byte*>(upload(device_, stream_, values));
        return upload(
            device_, stream_,
            std::vector<MatrixView>{{data, 1, static_cast<std::int32_t>(values.size()), BlockType::F32}});
    }
    Block block(const GatedBlockShape& shape, std::int32_t experts) {
        Block b;
        b.shape = shape;
        for (std::int32_t e = 0; e < experts; ++e) {
            b.gate.push_back(placed(shape.up, shape.width, shape_.in));
            b.up.push_back(placed(shape.up, shape.width, shape_.in));
            b.down.push_back(placed(shape.down, shape_.out, shape.width));
        }
        const auto n = static_cast<std::size_t>(experts);
        b.device = {.gate = nullptr,
                    .up = nullptr,
                    .down = nullptr,
                    .gate_bias = nullptr,
                    .up_bias = nullptr,
                    .down_bias = nullptr,
                    .width = shape.width,
                    .activation = shape_.activation,
                    .clamp_alpha = alpha(),
                    .clamp_limit = 2.0f};
        if (shape.biases) {
            b.gate_bias = random_.normals(n * static_cast<std::size_t>(shape.width));
            b.up_bias = random_.normals(n * static_cast<std::size_t>(shape.width));
            b.down_bias = random_.normals(n * static_cast<std::size_t>(shape_.out));
            b.device.gate_bias = plain(b.gate_bias);
            b.device.up_bias = plain(b.up_bias);
            b.device.down_bias = plain(b.down_bias);
        }
        return b;
    }
    /// One table of all matrices.
    void make_table() {
        std::vector<Block*> all = {&expert_};
        for (Block& b : blocks_)
            all.push_back(&b);
        std::vector<MatrixView> views;
        for (const Block* b : all)
            for (const auto* matrices : {&b->gate, &b->up, &b->down})
                for (const PlacedMatrix& m : *matrices)
                    views.push_back(m.view);
        const MatrixView* at = upload(device_, stream_, views);
        ranges_ = {at, upload(device_, stream_, std::vector<std::uint32_t>(views.size() * kRangeParts))};
        for (Block* b : all)
            for (auto [entry, matrices] : {std::pair{&b->device.gate, &b->gate},
                                           {&b->device.up, &b->up},
                                           {&b->device.down, &b->down}}) {
                *entry = at;
                at += matrices->size();
            }
        std::vector<std::int32_t> entries(views.size());
        std::iota(entries.begin(), entries.end(), 0);
        launch<Kernel::FindRanges>(stream_, range_grid(static_cast<int>(views.size())),
                                   {ranges_, upload(device_, stream_, entries)});
    }
    template <typename T>
    T* memory(std::size_t count) {
        std::byte* at = device_.allocate(count * sizeof(T));
        stream_.fill(at, 0xff, count * sizeof(T));
        return reinterpret_cast<T*>(at);
    }
    HalfRows half_rows(std::size_t rows, std::int32_t width) {
        const std::int32_t padded = padded_columns(width);
        return {memory<std::uint16_t>(rows * static_cast<std::size_t>(padded)), memory<float>(rows), padded};
    }
    PreparedRows prepared_rows(std::size_t rows, std::int32_t padded) {
        const std::size_t values = rows * static_cast<std::size_t>(padded);
        return {memory<float>(values),          memory<ByteBlock>(values / 32),
                memory<PairBlock>(values / 16), memory<PairBlock>(values / 16),
                memory<float>(values / 32),     padded};
    }
    RouteFewParams route(const Rows& r, FeedForwardParams& p) {
        const auto rows = r.rows.size(), places = rows * static_cast<std::size_t>(shape_.active);
        RouteFewParams few = {};
        few.route.rows = upload(device_, stream_, r.rows);
        few.route.row_count = p.row_count;
        if (shape_.expert.width > 0)
            few.route.rule = rule();
        few.route.logits = upload(device_, stream_, r.logits);
        few.route.most = shape_.active;
        few.route.choices = upload(device_, stream_, std::vector<ExpertChoice>(places));
        few.route.counts = upload(device_, stream_, std::vector<std::int32_t>(rows));
        few.route.in = p.in.floats;
        few.route.in_stride = p.in.padded;
        few.route.in_width = shape_.in;
        few.route.block_count = p.block_count;
        std::ranges::copy(p.blocks, few.route.blocks);
        FeedForwardList* list = upload(device_, stream_, std::vector<FeedForwardList>(1));
        FeedForwardUnit* units =
            upload(device_, stream_, std::vector<FeedForwardUnit>(static_cast<std::size_t>(shape_.experts)));
        std::int32_t* pair_rows = upload(device_, stream_, std::vector<std::int32_t>(places));
        float* pair_weights = upload(device_, stream_, std::vector<float>(places));
        few.units = {few.route.choices,
                     few.route.counts,
                     p.row_count,
                     shape_.active,
                     shape_.experts,
                     p.expert,
                     list,
                     units,
                     pair_rows,
                     pair_weights,
                     memory<std::int32_t>(places)};
        if (shape_.expert.width == 0)
            return few;
        p.list = list;
        p.units = units;
        p.pair_rows = pair_rows;
        p.pair_weights = pair_weights;
        return few;
    }

    double joined(double gate, double up) const {
        switch (shape_.activation) {
        case GatedActivation::Silu:
            return gate / (1 + std::exp(-gate)) * up;
        case GatedActivation::Gelu:
            return 0.5 * gate *
                   (1 + std::tanh(std::sqrt(2 / M_PI) * (gate + 0.044715 * gate * gate * gate))) * up;
        case GatedActivation::Relu:
            return std::max(gate, 0.0) * up;
        default: {
            const double g = std::min(gate, 2.0), u = std::clamp(up, -2.0, 2.0);
            return g / (1 + std::exp(-double{alpha()} * g)) * (limited() ? u : u + 1);
        }
        }
    }
    bool limited() const { return shape_.activation == GatedActivation::LimitedSilu; }
    float alpha() const { return limited() ? 1.0f : 1.702f; }
    static double dot(const PlacedMatrix& matrix, std::size_t row, const auto& x) {
        const auto cols = static_cast<std::size_t>(matrix.view.cols);
        double sum = 0;
        for (std::size_t i = 0; i < cols; ++i)
            sum += double{matrix.values[row * cols + i]} * x[i];
        return sum;
    }
    void add_block(const Block& b, std::size_t e, const float* in, double weight,
                   std::span<double> to) const {
        const auto width = static_cast<std::size_t>(b.shape.width);
        std::vector<double> hidden(width);
        for (std::size_t n = 0; n < width; ++n)
            hidden[n] = joined(dot(b.gate[e], n, in) + (b.shape.biases ? b.gate_bias[e * width + n] : 0.0f),
                               dot(b.up[e], n, in) + (b.shape.biases ? b.up_bias[e * width + n] : 0.0f));
        for (std::size_t m = 0; m < to.size(); ++m)
            to[m] += weight *
                     (dot(b.down[e], m, hidden) + (b.shape.biases ? b.down_bias[e * to.size() + m] : 0.0f));
    }

    GatedLayerShape shape_;
    Device& device_;
    Stream& stream_;
    Random& random_;
    Block expert_;
    std::vector<Block> blocks_;
    std::vector<std::vector<float>> gates_;
    std::vector<const MatrixView*> gate_views_;
    const std::uint32_t* formats_;
    WeightRanges ranges_;
    RouteFewParams latest_route_ = {};
};

struct FeedForwardKernels : testing::Test {
    std::unique_ptr<Device> device = make_test_device({.memory_bytes = std::size_t{256} << 20});
    std::unique_ptr<Stream> stream = device->make_stream();
    Random random{5};

    /// That batches of all these sizes agree with plain sums, and rows alone with both, bit for bit. As
    /// answers, whose inputs have 16 bits, or as prompts, where inputs and weights have 11.
    void check(const GatedLayerShape& shape, const std::vector<std::size_t>& batches, bool prompt = false) {
        GatedLayer layer(*device, *stream, shape, random);
        const auto width = static_cast<std::size_t>(shape.out);
        for (const std::size_t count : batches) {
            SCOPED_TRACE(count);
            GatedLayer::Rows rows = layer.random_rows(count);
            const bool padded = count > 2;
            if (padded) {
                rows.rows[1].position = -1;
                std::fill_n(rows.logits.begin() + shape.experts, shape.experts, std::nanf(""));
            }
            const std::vector<float> got = layer.run(rows, prompt);
            const std::vector<double> wanted = layer.expected(rows);
            double error = 0, size = 0;
            for (std::size_t i = 0; i < got.size(); ++i) {
                if (padded && i / width == 1)
                    continue;
                error += std::pow(got[i] - wanted[i], 2);
                size += std::pow(wanted[i] - (shape.add ? rows.residual[i] : 0.0f), 2);
            }
            EXPECT_LT(error / size, prompt ? 1e-6 : 3e-8);
            for (const std::size_t row : {count / 2, count - 1}) {
                if (padded && row == 1)
                    continue;
                const std::vector<float> one = layer.run(layer.alone(rows, row), prompt);
                EXPECT_EQ(std::memcmp(one.data(), got.data() + row * width, width * sizeof(float)), 0)
                    << "row " << row;
            }
        }
    }
};

} // namespace switchyard::cuda
