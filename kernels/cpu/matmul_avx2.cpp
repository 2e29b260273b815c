// Products with packed weights on AVX2: 16 products of 16-bit integers an instruction, summed in 32 bits.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/stream_tile.h"

namespace switchyard::cpu {
namespace {

struct DotAvx2 {
    static __m256i add(__m256i sum, __m256i w, __m256i x) {
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w, x));
        asm("" : "+x"(sum)); // else the compiler regroups the long sums and runs out of registers
        return sum;
    }
};

} // namespace

void avx2::matmul(const MatmulArgs& args) { multiply<DotAvx2, 6>(args); }

} // namespace switchyard::cpu
