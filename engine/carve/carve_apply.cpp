#include "engine/carve/carve_apply.h"

#include "engine/base/error.h"
#include "engine/carve/carve_layout.h"
#include "engine/carve/exact_columns.h"
#include "engine/files/gguf_writer.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace switchyard {

namespace {

// Every weight is N * softmax(logit), so it is 1 where all logits are equal. They must differ to choose, but
// hardly more than floats tell apart: at the first token of a text a layer may read thirty times what it
// usually does, and so do its router and its gate.
constexpr double kLogitSpread = 2e-5;
// The shared gate's usual logit: sigmoid gives 1/2, and llama.cpp, which computes silu(x) / x,
// does not divide by 0.
constexpr float kGateLogit = 1e-5f;

// Neurons of one layer by where they go: the shared ones, then each expert's, each in ascending order but for
// the exact ones.
struct Places {
    std::vector<int> shared;
    std::size_t exact = 0; ///< that many blocks of `shared` begin with an exact neuron
    std::vector<std::vector<int>> experts;
};

Places places_of(const CarveLayer& layer, int experts) {
    Places p;
    std::vector<int> exact;
    p.experts.resize(static_cast<std::size_t>(experts));
    for (std::size_t n = 0; n < layer.owner.size(); ++n)
        (layer.owner[n] == kExactNeuron    ? exact
         : layer.owner[n] == kSharedNeuron ? p.shared
                                           : p.experts[layer.owner[n]])
            .push_back(static_cast<int>(n));
    p.exact = lead_blocks(p.shared, exact);
    return p;
}

// A tensor of the carved file and how its bytes come about.
struct Output {
    TensorView view;
    const TensorView* source; ///< nullptr: a router or a gate
    int layer = -1;
    enum class Kind { Copy, SharedRows, ExpertRows, SharedColumns, ExpertColumns, Router, Gate };
    Kind kind = Kind::Copy;
};

class Carver {
  public:
    Carver(const ModelFile& dense, const ModelConfig& config, const CarvePlan& plan,
           const CarveOptions& options)
        : dense_(dense), c_(config), plan_(plan), options_(options),
          layout_(carve_layout(config, plan.experts)) {
        check_plan(plan);
        if (!c_.dense() || c_.hidden != plan.hidden || c_.feed_forward != plan.width ||
            static_cast<std::size_t>(c_.layers) != plan.model_layers())
            throw Error("the carve plan was made for " + plan.model + " (" +
                        std::to_string(plan.model_layers()) + " layers of " + std::to_string(plan.hidden) +
                        " x " + std::to_string(plan.width) + "), not for " + c_.name);
        if (layout_.whole_shared && plan.shared_width() % plan.expert_width != 0)
            throw Error("the carve plan has " + std::to_string(plan.shared_width()) +
                        " shared neurons, which is no multiple of an expert's " +
                        std::to_string(plan.expert_width) + ", as " + c_.name + " needs it");
        check_dense_layers(c_, plan.dense_layers);
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
        dense_.check_whole();
        writer.finish();
        return report_;
    }

  private:
    std::string key(const std::string& name) const { return std::string(layout_.architecture) + "." + name; }

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
            const bool carved = block && layer >= plan_.dense_layers;
            const std::string prefix = "blk." + std::to_string(layer) + ".";
            const std::int64_t w = plan_.expert_width, n = plan_.experts, h = plan_.hidden,
                               s = plan_.shared_width();
            if (carved && (part == "ffn_gate.weight" || part == "ffn_up.weight")) {
                const std::string name = prefix + part.substr(0, part.find('.'));
                if (s > 0)
                    add(name + "_shexp.weight", t.type, {h, s}, &t, layer, Output::Kind::SharedRows);
                add(name + "_exps.weight", t.type, {h, w, n}, &t, layer, Output::Kind::ExpertRows);
            } else if (carved && part == "ffn_down.weight") {
                if (s > 0)
                    add(prefix + "ffn_down_shexp.weight", report_.down_type, {s, h}, &t, layer,
                        Output::Kind::SharedColumns);
                if (s > 0 && layout_.shared_gate)
                    add(prefix + "ffn_gate_inp_shexp.weight", BlockType::F32, {h}, nullptr, layer,
                        Output::Kind::Gate);
                add(prefix + "ffn_down_exps.weight", report_.down_type, {w, h, n}, &t, layer,
                    Output::Kind::ExpertColumns);
                add(prefix + "ffn_gate_inp.weight", BlockType::F32, {h, n}, nullptr, layer,
                    Output::Kind::Router);
            } else {
                add(t.name, t.type, t.shape, &t, layer, Output::Kind::Copy);
                note_tensor(t.name, part, block);
            }
        }
        const TensorView* embedding = dense_.find("token_embd.weight");
        if (layout_.own_output && embedding && !dense_.find("output.weight"))
            add("output.weight", embedding->type, embedding->shape, embedding, -1, Output::Kind::Copy);
    }

    // Where a layout has no place for biases, rope factors or head norms, other programs refuse the file.
    void note_tensor(const std::string& name, const std::string& part, bool block) {
        static constexpr std::string_view kLayer[]{
            "attn_norm.weight", "attn_q.weight",   "attn_k.weight", "attn_v.weight",  "attn_output.weight",
            "ffn_norm.weight",  "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"},
            kBiases[]{"attn_q.bias", "attn_k.bias", "attn_v.bias"},
            kModel[]{"token_embd.weight", "output.weight", "output_norm.weight"};
        const auto among = [&](const auto& names) {
            return std::ranges::find(names, part) != std::end(names);
        };
        if (block ? among(kLayer) || (layout_.biases && among(kBiases)) : among(kModel))
            return;
        only_here("the " + std::string(layout_.architecture) + " layout has no place for " + name);
    }

    void only_here(const std::string& why) {
        if (!report_.only_here)
            report_.note = why + ": the carved file opens in this program only";
        report_.only_here = true;
    }

    Metadata carved_metadata() {
        Metadata m;
        const std::string from = c_.architecture + ".";
        for (const auto& [name, value] : dense_.metadata().entries())
            m.set(name.starts_with(from) ? key(name.substr(from.size())) : name, value);
        m.set("general.architecture", std::string(layout_.architecture));
        m.set(key("leading_dense_block_count"), static_cast<std::uint64_t>(plan_.dense_layers));
        m.set(key("expert_count"), static_cast<std::uint64_t>(plan_.experts));
        const int active = options_.active > 0 ? std::min(options_.active, plan_.experts) : plan_.experts;
        m.set(key("expert_used_count"), static_cast<std::uint64_t>(active));
        if (layout_.whole_shared)
            m.set(key("expert_shared_count"),
                  static_cast<std::uint64_t>(plan_.shared_width() / plan_.expert_width));
        else
            m.set(key("expert_shared_feed_forward_length"), static_cast<std::uint64_t>(plan_.shared_width()));
        m.set(key("expert_feed_forward_length"), static_cast<std::uint64_t>(plan_.expert_width));
        m.set(key("expert_weights_scale"), layout_.routed_factor == 1 ? plan_.experts : 1.0);
        m.set(key("expert_weights_norm"), false);
        m.set(key("expert_gating_func"), std::uint64_t{1});
        m.set(kCarveScaleKey, router_scale_);
        if (c_.rope.interleaved != layout_.interleaved) {
            m.set(kRopeHalfSplitKey, !c_.rope.interleaved);
            only_here("this model rotates halves, the " + std::string(layout_.architecture) +
                      " layout pairs");
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
            std::vector<float> router = plan_.of_layer(o.layer).router;
            for (float& v : router)
                v = static_cast<float>(v * router_scale_);
            writer.append(std::as_bytes(std::span(router)));
            return;
        }
        case Output::Kind::Gate: {
            const std::vector<float> gate = shared_gate(o.layer);
            writer.append(std::as_bytes(std::span(gate)));
            return;
        }
        default:
            break;
        }
        const Places places = places_of(plan_.of_layer(o.layer), plan_.experts);
        if (o.kind == Output::Kind::SharedRows)
            emit_rows(writer, *o.source, places.shared);
        else if (o.kind == Output::Kind::SharedColumns)
            emit_columns(writer, *o.source, places.shared, layout_.shared_factor, places.exact);
        else
            for (const std::vector<int>& neurons : places.experts)
                o.kind == Output::Kind::ExpertRows
                    ? emit_rows(writer, *o.source, neurons)
                    : emit_columns(writer, *o.source, neurons, layout_.routed_factor, 0);
    }

    // [hidden]: along the layer's mean input. Where calibration saw none, any direction but 0 will do.
    std::vector<float> shared_gate(int layer) const {
        std::vector<float> gate = plan_.of_layer(layer).direction;
        if (std::ranges::all_of(gate, [](float v) { return v == 0; }))
            std::ranges::fill(gate, 1.0f / static_cast<float>(gate.size()));
        for (float& v : gate)
            v *= kGateLogit;
        return gate;
    }

    static void emit_rows(GgufWriter& writer, const TensorView& t, const std::vector<int>& neurons) {
        const std::size_t bytes = row_bytes(t.type, t.cols());
        for (int n : neurons)
            writer.append({t.data + static_cast<std::size_t>(n) * bytes, bytes});
    }

    // `exact`: that many blocks begin with a column that must not be rounded.
    void emit_columns(GgufWriter& writer, const TensorView& t, const std::vector<int>& neurons, float factor,
                      std::size_t exact) const {
        std::vector<float> row(static_cast<std::size_t>(t.cols())), picked(neurons.size());
        std::vector<std::byte> blocks(
            row_bytes(report_.down_type, static_cast<std::int64_t>(neurons.size())));
        const std::size_t bytes = row_bytes(t.type, t.cols());
        for (std::int64_t r = 0; r < t.rows(); ++r) {
            decode_row(t.type, t.data + static_cast<std::size_t>(r) * bytes, row);
            for (std::size_t i = 0; i < picked.size(); ++i)
                picked[i] = row[static_cast<std::size_t>(neurons[i])] * factor;
            encode_row(report_.down_type, picked, blocks.data());
            if (report_.down_type == BlockType::Q8_0)
                encode_leads(picked, exact, blocks);
            writer.append(blocks);
        }
    }

    const ModelFile& dense_;
    const ModelConfig& c_;
    const CarvePlan& plan_;
    const CarveOptions& options_;
    const CarveLayout layout_;
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
