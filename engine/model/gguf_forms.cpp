#include "engine/model/gguf_forms.h"

#include "engine/base/error.h"
#include "engine/files/tensor_table.h"
#include "engine/model/architecture.h"
#include "engine/model/kv_b.h"
#include "engine/model/size_limits.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <map>
#include <variant>

namespace switchyard {

namespace {

/// "blk.N." of a layer's tensor, and what follows.
struct LayerName {
    std::string prefix;
    std::string_view rest;
};

LayerName layer_name(std::string_view name) {
    const std::size_t dot = name.starts_with("blk.") ? name.find('.', 4) : name.npos;
    if (dot == name.npos)
        return {"", name};
    return {std::string(name.substr(0, dot + 1)), name.substr(dot + 1)};
}

/// "ffn_gate.7.weight" as {"ffn_gate", 7}; the number is -1 for other names.
std::pair<std::string_view, int> expert_name(std::string_view rest) {
    for (const std::string_view part : {"ffn_gate", "ffn_up", "ffn_down"}) {
        if (!rest.starts_with(part) || !rest.substr(part.size()).starts_with('.'))
            continue;
        int expert = -1;
        const char *begin = rest.data() + part.size() + 1, *end = rest.data() + rest.size();
        const auto [stop, error] = std::from_chars(begin, end, expert);
        if (error == std::errc() && std::string_view(stop, end) == ".weight")
            return {part, expert};
    }
    return {"", -1};
}

std::string architecture_in(const ModelFile& file) {
    return std::string(base_architecture(file.metadata().text("general.architecture").value_or("")));
}

/// Whether a tensor holds attention's queries, keys and values. Models with linear attention call those of
/// its layers so, too.
bool joins_qkv(const LayerName& name, const ModelFile& file) {
    const std::string architecture = architecture_in(file);
    const bool linear = architecture.starts_with("qwen35") || architecture == "qwen3next";
    return !name.prefix.empty() && name.rest.starts_with("attn_qkv.") && !linear;
}

/// Whether a tensor holds gate and up of a dense block.
bool joins_gate_up(const LayerName& name, const ModelFile& file) {
    return name.rest == "ffn_up.weight" && architecture_in(file) == "phi3" &&
           !file.find(name.prefix + "ffn_gate.weight");
}

/// Whether a tensor holds queries, keys, values and gates of linear attention, key head by key head, as files
/// of Qwen3-Next first did.
bool joins_qkvz(const LayerName& name, const ModelFile& file) {
    return name.rest == "ssm_in.weight" && architecture_in(file) == "qwen3next";
}

/// Whether a tensor of a recurrence has extents of 1 among the others, as kernels of convolutions and decays
/// of heads do in some files.
bool has_ones(const TensorView& t, const LayerName& name) {
    return name.rest.starts_with("ssm_") && t.shape.size() > 1 &&
           std::ranges::find(t.shape, 1) != t.shape.end();
}

/// Falcon-H1's norm has no kind behind its name.
bool lacks_kind(const LayerName& name) { return name.rest == "ffn_norm"; }

/// DeepSeek-V4's first matrix of attention's output: a part of its rows for each group of heads.
bool in_groups(const TensorView& t, const LayerName& name) {
    return name.rest == "attn_output_a.weight" && t.shape.size() == 2;
}

/// What chooses in blocks, which no usual program writes: kernels that choose take floats.
bool chooses_in_blocks(const TensorView& t, const LayerName& name) {
    return (name.rest == "ffn_gate_inp.weight" || name.rest == "indexer.proj.weight") &&
           traits(t.type).values > 1;
}

bool old_form(const TensorView& t, const ModelFile& file) {
    const LayerName name = layer_name(t.name);
    if (chooses_in_blocks(t, name) || has_ones(t, name) || lacks_kind(name) || t.integers ||
        in_groups(t, name))
        return true;
    if (name.rest == "attn_kv_b.weight")
        return !file.find(name.prefix + "attn_k_b.weight");
    return name.rest.starts_with("ffn_gate_up_exps.") || joins_qkv(name, file) || joins_gate_up(name, file) ||
           joins_qkvz(name, file) || expert_name(name.rest).second >= 0;
}

class Reformed final : public ModelFile {
  public:
    explicit Reformed(std::shared_ptr<const ModelFile> file)
        : file_(std::move(file)), metadata_(file_->metadata()) {
        for (const TensorView& t : file_->tensors())
            add(t);
        for (auto& [name, view] : experts_) {
            if (const auto missing = std::ranges::find(view.pieces, nullptr); missing != view.pieces.end())
                throw Error(path().string() + ": expert " + std::to_string(missing - view.pieces.begin()) +
                            " of " + name + " is missing");
            tensors_.add(std::move(view));
        }
    }

    const Metadata& metadata() const override { return metadata_; }
    std::span<const TensorView> tensors() const override { return tensors_.all(); }
    const TensorView* find(std::string_view name) const override { return tensors_.find(name); }
    const std::filesystem::path& path() const override { return file_->path(); }
    std::size_t bytes() const override { return file_->bytes(); }
    void check_whole() const override { file_->check_whole(); }
    std::size_t memory_bytes() const override { return memory_bytes_; }
    std::vector<std::string> notes() const override { return file_->notes(); }

  private:
    void add(const TensorView& t) {
        const LayerName name = layer_name(t.name);
        const auto [part, expert] = expert_name(name.rest);
        if (!old_form(t, *file_))
            tensors_.add(t);
        else if (chooses_in_blocks(t, name))
            add_floats(t);
        else if (has_ones(t, name))
            add_without_ones(t);
        else if (lacks_kind(name))
            add_with_kind(t);
        else if (t.integers)
            add_integers(t);
        else if (in_groups(t, name))
            add_in_groups(t);
        else if (name.rest == "attn_kv_b.weight")
            add_kv_b(t, name.prefix);
        else if (joins_qkvz(name, *file_))
            add_qkvz(t, name.prefix);
        else if (joins_gate_up(name, *file_))
            add_dense_gate_up(t, name.prefix);
        else if (joins_qkv(name, *file_))
            add_qkv(t, name.prefix, std::string(name.rest.substr(std::string_view("attn_qkv").size())));
        else if (expert >= 0)
            add_expert(t, name.prefix + std::string(part) + "_exps.weight", static_cast<std::size_t>(expert));
        else
            add_gate_up(t, name.prefix,
                        std::string(name.rest.substr(std::string_view("ffn_gate_up_exps").size())));
    }

    std::uint64_t count(const std::string& key) const {
        const std::string name = metadata_.text("general.architecture").value_or("") + "." + key;
        const auto value = file_->metadata().uint(name);
        if (!value || *value == 0 || *value > 1u << 20)
            throw Error(path().string() + ": the key " + name + " is missing or no size");
        return *value;
    }
    /// That of the layer whose tensors begin with `prefix`, where the key has one for each.
    std::uint64_t count_of_layer(const std::string& key, const std::string& prefix) const {
        const MetadataValue* value = metadata_.find(prefix_of(key));
        if (!value || std::holds_alternative<std::uint64_t>(*value) ||
            std::holds_alternative<std::int64_t>(*value))
            return count(key);
        const auto each = metadata_.integers(prefix_of(key));
        std::size_t layer = 0;
        std::from_chars(prefix.data() + 4, prefix.data() + prefix.size(), layer);
        if (!each || layer >= each->size() || (*each)[layer] < 1 || (*each)[layer] > 1 << 20)
            throw Error(path().string() + ": the key " + prefix_of(key) + " does not say it of each layer");
        return static_cast<std::uint64_t>((*each)[layer]);
    }
    [[noreturn]] void fail(const TensorView& t, const std::string& why) const {
        throw Error(path().string() + ": the tensor " + t.name + " " + why);
    }

    void add_with_kind(TensorView view) {
        view.name += ".weight";
        tensors_.add(std::move(view));
    }
    void add_floats(const TensorView& t) {
        TensorView view = t;
        const auto rows = static_cast<std::size_t>(t.rows()), cols = static_cast<std::size_t>(t.cols());
        if (t.matrices() != 1)
            fail(t, "is no matrix");
        auto memory = std::make_unique<std::byte[]>(rows * cols * sizeof(float));
        auto* values = reinterpret_cast<float*>(memory.get());
        for (std::size_t r = 0; r < rows; ++r)
            decode_row(t.type, t.data + r * row_bytes(t.type, t.cols()), {values + r * cols, cols});
        view.type = BlockType::F32;
        view.data = memory.get();
        view.bytes = rows * cols * sizeof(float);
        memory_bytes_ += view.bytes;
        memory_.push_back(std::move(memory));
        tensors_.add(std::move(view));
    }
    /// As floats, which hold what is a number of an expert.
    void add_integers(TensorView view) {
        const std::size_t count = view.bytes / sizeof(std::int32_t);
        auto memory = std::make_unique<std::byte[]>(count * sizeof(float));
        for (std::size_t i = 0; i < count; ++i) {
            std::int32_t integer = 0;
            std::memcpy(&integer, view.data + i * sizeof integer, sizeof integer);
            const auto value = static_cast<float>(integer);
            std::memcpy(memory.get() + i * sizeof value, &value, sizeof value);
        }
        view.integers = false;
        view.data = memory.get();
        memory_bytes_ += view.bytes;
        memory_.push_back(std::move(memory));
        tensors_.add(std::move(view));
    }
    void add_in_groups(TensorView view) {
        const auto groups = static_cast<std::int64_t>(count("attention.output_group_count"));
        if (view.rows() % groups != 0)
            fail(view, "does not have rows for each group of heads");
        view.shape = {view.cols(), view.rows() / groups, groups};
        tensors_.add(std::move(view));
    }
    void add_without_ones(TensorView view) {
        std::erase(view.shape, 1);
        if (view.shape.empty())
            view.shape.push_back(1);
        tensors_.add(std::move(view));
    }

    void add_kv_b(const TensorView& t, const std::string& prefix) {
        const std::string own = file_->metadata().has(prefix_of("attention.key_length_mla")) ? "_mla" : "";
        const std::uint64_t heads = count("attention.head_count"), rank = count("attention.kv_lora_rank"),
                            rope = count("rope.dimension_count"), key = count("attention.key_length" + own),
                            value = count("attention.value_length" + own);
        if (key <= rope || t.matrices() != 1 || t.cols() != static_cast<std::int64_t>(rank) ||
            t.rows() != static_cast<std::int64_t>(heads * (key - rope + value)))
            fail(t, "does not fit the heads' dimensions");
        const auto signed_of = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };
        SplitKvB split = split_kv_b(t, prefix, signed_of(heads), signed_of(key - rope), signed_of(value));
        memory_bytes_ += split.k.bytes;
        tensors_.add(std::move(split.k));
        tensors_.add(std::move(split.v));
        memory_.push_back(std::move(split.memory));
        // As files with the split tensors say it. A list says of which layers it is, too.
        if (const MetadataValue* given = metadata_.find(prefix_of("attention.head_count_kv"));
            !given || std::holds_alternative<std::uint64_t>(*given) ||
            std::holds_alternative<std::int64_t>(*given))
            metadata_.set(prefix_of("attention.head_count_kv"), std::uint64_t{1});
        metadata_.set(prefix_of("attention.key_length"), rank + rope);
        metadata_.set(prefix_of("attention.value_length"), rank);
        metadata_.set(prefix_of("attention.key_length_mla"), key);
        metadata_.set(prefix_of("attention.value_length_mla"), value);
    }
    std::string prefix_of(const std::string& key) const {
        return metadata_.text("general.architecture").value_or("") + "." + key;
    }

    // Rows of all queries' heads, then of keys and of values; a bias is a row of as many values.
    void add_qkv(const TensorView& t, const std::string& prefix, const std::string& kind) {
        const std::string heads_key = "attention.head_count";
        const std::uint64_t heads = count_of_layer(heads_key, prefix),
                            kv_heads =
                                has(heads_key + "_kv") ? count_of_layer(heads_key + "_kv", prefix) : heads;
        const std::uint64_t dim =
            has("attention.key_length") ? count("attention.key_length") : count("embedding_length") / heads;
        const std::uint64_t value_dim = has("attention.value_length") ? count("attention.value_length") : dim;
        const bool bias = kind == ".bias";
        const std::int64_t all = bias ? t.cols() : t.rows();
        const std::size_t row = bias ? sizeof(float) : row_bytes(t.type, t.cols());
        const std::pair<const char*, std::uint64_t> parts[] = {
            {"attn_q", heads * dim}, {"attn_k", kv_heads * dim}, {"attn_v", kv_heads * value_dim}};
        if (dim == 0 || t.matrices() != 1 || t.shape.size() < (bias ? 1 : 2) ||
            (bias && (t.type != BlockType::F32 || t.rows() != 1)) ||
            static_cast<std::uint64_t>(all) != parts[0].second + parts[1].second + parts[2].second)
            fail(t, "does not fit the heads' dimensions");
        const std::byte* data = t.data;
        for (const auto& [name, rows] : parts) {
            TensorView view{prefix + name + kind, t.type, t.shape, data, row * rows};
            view.shape[bias ? 0 : 1] = static_cast<std::int64_t>(rows);
            data += view.bytes;
            tensors_.add(std::move(view));
        }
    }
    // Sorted: all queries, all keys, all values; the gates apart.
    void add_qkvz(const TensorView& t, const std::string& prefix) {
        const std::size_t heads = count("ssm.group_count"), keys = count("ssm.state_size"),
                          values = count("ssm.inner_size") / heads, each = 2 * (keys + values),
                          row = row_bytes(t.type, t.cols());
        if (t.matrices() != 1 || static_cast<std::size_t>(t.rows()) != heads * each)
            fail(t, "does not fit the heads of linear attention");
        auto memory = std::make_unique<std::byte[]>(t.bytes);
        std::byte* out = memory.get();
        const auto take = [&](const char* name,
                              std::initializer_list<std::pair<std::size_t, std::size_t>> parts) {
            TensorView view{prefix + name, t.type, t.shape, out, 0};
            for (const auto& [begin, rows] : parts)
                for (std::size_t h = 0; h < heads; ++h) {
                    out = std::copy_n(t.data + (h * each + begin) * row, rows * row, out);
                    view.bytes += rows * row;
                }
            view.shape[1] = static_cast<std::int64_t>(view.bytes / row);
            tensors_.add(std::move(view));
        };
        take("attn_qkv.weight", {{0, keys}, {keys, keys}, {2 * keys, values}});
        take("attn_gate.weight", {{2 * keys + values, values}});
        memory_bytes_ += t.bytes;
        memory_.push_back(std::move(memory));
    }
    // Gate rows first, then those of up.
    void add_dense_gate_up(const TensorView& t, const std::string& prefix) {
        if (t.matrices() != 1 || t.rows() % 2 != 0)
            fail(t, "does not hold gate and up");
        const std::size_t half = row_bytes(t.type, t.cols()) * static_cast<std::size_t>(t.rows() / 2);
        for (const std::size_t which : {0u, 1u}) {
            TensorView view{prefix + (which == 0 ? "ffn_gate.weight" : "ffn_up.weight"), t.type, t.shape,
                            t.data + which * half, half};
            view.shape[1] = t.rows() / 2;
            tensors_.add(std::move(view));
        }
    }
    bool has(const std::string& key) const { return metadata_.has(prefix_of(key)); }

    // Gate rows first, then those of up; a bias is a row a matrix.
    void add_gate_up(const TensorView& t, const std::string& prefix, const std::string& kind) {
        const bool bias = kind == ".bias";
        const std::int64_t matrices = bias ? t.rows() : t.matrices(), rows = bias ? t.cols() : t.rows();
        if (rows % 2 != 0 || (bias && t.type != BlockType::F32))
            fail(t, "does not hold gate and up");
        const std::size_t half = bias ? static_cast<std::size_t>(rows / 2) * sizeof(float)
                                      : row_bytes(t.type, t.cols()) * static_cast<std::size_t>(rows / 2);
        for (const std::size_t which : {0u, 1u}) {
            TensorView view{prefix + (which == 0 ? "ffn_gate_exps" : "ffn_up_exps") + kind, t.type, t.shape,
                            nullptr, half * static_cast<std::size_t>(matrices)};
            view.shape[bias ? 0 : 1] = rows / 2;
            for (std::int64_t m = 0; m < matrices; ++m)
                view.pieces.push_back(t.data + (2 * static_cast<std::size_t>(m) + which) * half);
            if (bias)
                join(std::move(view), half);
            else
                tensors_.add(std::move(view));
        }
    }
    // Vectors are read as one piece.
    void join(TensorView view, std::size_t piece) {
        auto memory = std::make_unique<std::byte[]>(view.bytes);
        for (std::size_t i = 0; i < view.pieces.size(); ++i)
            std::copy_n(view.pieces[i], piece, memory.get() + i * piece);
        view.pieces.clear();
        view.data = memory.get();
        memory_bytes_ += view.bytes;
        memory_.push_back(std::move(memory));
        tensors_.add(std::move(view));
    }

    void add_expert(const TensorView& t, const std::string& name, std::size_t expert) {
        const auto experts = static_cast<std::size_t>(count("expert_count"));
        if (experts > kMostExperts || // before room is made for them
            expert >= experts || t.shape.size() != 2)
            fail(t, "does not fit the other experts'");
        TensorView first{name, t.type, {t.cols(), t.rows(), static_cast<std::int64_t>(experts)}, nullptr, 0};
        TensorView& view = experts_.try_emplace(name, std::move(first)).first->second;
        view.pieces.resize(experts);
        if (t.type != view.type || t.cols() != view.shape[0] || t.rows() != view.shape[1])
            fail(t, "does not fit the other experts'");
        view.pieces[expert] = t.data;
        view.bytes += t.bytes;
    }

    std::shared_ptr<const ModelFile> file_;
    Metadata metadata_;
    TensorTable tensors_;
    std::map<std::string, TensorView> experts_;
    std::vector<std::unique_ptr<std::byte[]>> memory_;
    std::size_t memory_bytes_ = 0;
};

} // namespace

std::shared_ptr<const ModelFile> todays_form(std::shared_ptr<const ModelFile> file) {
    const bool old =
        std::ranges::any_of(file->tensors(), [&](const TensorView& t) { return old_form(t, *file); });
    return old ? std::make_shared<Reformed>(std::move(file)) : file;
}

} // namespace switchyard
