// Products with packed weights on AVX-512 VNNI, in vectors of 256 bits: 32 products an instruction.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/tile.h"

namespace switchyard::cpu {
namespace {

struct DotVnni {
    /// Unsigned weights; signed ones are moved up by 128, which the start of the sum takes back.
    template <class F>
    struct Weights {
        __m256i u;
        explicit Weights(__m256i w) : u(F::kSigned ? _mm256_xor_si256(w, _mm256_set1_epi8(-128)) : w) {}
    };

    /// 32 columns of one token, or two sums of 16.
    template <class F>
    struct Sum {
        static constexpr int kShift = F::kSigned ? 7 : F::kOffsetShift;
        __m256i s[2];

        template <int kHalf>
        void add(int v, const Weights<F>& w, __m256i a, const Q8Block& x) {
            constexpr int i = F::kHalves ? kHalf : 0;
            if (v == 0 && kHalf == i) {
                s[i] = start(i, x);
            }
            s[i] = _mm256_dpbusd_epi32(s[i], w.u, a);
        }
        static __m256i start(int half, const Q8Block& x) {
            if (kShift == 0) {
                return _mm256_setzero_si256();
            }
            const __m256i low = _mm256_set1_epi32(x.neg_low), all = _mm256_set1_epi32(x.neg_sum);
            const __m256i sum = !F::kHalves ? all : half == 0 ? low : _mm256_sub_epi32(all, low);
            return _mm256_slli_epi32(sum, kShift);
        }
        __m256i half(int i) const { return s[i]; }
        __m256i total() const { return s[0]; }
    };
};

} // namespace

void vnni::matmul(const MatmulArgs& args) { multiply<DotVnni, 8>(args); }

} // namespace switchyard::cpu
