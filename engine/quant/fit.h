// Searching the scale (and minimum) of a block with the least squared error. Included by encode_blocks.h
// only, inside its namespace.
//
// A block's scale is searched by trying eight inverse scales at once, one a vector lane: round all values
// with each, then solve the least squares for the scale that suits those roundings best. A second pass rounds
// with the solution (Lloyd's iteration). The best lane wins.

using Lanes = float __attribute__((vector_size(32))); ///< eight candidates
constexpr int kLanes = 8;

inline Lanes all(float x) { return Lanes{x, x, x, x, x, x, x, x}; }

/// Nearest whole number, ties to even; for |x| < 2^22.
inline Lanes nearest(Lanes x) { return (x + 12582912.0f) - 12582912.0f; }
inline float nearest(float x) { return (x + 12582912.0f) - 12582912.0f; }

/// Written so that NaN becomes `lo`.
inline Lanes clamp(Lanes x, float lo, float hi) {
    x = x > lo ? x : all(lo);
    return x < hi ? x : all(hi);
}
inline float clamp(float x, float lo, float hi) {
    x = x > lo ? x : lo;
    return x < hi ? x : hi;
}

/// The whole number in lo..hi whose multiple of 1 / inverse is nearest to x.
inline int level(float x, float inverse, int lo, int hi) {
    return static_cast<int>(clamp(nearest(x * inverse), static_cast<float>(lo), static_cast<float>(hi)));
}

/// 1 / x, and 0 for 0: an empty block decodes to zeros.
inline float inverse_or_zero(float x) { return x != 0.0f ? 1.0f / x : 0.0f; }

/// Below this all formats' half-precision scales are zero.
constexpr float kNothing = 1e-15f;

/// The lane of the largest gain; a lane that is NaN never wins.
inline int best_lane(const Lanes& gain) {
    int best = 0;
    for (int lane = 1; lane < kLanes; ++lane) {
        best = gain[lane] > gain[best] ? lane : best;
    }
    return best;
}

/// The value of largest magnitude, with its sign.
inline float extreme(const float* x, int count) {
    float best = 0.0f;
    for (int i = 0; i < count; ++i) {
        best = __builtin_fabsf(x[i]) > __builtin_fabsf(best) ? x[i] : best;
    }
    return best;
}

/// The scale d that minimises sum w (x - d q)^2 over whole q in lo..hi = -lo - 1. `reach` is how far the
/// tried inverse scales go from the one that maps the extreme value to `lo`, in steps of q.
inline float fit_scale(const float* x, const float* w, int count, int lo, float reach) {
    const float top = extreme(x, count);
    if (!(__builtin_fabsf(top) > kNothing)) {
        return 0.0f;
    }
    const float low = static_cast<float>(lo), high = -low - 1.0f;
    // The range is lopsided: half of the candidates put the extreme on its low end, half on the high one.
    const Lanes side = {low, low, low, low, -low, -low, -low, -low};
    const Lanes step = {-0.7f, -0.3f, 0.0f, 0.5f, 0.9f, 0.5f, 0.1f, -0.3f};
    Lanes inverse = (side - step * reach) / top;
    Lanes best_gain = all(-1.0f), best = all(0.0f);
    for (int pass = 0; pass < 3; ++pass) {
        Lanes xq = all(0.0f), qq = all(0.0f);
        for (int i = 0; i < count; ++i) {
            const Lanes q = clamp(nearest(x[i] * inverse), low, high);
            const Lanes wq = w[i] * q;
            xq += x[i] * wq;
            qq += q * wq;
        }
        const Lanes scale = xq / qq;
        const Lanes gain = xq * scale; // how much of sum w x^2 is explained
        best = gain > best_gain ? scale : best;
        best_gain = gain > best_gain ? gain : best_gain;
        inverse = qq / xq;
    }
    return best[best_lane(best_gain)];
}

struct Affine {
    float scale, min; ///< value = scale * q + min
};

/// The scale and minimum that minimise sum w (x - scale q - min)^2 over whole q in 0..top. With
/// `kNoPositiveMin` the minimum is at most zero.
template <bool kNoPositiveMin>
Affine fit_affine(const float* x, const float* w, int count, int top, float reach) {
    float lo = x[0], hi = x[0], sw = 0.0f, sx = 0.0f;
    for (int i = 0; i < count; ++i) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
        sw += w[i];
        sx += w[i] * x[i];
    }
    if (kNoPositiveMin && lo > 0.0f) {
        lo = 0.0f;
    }
    if (!(hi - lo > kNothing)) {
        return {0.0f, lo};
    }
    const float high = static_cast<float>(top);
    const Lanes step = {-1.0f, -0.7f, -0.45f, -0.2f, 0.0f, 0.25f, 0.55f, 0.9f};
    Lanes inverse = (high + step * reach) / (hi - lo), min = all(lo);
    Lanes best_gain = all(-1.0f), best_scale = all((hi - lo) / high), best_min = all(lo);
    for (int pass = 0; pass < 3; ++pass) {
        Lanes sq = all(0.0f), sqq = all(0.0f), sxq = all(0.0f);
        for (int i = 0; i < count; ++i) {
            const Lanes q = clamp(nearest((x[i] - min) * inverse), 0.0f, high);
            const Lanes wq = w[i] * q;
            sq += wq;
            sqq += q * wq;
            sxq += x[i] * wq;
        }
        const Lanes det = sw * sqq - sq * sq;
        Lanes scale = (sw * sxq - sx * sq) / det;
        min = (sqq * sx - sq * sxq) / det;
        if (kNoPositiveMin) {
            scale = min > 0.0f ? sxq / sqq : scale;
            min = min > 0.0f ? all(0.0f) : min;
        }
        const Lanes gain = scale * sxq + min * sx; // how much of sum w x^2 is explained
        const auto better = (gain > best_gain) & (det > 0.0f);
        best_scale = better ? scale : best_scale;
        best_min = better ? min : best_min;
        best_gain = better ? gain : best_gain;
        inverse = 1.0f / scale;
    }
    const int lane = best_lane(best_gain);
    return {best_scale[lane], best_min[lane]};
}

inline float float_of_bits(std::uint32_t bits) {
    float f;
    __builtin_memcpy(&f, &bits, sizeof f);
    return f;
}

/// The scale that minimises sum w (x - d level)^2 over the levels of IQ4.
inline float fit_levels(const float* x, const float* w, int count) {
    const float top = extreme(x, count);
    if (!(__builtin_fabsf(top) > kNothing)) {
        return 0.0f;
    }
    // What the extreme value is scaled to: around the lowest and the highest level.
    Lanes inverse = Lanes{-139.0f, -130.0f, -121.0f, -110.0f, 125.0f, 116.0f, 107.0f, 97.0f} / top;
    Lanes best_gain = all(-1.0f), best = all(0.0f);
    for (int pass = 0; pass < 2; ++pass) {
        Lanes xq = all(0.0f), qq = all(0.0f);
        for (int i = 0; i < count; ++i) {
            const Lanes scaled = x[i] * inverse;
            Lanes q = all(static_cast<float>(kLevels4[0]));
            for (int l = 1; l < 16; ++l) {
                const float low = static_cast<float>(kLevels4[l - 1]), high = static_cast<float>(kLevels4[l]);
                q += scaled > 0.5f * (low + high) ? all(high - low) : all(0.0f);
            }
            const Lanes wq = w[i] * q;
            xq += x[i] * wq;
            qq += q * wq;
        }
        const Lanes scale = xq / qq;
        const Lanes gain = xq * scale;
        best = gain > best_gain ? scale : best;
        best_gain = gain > best_gain ? gain : best_gain;
        inverse = qq / xq;
    }
    return best[best_lane(best_gain)];
}

/// The exponent e of MXFP4, d = 2^(e - 128), with the least squared error.
inline std::uint8_t fit_power(const float* x, const float* w, int count) {
    const float top = __builtin_fabsf(extreme(x, count));
    std::uint32_t bits;
    __builtin_memcpy(&bits, &top, sizeof bits);
    // Twice the largest E2M1 value is 12: the biased exponent of top less 3 or 2 maps top to 8..16 or 4..8.
    const int usual = static_cast<int>(bits >> 23) - 2;
    float best_error = 0.0f;
    int best = 0;
    for (int e = usual - 1; e <= usual + 1; ++e) {
        if (e < 2 || e > 252) {
            continue;
        }
        const float d = float_of_bits(static_cast<std::uint32_t>(e - 1) << 23);
        const float inverse = float_of_bits(static_cast<std::uint32_t>(255 - e) << 23);
        float error = 0.0f;
        for (int i = 0; i < count; ++i) {
            const float size = __builtin_fabsf(x[i]) * inverse;
            float q = 0.0f;
            for (int l = 1; l < 8; ++l) {
                const float low = static_cast<float>(kLevelsE2M1[l - 1]),
                            high = static_cast<float>(kLevelsE2M1[l]);
                q += size > 0.5f * (low + high) ? high - low : 0.0f;
            }
            const float off = __builtin_fabsf(x[i]) - d * q;
            error += w[i] * off * off;
        }
        if (best == 0 || error < best_error) {
            best_error = error;
            best = e;
        }
    }
    return static_cast<std::uint8_t>(best);
}
