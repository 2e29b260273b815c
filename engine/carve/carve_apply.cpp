#include "engine/carve/carve_apply.h"

#include "engine/base/error.h"
#include "engine/files/gguf_writer.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace switchyard {

namespace {

// Every weight is N * softmax(logit), so it is 1 where all logits are equal. They must differ to choose, but
// as little as floats allow: one part in a thousand changes the result by less than the F16 cache does.
constexpr double kLogitSpread = 1e-3;

// Neurons of one layer by where they go: the shared ones, then each expert's, each in ascending order.
struct Places {
    std::vector<int> shared;
    std::vector<std::vector<int>> experts;
};

Places places_of(const CarveLayer& layer, int experts) {
    Places p;
    p.experts.resize(static_cast<std::size_t>(experts));
    for (std::size_t n = 0; n < layer.owner.size(); ++n)
        (layer.owner[n] == kSharedNeuron ? p.shared : p.experts[layer.owner[n]])
            .push_back(static_cast<int>(n));
    return p;
}

// A tensor of the carved file and how its bytes come about.
struct Output {
    TensorView view;
    const TensorView* source; ///< nullptr: a router
    int layer = -1;
    enum class Kind { Copy, SharedRows, ExpertRows, SharedColumns, ExpertColumns, Router } kind = Kind::Copy;
};

class Carver {
  public:
    Carver(const ModelFile& dense, const ModelConfig& config, const CarvePlan& plan,
           const CarveOptions& options)
        : dense_(dense), c_(config), plan_(plan), options_(options) {
        check_plan(plan);
        if (!c_.dense() || c_.hidden != plan.hidden || c_.feed_forward != plan.width ||
            static_cast<std::size_t>(c_.layers) != plan.layers.size())
            throw Error("the carve plan was made for " + plan.model + " (" +
                        std::to_string(plan.layers.size()) + " layers of " + std::to_string(plan.hidden) +
                        " x " + std::to_string(plan.width) + "), not for " + c_.name);
        report_.down_type = down_type();
        router_scale_ = router_scale();
    }

    CarveReport write(const std::filesystem::path& out, const CarveProgress& progress) {
        list_tensors();
        const Metadata metadata = carved_metadata();
        std::vector<TensorView> views;
        std::size_t total = 0, done = 0;
        for (const Output& o : outputs_) {
            views.push_back(o.view);
            total += o.view.bytes;
        }
        GgufWriter writer(out, metadata, views);
        for (const Output& o : outputs_) {
            if (progress.stop.stop_requested())
                throw Error("carving was stopped");
            emit(writer, o);
            done += o.view.bytes;
            if (progress.report)
                progress.report(static_cast<double>(done) / static_cast<double>(total), "writing");
        }
        writer.finish();
        return report_;
    }

  private:
    std::string key(const std::string& name) const { return "deepseek." + name; }

    BlockType down_type() const {
        if (options_.down)
            return *options_.down;
        const TensorView* t = dense_.find("blk.0.ffn_down.weight");
        const bool exact = t && traits(t->type).values == 1; // single values move as they are
        const bool whole_blocks = plan_.expert_width % 32 == 0 && plan_.shared_width() % 32 == 0;
        return exact ? t->type : whole_blocks ? BlockType::Q8_0 : BlockType::F16;
    }

    void add(const std::string& name, BlockType type, std::vector<std::int64_t> shape,
             const TensorView* source, int layer, Output::Kind kind) {
        Output o;
        std::size_t rows = 1;
        for (std::size_t i = 1; i < shape.size(); ++i)
            rows *= static_cast<std::size_t>(shape[i]);
        o.view = {name, type, shape, nullptr, rows * row_bytes(type, shape[0])};
        o.source = source;
        o.layer = layer;
        o.kind = kind;
        outputs_.push_back(std::move(o));
    }

    void list_tensors() {
        for (const TensorView& t : dense_.tensors()) {
            int layer = -1, used = 0;
            const bool block = std::sscanf(t.name.c_str(), "blk.%d.%n", &layer, &used) == 1 && used > 0;
            const std::string part = block ? t.name.substr(static_cast<std::size_t>(used)) : t.name;
            const std::string prefix = "blk." + std::to_string(layer) + ".";
            const std::int64_t w = plan_.expert_width, n = plan_.experts, h = plan_.hidden,
                               s = plan_.shared_width();
            if (part == "ffn_gate.weight" || part == "ffn_up.weight") {
                const std::string name = prefix + part.substr(0, part.find('.'));
                if (s > 0)
                    add(name + "_shexp.weight", t.type, {h, s}, &t, layer, Output::Kind::SharedRows);
                add(name + "_exps.weight", t.type, {h, w, n}, &t, layer, Output::Kind::ExpertRows);
            } else if (part == "ffn_down.weight") {
                if (s > 0)
                    add(prefix + "ffn_down_shexp.weight", report_.down_type, {s, h}, &t, layer,
                        Output::Kind::SharedColumns);
                add(prefix + "ffn_down_exps.weight", report_.down_type, {w, h, n}, &t, layer,
                    Output::Kind::ExpertColumns);
                add(prefix + "ffn_gate_inp.weight", BlockType::F32, {h, n}, nullptr, layer,
                    Output::Kind::Router);
            } else {
                add(t.name, t.type, t.shape, &t, layer, Output::Kind::Copy);
                const bool bias = block && part.ends_with(".bias");
                if (bias || t.name == "rope_freqs.weight" || part.find("_norm.weight") == std::string::npos)
                    note_tensor(t.name, part, block);
            }
        }
    }

    // Biases, rope factors and head norms have no place in the deepseek layout: other programs refuse the
    // file.
    void note_tensor(const std::string& name, const std::string& part, bool block) {
        static constexpr const char* kKnown[] = {"attn_q.weight", "attn_k.weight", "attn_v.weight",
                                                 "attn_output.weight"};
        const bool known =
            block ? std::any_of(std::begin(kKnown), std::end(kKnown), [&](auto k) { return part == k; })
                  : name == "token_embd.weight" || name == "output.weight" || name == "output_norm.weight";
        if (!known && !report_.only_here) {
            report_.only_here = true;
            report_.note = "the deepseek layout has no place for " + name +
                           ": the carved file opens in this program only";
        }
    }

    Metadata carved_metadata() {
        Metadata m;
        const std::string from = c_.architecture + ".";
        for (const auto& [name, value] : dense_.metadata().entries())
            m.set(name.starts_with(from) ? key(name.substr(from.size())) : name, value);
        m.set("general.architecture", std::string("deepseek"));
        m.set(key("leading_dense_block_count"), std::uint64_t{0});
        m.set(key("expert_count"), static_cast<std::uint64_t>(plan_.experts));
        const int active = options_.active > 0 ? std::min(options_.active, plan_.experts) : plan_.experts;
        m.set(key("expert_used_count"), static_cast<std::uint64_t>(active));
        m.set(key("expert_shared_count"),
              static_cast<std::uint64_t>(plan_.shared_width() / plan_.expert_width));
        m.set(key("expert_feed_forward_length"), static_cast<std::uint64_t>(plan_.expert_width));
        m.set(key("expert_weights_scale"), static_cast<double>(plan_.experts));
        m.set(key("expert_weights_norm"), false);
        m.set(key("expert_gating_func"), std::uint64_t{1});
        m.set(kCarveScaleKey, router_scale_);
        std::vector<double> bias;
        for (const CarveLayer& layer : plan_.layers)
            for (float b : layer.intercept)
                bias.push_back(b * router_scale_);
        m.set(kCarveBiasKey, bias);
        if (!c_.rope.interleaved) {
            m.set(kRopeHalfSplitKey, true);
            report_.only_here = true;
            report_.note = "this model rotates halves, the deepseek layout pairs: the carved file opens in "
                           "this program only";
        }
        return m;
    }

    // So that the routers' logits differ by about kLogitSpread: predicted norms differ by about their own
    // mean.
    double router_scale() const {
        double sum = 0;
        std::size_t count = 0;
        for (const CarveLayer& layer : plan_.layers)
            for (float b : layer.router) {
                sum += static_cast<double>(b) * b;
                ++count;
            }
        const double deviation = std::sqrt(sum / static_cast<double>(count) * plan_.hidden);
        return deviation > 0 ? kLogitSpread / deviation : kLogitSpread;
    }

    void emit(GgufWriter& writer, const Output& o) const {
        switch (o.kind) {
        case Output::Kind::Copy:
            writer.append({o.source->data, o.source->bytes});
            return;
        case Output::Kind::Router: {
            std::vector<float> router = plan_.layers[static_cast<std::size_t>(o.layer)].router;
            for (float& v : router)
                v = static_cast<float>(v * router_scale_);
            writer.append(std::as_bytes(std::span(router)));
            return;
        }
        default:
            break;
        }
        const Places places = places_of(plan_.layers[static_cast<std::size_t>(o.layer)], plan_.experts);
        if (o.kind == Output::Kind::SharedRows)
            emit_rows(writer, *o.source, places.shared);
        else if (o.kind == Output::Kind::SharedColumns)
            emit_columns(writer, *o.source, places.shared);
        else
            for (const std::vector<int>& neurons : places.experts)
                o.kind == Output::Kind::ExpertRows ? emit_rows(writer, *o.source, neurons)
                                                   : emit_columns(writer, *o.source, neurons);
    }

    static void emit_rows(GgufWriter& writer, const TensorView& t, const std::vector<int>& neurons) {
        const std::size_t bytes = row_bytes(t.type, t.cols());
        for (int n : neurons)
            writer.append({t.data + static_cast<std::size_t>(n) * bytes, bytes});
    }

    void emit_columns(GgufWriter& writer, const TensorView& t, const std::vector<int>& neurons) const {
        std::vector<float> row(static_cast<std::size_t>(t.cols())), picked(neurons.size());
        std::vector<std::byte> blocks(
            row_bytes(report_.down_type, static_cast<std::int64_t>(neurons.size())));
        const std::size_t bytes = row_bytes(t.type, t.cols());
        for (std::int64_t r = 0; r < t.rows(); ++r) {
            decode_row(t.type, t.data + static_cast<std::size_t>(r) * bytes, row);
            for (std::size_t i = 0; i < picked.size(); ++i)
                picked[i] = row[static_cast<std::size_t>(neurons[i])];
            encode_row(report_.down_type, picked, blocks.data());
            writer.append(blocks);
        }
    }

    const ModelFile& dense_;
    const ModelConfig& c_;
    const CarvePlan& plan_;
    const CarveOptions& options_;
    CarveReport report_{};
    double router_scale_ = 1;
    std::vector<Output> outputs_;
};

} // namespace

CarveReport apply_carve_plan(const ModelFile& dense, const ModelConfig& config, const CarvePlan& plan,
                             const std::filesystem::path& out, const CarveOptions& options,
                             const CarveProgress& progress) {
    return Carver(dense, config, plan, options).write(out, progress);
}

} // namespace switchyard
