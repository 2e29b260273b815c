// Products with packed weights on AVX2: 16 products of 16-bit integers an instruction, summed in 32 bits.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/stream_tile.h"

namespace switchyard::cpu {
namespace {

struct DotAvx2 {
    static constexpr int kPanels = 1;                ///< that pass together: there are 16 registers
    static constexpr int kByteTile = 6;              ///< tokens that meet 8-bit activations together
    static constexpr std::size_t kWideBytes = 22000; ///< of weights that are unpacked at a time
    static constexpr bool kShortChains = false;      ///< widening sums costs more

    static __m256i add(__m256i sum, __m256i w, __m256i x) {
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w, x));
        asm("" : "+x"(sum)); // else the compiler regroups the long sums and runs out of registers
        return sum;
    }

    /// Words, negative where bit i of `signs` is set.
    static __m256i negated(__m256i words, std::uint16_t signs) {
        // Each bit to the top of its word; one more bit, as zero would make words zero.
        const __m256i powers =
            _mm256_setr_epi16(-32768, 16384, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1);
        const __m256i bits = _mm256_mullo_epi16(_mm256_set1_epi16(static_cast<short>(signs)), powers);
        return _mm256_sign_epi16(words, _mm256_or_si256(bits, _mm256_set1_epi16(1)));
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

    /// Whether 8-bit activations meet weights of so many bits as bytes. Two products of 8 bits are more than
    /// 16 bits hold, and weights in two halves take as many instructions as words do.
    template <int kBits>
    static constexpr bool kTakesBytes = kBits < 8;

    /// Unsigned weights, in halves of no more than 7 bits.
    template <int kBits>
    struct ByteWeights {
        __m256i bytes;
        explicit ByteWeights(__m256i w) : bytes(w) {}
    };
    /// Sums of products of unsigned weights with 8-bit activations, which are -127 at least.
    template <int kBits>
    struct ByteSum {
        static constexpr int kMost = 32767 / (2 * ((1 << kBits) - 1) * 127); ///< that 16 bits hold
        __m256i wide, sums;

        template <int kBefore>
        [[gnu::always_inline]] void add(const ByteWeights<kBits>& w, __m256i x) {
            const __m256i pairs = _mm256_maddubs_epi16(w.bytes, x);
            sums = kBefore % kMost == 0 ? pairs : _mm256_add_epi16(sums, pairs);
            asm("" : "+x"(sums)); // as add() above
            if constexpr ((kBefore + 1) % kMost == 0) {
                wide = widened<kBefore + 1 - kMost>();
            }
        }
        /// Of so many groups.
        template <int kGroups>
        [[gnu::always_inline]] __m256i total() const {
            if constexpr (kGroups % kMost == 0) {
                return wide;
            } else {
                return widened<kGroups / kMost * kMost>();
            }
        }

      private:
        /// `sums` in 32 bits, and what was widened of so many groups before.
        template <int kBefore>
        [[gnu::always_inline]] __m256i widened() const {
            const __m256i more = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
            return kBefore == 0 ? more : _mm256_add_epi32(wide, more);
        }
    };
    /// Groups of products of weights of so many bits with 8-bit activations that sums of 16 bits hold.
    template <int kBits>
    static constexpr int kByteGroups = ByteSum<kBits>::kMost;
};

template <>
struct DotAvx2::ByteWeights<8> {
    ByteWeights<4> high, low;
    explicit ByteWeights(__m256i w) : high(high_halves(w)), low(low_halves(w)) {}
};
template <>
struct DotAvx2::ByteSum<8> {
    ByteSum<4> highs, lows;

    template <int kBefore>
    [[gnu::always_inline]] void add(const ByteWeights<8>& w, __m256i x) {
        highs.add<kBefore>(w.high, x);
        lows.add<kBefore>(w.low, x);
    }
    template <int kGroups>
    [[gnu::always_inline]] __m256i total() const {
        return _mm256_add_epi32(_mm256_slli_epi32(highs.total<kGroups>(), 4), lows.total<kGroups>());
    }
};

} // namespace

void avx2::matmul(const MatmulArgs& args) { multiply<DotAvx2, 6>(args); }
bool avx2::takes_bytes(BlockType weight) { return takes_bytes_of<DotAvx2>(weight); }

} // namespace switchyard::cpu
