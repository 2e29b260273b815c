// Asking memory ahead for what a product reads and writes next.
//
// All that only asks is always inline: such a function has no effect in GCC's eyes, which leaves out the
// calls. Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/panels.h"

#include <immintrin.h>

namespace switchyard::cpu {
namespace {

inline constexpr std::size_t kLineBytes = 64; ///< of caches

/// How far ahead of what is multiplied panels of integers are asked for: the processor's own prefetching ends
/// with each page of 4096 bytes, and one stream of it does not keep memory busy. (Floats pass four panels at
/// a time for one token, and gain nothing.) Measured on Zen 3: products of one token with weights beyond the
/// caches 1.15 to 1.4 times as fast; twice the distance does about the same.
inline constexpr std::ptrdiff_t kBytesAhead = 2048;

/// Asks for the bytes that lie kBytesAhead behind sub-block `sub` of a panel's blocks of format F. They may
/// lie past the matrix: asking never faults.
template <class F>
[[gnu::always_inline]] inline void ask_ahead(const typename F::Panel& blocks, int sub) {
    constexpr std::size_t kBytes = sizeof(blocks) / F::kSubs;
    const char* at =
        reinterpret_cast<const char*>(&blocks) + static_cast<std::size_t>(sub) * kBytes + kBytesAhead;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kBytes; i += kLineBytes) {
        _mm_prefetch(at + i, _MM_HINT_T0);
    }
}

/// Asks for the lines that some tokens' outputs of one or two panels from `panel` on go to, to be written,
/// before the tile is computed: stores leave in order, so one that waits for its line holds up the sums that
/// tiles keep in memory (products 1.06 to 1.1 times as fast, measured on Zen 3). Where outputs lie across two
/// lines, the panels in front have mostly met the first. As numbers: places past an array are no pointers.
[[gnu::always_inline]] inline void ask_for_outputs(const MatmulArgs& args, std::int64_t panel, int panels,
                                                   int first, int tokens) {
    auto last = reinterpret_cast<std::uintptr_t>(args.y) +
                static_cast<std::uintptr_t>(first * args.y_stride + (panel + panels) * kPanelRows - 1) *
                    sizeof(float);
    for (int t = 0; t < tokens; ++t, last += static_cast<std::uintptr_t>(args.y_stride) * sizeof(float)) {
        __builtin_prefetch(reinterpret_cast<const void*>(last), 1);
    }
}

/// Columns of a row that a group's tiles meet in pieces.
struct Pieces {
    std::int64_t all, piece;
    std::int64_t from(std::int64_t k) const { return all - k < piece ? all - k : piece; }
    bool is_last(std::int64_t k) const { return all - k <= piece; }
};

/// The weights that a group's tiles meet behind a piece: they are asked for while the piece's tiles compute,
/// a part with each, and not all when they are unpacked.
template <int P>
class WeightsAhead {
  public:
    WeightsAhead() = default; ///< nothing to ask for
    /// Behind the piece from `k` on of P panels, `size` bytes apart; the columns at hand begin at `panel`.
    /// `more`: other panels follow these. In front of `tiles` tiles.
    WeightsAhead(BlockType type, const std::byte* panel, std::size_t size, const Pieces& columns,
                 std::int64_t k, bool more, int tiles)
        : at_(reinterpret_cast<std::uintptr_t>(panel)), size_(size) {
        if (!columns.is_last(k)) {
            at_ += panel_bytes(type, k + columns.piece);
            left_ = panel_bytes(type, columns.from(k + columns.piece)) / kLineBytes + 1;
        } else if (more) {
            at_ += P * size;
            left_ = panel_bytes(type, columns.from(0)) / kLineBytes + 1;
        }
        each_ = left_ / static_cast<std::size_t>(tiles) + 1;
    }

    /// Once a tile.
    [[gnu::always_inline]] void ask() {
        const std::size_t lines = left_ < each_ ? left_ : each_;
        for (std::size_t i = 0; i < lines; ++i, at_ += kLineBytes) {
#pragma GCC unroll 4
            for (std::size_t p = 0; p < P; ++p) {
                _mm_prefetch(reinterpret_cast<const char*>(at_ + p * size_), _MM_HINT_T0);
            }
        }
        left_ -= lines;
    }

  private:
    std::uintptr_t at_ = 0;
    std::size_t size_ = 0, left_ = 0, each_ = 0; ///< bytes; lines
};

} // namespace
} // namespace switchyard::cpu
