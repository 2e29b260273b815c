#include "engine/model/layers_alike.h"

#include "engine/base/error.h"
#include "engine/model/quantize_mix.h"

#include <array>
#include <set>
#include <string>
#include <string_view>

namespace switchyard {

namespace {

/// What comes with another tensor of its layer, in all layers or in none.
struct Companion {
    std::string_view part, with;
};
constexpr std::array kCompanions{
    Companion{"attn_q_norm.weight", "attn_q.weight"},
    Companion{"attn_k_norm.weight", "attn_k.weight"},
    Companion{"layer_output_scale.weight", "attn_norm.weight"},
    Companion{"exp_probs_b.bias", "ffn_gate_inp.weight"},
    Companion{"ffn_gate_inp_shexp.weight", "ffn_up_shexp.weight"},
};

/// The tensor that `part` comes with; empty: none.
std::string companion_of(std::string_view part) {
    for (const Companion& c : kCompanions)
        if (c.part == part)
            return std::string(c.with);
    constexpr std::string_view kBias = ".bias";
    return part.ends_with(kBias) ? std::string(part.substr(0, part.size() - kBias.size())) + ".weight" : "";
}

/// The parts of layers' names, "attn_q.bias" of "blk.3.attn_q.bias", of the first `layers`.
std::set<std::string, std::less<>> optional_parts(const ModelFile& file, int layers) {
    std::set<std::string, std::less<>> parts;
    for (const TensorView& t : file.tensors()) {
        const int layer = layer_of(t.name);
        if (const std::string_view part = part_of(t.name);
            layer >= 0 && layer < layers && !companion_of(part).empty())
            parts.emplace(part);
    }
    return parts;
}

} // namespace

void check_layers_alike(const ModelFile& file, const ModelConfig& config) {
    for (const std::string& part : optional_parts(file, config.layers)) {
        const std::string with = companion_of(part);
        // The last layers of some have keys of others; layers that choose by the token have no other choice.
        const bool keys = part.starts_with("attn_k") || part.starts_with("attn_v");
        const int layers = config.layers - (keys ? config.shared_kv_layers : 0);
        for (int layer = 0; layer < layers; ++layer) {
            const std::string prefix = "blk." + std::to_string(layer) + ".";
            if (file.find(prefix + with) && !file.find(prefix + part) &&
                !file.find(prefix + "ffn_gate_tid2eid.weight"))
                throw Error(file.path().string() + ": the tensor " + prefix + part +
                            " is missing: other layers have one");
        }
    }
}

} // namespace switchyard
