// How fast the kernels are on one thread: bytes/s where memory decides (one token), operations/s where
// arithmetic does (many tokens). Names: product/type/instruction set; act8: with activations in 8 bits.
#include "kernels/cpu/kernels.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace switchyard {
namespace {

using cpu::Isa;

/// Bytes of a matrix. Where entries are chosen from grids, time depends on how many different ones there are:
/// random bits; elsewhere any do that are no odd floats.
std::vector<std::byte> some_weights(BlockType type, std::int64_t rows, std::int64_t cols) {
    std::vector<std::byte> data(cpu::packed_bytes(type, rows, cols), std::byte{0x31});
    if (cpu::streamed(type)) {
        std::mt19937 engine(2);
        std::generate(data.begin(), data.end(), [&] { return static_cast<std::byte>(engine() & 255u); });
    }
    return data;
}

/// A matrix in panels and quantized or plain activations.
struct Product {
    BlockType type;
    std::int64_t rows, cols;
    int tokens, bits;
    std::vector<std::byte> data, activations;
    std::size_t stride;
    std::vector<float> y;

    Product(BlockType t, std::int64_t r, std::int64_t c, int n, int activation_bits)
        : type(t), rows(r), cols(c), tokens(n), bits(activation_bits), data(some_weights(t, r, c)),
          stride(cpu::activation_row_bytes(t, c, bits)), y(static_cast<std::size_t>(r * n)) {
        std::mt19937 engine(1);
        std::normal_distribution<float> normal;
        activations.resize(stride * static_cast<std::size_t>(tokens));
        std::vector<float> x(static_cast<std::size_t>(cols));
        for (int i = 0; i < tokens; ++i) {
            for (float& v : x) {
                v = normal(engine);
            }
            cpu::prepare_activations(type, x.data(), cols, &activations[stride * static_cast<std::size_t>(i)],
                                     bits);
        }
    }

    cpu::MatmulArgs args() {
        cpu::MatmulArgs a;
        a.weights = {type, rows, cols, data.data()};
        a.last_panel = cpu::panels(rows);
        a.activations = activations.data();
        a.activation_stride = stride;
        a.activation_bits = bits;
        a.tokens = tokens;
        a.y = y.data();
        a.y_stride = rows;
        return a;
    }
};

/// Few tokens times a matrix of `megabytes`: beyond the caches it shows what reading memory leaves.
void few_tokens(benchmark::State& state, BlockType type, Isa isa, int bits, double megabytes, int tokens) {
    const std::int64_t cols = 1536;
    const auto rows =
        static_cast<std::int64_t>(megabytes * 1e6 / static_cast<double>(row_bytes(type, cols))) / 32 * 32;
    Product p(type, rows, cols, tokens, bits);
    for (auto _ : state) {
        cpu::table(isa).matmul(p.args());
        benchmark::DoNotOptimize(p.y.data());
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * p.data.size()));
}

void many_tokens(benchmark::State& state, BlockType type, Isa isa, int bits, std::int64_t rows,
                 std::int64_t cols, int tokens) {
    Product p(type, rows, cols, tokens, bits);
    for (auto _ : state) {
        cpu::table(isa).matmul(p.args());
        benchmark::DoNotOptimize(p.y.data());
    }
    const double operations = 2.0 * static_cast<double>(rows * cols) * tokens;
    state.counters["op/s"] =
        benchmark::Counter(operations * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// A file's matrix to panels.
void packing(benchmark::State& state, BlockType type) {
    const std::int64_t rows = 768, cols = 1536;
    const std::vector<std::byte> blocks(row_bytes(type, cols) * static_cast<std::size_t>(rows),
                                        std::byte{0x31});
    std::vector<std::byte> panels(cpu::packed_bytes(type, rows, cols));
    for (auto _ : state) {
        cpu::pack_panels(type, rows, cols, blocks.data(), panels.data(), 0, cpu::panels(rows));
        benchmark::DoNotOptimize(panels.data());
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * blocks.size()));
}

/// `queries` queries of one KV head over `blocks` full blocks. `latent`: values are the keys' first
/// dimensions.
void attention(benchmark::State& state, BlockType type, Isa isa, int head_dim, int value_dim, int queries,
               int blocks, bool latent = false) {
    const std::size_t k_bytes = cpu::k_block_bytes(type, head_dim),
                      v_bytes = latent ? 0 : cpu::v_block_bytes(type, value_dim);
    std::vector<std::byte> k(k_bytes * static_cast<std::size_t>(blocks)),
        v(v_bytes * static_cast<std::size_t>(blocks));
    const int width = cpu::accumulator_floats(value_dim);
    std::vector<float> q(static_cast<std::size_t>(queries * head_dim), 0.1f),
        max(static_cast<std::size_t>(queries));
    std::vector<float> sum(max.size()), acc(static_cast<std::size_t>(queries * width));
    std::vector<float> scratch(cpu::attend_scratch_floats(head_dim, value_dim));
    const std::vector<cpu::KvRange> ranges(max.size(), {0, cpu::kKvTokens});
    cpu::AttendArgs args;
    args.type = type;
    args.head_dim = head_dim;
    args.value_dim = value_dim;
    args.queries = queries;
    args.q = q.data();
    args.q_stride = head_dim;
    args.ranges = ranges.data();
    args.max = max.data();
    args.sum = sum.data();
    args.acc = acc.data();
    args.acc_stride = width;
    args.scratch = scratch.data();
    for (auto _ : state) {
        for (std::size_t b = 0; b < static_cast<std::size_t>(blocks); ++b) {
            args.k_block = k.data() + b * k_bytes;
            args.v_block = latent ? nullptr : v.data() + b * v_bytes;
            cpu::table(isa).attend_block(args);
        }
        benchmark::DoNotOptimize(acc.data());
    }
    const auto iterations = static_cast<double>(state.iterations());
    const double operations = 2.0 * (head_dim + value_dim) * cpu::kKvTokens * queries * blocks;
    state.counters["op/s"] = benchmark::Counter(operations * iterations, benchmark::Counter::kIsRate);
    state.SetBytesProcessed(static_cast<std::int64_t>(iterations * static_cast<double>(k.size() + v.size())));
}

void vectors(benchmark::State& state, Isa isa, const std::string& which) {
    const int n = 1536;
    std::vector<float> x(n, 0.5f), y(n, 0.25f), out(n);
    std::vector<std::byte> q(cpu::i16_row_bytes(n));
    const cpu::KernelTable& table = cpu::table(isa);
    for (auto _ : state) {
        if (which == "quantize_i16") {
            table.quantize_i16(x.data(), n, q.data());
        } else if (which == "quantize_i8") {
            table.quantize_i8(x.data(), n, q.data());
        } else if (which == "swiglu") {
            table.swiglu(x.data(), y.data(), out.data(), n);
        } else if (which == "rms_norm") {
            table.rms_norm(x.data(), y.data(), 1e-5f, n, out.data());
        } else {
            table.softmax(x.data(), n);
        }
        benchmark::DoNotOptimize(out.data());
        benchmark::DoNotOptimize(q.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * n);
}

/// Rows of one head whose memory is a matrix of 128 x 128: the gated delta rule, or a state space.
void recurrence(benchmark::State& state, Isa isa, bool delta) {
    constexpr int kDim = 128;
    std::vector<float> memory(kDim * kDim, 0.01f), row(kDim, 0.09f), found(kDim);
    const float decay = 0.9f;
    cpu::DeltaRuleArgs rule;
    rule.before = rule.state = memory.data();
    rule.key_dim = rule.value_dim = kDim;
    rule.q = rule.k = rule.v = row.data();
    rule.decays = &decay;
    rule.beta = 0.5f;
    rule.found = found.data();
    cpu::StateSpaceArgs space;
    space.before = space.state = memory.data();
    space.head_dim = space.state_size = kDim;
    space.x = space.b = space.c = row.data();
    space.time = 0.1f;
    space.decay = decay;
    space.out = found.data();
    for (auto _ : state) {
        if (delta) {
            cpu::table(isa).delta_rule(rule);
        } else {
            cpu::table(isa).state_space(space);
        }
        benchmark::DoNotOptimize(found.data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * memory.size() * sizeof(float)));
}

std::string isa_name(Isa isa) { return isa == Isa::Vnni ? "vnni" : isa == Isa::Avx2 ? "avx2" : "scalar"; }

[[maybe_unused]] const bool kRegistered = [] {
    for (int i = 0; i < kBlockTypes; ++i) {
        const auto type = static_cast<BlockType>(i);
        benchmark::RegisterBenchmark(("pack/" + std::string(traits(type).name)).c_str(), packing, type)
            ->Unit(benchmark::kMicrosecond);
    }
    for (const Isa isa : {Isa::Avx2, Isa::Vnni}) {
        if (!cpu::available(isa)) {
            continue;
        }
        const std::string end = isa_name(isa);
        const auto add = [&](const std::string& name, auto&&... arguments) {
            benchmark::RegisterBenchmark((name + '/' + end).c_str(), arguments...)
                ->Unit(benchmark::kMicrosecond);
        };
        for (int i = 0; i < kBlockTypes; ++i) {
            const auto type = static_cast<BlockType>(i);
            for (const int bits : {16, 8}) {
                if (bits == 8 && cpu::activation_format(type) == cpu::ActivationFormat::F32) {
                    continue;
                }
                const std::string name = std::string(traits(type).name) + (bits == 8 ? "/act8" : "");
                add("one_token_memory/" + name, few_tokens, type, isa, bits, 80.0, 1);
                add("one_token_cache/" + name, few_tokens, type, isa, bits, 0.4, 1);
                add("four_tokens_memory/" + name, few_tokens, type, isa, bits, 80.0, 4);
                add("tokens_512/" + name, many_tokens, type, isa, bits, 1536, 768, 512);
                add("tokens_512_long_rows/" + name, many_tokens, type, isa, bits, 512, 8192, 512);
                add("tokens_4/" + name, many_tokens, type, isa, bits, 1536, 768, 4);
            }
        }
        for (const BlockType type : {BlockType::F32, BlockType::F16, BlockType::Q8_0, BlockType::Q4_0}) {
            const std::string name(traits(type).name);
            add("attend_decode/" + name, attention, type, isa, 64, 64, 3, 32, false);
            add("attend_prefill/" + name, attention, type, isa, 64, 64, 96, 16, false);
            add("attend_prefill_128/" + name, attention, type, isa, 128, 128, 64, 16, false);
            add("attend_latent/" + name, attention, type, isa, 576, 512, 16, 16, true);
        }
        add("recurrence/delta_rule", recurrence, isa, true);
        add("recurrence/state_space", recurrence, isa, false);
        for (const char* which : {"quantize_i16", "quantize_i8", "swiglu", "rms_norm", "softmax"}) {
            add(std::string("vector/") + which, vectors, isa, which);
        }
    }
    return true;
}();

} // namespace
} // namespace switchyard
