// Products with packed weights on AVX-512 VNNI, in vectors of 256 bits: multiply and add in one instruction.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/stream_tile.h"

namespace switchyard::cpu {
namespace {

struct DotVnni {
    static __m256i add(__m256i sum, __m256i w, __m256i x) { return _mm256_dpwssd_epi32(sum, w, x); }
};

} // namespace

void vnni::matmul(const MatmulArgs& args) { multiply<DotVnni, 8>(args); }

} // namespace switchyard::cpu
