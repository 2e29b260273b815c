// Products with packed weights on AVX2: 16 products of 16-bit integers an instruction, summed in 32 bits.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/stream_tile.h"

namespace switchyard::cpu {
namespace {

struct DotAvx2 {
    static constexpr int kPanels = 1;           ///< that pass together: there are 16 registers
    static constexpr bool kShortChains = false; ///< widening sums costs more

    static __m256i add(__m256i sum, __m256i w, __m256i x) {
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w, x));
        asm("" : "+x"(sum)); // else the compiler regroups the long sums and runs out of registers
        return sum;
    }

    /// 16-bit sums of pairs of products, widened after every kMost: no more fit.
    template <int kMost>
    struct Pairs {
        __m256i wide = _mm256_setzero_si256(), sums = _mm256_setzero_si256();
        int count = 0;

        [[gnu::always_inline]] void add(__m256i pairs) {
            sums = count % kMost == 0 ? pairs : _mm256_add_epi16(sums, pairs);
            if (++count % kMost == 0) {
                widen();
            }
        }
        [[gnu::always_inline]] __m256i sum() {
            if (count % kMost != 0) {
                widen();
            }
            return wide;
        }

      private:
        [[gnu::always_inline]] void widen() {
            const __m256i more = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
            wide = count <= kMost ? more : _mm256_add_epi32(wide, more);
        }
    };

    /// Sums of products of unsigned weights with activations in two bytes.
    template <int kBits>
    struct Bytes {
        static constexpr int kLargest = (1 << kBits) - 1;
        Pairs<32767 / (2 * kLargest * 128)> highs;
        Pairs<32767 / (2 * kLargest * 255)> lows;

        [[gnu::always_inline]] void add(__m256i w, __m256i high, __m256i low) {
            highs.add(_mm256_maddubs_epi16(w, high));
            lows.add(_mm256_maddubs_epi16(low, w));
        }
        [[gnu::always_inline]] __m256i sum() {
            return _mm256_add_epi32(_mm256_slli_epi32(highs.sum(), 8), lows.sum());
        }
    };
};

} // namespace

void avx2::matmul(const MatmulArgs& args) { multiply<DotAvx2, 6>(args); }

} // namespace switchyard::cpu
