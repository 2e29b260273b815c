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
    const Lanes step = {-0.9f, -0.6f, -0.35f, -0.15f, 0.0f, 0.2f, 0.45f, 0.8f};
    float best_gain = -1.0f, best = 0.0f;
    for (const float side : {1.0f, -1.0f}) { // the range is lopsided: try the extreme on both ends
        Lanes inverse = (low - step * reach) * side / top;
        for (int pass = 0; pass < 2; ++pass) {
            Lanes xq = all(0.0f), qq = all(0.0f);
            for (int i = 0; i < count; ++i) {
                const Lanes q = clamp(nearest(x[i] * inverse), low, high);
                const Lanes wq = w[i] * q;
                xq += x[i] * wq;
                qq += q * wq;
            }
            const Lanes scale = xq / qq;
            const Lanes gain = xq * scale; // how much of sum w x^2 is explained
            for (int lane = 0; lane < kLanes; ++lane) {
                if (gain[lane] > best_gain) {
                    best_gain = gain[lane];
                    best = scale[lane];
                }
            }
            inverse = qq / xq;
        }
    }
    return best;
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
    float best_gain = -1.0f;
    Affine best = {(hi - lo) / high, lo};
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
        for (int lane = 0; lane < kLanes; ++lane) {
            if (gain[lane] > best_gain && det[lane] > 0.0f) {
                best_gain = gain[lane];
                best = {scale[lane], min[lane]};
            }
        }
        inverse = 1.0f / scale;
    }
    return best;
}
