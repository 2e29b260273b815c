// The CPU kernels: products with packed weights, attention over KV blocks, and the small steps between.
//
// Every kernel has a scalar twin and versions for AVX2 and AVX-512 VNNI; table() picks one at run time. The
// free functions below use the best one the processor has. Each output element is computed by one fixed
// sequence of operations, so results do not depend on the number of tokens, the panels of a call, or the
// instruction set. Nothing here allocates or throws; preconditions are stated and not checked.
#pragma once

#include "kernels/blocks.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchyard::cpu {

/// Rows of a panel. A panel is kPanelRows rows of a matrix, interleaved so that a vector lane is a row.
inline constexpr int kPanelRows = 8;

/// What a product reads its activations as.
enum class ActivationFormat : std::uint8_t {
    F32, ///< floats
    I16, ///< I16Block, one per 32 values
    I8   ///< I8Block, one per 32 values
};

/// F32 for F32, F16, BF16 and FP8 weights; for the rest integers of `bits`, 16 or 8.
ActivationFormat activation_format(BlockType weight, int bits = 16);

/// 32 activations as 16-bit integers: value i = scale * q[i16_place(i)]. The integer sums serve weights with
/// an offset, the float sum those with a minimum. 16 bits leave the weights' own rounding as the only one
/// that shows.
struct alignas(16) I16Block {
    std::int16_t q[32];
    float scale;
    float sum;            ///< scale * sum of q
    std::int32_t neg_sum; ///< -(sum of q)
    std::int32_t neg_low; ///< -(sum of the first 16 values)
};
static_assert(sizeof(I16Block) == 80);

/// Where value i of a block stands: groups of four columns in the order 0 2 1 3, as the even and odd bytes of
/// a word of weights come apart.
constexpr int i16_place(int i) { return i % 4 == 1 ? i + 1 : i % 4 == 2 ? i - 1 : i; }

/// The same as 8-bit integers from -127 to 127: value i = scale * q[i]. Half the bytes and half the products
/// of I16Block, and as much lost as 4-bit weights lose.
struct alignas(16) I8Block {
    std::int8_t q[32];
    float scale;
    float sum;            ///< scale * sum of q
    std::int32_t neg_sum; ///< -(sum of q)
    std::int32_t neg_low; ///< -(sum of the first 16 values)
};
static_assert(sizeof(I8Block) == 48);

/// Bytes of a row of `cols` activations in I16, and in I8 (cols a multiple of 32).
constexpr std::size_t i16_row_bytes(std::int64_t cols) {
    return static_cast<std::size_t>(cols / 32) * sizeof(I16Block);
}
constexpr std::size_t i8_row_bytes(std::int64_t cols) {
    return static_cast<std::size_t>(cols / 32) * sizeof(I8Block);
}
/// Bytes of a row of `cols` activations in activation_format(weight, bits).
std::size_t activation_row_bytes(BlockType weight, std::int64_t cols, int bits = 16);

// ---- Packed weights

constexpr std::int64_t panels(std::int64_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }

/// Whether products read the file's blocks of `type` as they are: then a PackedMatrix may point at them, and
/// packing only copies.
bool streamed(BlockType type);

/// Bytes of a matrix in panels: rows rounded up to kPanelRows. PRECOND: cols is a multiple of
/// traits(type).values.
std::size_t packed_bytes(BlockType type, std::int64_t rows, std::int64_t cols);

/// Packs panels [first_panel, last_panel) of a matrix of `rows` rows, `blocks` as a file holds it, to `out`
/// (both point at the whole matrix). Missing rows of the last panel become zero.
void pack_panels(BlockType type, std::int64_t rows, std::int64_t cols, const std::byte* blocks,
                 std::byte* out, std::int64_t first_panel, std::int64_t last_panel);

/// A matrix in panels, or in the file's blocks where those are streamed; y = W x has `rows` outputs and
/// `cols` inputs.
struct PackedMatrix {
    BlockType type = BlockType::F32;
    std::int64_t rows = 0, cols = 0;
    const std::byte* data = nullptr;
};

/// One row as floats, the same bits as its file blocks decode to. out [cols]
void unpack_row(const PackedMatrix& matrix, std::int64_t row, float* out);

// ---- Products

/// y[t * y_stride + row] (+)= W[row, :] . x(t) for the rows of panels [first_panel, last_panel) and t in [0,
/// tokens). x(t) starts at activations + (index ? index[t] : t) * activation_stride, in
/// activation_format(type, activation_bits).
struct MatmulArgs {
    PackedMatrix weights;
    std::int64_t first_panel = 0, last_panel = 0;
    const std::byte* activations = nullptr; ///< 16-byte aligned for I16 and I8
    std::size_t activation_stride = 0;      ///< bytes
    int activation_bits = 16;               ///< of integers: 16 or 8
    const std::int32_t* index = nullptr;    ///< gathers rows of activations; null: token t is row t
    int tokens = 0;
    float* y = nullptr;
    std::int64_t y_stride = 0; ///< floats
    bool accumulate = false;   ///< add to y instead of setting it
};

// ---- Attention

/// Tokens of a KV block.
inline constexpr int kKvTokens = 32;

/// Bytes of one KV head's keys, or values, in a block. `type` is F32, F16, Q8_0 or Q4_0 (integers of 8 or 4
/// bits with a half scale per token and 32 dimensions). Multiples of 64.
std::size_t k_block_bytes(BlockType type, int head_dim);
std::size_t v_block_bytes(BlockType type, int value_dim);

/// Floats of an attention accumulator: value_dim rounded up to 8.
constexpr int accumulator_floats(int value_dim) { return (value_dim + 7) / 8 * 8; }

/// Floats of scratch that attend_block may use.
constexpr std::size_t attend_scratch_floats(int head_dim, int value_dim) {
    return static_cast<std::size_t>(head_dim + accumulator_floats(value_dim)) * kKvTokens;
}

/// Tokens of the block a query sees: [first, last) within 0..kKvTokens; may be empty.
struct KvRange {
    std::int32_t first, last;
};

/// Adds one KV block to the running softmax of several queries of the same KV head (flash attention: Dao et
/// al., arXiv 2205.14135). Before the first block: max = -infinity, sum = 0, acc = 0 (or, with an attention
/// sink, max = its logit, sum = 1). Blocks go in ascending order; afterwards out = acc / sum. Tokens outside
/// a query's range are never read into a result, whatever their memory holds.
struct AttendArgs {
    BlockType type = BlockType::F16;
    int head_dim = 0, value_dim = 0;
    const std::byte* k_block = nullptr;
    const std::byte* v_block =
        nullptr; ///< null: the value is the first value_dim dimensions of the key (MLA)
    /// The block that comes next, or null: what is asked of memory while this one is computed.
    const std::byte *next_keys = nullptr, *next_values = nullptr;
    int queries = 0;
    const float* q = nullptr;        ///< [queries][head_dim], score scale already multiplied in
    std::int64_t q_stride = 0;       ///< floats
    const KvRange* ranges = nullptr; ///< [queries]
    float* max = nullptr;            ///< [queries]
    float* sum = nullptr;            ///< [queries]
    float* acc = nullptr;            ///< [queries][accumulator_floats(value_dim)]
    std::int64_t acc_stride = 0;     ///< floats
    float* scratch = nullptr;        ///< attend_scratch_floats(head_dim, value_dim) floats
    float cap = 0;                   ///< scores s become cap * tanh(s / cap); 0: they stay
};

/// Running softmaxes of some queries, as attend_block leaves them.
struct SoftmaxStates {
    float* max = nullptr; ///< [queries]
    float* sum = nullptr; ///< [queries]
    float* acc = nullptr; ///< [queries][accumulator_floats(value_dim)]
};

/// Joins running softmaxes of the same queries over different tokens: `into` becomes that over both. A state
/// that saw nothing (sum 0) changes nothing. from.acc may be null: zeros, as of an attention sink.
struct MergeStatesArgs {
    int queries = 0, value_dim = 0;
    SoftmaxStates from, into;
};

/// A row of the gated delta rule of one head, from and into its state (DeltaRuleStep in engine/model/plan.h).
struct DeltaRuleArgs {
    const float* before = nullptr; ///< [key_dim, value_dim]
    float* state = nullptr;        ///< out, the same; may be `before`
    int key_dim = 0, value_dim = 0;
    const float *q = nullptr, *k = nullptr; ///< [key_dim], of unit length, q scaled
    const float* v = nullptr;               ///< [value_dim]
    const float* decays = nullptr;          ///< [key_dim], factors of rows; [1] with one_decay
    bool one_decay = true;
    float beta = 0;         ///< how much of what is new is taken
    float* found = nullptr; ///< out [value_dim]
};

/// A row of one head of a state space, from and into its state (StateSpaceStep).
struct StateSpaceArgs {
    const float* before = nullptr; ///< [head_dim, state_size]
    float* state = nullptr;        ///< out, the same; may be `before`
    int head_dim = 0, state_size = 0;
    const float* x = nullptr;               ///< [head_dim]
    const float *b = nullptr, *c = nullptr; ///< [state_size]
    const float* a = nullptr; ///< [state_size] logarithms of decays a unit of time; null: `decay`
    float time = 0, decay = 1;
    float* out = nullptr; ///< [head_dim]: S C
};

enum class RopePairs : std::uint8_t {
    Interleaved, ///< (2i, 2i+1)
    HalfSplit    ///< (i, i + dims/2)
};

// ---- The table

enum class Isa : std::uint8_t { Scalar, Avx2, Vnni };

/// The kernels of one instruction set. All compute the same bits.
struct KernelTable {
    std::string_view name; ///< "scalar", "AVX2", "AVX-512 VNNI"
    void (*matmul)(const MatmulArgs& args);
    bool (*takes_bytes)(BlockType weight);
    void (*quantize_i16)(const float* x, std::int64_t cols, std::byte* out);
    void (*quantize_i8)(const float* x, std::int64_t cols, std::byte* out);
    void (*quantize_i8_words)(const float* x, std::int64_t cols, std::byte* out);
    void (*rms_norm)(const float* x, const float* gain, float epsilon, int n, float* out);
    void (*rope)(float* x, int dims, const float* cos, const float* sin, RopePairs pairs);
    void (*swiglu)(const float* gate, const float* up, float* out, int n);
    void (*gelu_glu)(const float* gate, const float* up, float* out, int n);
    void (*softmax)(float* x, int n);
    void (*add)(const float* x, float* y, int n);
    void (*scale_add)(float a, const float* x, float* y, int n);
    void (*scale)(float a, const float* x, float* y, int n);
    void (*attend_block)(const AttendArgs& args);
    void (*merge_states)(const MergeStatesArgs& args);
    void (*delta_rule)(const DeltaRuleArgs& args);
    void (*state_space)(const StateSpaceArgs& args);
};

/// The best instruction set of this processor. SWITCHYARD_ISA=scalar|avx2|vnni in the environment lowers it.
Isa best_isa();
/// Whether this processor can run the kernels of `isa`.
bool available(Isa isa);
/// The kernels of `isa`. PRECOND: available(isa).
const KernelTable& table(Isa isa);
/// table(best_isa()), chosen once.
const KernelTable& table();

inline void matmul(const MatmulArgs& args) { table().matmul(args); }

/// Whether products of many rows multiply 8-bit activations with quantized weights of this type as bytes.
/// Where not, they widen them in each call, and quantize_i8_words() serves better.
inline bool takes_bytes(BlockType weight) { return table().takes_bytes(weight); }

/// A row of `cols` floats (a multiple of 32) to I16Blocks. A block with an infinity or NaN gets a NaN scale.
inline void quantize_i16(const float* x, std::int64_t cols, std::byte* out) {
    table().quantize_i16(x, cols, out);
}

/// The same to I8Blocks.
inline void quantize_i8(const float* x, std::int64_t cols, std::byte* out) {
    table().quantize_i8(x, cols, out);
}

/// The integers of quantize_i8() in I16Blocks, for products with 16 activation bits: the same results.
inline void quantize_i8_words(const float* x, std::int64_t cols, std::byte* out) {
    table().quantize_i8_words(x, cols, out);
}

/// A row for products with `weight`: a copy of the floats, or integers of `bits`, 16 or 8. out
/// [activation_row_bytes(weight, cols, bits)]
void prepare_activations(BlockType weight, const float* x, std::int64_t cols, std::byte* out, int bits = 16);

/// out = x / sqrt(mean(x^2) + epsilon) * gain; all [n]; out may be x.
inline void rms_norm(const float* x, const float* gain, float epsilon, int n, float* out) {
    table().rms_norm(x, gain, epsilon, n, out);
}

/// Rotates x[0 .. dims) in place; cos and sin are [dims/2] of this position.
inline void rope(float* x, int dims, const float* cos, const float* sin, RopePairs pairs) {
    table().rope(x, dims, cos, sin, pairs);
}

/// out = gate * sigmoid(gate) * up; all [n]; out may be gate or up.
inline void swiglu(const float* gate, const float* up, float* out, int n) {
    table().swiglu(gate, up, out, n);
}

/// out = gelu(gate) * up with the tanh form; all [n]; out may be gate or up.
inline void gelu_glu(const float* gate, const float* up, float* out, int n) {
    table().gelu_glu(gate, up, out, n);
}

/// x = exp(x - max x) / sum; [n]
inline void softmax(float* x, int n) { table().softmax(x, n); }

/// y += x; [n]
inline void add(const float* x, float* y, int n) { table().add(x, y, n); }

/// y += a * x; [n]
inline void scale_add(float a, const float* x, float* y, int n) { table().scale_add(a, x, y, n); }

/// y = a * x; [n]; y may be x.
inline void scale(float a, const float* x, float* y, int n) { table().scale(a, x, y, n); }

inline void attend_block(const AttendArgs& args) { table().attend_block(args); }

inline void merge_states(const MergeStatesArgs& args) { table().merge_states(args); }

inline void delta_rule(const DeltaRuleArgs& args) { table().delta_rule(args); }

inline void state_space(const StateSpaceArgs& args) { table().state_space(args); }

/// Writes a key [head_dim] as token `token` of a block.
void store_k(BlockType type, const float* k, int head_dim, int token, std::byte* k_block);
/// Writes a value [value_dim] as token `token` of a block.
void store_v(BlockType type, const float* v, int value_dim, int token, std::byte* v_block);
/// Reads a key or value back as the floats attention sees.
void load_k(BlockType type, const std::byte* k_block, int head_dim, int token, float* k);
void load_v(BlockType type, const std::byte* v_block, int value_dim, int token, float* v);

} // namespace switchyard::cpu
