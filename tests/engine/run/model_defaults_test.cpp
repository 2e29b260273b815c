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

    SequenceTuning defaults(const std::string& name = "some model",
                            const std::string& architecture = "llama") const {
        ModelConfig config;
        config.name = name;
        config.architecture = architecture;
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
    struct Known {
        const char* name;
        const char* architecture;
        double temperature, top_p;
        int top_k;
        double penalty;
    };
    for (const Known& known : {Known{"Qwen2.5 Coder 0.5B Instruct AWQ", "qwen2", 0.7, 0.8, 20, 1.05},
                               {"Qwen2.5 Coder 1.5B Instruct GGUF", "qwen2", 0.7, 0.8, 20, 1.1},
                               {"Qwen2.5-Coder-0.5B-Instruct carved", "qwen2moe", 0.7, 0.8, 20, 1.05},
                               {"Qwen2.5-7B-Instruct", "qwen2", 0.7, 0.8, 20, 1.05},
                               {"Qwen2.5-0.5B-Instruct", "qwen2", 0.7, 0.8, 20, 1.1},
                               {"Qwen2-1.5B-Instruct", "qwen2", 0.7, 0.8, 20, 1.1},
                               {"Qwen2-57B-A14B-Instruct", "qwen2moe", 0.7, 0.8, 20, 1.05},
                               {"Qwen3 8B", "qwen3", 0.6, 0.95, 20, 1.0},
                               {"Qwen3-30B-A3B-Instruct-2507", "qwen3moe", 0.7, 0.8, 20, 1.0},
                               {"Qwen3-30B-A3B-Thinking-2507", "qwen3moe", 0.6, 0.95, 20, 1.0},
                               {"Qwen3-Coder-30B-A3B-Instruct", "qwen3moe", 0.7, 0.8, 20, 1.05},
                               {"Meta-Llama-3.1-8B-Instruct", "llama", 0.6, 0.9, 0, 1.0},
                               {"Llama 3.2 1B Instruct", "llama", 0.6, 0.9, 0, 1.0},
                               {"Mistral-Nemo-Instruct-2407", "llama", 0.3, 1.0, 0, 1.0},
                               {"Mistral-Small-3.2-24B-Instruct-2506", "llama", 0.15, 1.0, 0, 1.0},
                               {"DeepSeek-V2-Lite-Chat", "deepseek2", 0.3, 0.95, 0, 1.0},
                               {"DeepSeek-R1-Distill-Qwen-7B", "qwen2", 0.6, 0.95, 0, 1.0},
                               {"DeepSeek-R1-0528-Qwen3-8B", "qwen3", 0.6, 0.95, 0, 1.0},
                               {"Kimi K2 Instruct", "deepseek2", 0.6, 1.0, 0, 1.0},
                               {"gpt-oss-20b", "gpt-oss", 1.0, 1.0, 0, 1.0}}) {
        const SequenceTuning tuning = File().defaults(known.name, known.architecture);
        EXPECT_EQ(tuning.temperature, known.temperature) << known.name;
        EXPECT_EQ(tuning.top_p, known.top_p) << known.name;
        EXPECT_EQ(tuning.top_k, known.top_k) << known.name;
        EXPECT_EQ(tuning.repetition_penalty, known.penalty) << known.name;
    }
}

TEST(ModelDefaults, KnowAModelByItsBaseName) {
    File file;
    file.metadata_.set("general.basename", std::string("Qwen2.5-Coder"));
    file.metadata_.set("general.size_label", std::string("1.5B"));
    file.metadata_.set("general.finetune", std::string("Instruct"));
    EXPECT_EQ(file.defaults("snapshots", "qwen2").top_k, 20);
    EXPECT_EQ(file.defaults("snapshots", "qwen2").repetition_penalty, 1.1);
}

TEST(ModelDefaults, AdviseNobodyElsesModel) {
    // Part of a longer word or number, another architecture, a base model, and authors who advise nothing.
    const std::pair<const char*, const char*> others[] = {
        {"TinyLlama-31M", "llama"},
        {"my-llama3-in-name-only", "qwen2"},
        {"Qwen2.5-7B", "qwen2"},
        {"Qwen3-8B-Base", "qwen3"},
        {"Mistral-7B-Instruct-v0.3", "llama"},
        {"deepseek-moe-16b-chat", "deepseek"},
        {"deepseek-llm-7b-base", "llama"},
        {"QwQ-32B-Preview", "qwen2"},
        {"asmollm2", "llama"},
    };
    for (const auto& [name, architecture] : others)
        EXPECT_EQ(File().defaults(name, architecture), SequenceTuning{}) << name;
}

TEST(ModelDefaults, PassOverWhatCannotBe) {
    File file;
    file.metadata_.set("general.sampling.temp", 17.0);
    file.metadata_.set("general.sampling.top_k", std::string("many"));
    file.metadata_.set("general.sampling.top_p", 0.8);
    EXPECT_EQ(file.defaults().temperature, SequenceTuning{}.temperature);
    EXPECT_EQ(file.defaults().top_k, SequenceTuning{}.top_k);
    EXPECT_EQ(file.defaults().top_p, 0.8);
    File odd; // a name that is none costs the model nothing
    odd.metadata_.set("general.basename", std::uint64_t{7});
    EXPECT_EQ(odd.defaults(), SequenceTuning{});
}

} // namespace
} // namespace switchyard
