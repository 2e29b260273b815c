// GGUF files in the forms that older converters, and some others, wrote.
#pragma once

#include "engine/files/gguf.h"

#include <memory>

namespace switchyard {

/// The same model with the tensors that today's converter writes: `file` itself where it has them.
/// - attn_kv_b in one piece (MLA) becomes attn_k_b and attn_v_b, and the keys of the heads' sizes follow;
/// - ffn_gate_up_exps becomes ffn_gate_exps and ffn_up_exps;
/// - an expert's own ffn_gate.E, ffn_up.E and ffn_down.E become matrix E of ffn_gate_exps and so on.
/// Throws Error naming the tensor that does not fit.
std::shared_ptr<const ModelFile> todays_form(std::shared_ptr<const ModelFile> file);

} // namespace switchyard
