#include "engine/carve/carve_apply.h"

#include "engine/base/error.h"
#include "engine/carve/carve_layout.h"
#include "engine/carve/exact_columns.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/folder_tokenizer.h"
#include "engine/model/quantize_file.h"
#include "engine/model/quantize_mix.h"
#include "engine/model/tensor_copier.h"
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
    enum class Kind {
        Copy,
        SharedRows,
        ExpertRows,
        SharedColumns,
        ExpertColumns,
        SharedBias,
        ExpertBias,
        EvenBias,
        Router,
        Gate
    };
    Kind kind = Kind::Copy;
};

/// Of what moves as it is: its own type, where files hold that.
BlockType copied_type(const TensorView& t) {
    if (!is_matrix(t))
        return BlockType::F32;
    return traits(t.type).gguf_type >= 0 ? t.type : fallback_type(BlockType::Q8_0, t.cols());
}

class Carver {
  public:
    Carver(const ModelFile& dense, const ModelConfig& config, const CarvePlan& plan,
           const CarveOptions& options)
        : dense_(dense), c_(config), plan_(plan), options_(options),
          layout_(carve_layout(dense, config, plan.experts, plan.dense_layers())) {
        check_plan(plan);
        check_model();
        if (!layout_.only_here.empty())
            report_ = {.only_here = true,
                       .note = layout_.only_here + ": the carved file opens in this program only"};
        if (!plan.model.empty() && plan.model != c_.name)
            add_note("the plan was made for " + plan.model);
        report_.down_type = down_type();
        router_scale_ = router_scale();
    }

    CarveReport write(const std::filesystem::path& out, const CarveProgress& progress) {
        list_tensors();
        Metadata metadata = carved_metadata();
        if (const std::string why = carry_tokenizer(dense_, metadata); !why.empty())
            add_note("it has no tokenizer: " + why);
        std::vector<TensorView> views;
        std::size_t total = 0, done = 0;
        for (const Output& o : outputs_) {
            views.push_back(o.view);
            total += o.view.bytes;
        }
        GgufWriter writer(out, metadata, views);
        TensorCopier copier(dense_, writer, {});
        for (const Output& o : outputs_) {
            if (progress.stop.stop_requested())
                throw Error("carving was stopped");
            emit(writer, copier, o);
            done += o.view.bytes;
            if (progress.report)
                progress.report(static_cast<double>(done) / static_cast<double>(total), "writing");
        }
        dense_.check_whole();
        writer.finish();
        return report_;
    }

  private:
    std::string key(const std::string& name) const { return layout_.architecture + "." + name; }

    void add_note(const std::string& note) { report_.note += (report_.note.empty() ? "" : "; ") + note; }

    void check_model() const {
        const std::vector<int> layers = feed_forward_layers(dense_, c_);
        const auto fits = [&](const CarveLayer& l) {
            return std::ranges::binary_search(layers, l.layer) && neurons_of(dense_, l.layer) == l.width;
        };
        if (!c_.dense() || c_.hidden != plan_.hidden || c_.layers != plan_.model_layers ||
            !std::ranges::all_of(plan_.layers, fits))
            throw Error("the carve plan was made for " + plan_.model + " (" +
                        std::to_string(plan_.model_layers) + " layers of " + std::to_string(plan_.hidden) +
                        " x " + std::to_string(plan_.layers.front().width) + "), not for " + c_.name);
        if (layout_.only_here.empty() && !(plan_.alike() && plan_.all_behind_dense()))
            throw Error("the carve plan divides layers differently, and the " + layout_.architecture +
                        " layout has one width for all");
        for (const CarveLayer& l : plan_.layers)
            if (layout_.whole_shared && l.shared_width(plan_.experts) % l.expert_width != 0)
                throw Error("the carve plan has " + std::to_string(l.shared_width(plan_.experts)) +
                            " shared neurons, which is no multiple of an expert's " +
                            std::to_string(l.expert_width) + ", as " + c_.name + " needs it");
    }

    BlockType down_type() const {
        if (options_.down)
            return *options_.down;
        const TensorView* t = down_of(plan_.layers.front().layer);
        const bool exact = t && traits(t->type).values == 1; // single values move as they are
        const bool whole_blocks = std::ranges::all_of(plan_.layers, [&](const CarveLayer& l) {
            return l.expert_width % 32 == 0 && l.shared_width(plan_.experts) % 32 == 0;
        });
        return exact ? t->type : whole_blocks ? BlockType::Q8_0 : BlockType::F16;
    }
    const TensorView* down_of(int layer) const {
        return dense_.find("blk." + std::to_string(layer) + ".ffn_down.weight");
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
            const int layer = layer_of(t.name);
            const CarveLayer* carved = plan_.of_layer(layer);
            if (!carved || !list_parts(t, *carved, std::string(part_of(t.name))))
                add(t.name, copied_type(t), t.shape, &t, layer, Output::Kind::Copy);
        }
        const TensorView* embedding = dense_.find("token_embd.weight");
        if (layout_.own_output && embedding && !dense_.find("output.weight"))
            add("output.weight", copied_type(*embedding), embedding->shape, embedding, -1,
                Output::Kind::Copy);
    }

    /// What becomes of a layer's tensor. False: it stays as it is.
    bool list_parts(const TensorView& t, const CarveLayer& l, const std::string& part) {
        using Kind = Output::Kind;
        const std::string prefix = "blk." + std::to_string(l.layer) + ".",
                          name = prefix + part.substr(0, part.find('.'));
        const std::int64_t w = l.expert_width, n = plan_.experts, h = plan_.hidden,
                           s = l.shared_width(plan_.experts);
        if (part == "ffn_gate.weight" || part == "ffn_up.weight") {
            if (s > 0)
                add(name + "_shexp.weight", copied_type(t), {h, s}, &t, l.layer, Kind::SharedRows);
            add(name + "_exps.weight", copied_type(t), {h, w, n}, &t, l.layer, Kind::ExpertRows);
        } else if (part == "ffn_down.weight") {
            const BlockType type = report_.down_type;
            if (s > 0)
                add(name + "_shexp.weight", type, {s, h}, &t, l.layer, Kind::SharedColumns);
            if (s > 0 && layout_.shared_gate)
                add(prefix + "ffn_gate_inp_shexp.weight", BlockType::F32, {h}, nullptr, l.layer, Kind::Gate);
            add(name + "_exps.weight", type, {w, h, n}, &t, l.layer, Kind::ExpertColumns);
            add(prefix + "ffn_gate_inp.weight", BlockType::F32, {h, n}, nullptr, l.layer, Kind::Router);
        } else if (part == "ffn_gate.bias" || part == "ffn_up.bias") {
            if (s > 0)
                add(name + "_shexp.bias", BlockType::F32, {s}, &t, l.layer, Kind::SharedBias);
            add(name + "_exps.bias", BlockType::F32, {w, n}, &t, l.layer, Kind::ExpertBias);
        } else if (part == "ffn_down.bias" && s > 0) {
            add(name + "_shexp.bias", BlockType::F32, {h}, &t, l.layer, Kind::Copy);
        } else if (part == "ffn_down.bias") {
            add(name + "_exps.bias", BlockType::F32, {h, n}, &t, l.layer, Kind::EvenBias);
        } else {
            return false;
        }
        return true;
    }

    Metadata carved_metadata() const {
        Metadata m;
        const std::string from = c_.architecture + ".";
        for (const auto& [name, value] : dense_.metadata().entries())
            m.set(name.starts_with(from) ? key(name.substr(from.size())) : name, value);
        m.set("general.architecture", layout_.architecture);
        m.set(key("expert_count"), static_cast<std::uint64_t>(plan_.experts));
        const int active = options_.active > 0 ? std::min(options_.active, plan_.experts) : plan_.experts;
        m.set(key("expert_used_count"), static_cast<std::uint64_t>(active));
        set_widths(m);
        m.set(key("expert_weights_scale"), layout_.routed_factor == 1 ? plan_.experts : 1.0);
        m.set(key("expert_weights_norm"), false);
        m.set(key("expert_gating_func"), std::uint64_t{1});
        m.set(kCarveScaleKey, router_scale_);
        if (layout_.only_here.empty()) {
            m.set(key("leading_dense_block_count"), static_cast<std::uint64_t>(plan_.dense_layers()));
            return m;
        }
        // Which layers have experts is told by their tensors; the key means more to some. What experts, or
        // their number, say of an architecture's other models does not hold for these.
        m.set(key("expert_group_count"), std::uint64_t{1});
        m.set(key("expert_group_used_count"), std::uint64_t{1});
        m.set("switchyard.blocks_averaged", false);
        if (c_.unit_heads)
            m.set("switchyard.unit_heads", true);
        return m;
    }

    /// Of experts and of the shared part: a number where layers are alike, else one for each.
    void set_widths(Metadata& m) const {
        std::vector<std::uint64_t> routed(static_cast<std::size_t>(c_.layers)), shared = routed;
        for (const CarveLayer& l : plan_.layers) {
            const auto at = static_cast<std::size_t>(l.layer);
            routed[at] = static_cast<std::uint64_t>(l.expert_width);
            shared[at] = static_cast<std::uint64_t>(l.shared_width(plan_.experts));
        }
        const auto last = static_cast<std::size_t>(plan_.layers.back().layer);
        const auto set = [&](const char* name, const std::vector<std::uint64_t>& widths) {
            plan_.alike() ? m.set(key(name), widths[last]) : m.set(key(name), widths);
        };
        set("expert_feed_forward_length", routed);
        if (layout_.whole_shared)
            m.set(key("expert_shared_count"), shared[last] / routed[last]);
        else
            set("expert_shared_feed_forward_length", shared);
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

    void emit(GgufWriter& writer, TensorCopier& copier, const Output& o) const {
        switch (o.kind) {
        case Output::Kind::Copy:
            return copier.copy(*o.source, o.view.type);
        case Output::Kind::Router: {
            std::vector<float> router = plan_.of_layer(o.layer)->router;
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
        const Places places = places_of(*plan_.of_layer(o.layer), plan_.experts);
        const std::shared_ptr<const std::byte> data = o.source->matrix(0);
        using Kind = Output::Kind;
        if (o.kind == Kind::SharedRows)
            return emit_rows(writer, *o.source, data.get(), places.shared);
        if (o.kind == Kind::SharedColumns)
            return emit_columns(writer, *o.source, data.get(), places.shared, layout_.shared_factor,
                                places.exact);
        if (o.kind == Kind::SharedBias)
            return emit_values(writer, *o.source, data.get(), places.shared);
        for (const std::vector<int>& neurons : places.experts)
            if (o.kind == Kind::ExpertRows)
                emit_rows(writer, *o.source, data.get(), neurons);
            else if (o.kind == Kind::ExpertBias)
                emit_values(writer, *o.source, data.get(), neurons);
            else if (o.kind == Kind::EvenBias)
                emit_share(writer, *o.source, data.get());
            else
                emit_columns(writer, *o.source, data.get(), neurons, layout_.routed_factor, 0);
    }

    // [hidden]: along the layer's mean input. Where calibration saw none, any direction but 0 will do.
    std::vector<float> shared_gate(int layer) const {
        std::vector<float> gate = plan_.of_layer(layer)->direction;
        if (std::ranges::all_of(gate, [](float v) { return v == 0; }))
            std::ranges::fill(gate, 1.0f / static_cast<float>(gate.size()));
        for (float& v : gate)
            v *= kGateLogit;
        return gate;
    }

    static void emit_rows(GgufWriter& writer, const TensorView& t, const std::byte* data,
                          const std::vector<int>& neurons) {
        const std::size_t bytes = row_bytes(t.type, t.cols());
        const BlockType to = copied_type(t);
        std::vector<float> row(static_cast<std::size_t>(t.cols()));
        std::vector<std::byte> blocks(row_bytes(to, t.cols()));
        for (int n : neurons) {
            const std::byte* from = data + static_cast<std::size_t>(n) * bytes;
            if (to != t.type) {
                decode_row(t.type, from, row);
                encode_row(to, row, blocks.data());
            }
            writer.append(to == t.type ? std::span(from, bytes) : std::span<const std::byte>(blocks));
        }
    }

    /// Biases of neurons.
    static void emit_values(GgufWriter& writer, const TensorView& t, const std::byte* data,
                            const std::vector<int>& neurons) {
        std::vector<float> all(static_cast<std::size_t>(t.cols())), picked;
        decode_row(t.type, data, all);
        for (int n : neurons)
            picked.push_back(all[static_cast<std::size_t>(n)]);
        writer.append(std::as_bytes(std::span(picked)));
    }

    /// An expert's share of what the layer adds to all its neurons: without shared ones, all experts together
    /// add it.
    void emit_share(GgufWriter& writer, const TensorView& t, const std::byte* data) const {
        std::vector<float> share(static_cast<std::size_t>(t.cols()));
        decode_row(t.type, data, share);
        for (float& v : share)
            v /= static_cast<float>(plan_.experts);
        writer.append(std::as_bytes(std::span(share)));
    }

    // `exact`: that many blocks begin with a column that must not be rounded.
    void emit_columns(GgufWriter& writer, const TensorView& t, const std::byte* data,
                      const std::vector<int>& neurons, float factor, std::size_t exact) const {
        std::vector<float> row(static_cast<std::size_t>(t.cols())), picked(neurons.size());
        std::vector<std::byte> blocks(
            row_bytes(report_.down_type, static_cast<std::int64_t>(neurons.size())));
        const std::size_t bytes = row_bytes(t.type, t.cols());
        for (std::int64_t r = 0; r < t.rows(); ++r) {
            decode_row(t.type, data + static_cast<std::size_t>(r) * bytes, row);
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
