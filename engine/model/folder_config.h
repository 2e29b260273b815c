// A Hugging Face config.json in the words of GGUF metadata.
#pragma once

#include "engine/files/gguf.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace switchyard {

/// What a matrix's rows are multiplied by (Falcon-H1), from its first on; a bias by `bias` in every row.
struct RowFactors {
    struct Part {
        std::int64_t rows; ///< 0: all that are left
        float factor;
    };
    std::vector<Part> parts;
    float bias = 1.0f;
};

/// What the tensors of a folder need to know of its configuration.
struct FolderShape {
    std::string architecture; ///< GGUF's name
    int layers = 0;           ///< without those that predict further tokens
    int experts = 0;          ///< 0: dense
    bool tied = false;        ///< the output table is the embedding table
    int heads = 0, kv_heads = 0;
    int vocabulary = 0;              ///< rows of the embedding table; 0: not said
    bool interleave = false;         ///< GGUF wants q and k rows in pairs, the folder has them in halves
    int head_dim = 0;                ///< of queries, keys and values without MLA
    int nope_dim = 0, value_dim = 0; ///< MLA: per head, of kv_b
    int linear_key_heads = 0, linear_key_dim = 0; ///< of linear attention
    int linear_values = 0;                        ///< values of all value heads of a key head
    std::vector<bool> linear_layers; ///< which have linear attention with a decay a channel; empty: none
    std::map<std::string, RowFactors, std::less<>> factors; ///< by a tensor's name within its layer
    int output_groups = 0;                ///< matrices of attention's first output; 0: it is one
    bool norms_above_one = false;         ///< the folder holds norms' gains less one
    std::vector<float> rope_factors;      ///< divisors of the frequencies; empty: none
    std::vector<float> long_rope_factors; ///< those of long texts, where they have their own
};

struct FolderConfig {
    FolderShape shape;
    Metadata metadata;
};

/// Both styles of config.json are read (`rope_scaling` and `rope_parameters`). `name` (the file's) starts
/// every message. Throws Error naming the key that is missing, wrong or asks for what is not known.
FolderConfig read_folder_config(const nlohmann::json& config, const std::string& name);

} // namespace switchyard
