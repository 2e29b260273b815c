// Sizes as the configurations that the models' authors publish give them.
#include "engine/model/shapes.h"

#include "engine/base/error.h"

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kSoftmax = 1, kSigmoid = 2, kSoftmaxChosen = 3; // GGUF's numbers of gating functions

// Every other layer sees a window only, the first among them.
std::vector<int> alternating_windows(int layers, int window) {
    std::vector<int> windows;
    for (int layer = 0; layer < layers; ++layer)
        windows.push_back(layer % 2 == 0 ? window : 0);
    return windows;
}

// The fields that all have: heads of `head_dim`, k and v on fewer heads.
ModelConfig plain(std::string architecture, int layers, int hidden, int vocabulary, int context, int heads,
                  int kv_heads, int head_dim) {
    ModelConfig c;
    c.architecture = std::move(architecture);
    c.layers = layers;
    c.hidden = hidden;
    c.vocabulary = vocabulary;
    c.context = context;
    c.heads = heads;
    c.kv_heads = kv_heads;
    c.head_dim = c.value_dim = c.rope.dims = head_dim;
    return c;
}

ModelConfig with_feed_forward(ModelConfig c, int width) {
    c.feed_forward = width;
    return c;
}

ModelConfig with_experts(ModelConfig c, int experts, int active, int width, bool normalise,
                         int gate = kSoftmax) {
    c.experts = experts;
    c.experts_active = active;
    c.expert_width = width;
    c.expert_normalise = normalise;
    c.expert_gate = gate;
    return c;
}

ModelConfig with_shared(ModelConfig c, int experts, int width) {
    c.experts_shared = experts;
    c.shared_width = width;
    return c;
}

// Multi-head latent attention as all of DeepSeek's models have it; `q_rank` 0: q is not compressed.
ModelConfig latent(int layers, int hidden, int vocabulary, int heads, int q_rank) {
    ModelConfig c = plain("deepseek2", layers, hidden, vocabulary, 163840, heads, 1, 192);
    c.value_dim = 128;
    c.rope.dims = 64;
    c.kv_lora_rank = 512;
    c.q_lora_rank = q_rank;
    return c;
}

ModelConfig with_groups(ModelConfig c, int groups, int kept, float scale) {
    c.expert_groups = groups;
    c.expert_groups_kept = kept;
    c.expert_scale = scale;
    return c;
}

Shape deepseek(std::string name, std::string title, ModelConfig c, int dense_layers) {
    c.dense_layers = dense_layers;
    return {.name = std::move(name), .title = std::move(title), .config = std::move(c)};
}

void add_deepseek(std::vector<Shape>& all) {
    const auto experts = [](ModelConfig c, int dense_width, int count, int active, int width) {
        return with_shared(
            with_experts(with_feed_forward(std::move(c), dense_width), count, active, width, false), 2,
            2 * width);
    };
    all.push_back(
        deepseek("deepseek-v1-moe-16b", "DeepSeekMoE 16B",
                 experts(plain("deepseek", 28, 2048, 102400, 4096, 16, 16, 128), 10944, 64, 6, 1408), 1));
    all.push_back(deepseek("deepseek-v2-lite", "DeepSeek-V2-Lite",
                           experts(latent(27, 2048, 102400, 16, 0), 10944, 64, 6, 1408), 1));
    all.push_back(deepseek(
        "deepseek-v2", "DeepSeek-V2",
        with_groups(experts(latent(60, 5120, 102400, 128, 1536), 12288, 160, 6, 1536), 8, 3, 16.0f), 1));
    // V3 and R1 differ in training alone.
    const std::pair<const char*, const char*> large[] = {{"deepseek-v3", "DeepSeek-V3"},
                                                         {"deepseek-r1", "DeepSeek-R1"}};
    for (const auto& [name, title] : large) {
        ModelConfig c = with_experts(with_feed_forward(latent(61, 7168, 129280, 128, 1536), 18432), 256, 8,
                                     2048, true, kSigmoid);
        Shape shape = deepseek(name, title, with_groups(with_shared(std::move(c), 1, 2048), 8, 4, 2.5f), 3);
        shape.parts.selection_bias = true;
        all.push_back(std::move(shape));
    }
}

Shape gpt_oss(std::string size, int layers, int experts) {
    ModelConfig c = with_experts(plain("gpt-oss", layers, 2880, 201088, 131072, 64, 8, 64), experts, 4, 2880,
                                 false, kSoftmaxChosen);
    c.windows = alternating_windows(layers, 128);
    return {.name = "gpt-oss-" + size,
            .title = "gpt-oss-" + size,
            .config = std::move(c),
            .parts = {.query_bias = true,
                      .output_bias = true,
                      .sinks = true,
                      .router_bias = true,
                      .expert_biases = true},
            .published = BlockType::MXFP4};
}

Shape mixtral(std::string size, ModelConfig c, int width) {
    return {.name = "mixtral-" + size,
            .title = "Mixtral " + size,
            .config = with_experts(std::move(c), 8, 2, width, true)};
}

Shape llama(std::string name, std::string title, bool large) {
    ModelConfig c = large ? with_feed_forward(plain("llama", 80, 8192, 128256, 131072, 64, 8, 128), 28672)
                          : with_feed_forward(plain("llama", 32, 4096, 128256, 131072, 32, 8, 128), 14336);
    return {.name = std::move(name), .title = std::move(title), .config = std::move(c)};
}

Shape qwen2(std::string name, std::string title, ModelConfig c, int width) {
    return {.name = std::move(name),
            .title = std::move(title),
            .config = with_feed_forward(std::move(c), width),
            .parts = {.query_bias = true}};
}

Shape qwen2_moe(std::string name, std::string title, ModelConfig c) {
    return {.name = std::move(name),
            .title = std::move(title),
            .config = std::move(c),
            .parts = {.query_bias = true, .shared_gate = true}};
}

Shape qwen3(std::string name, std::string title, ModelConfig c) {
    return {.name = std::move(name),
            .title = std::move(title),
            .config = std::move(c),
            .parts = {.head_norms = true}};
}

void add_mixtures(std::vector<Shape>& all) {
    all.push_back(mixtral("8x7b", plain("llama", 32, 4096, 32000, 32768, 32, 8, 128), 14336));
    all.push_back(mixtral("8x22b", plain("llama", 56, 6144, 32000, 65536, 48, 8, 128), 16384));
    all.push_back(qwen2_moe(
        "qwen2-moe", "Qwen1.5-MoE-A2.7B",
        with_shared(with_experts(plain("qwen2moe", 24, 2048, 151936, 8192, 16, 16, 128), 60, 4, 1408, false),
                    4, 5632)));
    all.push_back(qwen2_moe(
        "qwen2-57b-a14b", "Qwen2-57B-A14B",
        with_shared(with_experts(plain("qwen2moe", 28, 3584, 151936, 131072, 28, 4, 128), 64, 8, 2560, false),
                    8, 20480)));
    all.push_back(
        qwen3("qwen3-30b-a3b", "Qwen3-30B-A3B",
              with_experts(plain("qwen3moe", 48, 2048, 151936, 40960, 32, 4, 128), 128, 8, 768, true)));
    all.push_back(
        qwen3("qwen3-235b-a22b", "Qwen3-235B-A22B",
              with_experts(plain("qwen3moe", 94, 4096, 151936, 40960, 64, 4, 128), 128, 8, 1536, true)));
    all.push_back(
        {.name = "olmoe-1b-7b",
         .title = "OLMoE-1B-7B",
         .config = with_experts(plain("olmoe", 16, 2048, 50304, 4096, 16, 16, 128), 64, 8, 1024, false),
         .parts = {.joint_norms = true}});
    all.push_back(gpt_oss("20b", 24, 32));
    all.push_back(gpt_oss("120b", 36, 128));
}

// Every n-th layer has attention, the others linear attention.
std::vector<bool> linear_but_each(int layers, int n) {
    std::vector<bool> linear;
    for (int layer = 0; layer < layers; ++layer)
        linear.push_back((layer + 1) % n != 0);
    return linear;
}

Shape qwen_linear(std::string name, std::string title, std::string architecture, int layers, int vocabulary,
                  int experts, int active) {
    ModelConfig c =
        with_shared(with_experts(plain(std::move(architecture), layers, 2048, vocabulary, 262144, 16, 2, 256),
                                 experts, active, 512, true),
                    0, 512);
    c.rope.dims = 64;
    c.gated_queries = true;
    c.linear_layers = linear_but_each(layers, 4);
    c.linear = {.key_heads = 16, .value_heads = 32, .key_dim = 128, .value_dim = 128, .taps = 4};
    const bool joined = c.architecture == "qwen3next";
    return {.name = std::move(name),
            .title = std::move(title),
            .config = std::move(c),
            .parts = {.head_norms = true, .shared_gate = true, .joined_decays = joined}};
}

Shape nemotron_nano() {
    const std::string mixers = "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME";
    ModelConfig c = with_shared(with_experts(plain("nemotron_h_moe", static_cast<int>(mixers.size()), 2688,
                                                   131072, 262144, 32, 2, 128),
                                             128, 6, 1856, true, kSigmoid),
                                1, 3712);
    c.expert_scale = 2.5f;
    c.single_mixers = true;
    c.rope.dims = 2; // of what is rotated nowhere
    for (const char mixer : mixers)
        c.linear_layers.push_back(mixer != '*');
    c.space = {.heads = 64, .head_dim = 64, .groups = 8, .state_size = 128, .taps = 4};
    return {.name = "nemotron-3-nano-30b-a3b",
            .title = "Nemotron-3-Nano-30B-A3B",
            .config = std::move(c),
            .parts = {.selection_bias = true, .mixers = mixers}};
}

Shape kimi_linear() {
    ModelConfig c = with_shared(
        with_experts(with_feed_forward(latent(27, 2304, 163840, 32, 0), 9216), 256, 8, 1024, true, kSigmoid),
        1, 1024);
    c.architecture = "kimi-linear";
    c.context = 1048576;
    c.dense_layers = 1;
    c.expert_scale = 2.446f;
    for (int layer = 0; layer < c.layers; ++layer) // the last is attention though it ends no four
        c.linear_layers.push_back((layer + 1) % 4 != 0 && layer + 1 != c.layers);
    c.linear = {
        .key_heads = 32, .value_heads = 32, .key_dim = 128, .value_dim = 128, .taps = 4, .by_channel = true};
    return {.name = "kimi-linear-48b-a3b",
            .title = "Kimi-Linear-48B-A3B",
            .config = std::move(c),
            .parts = {.selection_bias = true}};
}

Shape glm_flash() {
    ModelConfig c = with_shared(with_experts(with_feed_forward(latent(47, 2048, 154880, 20, 768), 10240), 64,
                                             4, 1536, true, kSigmoid),
                                1, 1536);
    c.context = 202752;
    c.head_dim = 256;
    c.value_dim = 256;
    c.dense_layers = 1;
    c.expert_scale = 1.8f;
    return {.name = "glm-4.7-flash",
            .title = "GLM-4.7-Flash",
            .config = std::move(c),
            .parts = {.selection_bias = true}};
}

void add_hybrids(std::vector<Shape>& all) {
    all.push_back(qwen_linear("qwen3-next-80b-a3b", "Qwen3-Next-80B-A3B", "qwen3next", 48, 151936, 512, 10));
    all.push_back(qwen_linear("qwen3.5-35b-a3b", "Qwen3.5-35B-A3B", "qwen35moe", 40, 248320, 256, 8));
    all.push_back(nemotron_nano());
    all.push_back(kimi_linear());
    all.push_back(glm_flash());
}

void add_dense(std::vector<Shape>& all) {
    const std::string distill = "deepseek-r1-distill-", title = "DeepSeek-R1-Distill-";
    all.push_back(qwen2(distill + "qwen-1.5b", title + "Qwen-1.5B",
                        plain("qwen2", 28, 1536, 151936, 131072, 12, 2, 128), 8960));
    all.push_back(qwen2(distill + "qwen-7b", title + "Qwen-7B",
                        plain("qwen2", 28, 3584, 152064, 131072, 28, 4, 128), 18944));
    all.push_back(llama(distill + "llama-8b", title + "Llama-8B", false));
    all.push_back(qwen2(distill + "qwen-14b", title + "Qwen-14B",
                        plain("qwen2", 48, 5120, 152064, 131072, 40, 8, 128), 13824));
    all.push_back(qwen2(distill + "qwen-32b", title + "Qwen-32B",
                        plain("qwen2", 64, 5120, 152064, 131072, 40, 8, 128), 27648));
    all.push_back(llama(distill + "llama-70b", title + "Llama-70B", true));
    all.push_back(llama("llama-3.1-8b", "Llama-3.1-8B", false));
    all.push_back(llama("llama-3.1-70b", "Llama-3.1-70B", true));
    all.push_back(
        qwen2("qwen2.5-7b", "Qwen2.5-7B", plain("qwen2", 28, 3584, 152064, 32768, 28, 4, 128), 18944));
    all.push_back(qwen3("qwen3-8b", "Qwen3-8B",
                        with_feed_forward(plain("qwen3", 36, 4096, 151936, 40960, 32, 8, 128), 12288)));
    all.push_back({.name = "smollm2-135m",
                   .title = "SmolLM2-135M",
                   .config = with_feed_forward(plain("llama", 30, 576, 49152, 8192, 9, 3, 64), 1536),
                   .parts = {.tied = true}});
}

std::vector<Shape> make_shapes() {
    std::vector<Shape> all;
    add_deepseek(all);
    add_mixtures(all);
    add_hybrids(all);
    add_dense(all);
    for (Shape& shape : all)
        shape.config.name = shape.title;
    return all;
}

} // namespace

std::span<const Shape> known_shapes() {
    static const std::vector<Shape> shapes = make_shapes();
    return shapes;
}

const Shape& find_shape(std::string_view name) {
    std::string known;
    for (const Shape& shape : known_shapes()) {
        if (shape.name == name)
            return shape;
        known += (known.empty() ? "" : ", ") + shape.name;
    }
    throw Error("there is no shape \"" + std::string(name) + "\"; there are " + known);
}

Shape cut_layers(Shape shape, int layers) {
    ModelConfig& c = shape.config;
    if (layers < 1 || layers > c.layers)
        throw Error(shape.name + " has " + std::to_string(c.layers) + " layers, so it cannot be cut to " +
                    std::to_string(layers));
    c.layers = layers;
    c.dense_layers = std::min(c.dense_layers, layers);
    if (!c.windows.empty())
        c.windows.resize(static_cast<std::size_t>(layers));
    if (!c.linear_layers.empty())
        c.linear_layers.resize(static_cast<std::size_t>(layers));
    shape.parts.mixers.resize(std::min(shape.parts.mixers.size(), static_cast<std::size_t>(layers)));
    return shape;
}

} // namespace switchyard
