// Picks the kernels of this processor.
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/scalar.h"

#include <cstring>

namespace switchyard::cpu {
namespace {

constexpr KernelTable kScalar{"scalar",     scalar::matmul,    scalar::quantize_q8, scalar::rms_norm,
                              scalar::rope, scalar::swiglu,    scalar::gelu_glu,    scalar::softmax,
                              scalar::add,  scalar::scale_add, scalar::scale,       scalar::attend_block};

} // namespace

bool available(Isa isa) { return isa == Isa::Scalar; }

Isa best_isa() { return Isa::Scalar; }

const KernelTable& table(Isa) { return kScalar; }

const KernelTable& table() {
    static const KernelTable& best = table(best_isa());
    return best;
}

void prepare_activations(BlockType weight, const float* x, std::int64_t cols, std::byte* out) {
    if (activation_format(weight) == ActivationFormat::Q8) {
        quantize_q8(x, cols, out);
    } else {
        std::memcpy(out, x, static_cast<std::size_t>(cols) * sizeof(float));
    }
}

} // namespace switchyard::cpu
