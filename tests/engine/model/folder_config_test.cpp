// What published configurations leave open, read as the families' own code does.
#include "engine/model/folder_config.h"
#include "engine/model/model_config.h"
#include "tests/engine/model/keys_only.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

/// A reference model's configuration with some of its keys changed.
ModelConfig config_of(const std::string& model, const nlohmann::json& changes) {
    std::ifstream in(std::string(SWITCHYARD_TEST_DATA) + "/reference/models/" + model + "/config.json");
    nlohmann::json config = nlohmann::json::parse(in);
    (config.contains("text_config") ? config["text_config"] : config).update(changes);
    const int vocabulary =
        (config.contains("text_config") ? config["text_config"] : config).at("vocab_size").get<int>();
    return read_config(test::KeysOnly(read_folder_config(config, "config.json").metadata, vocabulary));
}

TEST(FolderConfig, EmbeddingsGrowWhereTheModelSaysSo) {
    EXPECT_EQ(config_of("afmoe", {{"mup_enabled", true}}).embedding_scale, 8.0f) << "the root of its width";
    EXPECT_EQ(config_of("afmoe", {{"mup_enabled", false}}).embedding_scale, 1.0f);
}

TEST(FolderConfig, HeadsOfAllLayersAreAlikeWhereNoneHasItsOwn) {
    nlohmann::json config = {{"head_dim", 24u}, {"per_layer_config", nlohmann::json::object()}};
    EXPECT_EQ(config_of("gemma4", config).head_dim, 24);
    for (int layer = 0; layer < 64; ++layer)
        config["per_layer_config"][std::to_string(layer)] = {{"head_dim", 40u}};
    EXPECT_EQ(config_of("gemma4", config).head_dim, 40) << "of the full layers";
}

TEST(FolderConfig, WhereNoLayerHasAWindowNoneIsRotated) {
    const nlohmann::json full = {"full_attention", "full_attention", "full_attention", "full_attention"};
    for (const char* model : {"afmoe", "exaone_moe"}) {
        const ModelConfig config = config_of(model, {{"layer_types", full}});
        EXPECT_EQ(config.rotated, std::vector<bool>(4, false)) << model;
        EXPECT_EQ(config.windows, std::vector<int>(4, 0)) << model;
    }
}

TEST(FolderConfig, AWindowWithoutEndIsRotatedAllTheSame) {
    const ModelConfig config = config_of("exaone_moe", {{"sliding_window", nullptr}});
    EXPECT_EQ(config.rotated, (std::vector<bool>{true, true, true, false}));
    for (int layer = 0; layer < 3; ++layer)
        EXPECT_GE(config.windows[static_cast<std::size_t>(layer)], config.context);
}

} // namespace
} // namespace switchyard
