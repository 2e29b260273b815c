// Products with packed weights on AVX-512 VNNI, in vectors of 256 bits: multiply and add in one instruction.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/stream_tile.h"

namespace switchyard::cpu {
namespace {

struct DotVnni {
    static constexpr int kPanels = 2;                ///< that pass together
    static constexpr int kByteTile = 8;              ///< tokens that meet 8-bit activations together
    static constexpr std::size_t kWideBytes = 11000; ///< of weights that are unpacked at a time
    static constexpr bool kShortChains = true;       ///< a sum waits for itself: it sees few blocks ahead

    static __m256i add(__m256i sum, __m256i w, __m256i x) { return _mm256_dpwssd_epi32(sum, w, x); }

    /// Words, negative where bit i of `signs` is set.
    static __m256i negated(__m256i words, std::uint16_t signs) {
        return _mm256_mask_sub_epi16(words, signs, _mm256_setzero_si256(), words);
    }

    /// Sums of products of unsigned weights with activations in two bytes.
    template <int kBits>
    struct Bytes {
        __m256i highs = _mm256_setzero_si256(), lows = _mm256_setzero_si256();

        void add(__m256i w, __m256i high, __m256i low) {
            highs = _mm256_dpbusd_epi32(highs, w, high);
            lows = _mm256_dpbusd_epi32(lows, low, w);
        }
        __m256i sum() const { return _mm256_add_epi32(_mm256_slli_epi32(highs, 8), lows); }
    };

    /// Whether 8-bit activations meet weights of so many bits as bytes.
    template <int kBits>
    static constexpr bool kTakesBytes = true;

    template <int kBits>
    struct ByteWeights {
        __m256i bytes;
        explicit ByteWeights(__m256i w) : bytes(w) {}
    };
    /// Sums of products of unsigned weights with 8-bit activations.
    template <int kBits>
    struct ByteSum {
        __m256i sum = _mm256_setzero_si256();

        template <int kBefore>
        void add(const ByteWeights<kBits>& w, __m256i x) {
            sum = _mm256_dpbusd_epi32(sum, w.bytes, x);
        }
        template <int kGroups>
        __m256i total() const {
            return sum;
        }
    };
    /// Groups that sums of 16 bits hold: there are none. (Tiles of bytes unpack their weights each.)
    template <int kBits>
    static constexpr int kByteGroups = 0;
};

} // namespace

void vnni::matmul(const MatmulArgs& args) { multiply<DotVnni, 8>(args); }
bool vnni::takes_bytes(BlockType weight) { return takes_bytes_of<DotVnni>(weight); }

} // namespace switchyard::cpu
