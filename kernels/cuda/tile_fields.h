// From the fields of 16 rows to their tiles (tile_layout.h): what a lane of a warp reads later, it writes
// here. For the host, lane after lane, and for devices, a warp at a time.
#pragma once

#include "kernels/block_fields.h"
#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

/// Of a lane, 16 bytes.
struct alignas(16) TileVector {
    std::uint32_t word[4] = {};
};

template <typename T>
SWITCHYARD_ANYWHERE inline void put(std::byte* at, const T& value) {
#if defined(__CUDA_ARCH__)
    *reinterpret_cast<T*>(at) = value;
#else
    std::memcpy(at, &value, sizeof value);
#endif
}

/// Writes a lane's part of up to 256 columns of a tile row. Work is dealt out in turns: this object takes
/// every kStep-th from `first` on.
template <int kStep>
class TileLane {
  public:
    /// `rows`: the fields of the 16 rows, zeros where there is none. `groups`: of the type's that there are.
    SWITCHYARD_ANYWHERE TileLane(const BlockFields* rows, int lane, int groups, int first)
        : low_(rows[lane / 4]), high_(rows[lane / 4 + 8]), rows_(rows), lane_(lane), t_(lane % 4),
          groups_(groups), first_(first) {}

    SWITCHYARD_ANYWHERE void write(BlockType type, std::byte* out) {
        turn_ = 0;
        switch (type) {
        case BlockType::Q8_0:
            return write_bytes(out);
        case BlockType::FP8:
            return write_eighths(out);
        case BlockType::Q4_0:
            return write_small<false, false, false>(out, tile_group(BlockType::Q4_0).bytes);
        case BlockType::Q4_1:
            return write_small<false, false, true>(out, tile_group(BlockType::Q4_1).bytes);
        case BlockType::Q5_0:
            return write_small<false, true, false>(out, tile_group(BlockType::Q5_0).bytes);
        case BlockType::Q5_1:
            return write_small<false, true, true>(out, tile_group(BlockType::Q5_1).bytes);
        case BlockType::IQ4_NL:
            return write_small<true, false, false>(out, tile_group(BlockType::IQ4_NL).bytes);
        case BlockType::MXFP4:
            return write_mxfp4(out);
        case BlockType::Q4_K:
            write_nibbles(out);
            write_k_scales(out + Q4KTile::kWords, out + Q4KTile::kHalves);
            return write_pair(out + Q4KTile::kD);
        case BlockType::Q5_K:
            write_nibbles(out);
            write_bits(out + Q5KTile::kBits, 4);
            write_k_scales(out + Q5KTile::kWords, out + Q5KTile::kHalves);
            return write_pair(out + Q5KTile::kD);
        case BlockType::Q6_K:
            write_nibbles(out);
            write_pairs(out + Q6KTile::kPairs, 4);
            write_half_scales<false>(out + Q6KTile::kScales);
            return write_single(out + Q6KTile::kD);
        case BlockType::Q3_K:
            write_pairs(out, 0);
            write_bits(out + Q3KTile::kBits, 2);
            write_q3_scales(out + Q3KTile::kWords, out + Q3KTile::kHalves);
            return write_single(out + Q3KTile::kD);
        case BlockType::Q2_K:
            write_pairs(out, 0);
            write_half_scales<true>(out + Q2KTile::kScales);
            return write_pair(out + Q2KTile::kD);
        default: // IQ4_XS
            for (int pair = 0; pair < 4; ++pair)
                if (turn())
                    put(vector(out, pair), levels(pair));
            write_level_scales(out);
            return write_single(out + IQ4XSTile::kD);
        }
    }

  private:
    using Word = std::uint32_t;
    SWITCHYARD_ANYWHERE bool turn() { return turn_++ % kStep == first_; }
    SWITCHYARD_ANYWHERE const BlockFields& row(int upper) const { return upper ? high_ : low_; }
    SWITCHYARD_ANYWHERE std::byte* vector(std::byte* plane, int number) const {
        return plane + number * 512 + lane_ * 16;
    }
    /// This lane's four codes of the 16 columns from `column` on.
    SWITCHYARD_ANYWHERE Word codes(int upper, int column) const {
        return code_word(row(upper), column + 4 * t_);
    }

    // ---- Vectors of codes

    /// The low four bits of 64 columns.
    SWITCHYARD_ANYWHERE TileVector nibbles(int pair) const {
        TileVector v;
        for (int i = 0; i < 4; ++i) { // block 2 pair + i / 2 of row `i % 2`
            const int column = 64 * pair + i / 2 * 32;
            v.word[i] = (codes(i % 2, column) & 0x0f0f0f0fu) | (codes(i % 2, column + 16) & 0x0f0f0f0fu) << 4;
        }
        return v;
    }
    /// The same as levels stand: 16 bits a half.
    SWITCHYARD_ANYWHERE TileVector levels(int pair) const {
        TileVector v;
        for (int i = 0; i < 4; ++i) {
            const int column = 64 * pair + i / 2 * 32;
            v.word[i] = joined(codes(i % 2, column)) | joined(codes(i % 2, column + 16)) << 16;
        }
        return v;
    }
    /// Four bytes below 16 as the nibbles of 16 bits.
    SWITCHYARD_ANYWHERE static Word joined(Word bytes) {
        const Word twos = bytes | bytes >> 4; // in bytes 0 and 2
        return (twos & 0xffu) | (twos >> 8 & 0xff00u);
    }
    /// Bits `shift` and the next of 128 columns.
    SWITCHYARD_ANYWHERE TileVector pairs(int number, int shift) const {
        TileVector v;
        for (int block = 0; block < 4; ++block)
            for (int i = 0; i < 4; ++i) // half i / 2 of row `i % 2`
                v.word[block] |=
                    (codes(i % 2, 128 * number + 32 * block + 16 * (i / 2)) >> shift & 0x03030303u)
                    << (2 * i);
        return v;
    }
    /// Bit `shift` of 64 columns.
    SWITCHYARD_ANYWHERE Word bits(int pair, int shift) const {
        Word word = 0;
        for (int i = 0; i < 8; ++i) // half i / 2 % 2 of block i / 4 of row `i % 2`
            word |= (codes(i % 2, 64 * pair + 16 * (i / 2)) >> shift & 0x01010101u) << i;
        return word;
    }

    SWITCHYARD_ANYWHERE void write_nibbles(std::byte* plane) {
        for (int pair = 0; pair < 4; ++pair)
            if (turn())
                put(vector(plane, pair), nibbles(pair));
    }
    SWITCHYARD_ANYWHERE void write_pairs(std::byte* plane, int shift) {
        for (int number = 0; number < 2; ++number)
            if (turn())
                put(vector(plane, number), pairs(number, shift));
    }
    /// Of a super-block: the words of its pairs of blocks are a lane's vector.
    SWITCHYARD_ANYWHERE void write_bits(std::byte* plane, int shift) {
        if (!turn())
            return;
        TileVector v;
        for (int pair = 0; pair < 4; ++pair)
            v.word[pair] = bits(pair, shift);
        put(vector(plane, 0), v);
    }

    // ---- Types with blocks of 32 or 64: groups of 64 columns

    SWITCHYARD_ANYWHERE void write_bytes(std::byte* out) {
        for (int block = 0; block < 2 * groups_; ++block)
            if (turn()) {
                TileVector v;
                for (int i = 0; i < 4; ++i)
                    v.word[i] = codes(i % 2, 32 * block + 16 * (i / 2));
                put(vector(group(out, block / 2, tile_group(BlockType::Q8_0).bytes), block % 2), v);
            }
        for (int i = 0; i < groups_; ++i)
            if (turn())
                write_halves(group(out, i, tile_group(BlockType::Q8_0).bytes) + Q8Tile::kScales, i);
    }
    SWITCHYARD_ANYWHERE void write_eighths(std::byte* out) {
        for (int block = 0; block < 2 * groups_; ++block)
            if (turn()) {
                TileVector v;
                for (int i = 0; i < 4; ++i) { // 8 columns, two of them in this lane
                    const int column = 32 * block + 8 * i + 2 * t_;
                    v.word[i] = two_codes(low_, column) | two_codes(high_, column) << 16;
                }
                put(vector(group(out, block / 2, tile_group(BlockType::FP8).bytes), block % 2), v);
            }
        for (int i = 0; i < groups_; ++i)
            if (turn() && lane_ < kTileRows)
                put(group(out, i, tile_group(BlockType::FP8).bytes) + Q8Tile::kScales + 4 * lane_,
                    eighths_scale(rows_[lane_ / 2 + lane_ % 2 * 8], i));
    }
    SWITCHYARD_ANYWHERE static Word two_codes(const BlockFields& fields, int column) {
        return fields.codes[column] | static_cast<Word>(fields.codes[column + 1]) << 8;
    }
    /// Not a number where a code is none: so products need no test.
    SWITCHYARD_ANYWHERE static float eighths_scale(const BlockFields& fields, int block) {
        bool numbers = true;
        for (int c = 64 * block; c < 64 * block + 64; ++c)
            numbers = numbers && (fields.codes[c] & 0x7f) != 0x7f;
        return numbers ? fields.wide[block] : __builtin_nanf("");
    }
    template <bool kLevels, bool kFive, bool kMin>
    SWITCHYARD_ANYWHERE void write_small(std::byte* out, int group_bytes) {
        constexpr int kScales = kFive ? Q5Tile::kScales : Q4Tile::kScales;
        for (int i = 0; i < groups_; ++i)
            if (turn())
                put(vector(group(out, i, group_bytes), 0), kLevels ? levels(i) : nibbles(i));
        for (int i = 0; kFive && i < groups_; ++i)
            if (turn())
                put(group(out, i, group_bytes) + Q5Tile::kBits + 4 * lane_, bits(i, 4));
        for (int i = 0; i < groups_; ++i)
            if (turn()) {
                if constexpr (kMin)
                    write_scale_and_min(group(out, i, group_bytes) + kScales, i);
                else
                    write_halves(group(out, i, group_bytes) + kScales, i);
            }
    }
    SWITCHYARD_ANYWHERE void write_mxfp4(std::byte* out) {
        constexpr int kBytes = tile_group(BlockType::MXFP4).bytes;
        for (int i = 0; i < groups_; ++i)
            if (turn())
                put(vector(group(out, i, kBytes), 0), levels(i));
        for (int i = 0; i < groups_; ++i)
            if (turn())
                put(group(out, i, kBytes) + Q4Tile::kScales + lane_, scale_row().scales[2 * i + lane_ % 2]);
    }
    SWITCHYARD_ANYWHERE static std::byte* group(std::byte* out, int number, int bytes) {
        return out + number * bytes;
    }
    /// Where a lane writes a scale: [g][upper][block].
    SWITCHYARD_ANYWHERE const BlockFields& scale_row() const { return row(lane_ / 2 % 2); }
    SWITCHYARD_ANYWHERE void write_halves(std::byte* scales, int number) {
        put(scales + 2 * lane_, scale_row().d[2 * number + lane_ % 2]);
    }
    SWITCHYARD_ANYWHERE void write_scale_and_min(std::byte* scales, int number) {
        std::byte* at = scales + lane_ / 4 * 16 + lane_ % 4 * 2;
        put(at, scale_row().d[2 * number + lane_ % 2]);
        put(at + 8, scale_row().m[2 * number + lane_ % 2]);
    }

    // ---- Scales of super-blocks

    SWITCHYARD_ANYWHERE void put_six_bits(std::byte* words, std::byte* halves, Word low, Word high) {
        put(words + 4 * lane_, low | high << 24);
        put(halves + 2 * lane_, static_cast<std::uint16_t>(high >> 8));
    }
    SWITCHYARD_ANYWHERE static Word k_bits(const BlockFields& f, int t) {
        return static_cast<Word>(f.scales[2 * t]) | static_cast<Word>(f.mins[2 * t]) << 6 |
               static_cast<Word>(f.scales[2 * t + 1]) << 12 | static_cast<Word>(f.mins[2 * t + 1]) << 18;
    }
    SWITCHYARD_ANYWHERE void write_k_scales(std::byte* words, std::byte* halves) {
        if (turn())
            put_six_bits(words, halves, k_bits(low_, t_), k_bits(high_, t_));
    }
    SWITCHYARD_ANYWHERE static Word q3_bits(const BlockFields& f, int t) {
        Word bits = 0;
        for (int i = 0; i < 4; ++i)
            bits |= static_cast<Word>(f.scales[4 * t + i]) << (6 * i);
        return bits;
    }
    SWITCHYARD_ANYWHERE void write_q3_scales(std::byte* words, std::byte* halves) {
        if (turn())
            put_six_bits(words, halves, q3_bits(low_, t_), q3_bits(high_, t_));
    }
    /// Eight bytes a row and t, those of 16 columns in order.
    template <bool kMin>
    SWITCHYARD_ANYWHERE void write_half_scales(std::byte* plane) {
        if (!turn())
            return;
        for (int upper = 0; upper < 2; ++upper)
            for (int i = 4 * t_; i < 4 * t_ + 4; ++i) {
                const std::uint8_t min = kMin ? row(upper).mins[i] : std::uint8_t{0};
                put(plane + lane_ * 8 + upper * 4 + i % 4,
                    static_cast<std::uint8_t>(row(upper).scales[i] | min << 4));
            }
    }
    SWITCHYARD_ANYWHERE void write_level_scales(std::byte* out) {
        if (!turn())
            return;
        const auto two = [&](const BlockFields& f) {
            return static_cast<Word>(f.scales[2 * t_]) | static_cast<Word>(f.scales[2 * t_ + 1]) << 6;
        };
        const Word both = two(low_) | two(high_) << 12;
        put(out + IQ4XSTile::kHalves + 2 * lane_, static_cast<std::uint16_t>(both));
        put(out + IQ4XSTile::kBytes + lane_, static_cast<std::uint8_t>(both >> 16));
    }
    SWITCHYARD_ANYWHERE void write_pair(std::byte* d) {
        if (turn() && lane_ < kTileRows) {
            const BlockFields& f = rows_[lane_ / 2 + lane_ % 2 * 8];
            put(d + 4 * lane_, f.d[0] | static_cast<Word>(f.m[0]) << 16);
        }
    }
    SWITCHYARD_ANYWHERE void write_single(std::byte* d) {
        if (turn() && lane_ < kTileRows)
            put(d + 2 * lane_, rows_[lane_ / 2 + lane_ % 2 * 8].d[0]);
    }

    const BlockFields &low_, &high_, *rows_;
    int lane_, t_, groups_, first_, turn_ = 0;
};

// ---- Types of plain floats; bits(upper, column) are those of a value, zero behind the row's end

/// The two or four bytes of 16 columns from `column` on, of types of 2 bytes.
template <typename Bits>
SWITCHYARD_ANYWHERE inline TileVector tile_halves(int t, int column, const Bits& bits) {
    TileVector v;
    for (int i = 0; i < 4; ++i) { // 8 columns, two of them in this lane, of row `i % 2`
        const int at = column + i / 2 * 8 + 2 * t;
        v.word[i] = bits(i % 2, at) | bits(i % 2, at + 1) << 16;
    }
    return v;
}
/// Of types of 4 bytes, of one row.
template <typename Bits>
SWITCHYARD_ANYWHERE inline TileVector tile_words(int t, int column, int upper, const Bits& bits) {
    TileVector v;
    for (int i = 0; i < 4; ++i)
        v.word[i] = bits(upper, column + 4 * t + i);
    return v;
}
/// Writes lane `lane` of group `group` of a type of plain floats.
template <typename Bits>
SWITCHYARD_ANYWHERE inline void write_tile_floats(BlockType type, int lane, int column, std::byte* group,
                                                  const Bits& bits) {
    for (int part = 0; part < 4; ++part)
        if (type == BlockType::F32)
            for (int upper = 0; upper < 2; ++upper)
                put(group + part * 1024 + upper * 512 + lane * 16,
                    tile_words(lane % 4, column + 16 * part, upper, bits));
        else
            put(group + part * 512 + lane * 16, tile_halves(lane % 4, column + 16 * part, bits));
}

} // namespace switchyard::cuda
