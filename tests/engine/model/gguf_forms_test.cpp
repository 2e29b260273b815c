// Files in older converters' forms open as the same model.
#include "engine/base/error.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/build_plan.h"
#include "engine/model/folder_model.h"
#include "engine/model/gguf_forms.h"
#include "engine/model/model_config.h"
#include "engine/quant/quant.h"
#include "tests/engine/files/gguf_samples.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace switchyard {
namespace {

std::shared_ptr<const ModelFile> reference(const std::string& model) {
    return open_model(SWITCHYARD_TEST_WORK "/reference/models/" + model + "/model-f32.gguf");
}

/// A tensor of a file to be written.
struct Written {
    TensorView view;
    std::vector<std::byte> bytes;
};

Written copy_of(const TensorView& t) {
    Written w{t, {}};
    w.view.pieces.clear();
    for (std::int64_t m = 0; m < t.matrices(); ++m) {
        const std::size_t bytes = row_bytes(t.type, t.cols()) * static_cast<std::size_t>(t.rows());
        const auto blocks = t.matrix(m);
        w.bytes.insert(w.bytes.end(), blocks.get(), blocks.get() + bytes);
    }
    return w;
}

const float* row(const Written& w, std::int64_t matrix, std::int64_t r) {
    return reinterpret_cast<const float*>(w.bytes.data()) + (matrix * w.view.rows() + r) * w.view.cols();
}

void append(Written& to, const float* values, std::int64_t count) {
    const auto* bytes = reinterpret_cast<const std::byte*>(values);
    to.bytes.insert(to.bytes.end(), bytes, bytes + static_cast<std::size_t>(count) * sizeof(float));
    to.view.bytes = to.bytes.size();
}

class GgufForms : public testing::Test {
  protected:
    std::filesystem::path write(const Metadata& metadata, const std::vector<Written>& tensors) {
        std::vector<TensorView> views;
        for (const Written& w : tensors)
            views.push_back(w.view);
        GgufWriter writer(folder_.path() / "old.gguf", metadata, views);
        for (const Written& w : tensors)
            writer.append(w.bytes);
        writer.finish();
        return folder_.path() / "old.gguf";
    }
    /// What opening says; empty where it opens.
    static std::string opening(const std::filesystem::path& path) {
        try {
            open_model(path);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    }
    static void expect_same(const ModelFile& got, const ModelFile& expected) {
        EXPECT_EQ(got.tensors().size(), expected.tensors().size());
        for (const TensorView& t : expected.tensors()) {
            const TensorView* found = got.find(t.name);
            ASSERT_TRUE(found) << t.name;
            EXPECT_EQ(found->shape, t.shape) << t.name;
            EXPECT_EQ(copy_of(*found).bytes, copy_of(t).bytes) << t.name;
        }
    }

    test::TemporaryFolder folder_;
};

TEST_F(GgufForms, TodaysFilesStayAsTheyAre) {
    const auto file = open_gguf(SWITCHYARD_TEST_WORK "/reference/models/deepseek3/model-f32.gguf");
    EXPECT_EQ(todays_form(file), file);
}

/// k_b and v_b of `file` joined to attn_kv_b [heads * (nope + value), latent], and the keys of that time.
class Unsplit {
  public:
    explicit Unsplit(const ModelFile& file) : metadata(file.metadata()) {
        const ModelConfig c = read_config(file);
        for (const TensorView& t : file.tensors()) {
            if (t.name.ends_with("attn_v_b.weight"))
                continue;
            if (!t.name.ends_with("attn_k_b.weight")) {
                tensors.push_back(copy_of(t));
                continue;
            }
            const std::string prefix = t.name.substr(0, t.name.size() - std::string("k_b.weight").size());
            tensors.push_back(join(copy_of(t), copy_of(*file.find(prefix + "v_b.weight"))));
            tensors.back().view.name = prefix + "kv_b.weight";
        }
        const auto set = [&](const char* key, int value) {
            metadata.set("deepseek2.attention." + std::string(key), static_cast<std::uint64_t>(value));
        };
        set("head_count_kv", c.heads);
        set("key_length", c.head_dim);
        set("value_length", c.value_dim);
        metadata.erase("deepseek2.attention.key_length_mla");
        metadata.erase("deepseek2.attention.value_length_mla");
    }

    Metadata metadata;
    std::vector<Written> tensors;

  private:
    static Written join(const Written& k, const Written& v) {
        const std::int64_t heads = k.view.matrices(), nope = k.view.cols(), latent = k.view.rows();
        Written kv{{"", BlockType::F32, {latent, heads * (nope + v.view.rows())}, nullptr, 0}, {}};
        for (std::int64_t h = 0; h < heads; ++h) {
            for (std::int64_t n = 0; n < nope; ++n)
                for (std::int64_t l = 0; l < latent; ++l)
                    append(kv, row(k, h, l) + n, 1);
            for (std::int64_t r = 0; r < v.view.rows(); ++r)
                append(kv, row(v, h, r), latent);
        }
        return kv;
    }
};

TEST_F(GgufForms, UnsplitKvBComesApart) {
    for (const char* model : {"deepseek2_lite", "deepseek3"}) {
        const auto file = reference(model);
        const Unsplit old(*file);
        const auto opened = open_model(write(old.metadata, old.tensors));
        expect_same(*opened, *file);
        for (const char* key :
             {"head_count_kv", "key_length", "value_length", "key_length_mla", "value_length_mla"})
            EXPECT_EQ(opened->metadata().uint("deepseek2.attention." + std::string(key)),
                      file->metadata().uint("deepseek2.attention." + std::string(key)))
                << key;
        const ModelConfig a = read_config(*opened), b = read_config(*file);
        EXPECT_EQ(a.head_dim, b.head_dim);
        EXPECT_EQ(a.value_dim, b.value_dim);
        EXPECT_FLOAT_EQ(a.attention_scale, b.attention_scale);
    }
}

TEST_F(GgufForms, UnsplitKvBOfAnotherSizeIsRefused) {
    Unsplit old(*reference("deepseek2_lite"));
    old.metadata.set("deepseek2.attention.value_length", std::uint64_t{7});
    const auto path = write(old.metadata, old.tensors);
    EXPECT_NE(opening(path).find("attn_kv_b.weight does not fit the heads"), std::string::npos)
        << opening(path);
}

TEST_F(GgufForms, FusedGateAndUpComeApart) {
    for (const char* model : {"mixtral", "gptoss"}) { // gpt-oss has biases
        const auto file = reference(model);
        std::vector<Written> tensors;
        for (const TensorView& t : file->tensors()) {
            if (t.name.find("ffn_up_exps") != t.name.npos)
                continue;
            const auto at = t.name.find("ffn_gate_exps");
            if (at == t.name.npos) {
                tensors.push_back(copy_of(t));
                continue;
            }
            std::string up = t.name, both = t.name;
            up.replace(at, 8, "ffn_up");
            both.replace(at, 8, "ffn_gate_up");
            const Written a = copy_of(t), b = copy_of(*file->find(up));
            const bool bias = t.name.ends_with("bias");
            const std::int64_t matrices = bias ? t.rows() : t.matrices(), rows = bias ? 1 : t.rows();
            Written w{t, {}};
            w.view.name = both;
            w.view.shape[bias ? 0 : 1] *= 2;
            for (std::int64_t m = 0; m < matrices; ++m)
                for (const Written* part : {&a, &b})
                    append(w, row(*part, 0, m * rows), rows * t.cols());
            tensors.push_back(std::move(w));
        }
        expect_same(*open_model(write(file->metadata(), tensors)), *file);
    }
}

TEST_F(GgufForms, ExpertsOfTheirOwnAreGathered) {
    const auto file = reference("mixtral");
    std::vector<Written> tensors;
    for (const TensorView& t : file->tensors()) {
        const auto at = t.name.find("_exps");
        if (at == t.name.npos) {
            tensors.push_back(copy_of(t));
            continue;
        }
        for (std::int64_t e = 0; e < t.matrices(); ++e) {
            Written w{{t.name.substr(0, at) + "." + std::to_string(e) + ".weight",
                       t.type,
                       {t.cols(), t.rows()},
                       nullptr,
                       0},
                      {}};
            append(w, reinterpret_cast<const float*>(t.matrix(e).get()), t.rows() * t.cols());
            tensors.push_back(std::move(w));
        }
    }
    expect_same(*open_model(write(file->metadata(), tensors)), *file);
    std::erase_if(tensors, [](const Written& w) { return w.view.name == "blk.1.ffn_up.3.weight"; });
    const auto path = write(file->metadata(), tensors);
    EXPECT_NE(opening(path).find("expert 3 of blk.1.ffn_up_exps.weight is missing"), std::string::npos)
        << opening(path);
}

/// The reference `llama` with one more tensor, under another architecture's name.
class GgufPlans : public GgufForms {
  protected:
    std::vector<std::string> notes; ///< of the last planning()
  protected:
    std::string planning(const std::string& architecture, const std::string& tensor) {
        const auto file = reference("llama31");
        std::vector<Written> tensors;
        for (const TensorView& t : file->tensors())
            tensors.push_back(copy_of(t));
        tensors.push_back(copy_of(*file->find("blk.0.attn_q.weight")));
        tensors.back().view.name = tensor;
        Metadata metadata = file->metadata();
        metadata.set("general.architecture", architecture);
        const auto opened = open_model(write(metadata, tensors));
        try {
            notes = build_plan(read_config(*opened), *opened).notes;
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    }
};

TEST_F(GgufPlans, ATensorBeyondThePlanIsRefused) {
    EXPECT_EQ(planning("llama", "blk.99.attn_q.weight"), ""); // a layer that predicts further tokens
    EXPECT_EQ(planning("llama", "blk.0.attn_rot_embd.weight"), "");
    EXPECT_NE(
        planning("llama", "blk.0.attn_gate.weight")
            .find("the tensor \"blk.0.attn_gate.weight\" is not known in a model of architecture \"llama\""),
        std::string::npos);
}

TEST_F(GgufPlans, ATensorOutsideOfTheLayersIsNotedUnlessItTakesPart) {
    EXPECT_EQ(planning("llama", "vision.patch\x1b.weight"), "");
    EXPECT_EQ(notes,
              std::vector<std::string>{"The tensor \"vision.patch?.weight\" is not known and is left out."});
    for (const char* name :
         {"output_norm.bias", "token_embd_norm.weight", "position_embd.weight", "rope_factors_long.weight"})
        EXPECT_NE(planning("llama", name).find("is not known in a model"), std::string::npos) << name;
}

TEST_F(GgufPlans, AnUnknownArchitectureIsNamedWithWhatIsMissing) {
    EXPECT_NE(planning("rwkv7", "blk.0.time_mix_w0.weight")
                  .find("the architecture \"rwkv7\" is not known to this program; its layers have "
                        "\"time_mix_w0\", which it cannot compute"),
              std::string::npos);
}

} // namespace
} // namespace switchyard
