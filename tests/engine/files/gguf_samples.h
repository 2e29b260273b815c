// Small GGUF files for the tests, built byte by byte, independent of the writer.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard::samples {

class Bytes {
  public:
    template <typename T>
    Bytes& put(T value) {
        data_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Bytes& text(std::string_view s) {
        put<std::uint64_t>(s.size());
        data_ += s;
        return *this;
    }
    Bytes& pad(std::size_t alignment, char with = '\0') {
        while (data_.size() % alignment != 0) {
            data_ += with;
        }
        return *this;
    }
    Bytes& raw(std::string_view s) {
        data_ += s;
        return *this;
    }
    std::size_t size() const { return data_.size(); }
    const std::string& str() const { return data_; }

  private:
    std::string data_;
};

/// GGUF's numbers of value types.
enum : std::uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kText, kArray, kU64, kI64, kF64 };

inline Bytes start(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    Bytes b;
    b.raw("GGUF").put(version).put(tensors).put(keys);
    return b;
}

inline void tensor(Bytes& b, std::string_view name, const std::vector<std::uint64_t>& shape,
                   std::uint32_t type, std::uint64_t offset) {
    b.text(name).put(static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t extent : shape) {
        b.put(extent);
    }
    b.put(type).put(offset);
}

/// One value of every kind, and two tensors: "a" F32 [4, 2] holding 0..7 and "b" Q8_0 [32] of zeros.
inline std::string small_file(std::uint32_t version = 3) {
    Bytes b = start(2, 16, version);
    b.text("general.architecture").put(kText).text("tiny");
    b.text("k.u8").put(kU8).put<std::uint8_t>(200);
    b.text("k.i8").put(kI8).put<std::int8_t>(-100);
    b.text("k.u16").put(kU16).put<std::uint16_t>(60000);
    b.text("k.i16").put(kI16).put<std::int16_t>(-30000);
    b.text("k.u32").put(kU32).put<std::uint32_t>(4000000000u);
    b.text("k.i32").put(kI32).put<std::int32_t>(-2000000000);
    b.text("k.f32").put(kF32).put<float>(0.5f);
    b.text("k.bool").put(kBool).put<std::uint8_t>(1);
    b.text("k.u64").put(kU64).put<std::uint64_t>(1ull << 63);
    b.text("k.i64").put(kI64).put<std::int64_t>(-(1ll << 62));
    b.text("k.f64").put(kF64).put<double>(0.1);
    b.text("k.texts").put(kArray).put(kText).put<std::uint64_t>(2).text("one").text("");
    b.text("k.numbers").put(kArray).put(kI32).put<std::uint64_t>(3).put<std::int32_t>(-1);
    b.put<std::int32_t>(0).put<std::int32_t>(1);
    b.text("k.reals").put(kArray).put(kF32).put<std::uint64_t>(2).put<float>(1.5f).put<float>(-2.0f);
    b.text("k.flags").put(kArray).put(kBool).put<std::uint64_t>(2).put<std::uint8_t>(0).put<std::uint8_t>(1);
    tensor(b, "a", {4, 2}, 0, 0);
    tensor(b, "b", {32}, 8, 32);
    b.pad(32);
    for (int i = 0; i < 8; ++i) {
        b.put(static_cast<float>(i));
    }
    b.raw(std::string(34, '\0')).pad(32);
    return b.str();
}

} // namespace switchyard::samples
