// Products with packed weights on AVX2: pairs of 8-bit products summed in 16 bits as long as they fit.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/tile.h"

namespace switchyard::cpu {
namespace {

struct DotAvx2 {
    /// Signed weights go as magnitudes; their sign is moved to the activations.
    template <class F>
    struct Weights {
        __m256i u, sign;
        explicit Weights(__m256i w) : u(F::kSigned ? _mm256_abs_epi8(w) : w), sign(w) {}
    };

    /// 32 columns of one token, or two sums of 16.
    template <class F>
    struct Sum {
        /// Pairs of products that 16 bits hold: each is at most 127 times the largest weight.
        static constexpr int kFit = 32767 / (2 * 127 * F::kLargest);
        static constexpr int kAdds = F::kHalves ? 4 : 8;
        __m256i s16[2], s32[2];

        template <int kHalf>
        void add(int v, const Weights<F>& w, __m256i a, const Q8Block& x) {
            constexpr int i = F::kHalves ? kHalf : 0;
            const int n = F::kHalves ? v : 2 * v + kHalf;
            const __m256i pairs = _mm256_maddubs_epi16(w.u, F::kSigned ? _mm256_sign_epi8(a, w.sign) : a);
            s16[i] = n % kFit == 0 ? pairs : _mm256_add_epi16(s16[i], pairs);
            if constexpr (kFit >= 4) { // else the compiler regroups the long sums and runs out of registers
                asm("" : "+x"(s16[i]));
            }
            if (n % kFit == kFit - 1 || n == kAdds - 1) {
                const __m256i fours = _mm256_madd_epi16(s16[i], _mm256_set1_epi16(1));
                s32[i] = n >= kFit              ? _mm256_add_epi32(s32[i], fours)
                         : F::kOffsetShift == 0 ? fours
                                                : _mm256_add_epi32(start(i, x), fours);
            }
        }
        static __m256i start(int half, const Q8Block& x) {
            const __m256i low = _mm256_set1_epi32(x.neg_low), all = _mm256_set1_epi32(x.neg_sum);
            const __m256i sum = !F::kHalves ? all : half == 0 ? low : _mm256_sub_epi32(all, low);
            return _mm256_slli_epi32(sum, F::kOffsetShift);
        }
        __m256i half(int i) const { return s32[i]; }
        __m256i total() const { return s32[0]; }
    };
};

} // namespace

void avx2::matmul(const MatmulArgs& args) { multiply<DotAvx2, 6>(args); }

} // namespace switchyard::cpu
