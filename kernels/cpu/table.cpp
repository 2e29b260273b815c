// Picks the kernels of this processor.
#include "kernels/cpu/kernels.h"

#include "kernels/cpu/isa.h"
#include "kernels/cpu/scalar.h"

#include <cstdlib>
#include <cstring>

namespace switchyard::cpu {
namespace {

constexpr KernelTable kScalar{"scalar",
                              scalar::matmul,
                              scalar::takes_bytes,
                              scalar::quantize_i16,
                              scalar::quantize_i8,
                              scalar::quantize_i8_words,
                              scalar::rms_norm,
                              scalar::rope,
                              scalar::swiglu,
                              scalar::gelu_glu,
                              scalar::softmax,
                              scalar::add,
                              scalar::scale_add,
                              scalar::scale,
                              scalar::attend_block,
                              scalar::merge_states,
                              scalar::delta_rule,
                              scalar::state_space};

constexpr KernelTable avx2_with(std::string_view name, void (*matmul)(const MatmulArgs&),
                                bool (*takes_bytes)(BlockType)) {
    return {name,
            matmul,
            takes_bytes,
            avx2::quantize_i16,
            avx2::quantize_i8,
            avx2::quantize_i8_words,
            avx2::rms_norm,
            avx2::rope,
            avx2::swiglu,
            avx2::gelu_glu,
            avx2::softmax,
            avx2::add,
            avx2::scale_add,
            avx2::scale,
            avx2::attend_block,
            avx2::merge_states,
            avx2::delta_rule,
            avx2::state_space};
}
constexpr KernelTable kAvx2 = avx2_with("AVX2", avx2::matmul, avx2::takes_bytes);
constexpr KernelTable kVnni = avx2_with("AVX-512 VNNI", vnni::matmul, vnni::takes_bytes);

Isa detect() {
    Isa best = available(Isa::Vnni) ? Isa::Vnni : available(Isa::Avx2) ? Isa::Avx2 : Isa::Scalar;
    if (const char* wanted = std::getenv("SWITCHYARD_ISA")) {
        if (std::strcmp(wanted, "scalar") == 0) {
            best = Isa::Scalar;
        } else if (std::strcmp(wanted, "avx2") == 0 && best == Isa::Vnni) {
            best = Isa::Avx2;
        }
    }
    return best;
}

} // namespace

bool available(Isa isa) {
    // Every processor with AVX2 has F16C, which not every compiler can ask for by name. PREFETCHW does
    // nothing where it is missing (Haswell).
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    switch (isa) {
    case Isa::Vnni:
        return avx2 && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vnni");
    case Isa::Avx2:
        return avx2;
    case Isa::Scalar:
        break;
    }
    return true;
}

Isa best_isa() {
    static const Isa best = detect();
    return best;
}

const KernelTable& table(Isa isa) { return isa == Isa::Vnni ? kVnni : isa == Isa::Avx2 ? kAvx2 : kScalar; }

const KernelTable& table() {
    static const KernelTable& best = table(best_isa());
    return best;
}

void prepare_activations(BlockType weight, const float* x, std::int64_t cols, std::byte* out, int bits) {
    if (activation_format(weight, bits) == ActivationFormat::F32) {
        std::memcpy(out, x, static_cast<std::size_t>(cols) * sizeof(float));
    } else {
        (bits == 8 ? quantize_i8 : quantize_i16)(x, cols, out);
    }
}

} // namespace switchyard::cpu
