// The tensors that a plan's steps read, as a file has them.
#pragma once

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/model/model_config.h"
#include "engine/model/plan.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace switchyard {

/// Looks tensors up, checks their shapes, and hands out WeightIds.
class Catalog {
  public:
    explicit Catalog(const ModelFile& file) : file_(file) {}

    /// The layer of the weights to come.
    void enter(int layer) { layer_ = layer; }
    const ModelFile& file() const { return file_; }
    bool has(const std::string& name) const { return file_.find(name) != nullptr; }
    const TensorView* find(const std::string& name) const { return file_.find(name); }

    WeightId matrix(const std::string& name, WeightRole role, std::int64_t cols, std::int64_t rows,
                    std::int64_t matrices = 1) {
        return add(name, role, WeightUse::Matrix, cols, rows, matrices);
    }
    WeightId table(const std::string& name, std::int64_t cols, std::int64_t rows) {
        return add(name, WeightRole::Embedding, WeightUse::Table, cols, rows, 1);
    }
    WeightId vector(const std::string& name, std::int64_t size, WeightRole role = WeightRole::Norm) {
        return add(name, role, WeightUse::Vector, size, 1, 1);
    }
    WeightId vectors(const std::string& name, std::int64_t size, std::int64_t count, WeightRole role) {
        return add(name, role, WeightUse::Vector, size, count, 1);
    }
    WeightId optional_vector(const std::string& name, std::int64_t size, WeightRole role) {
        return has(name) ? vector(name, size, role) : kNoWeight;
    }
    std::vector<WeightSource> take() { return std::move(sources_); }

    /// What a layer holds beyond the plan would be missing from the result: better none than a wrong one.
    /// What stands outside of the layers may be anything, and is left out. Returns notes on that.
    std::vector<std::string> check_all_used(const ModelConfig& config) const {
        std::vector<std::string> notes;
        std::set<std::string_view> used{"rope_freqs.weight"};
        if (config.rope.two_tables) {
            used.insert("rope_factors_short.weight");
            used.insert("rope_factors_long.weight");
            if (!has("rope_factors_long.weight"))
                notes.push_back(
                    "The context ends at " + std::to_string(config.context) +
                    " tokens: the rotations that the model has for longer texts are not computed.");
        }
        for (const WeightSource& s : sources_)
            used.insert(s.name);
        for (const TensorView& t : file_.tensors()) {
            if (used.contains(t.name) || needless(t.name, config) ||
                (!config.indexer.layers.empty() && t.name.find(".indexer.") != t.name.npos))
                continue;
            if (takes_part(t.name))
                throw Error(file_.path().string() + ": the tensor " + in_quotes(t.name) +
                            " is not known in a model of architecture \"" + config.architecture + "\"");
            notes.push_back("The tensor " + in_quotes(t.name) + " is not known and is left out.");
        }
        return notes;
    }

  private:
    /// Whether a tensor that the plan has no place for would change what comes out: all within layers, what
    /// belongs to the steps around them, and tables that other architectures keep outside.
    static bool takes_part(std::string_view name) {
        for (const std::string_view start : {"blk.", "token_embd.", "token_embd_norm.", "position_embd.",
                                             "token_types.", "output_norm.", "output.", "rope_f"})
            if (name.starts_with(start))
                return true;
        return false;
    }
    /// Layers that predict further tokens, old files' tables of rotations, kv_b beside its two halves, and
    /// what makes keys and values in layers that use another's.
    static bool needless(std::string_view name, const ModelConfig& config) {
        int layer = -1;
        if (!name.starts_with("blk."))
            return false;
        std::from_chars(name.data() + 4, name.data() + name.size(), layer);
        const std::string_view part = name.substr(std::min(name.find('.', 4), name.size()));
        const bool borrows = layer >= config.layers - config.shared_kv_layers;
        return layer >= config.layers || part == ".attn_rot_embd.weight" || part == ".attn_kv_b.weight" ||
               (borrows && (part.starts_with(".attn_k") || part.starts_with(".attn_v")));
    }
    WeightId add(const std::string& name, WeightRole role, WeightUse use, std::int64_t cols,
                 std::int64_t rows, std::int64_t matrices) {
        const TensorView* t = file_.find(name);
        if (!t)
            throw Error(file_.path().string() + ": the tensor " + name + " is missing");
        if (t->cols() != cols || t->rows() != rows || t->matrices() != matrices || t->shape.size() > 3)
            throw Error(file_.path().string() + ": the tensor " + name + " is " + shape(*t) + ", expected " +
                        std::to_string(cols) + " x " + std::to_string(rows) +
                        (matrices > 1 ? " x " + std::to_string(matrices) : ""));
        sources_.push_back({.name = name, .role = role, .use = use, .tensor = t, .layer = layer_});
        return static_cast<WeightId>(sources_.size()) - 1;
    }
    static std::string shape(const TensorView& t) {
        std::string s;
        for (std::int64_t n : t.shape)
            s += (s.empty() ? "" : " x ") + std::to_string(n);
        return s.empty() ? "a single value" : s;
    }

    const ModelFile& file_;
    int layer_ = kNoLayer;
    std::vector<WeightSource> sources_;
};

} // namespace switchyard
