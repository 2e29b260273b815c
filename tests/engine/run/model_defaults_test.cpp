// Where a model's first dials come from.
#include "engine/run/model_defaults.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

class File : public ModelFile {
  public:
    const Metadata& metadata() const override { return metadata_; }
    std::span<const TensorView> tensors() const override { return {}; }
    const TensorView* find(std::string_view) const override { return nullptr; }
    const std::filesystem::path& path() const override { return path_; }
    std::size_t bytes() const override { return 0; }

    SequenceTuning defaults(const std::string& name = "some model") const {
        ModelConfig config;
        config.name = name;
        return default_tuning(*this, config).sequence;
    }

    Metadata metadata_;
    std::filesystem::path path_ = "model.gguf";
};

TEST(ModelDefaults, AreTheProgramsOwnWhereNothingIsKnown) { EXPECT_EQ(File().defaults(), SequenceTuning{}); }

TEST(ModelDefaults, FollowTheFilesKeys) {
    File file;
    file.metadata_.set("general.sampling.temp", double{0.9f});
    file.metadata_.set("general.sampling.top_k", std::uint64_t{20});
    const SequenceTuning tuning = file.defaults("SmolLM2 135M");
    EXPECT_EQ(tuning.temperature, 0.9) << "and not 0.8999999762";
    EXPECT_EQ(tuning.top_k, 20);
    EXPECT_EQ(tuning.top_p, SequenceTuning{}.top_p) << "not what is published: the file knows better";
    EXPECT_EQ(tuning.repetition_penalty, 1) << "authors who want one say so";
    file.metadata_.set("general.sampling.penalty_repeat", 1.05);
    EXPECT_EQ(file.defaults().repetition_penalty, 1.05);
}

TEST(ModelDefaults, FollowWhatAuthorsPublish) {
    const SequenceTuning small = File().defaults("Smollm2 135M 8k Lc100K Mix1 Ep2");
    EXPECT_EQ(small.temperature, 0.2);
    EXPECT_EQ(small.top_p, 0.9);
    EXPECT_EQ(File().defaults("DeepSeek-R1-Distill-Qwen-7B").temperature, 0.6);
    struct Known {
        const char* name;
        double temperature, top_p;
        int top_k;
        double penalty;
    };
    for (const Known& known : {Known{"Qwen2.5 Coder 0.5B Instruct AWQ", 0.7, 0.8, 20, 1.1},
                               {"Qwen2.5-7B-Instruct", 0.7, 0.8, 20, 1.05},
                               {"Qwen3 8B", 0.6, 0.95, 20, 1.0},
                               {"Qwen3-30B-A3B-Instruct-2507", 0.7, 0.8, 20, 1.0},
                               {"Qwen3-30B-A3B-Thinking-2507", 0.6, 0.95, 20, 1.0},
                               {"Meta-Llama-3.1-8B-Instruct", 0.6, 0.9, 0, 1.0},
                               {"Mistral-7B-Instruct-v0.3", 0.7, 1.0, 0, 1.0},
                               {"Mixtral-8x7B-Instruct-v0.1", 0.7, 1.0, 0, 1.0},
                               {"gemma-3-1b-it", 1.0, 0.95, 64, 1.0},
                               {"Phi-3.5-mini-instruct", 0.0, 1.0, 0, 1.0},
                               {"DeepSeek-V2-Lite-Chat", 0.3, 0.95, 0, 1.0},
                               {"DeepSeek-R1-0528-Qwen3-8B", 0.6, 0.95, 0, 1.0},
                               {"gpt-oss-20b", 1.0, 1.0, 0, 1.0}}) {
        const SequenceTuning tuning = File().defaults(known.name);
        EXPECT_EQ(tuning.temperature, known.temperature) << known.name;
        EXPECT_EQ(tuning.top_p, known.top_p) << known.name;
        EXPECT_EQ(tuning.top_k, known.top_k) << known.name;
        EXPECT_EQ(tuning.repetition_penalty, known.penalty) << known.name;
    }
}

TEST(ModelDefaults, PassOverWhatCannotBe) {
    File file;
    file.metadata_.set("general.sampling.temp", 17.0);
    file.metadata_.set("general.sampling.top_k", std::string("many"));
    file.metadata_.set("general.sampling.top_p", 0.8);
    EXPECT_EQ(file.defaults().temperature, SequenceTuning{}.temperature);
    EXPECT_EQ(file.defaults().top_k, SequenceTuning{}.top_k);
    EXPECT_EQ(file.defaults().top_p, 0.8);
}

} // namespace
} // namespace switchyard
