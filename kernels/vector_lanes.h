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
    x = x > lo ? x : all(lo);
    return x < hi ? x : all(hi);
}
