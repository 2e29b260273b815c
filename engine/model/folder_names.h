// Which GGUF tensor a Hugging Face tensor is.
#pragma once

#include <string>
#include <string_view>

namespace switchyard {

/// What a folder's tensor becomes.
struct FolderName {
    enum class Kind {
        Whole,  ///< the tensor `gguf`
        Expert, ///< matrix `expert` of the tensor `gguf`
        KvB,    ///< MLA's kv_b: split into attn_k_b and attn_v_b; `gguf` is the layer's prefix "blk.N."
        Joined, ///< several tensors, one behind the other in their rows: `gguf` is the layer's prefix, `part`
                ///< says which
        Fused,  ///< gpt-oss: all experts in one tensor, `gguf` is the layer's prefix, `part` its own name
        Beside, ///< belongs to another tensor (scales), or is not needed
        Further, ///< of a layer that predicts further tokens
        Unknown
    };
    Kind kind = Kind::Unknown;
    std::string gguf;
    int expert = -1;
    std::string part;
};

/// A tensor's name without what models that also see, or Nemotron's, put before it.
std::string language_name(std::string_view name);

/// `architecture` is GGUF's; `layers` the number of layers without those that predict further tokens.
FolderName folder_name(std::string_view name, std::string_view architecture, int layers);

} // namespace switchyard
