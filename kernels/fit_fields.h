// From values to the fields of a block, in steps that threads can share: fit each part by itself, settle what
// the parts of a block have in common, round each part's values. Included as fit.h, behind it, where
// half_to_float(), float_to_half() and block_fields.h are.
//
// A format says: kPart values a part, kParts parts a block, and
//   PartFit fit(x, weights)            of one part
//   Settled settle(const PartFit*)     of a block
//   Part part(fit, settled)            of one part again: its whole-number scales, and code(x) of its values

/// Scale and minimum of a block as the file holds them, widened.
struct Settled {
    float d, m;
};

/// Rounds a scale to half precision, staying finite.
SWITCHYARD_HERE inline float as_half(float x) {
    return half_to_float(float_to_half(clamp(x, -65504.0f, 65504.0f)));
}

/// How far the search goes, in steps, where there are so many levels.
SWITCHYARD_HERE constexpr float reach_of(int levels) {
    return levels < 16 ? 0.9f : levels == 16 ? 1.2f : levels == 32 ? 1.5f : 1.0f;
}

/// Levels lo..hi in even steps; a code is counted from `kFirst`.
template <int kLo, int kHi, int kFirst = kLo>
struct EvenPart {
    int scale = 0, min = 0;
    float inverse, shift = 0.0f;
    SWITCHYARD_HERE int code(float x) const { return level(x + shift, inverse, kLo, kHi) - kFirst; }
};

struct Q8_0Format {
    static constexpr int kPart = 32, kParts = 1;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights) {
        return {fabsf(extreme(x, 32)) / 127.0f, 0.0f};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) { return {as_half(fit->scale), 0.0f}; }
    SWITCHYARD_HERE static EvenPart<-127, 127, 0> part(const PartFit&, Settled b) {
        return {.inverse = inverse_or_zero(b.d)};
    }
};

/// Q4_0, Q5_0: d * q with q from kLo on.
template <int kLo>
struct ScaledFormat {
    static constexpr int kPart = 32, kParts = 1;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights w) {
        return {fit_scale(x, w, 32, kLo, reach_of(-2 * kLo)), 0.0f};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) { return {as_half(fit->scale), 0.0f}; }
    SWITCHYARD_HERE static EvenPart<kLo, -kLo - 1> part(const PartFit&, Settled b) {
        return {.inverse = inverse_or_zero(b.d)};
    }
};

/// Q4_1, Q5_1: d * q + m with q in 0..kTop.
template <int kTop>
struct AffineFormat {
    static constexpr int kPart = 32, kParts = 1;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights w) {
        const Affine fit = fit_affine<false>(x, w, 32, kTop, reach_of(kTop + 1));
        return {fit.scale, fit.min};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) {
        return {as_half(fit->scale), as_half(fit->min)};
    }
    SWITCHYARD_HERE static EvenPart<0, kTop> part(const PartFit&, Settled b) {
        return {.inverse = inverse_or_zero(b.d), .shift = -b.m};
    }
};

/// Q2_K, Q4_K, Q5_K: d * scale * q - dmin * min with q in 0..kTop, scales and minima in 0..kScaleTop.
template <int kPartValues, int kTop, int kScaleTop>
struct AffineSuperFormat {
    static constexpr int kPart = kPartValues, kParts = 256 / kPart;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights w) {
        const Affine fit = fit_affine<true>(x, w, kPart, kTop, reach_of(kTop + 1));
        return {fit.scale, fit.min};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) {
        float scale_max = 0.0f, min_max = 0.0f;
        for (int j = 0; j < kParts; ++j) {
            scale_max = fit[j].scale > scale_max ? fit[j].scale : scale_max;
            min_max = -fit[j].min > min_max ? -fit[j].min : min_max;
        }
        return {as_half(scale_max / static_cast<float>(kScaleTop)),
                as_half(min_max / static_cast<float>(kScaleTop))};
    }
    SWITCHYARD_HERE static EvenPart<0, kTop> part(const PartFit& fit, Settled b) {
        EvenPart<0, kTop> part;
        part.scale = level(fit.scale, inverse_or_zero(b.d), 0, kScaleTop);
        part.min = level(-fit.min, inverse_or_zero(b.m), 0, kScaleTop);
        part.inverse = inverse_or_zero(b.d * static_cast<float>(part.scale));
        part.shift = b.m * static_cast<float>(part.min);
        return part;
    }
};

/// Q3_K, Q6_K: d * scale * q with q from kLo on and scales from kScaleLo on, stored from kFirstScale on.
template <int kLo, int kScaleLo, int kFirstScale>
struct ScaledSuperFormat {
    static constexpr int kPart = 16, kParts = 16;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights w) {
        return {fit_scale(x, w, 16, kLo, reach_of(-2 * kLo)), 0.0f};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) {
        float scale[kParts];
        for (int j = 0; j < kParts; ++j) {
            scale[j] = fit[j].scale;
        }
        return {as_half(extreme(scale, kParts) / static_cast<float>(kScaleLo)), 0.0f};
    }
    SWITCHYARD_HERE static EvenPart<kLo, -kLo - 1> part(const PartFit& fit, Settled b) {
        const int scale = level(fit.scale, inverse_or_zero(b.d), kScaleLo, -kScaleLo - 1);
        return {.scale = scale - kFirstScale, .inverse = inverse_or_zero(b.d * static_cast<float>(scale))};
    }
};

/// The levels of IQ4.
struct LevelPart {
    int scale = 0, min = 0;
    float inverse;
    SWITCHYARD_HERE int code(float x) const { return level_index<kLevels4>(x * inverse, Levels4{}); }
};
struct IQ4_NLFormat {
    static constexpr int kPart = 32, kParts = 1;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights w) {
        return {fit_levels(x, w, 32), 0.0f};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) { return {as_half(fit->scale), 0.0f}; }
    SWITCHYARD_HERE static LevelPart part(const PartFit&, Settled b) {
        return {.inverse = inverse_or_zero(b.d)};
    }
};
struct IQ4_XSFormat {
    static constexpr int kPart = 32, kParts = 8;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights w) {
        return {fit_levels(x, w, 32), 0.0f};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) {
        float scale[kParts];
        for (int j = 0; j < kParts; ++j) {
            scale[j] = fit[j].scale;
        }
        return {as_half(extreme(scale, kParts) / -32.0f), 0.0f};
    }
    SWITCHYARD_HERE static LevelPart part(const PartFit& fit, Settled b) {
        const int scale = level(fit.scale, inverse_or_zero(b.d), -32, 31);
        return {.scale = scale + 32, .inverse = inverse_or_zero(b.d * static_cast<float>(scale))};
    }
};

/// The scale is the exponent.
struct MXFP4Part {
    int scale = 0, min = 0;
    float inverse;
    SWITCHYARD_HERE int code(float x) const {
        const int index = level_index<kLevelsE2M1>(fabsf(x * inverse), LevelsE2M1{});
        return x < 0.0f && index > 0 ? index | 8 : index;
    }
};
struct MXFP4Format {
    static constexpr int kPart = 32, kParts = 1;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights w) {
        return {static_cast<float>(fit_power(x, w, 32)), 0.0f};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit*) { return {0.0f, 0.0f}; }
    SWITCHYARD_HERE static MXFP4Part part(const PartFit& fit, Settled) {
        // d of exponent e is 2^(e - 128); its inverse has the biased exponent 255 - e. Levels are at most 12.
        const int e = static_cast<int>(fit.scale);
        return {.scale = e, .inverse = float_of_bits(static_cast<std::uint32_t>(255 - e) << 23)};
    }
};

struct FP8Part {
    int scale = 0, min = 0;
    float inverse;
    /// The nearest E4M3 float: ties to even.
    SWITCHYARD_HERE int code(float value) const {
        const float x = clamp(value * inverse, -448.0f, 448.0f);
        const std::uint32_t bits = bits_of_float(x), magnitude = bits & 0x7fffffffu;
        // Moved so far that its last bit is 2^-9, as of the subnormals.
        const std::uint32_t small = bits_of_float(fabsf(x) + 16384.0f) - (141u << 23);
        const std::uint32_t normal = ((magnitude + 0x7ffffu + (magnitude >> 20 & 1u)) >> 20) - (120u << 3);
        return static_cast<int>((magnitude < 121u << 23 ? small : normal) | (bits >> 24 & 0x80u));
    }
};
/// Its scale is a float.
struct FP8Format {
    static constexpr int kPart = 64, kParts = 1;
    template <typename Weights>
    SWITCHYARD_HERE static PartFit fit(const float* x, Weights) {
        return {clamp(fabsf(extreme(x, 64)) / 448.0f, 0.0f, 3e35f), 0.0f};
    }
    SWITCHYARD_HERE static Settled settle(const PartFit* fit) {
        return {fit->scale > 1e-36f ? fit->scale : 0.0f, 0.0f}; // the inverse of less would overflow
    }
    SWITCHYARD_HERE static FP8Part part(const PartFit&, Settled b) {
        return {.inverse = inverse_or_zero(b.d)};
    }
};

using Q4_0Format = ScaledFormat<-8>;
using Q5_0Format = ScaledFormat<-16>;
using Q4_1Format = AffineFormat<15>;
using Q5_1Format = AffineFormat<31>;
using Q4_KFormat = AffineSuperFormat<32, 15, 63>;
using Q5_KFormat = AffineSuperFormat<32, 31, 63>;
using Q2_KFormat = AffineSuperFormat<16, 3, 15>;
using Q3_KFormat = ScaledSuperFormat<-4, -32, -32>;
using Q6_KFormat = ScaledSuperFormat<-32, -128, 0>;
