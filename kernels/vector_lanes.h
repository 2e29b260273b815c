// Eight candidates at once in a vector of the processor, for fit.h. Included as it is, inside a namespace.

using Lanes = float __attribute__((vector_size(32)));

inline Lanes all(float x) { return Lanes{x, x, x, x, x, x, x, x}; }
inline float at_lane(const Lanes& x, int lane) { return x[lane]; }
template <typename Mask>
inline Lanes choose(const Mask& mask, const Lanes& yes, const Lanes& no) {
    return mask ? yes : no;
}
/// Written so that NaN becomes `lo`.
inline Lanes clamp(Lanes x, float lo, float hi) {
#if defined(__AVX__) // what the compiler makes of the comparisons takes two instructions each
    return __builtin_ia32_minps256(__builtin_ia32_maxps256(x, all(lo)), all(hi));
#else
    x = x > lo ? x : all(lo);
    return x < hi ? x : all(hi);
#endif
}

inline float largest(Lanes x) {
    const auto larger = [](const Lanes& a, const Lanes& b) { return a > b ? a : b; };
    x = larger(x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3));
    x = larger(x, __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5));
    return larger(x, __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6))[0];
}

/// The value of largest magnitude, with its sign; of several the first. PRECOND: count is a multiple of 8.
inline float extreme(const float* x, int count) {
    Lanes up = all(0.0f), down = up;
    for (int i = 0; i < count; i += 8) {
        Lanes eight;
        __builtin_memcpy(&eight, x + i, sizeof eight);
        up = eight > up ? eight : up; // NaN is passed by
        down = -eight > down ? -eight : down;
    }
    const float high = largest(up), low = largest(down);
    if (high != low) {
        return high > low ? high : -low;
    }
    for (int i = 0; high > 0.0f && i < count; ++i) {
        if (x[i] == high || x[i] == -high) {
            return x[i];
        }
    }
    return 0.0f;
}
