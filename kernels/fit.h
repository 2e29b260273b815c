// Searching the scale (and minimum) of a block with the least squared error. Included inside the namespace of
// who encodes, which has Lanes, all(), at_lane(), choose() and clamp() of eight floats, and extreme();
// compiled without fused operations, so that every processor and device finds the same bits.
//
// A block's scale is searched by trying eight inverse scales at once, one a vector lane: round all values
// with each, then solve the least squares for the scale that suits those roundings best. A second pass rounds
// with the solution (Lloyd's iteration). The best lane wins.

constexpr int kLanes = 8;

/// Weights of columns that all count alike. Of others: const float*, a positive one a column.
struct AllAlike {
    SWITCHYARD_HERE AllAlike operator+(int) const { return {}; }
};
SWITCHYARD_HERE inline float weight(const float* w, int i) { return w[i]; }
SWITCHYARD_HERE inline float weight(AllAlike, int) { return 1.0f; }
template <typename T>
SWITCHYARD_HERE inline T weighted(const float* w, int i, const T& x) {
    return w[i] * x;
}
template <typename T>
SWITCHYARD_HERE inline T weighted(AllAlike, int, const T& x) {
    return x;
}

/// Nearest whole number, ties to even; for |x| < 2^22.
SWITCHYARD_HERE inline Lanes nearest(Lanes x) { return (x + 12582912.0f) - 12582912.0f; }
SWITCHYARD_HERE inline float nearest(float x) { return (x + 12582912.0f) - 12582912.0f; }

/// Written so that NaN becomes `lo`.
SWITCHYARD_HERE inline float clamp(float x, float lo, float hi) {
    x = x > lo ? x : lo;
    return x < hi ? x : hi;
}

/// The whole number in lo..hi whose multiple of 1 / inverse is nearest to x.
SWITCHYARD_HERE inline int level(float x, float inverse, int lo, int hi) {
    return static_cast<int>(clamp(nearest(x * inverse), static_cast<float>(lo), static_cast<float>(hi)));
}

/// 1 / x, and 0 for 0: an empty block decodes to zeros.
SWITCHYARD_HERE inline float inverse_or_zero(float x) { return x != 0.0f ? 1.0f / x : 0.0f; }

/// Below this all formats' half-precision scales are zero.
constexpr float kNothing = 1e-15f;

/// The lane of the largest gain, which is a number in every lane.
SWITCHYARD_HERE inline int best_lane(const Lanes& gain) {
    int best = 0;
    for (int lane = 1; lane < kLanes; ++lane) {
        best = at_lane(gain, lane) > at_lane(gain, best) ? lane : best;
    }
    return best;
}

/// The scale that minimises sum w (x - scale q)^2, where q = round(x / scale) of each value: from eight
/// inverse scales on, in so many passes.
template <typename Weights, typename Round>
SWITCHYARD_HERE inline float search_scale(const float* x, Weights w, int count, Lanes inverse, int passes,
                                          const Round& round) {
    Lanes best_gain = all(-1.0f), best = all(0.0f);
    SWITCHYARD_ROLLED
    for (int pass = 0; pass < passes; ++pass) {
        Lanes xq = all(0.0f), qq = all(0.0f);
        SWITCHYARD_ROLLED_4
        for (int i = 0; i < count; ++i) {
            const Lanes q = round(x[i] * inverse);
            const Lanes wq = weighted(w, i, q);
            xq += x[i] * wq;
            qq += q * wq;
        }
        const Lanes scale = xq / qq;
        const Lanes gain = xq * scale; // how much of sum w x^2 is explained
        const auto better = gain > best_gain;
        best = choose(better, scale, best);
        best_gain = choose(better, gain, best_gain);
        inverse = qq / xq;
    }
    return at_lane(best, best_lane(best_gain));
}

/// The scale d that minimises sum w (x - d q)^2 over whole q in lo..hi = -lo - 1. `reach` is how far the
/// tried inverse scales go from the one that maps the extreme value to `lo`, in steps of q.
template <typename Weights>
SWITCHYARD_HERE inline float fit_scale(const float* x, Weights w, int count, int lo, float reach) {
    const float top = extreme(x, count);
    if (!(fabsf(top) > kNothing)) {
        return 0.0f;
    }
    const float low = static_cast<float>(lo), high = -low - 1.0f;
    // The range is lopsided: half of the candidates put the extreme on its low end, half on the high one.
    const Lanes side = {low, low, low, low, -low, -low, -low, -low};
    const Lanes step = {-0.7f, -0.3f, 0.0f, 0.5f, 0.9f, 0.5f, 0.1f, -0.3f};
    return search_scale(x, w, count, (side - step * reach) / top, 3,
                        [=](const Lanes& scaled) { return clamp(nearest(scaled), low, high); });
}

struct Affine {
    float scale, min; ///< value = scale * q + min
};

/// The scale and minimum that minimise sum w (x - scale q - min)^2 over whole q in 0..top. With
/// `kNoPositiveMin` the minimum is at most zero.
template <bool kNoPositiveMin, typename Weights>
SWITCHYARD_HERE inline Affine fit_affine(const float* x, Weights w, int count, int top, float reach) {
    float lo = x[0], hi = x[0], sw = 0.0f, sx = 0.0f;
    SWITCHYARD_ROLLED_4
    for (int i = 0; i < count; ++i) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
        sw += weight(w, i);
        sx += weighted(w, i, x[i]);
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
    SWITCHYARD_ROLLED
    for (int pass = 0; pass < 3; ++pass) {
        Lanes sq = all(0.0f), sqq = all(0.0f), sxq = all(0.0f);
        SWITCHYARD_ROLLED_4
        for (int i = 0; i < count; ++i) {
            const Lanes q = clamp(nearest((x[i] - min) * inverse), 0.0f, high);
            const Lanes wq = weighted(w, i, q);
            sq += wq;
            sqq += q * wq;
            sxq += x[i] * wq;
        }
        const Lanes det = sw * sqq - sq * sq;
        Lanes scale = (sw * sxq - sx * sq) / det;
        min = (sqq * sx - sq * sxq) / det;
        if (kNoPositiveMin) {
            const auto positive = min > 0.0f;
            scale = choose(positive, sxq / sqq, scale);
            min = choose(positive, all(0.0f), min);
        }
        const Lanes gain = scale * sxq + min * sx; // how much of sum w x^2 is explained
        const auto better = (gain > best_gain) & (det > 0.0f);
        best_scale = choose(better, scale, best_scale);
        best_min = choose(better, min, best_min);
        best_gain = choose(better, gain, best_gain);
        inverse = 1.0f / scale;
    }
    const int lane = best_lane(best_gain);
    return {at_lane(best_scale, lane), at_lane(best_min, lane)};
}

SWITCHYARD_HERE inline Lanes step_where(const decltype(Lanes() > Lanes())& mask, const Lanes&, float step) {
    return choose(mask, all(step), all(0.0f));
}
SWITCHYARD_HERE inline float step_where(bool mask, float, float step) { return mask ? step : 0.0f; }

/// Steps from the lowest level of a table up to the one nearest to x; kStep are 1 .. levels - 1.
using Levels4 = std::integer_sequence<int, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
using LevelsE2M1 = std::integer_sequence<int, 1, 2, 3, 4, 5, 6, 7>; // of those without a sign
template <const std::int8_t (&kTable)[16], int... kStep>
SWITCHYARD_HERE inline int level_index(float x, std::integer_sequence<int, kStep...>) {
    return ((x > level_middle<kTable, kStep> ? 1 : 0) + ...);
}
/// The level itself, where `level` is the lowest. T: Lanes or float.
template <const std::int8_t (&kTable)[16], typename T, int... kStep>
SWITCHYARD_HERE inline T nearest_level(T x, T level, std::integer_sequence<int, kStep...>) {
    ((level = level + step_where(x > level_middle<kTable, kStep>, level, level_step<kTable, kStep>)), ...);
    return level;
}

SWITCHYARD_HERE inline float float_of_bits(std::uint32_t bits) {
    float f;
    __builtin_memcpy(&f, &bits, sizeof f);
    return f;
}

SWITCHYARD_HERE inline std::uint32_t bits_of_float(float f) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, &f, sizeof bits);
    return bits;
}

/// The scale that minimises sum w (x - d level)^2 over the levels of IQ4.
template <typename Weights>
SWITCHYARD_HERE inline float fit_levels(const float* x, Weights w, int count) {
    const float top = extreme(x, count);
    if (!(fabsf(top) > kNothing)) {
        return 0.0f;
    }
    // What the extreme value is scaled to: around the lowest and the highest level.
    const Lanes inverse = Lanes{-139.0f, -130.0f, -121.0f, -110.0f, 125.0f, 116.0f, 107.0f, 97.0f} / top;
    constexpr float lowest = kLevels4[0];
    return search_scale(x, w, count, inverse, 2, [](const Lanes& scaled) {
        return nearest_level<kLevels4>(scaled, all(lowest), Levels4{});
    });
}

/// The exponent e of MXFP4, d = 2^(e - 128), with the least squared error.
template <typename Weights>
SWITCHYARD_HERE inline std::uint8_t fit_power(const float* x, Weights w, int count) {
    const float top = fabsf(extreme(x, count));
    // Twice the largest E2M1 value is 12: the biased exponent of top less 3 or 2 maps top to 8..16 or 4..8.
    const int usual = static_cast<int>(bits_of_float(top) >> 23) - 2;
    float best_error = 0.0f;
    int best = 0;
    for (int e = usual - 1; e <= usual + 1; ++e) {
        if (e < 2 || e > 252) {
            continue;
        }
        const float d = float_of_bits(static_cast<std::uint32_t>(e - 1) << 23);
        const float inverse = float_of_bits(static_cast<std::uint32_t>(255 - e) << 23);
        float error = 0.0f;
        SWITCHYARD_ROLLED_4
        for (int i = 0; i < count; ++i) {
            const float size = fabsf(x[i]) * inverse;
            const float q = nearest_level<kLevelsE2M1>(size, 0.0f, LevelsE2M1{});
            const float off = fabsf(x[i]) - d * q;
            error += weighted(w, i, off) * off;
        }
        if (best == 0 || error < best_error) {
            best_error = error;
            best = e;
        }
    }
    return static_cast<std::uint8_t>(best);
}
