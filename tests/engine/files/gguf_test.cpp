// Reading GGUF files: every kind of value, and every kind of lie.
#include "engine/base/error.h"
#include "engine/files/gguf.h"
#include "engine/files/gguf_parse.h"
#include "tests/engine/files/gguf_samples.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace switchyard {
namespace {

using namespace samples;
using test::TemporaryFolder;

GgufHeader parse(const std::string& bytes) {
    return parse_gguf(std::as_bytes(std::span(bytes)), "test.gguf");
}

/// The message of the Error that parsing throws; empty where it opens.
std::string refusal(const std::string& bytes) {
    try {
        parse(bytes);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

void expect_refused(const std::string& bytes, const std::string& part) {
    const std::string why = refusal(bytes);
    EXPECT_NE(why.find(part), std::string::npos) << "expected \"" << part << "\", got \"" << why << "\"";
    EXPECT_TRUE(why.starts_with("test.gguf: ")) << why;
}

TEST(Gguf, ReadsEveryKindOfValue) {
    for (const std::uint32_t version : {2u, 3u}) {
        const std::string bytes = small_file(version);
        const Metadata m = parse(bytes).metadata;
        EXPECT_EQ(m.text("general.architecture"), "tiny");
        EXPECT_EQ(m.uint("k.u8"), 200);
        EXPECT_EQ(std::get<std::int64_t>(*m.find("k.i8")), -100);
        EXPECT_EQ(m.uint("k.u16"), 60000);
        EXPECT_EQ(std::get<std::int64_t>(*m.find("k.i16")), -30000);
        EXPECT_EQ(m.uint("k.u32"), 4000000000u);
        EXPECT_EQ(std::get<std::int64_t>(*m.find("k.i32")), -2000000000);
        EXPECT_EQ(m.real("k.f32"), 0.5);
        EXPECT_EQ(m.boolean("k.bool"), true);
        EXPECT_EQ(m.uint("k.u64"), 1ull << 63);
        EXPECT_EQ(std::get<std::int64_t>(*m.find("k.i64")), -(1ll << 62));
        EXPECT_EQ(m.real("k.f64"), 0.1);
        ASSERT_TRUE(m.texts("k.texts"));
        EXPECT_EQ(*m.texts("k.texts"), (std::vector<std::string>{"one", ""}));
        EXPECT_EQ(m.integers("k.numbers"), (std::vector<std::int64_t>{-1, 0, 1}));
        EXPECT_EQ(m.reals("k.reals"), (std::vector<double>{1.5, -2.0}));
        EXPECT_EQ(m.integers("k.flags"), (std::vector<std::int64_t>{0, 1}));
        EXPECT_FALSE(m.has("k"));
    }
}

TEST(Gguf, ReadsTensors) {
    const std::string bytes = small_file();
    const std::vector<TensorView> tensors = parse(bytes).tensors;
    ASSERT_EQ(tensors.size(), 2u);
    EXPECT_EQ(tensors[0].name, "a");
    EXPECT_EQ(tensors[0].shape, (std::vector<std::int64_t>{4, 2}));
    EXPECT_EQ(tensors[0].bytes, 32u);
    float last;
    std::memcpy(&last, tensors[0].data + 28, sizeof last);
    EXPECT_EQ(last, 7.0f);
    EXPECT_EQ(tensors[1].type, BlockType::Q8_0);
    EXPECT_EQ(tensors[1].bytes, 34u);
    EXPECT_EQ(tensors[1].rows(), 1);
}

TEST(Metadata, ConvertsExactlyOrRefuses) {
    Metadata m;
    m.set("big", std::uint64_t{1} << 53);
    m.set("bigger", (std::uint64_t{1} << 53) + 1);
    m.set("negative", std::int64_t{-1});
    m.set("half", 0.5);
    m.set("two", 2.0);
    m.set("huge", 1e300);
    m.set("word", std::string("word"));
    m.set("yes", true);
    EXPECT_EQ(m.real("big"), 0x1p53);
    EXPECT_THROW(m.real("bigger"), Error);
    EXPECT_THROW(m.uint("negative"), Error);
    EXPECT_EQ(m.real("negative"), -1.0);
    EXPECT_THROW(m.uint("half"), Error);
    EXPECT_EQ(m.uint("two"), 2u);
    EXPECT_THROW(m.uint("huge"), Error);
    EXPECT_THROW(m.uint("word"), Error);
    EXPECT_THROW(m.uint("yes"), Error);
    EXPECT_THROW(m.text("two"), Error);
    EXPECT_THROW(m.boolean("two"), Error);
    EXPECT_THROW(m.texts("word"), Error);
    EXPECT_THROW(m.reals("word"), Error);
    EXPECT_EQ(m.uint("missing"), std::nullopt);
    EXPECT_EQ(m.texts("missing"), nullptr);
    EXPECT_EQ(m.reals("missing"), std::nullopt);
    try {
        m.uint("word");
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("\"word\""), std::string::npos);
    }
}

TEST(Metadata, KeepsPlacesAndErases) {
    Metadata m;
    m.set("a", true);
    m.set("b", true);
    m.set("c", true);
    m.set("b", std::string("new"));
    m.erase("a");
    m.erase("nothing");
    ASSERT_EQ(m.entries().size(), 2u);
    EXPECT_EQ(m.entries()[0].first, "b");
    EXPECT_EQ(m.text("b"), "new");
}

TEST(GgufRefuses, WhatIsNotGguf) {
    expect_refused("", "not a GGUF file");
    expect_refused("GGU", "not a GGUF file");
    expect_refused("GGML0000000000000000000000000000", "not a GGUF file");
    expect_refused("GGUF", "ends inside the version");
    Bytes b;
    b.raw("GGUF").put<std::uint32_t>(1).put<std::uint64_t>(0).put<std::uint64_t>(0);
    expect_refused(b.str(), "GGUF version 1");
    Bytes swapped;
    swapped.raw("GGUF").put<std::uint32_t>(0x03000000).put<std::uint64_t>(0).put<std::uint64_t>(0);
    expect_refused(swapped.str(), "big-endian");
}

TEST(GgufRefuses, CountsThatLie) {
    expect_refused(start(~0ull, 0).str(), "tensors");
    expect_refused(start(0, ~0ull).str(), "metadata keys");
    expect_refused(start(0, 1).put<std::uint64_t>(~0ull).raw("0123456789abcdef").str(), "bytes of text");
    Bytes text = start(0, 1);
    text.text("key").put(kText).put<std::uint64_t>(1 << 20);
    expect_refused(text.str(), "ends inside metadata key \"key\"");
    for (const std::uint64_t count : {100ull, 1ull << 24, 1ull << 32, 1ull << 61, ~0ull}) {
        for (std::uint32_t type = kU8; type <= kF64; ++type) {
            Bytes array = start(0, 1);
            array.text("key").put(kArray).put(type).put(count).put<std::uint64_t>(0);
            expect_refused(array.str(), "metadata key \"key\"");
        }
    }
}

TEST(GgufRefuses, BadKeys) {
    Bytes type = start(0, 1);
    type.text("key").put<std::uint32_t>(13).put<std::uint64_t>(0);
    expect_refused(type.str(), "unknown value type 13");
    Bytes twice = start(0, 2);
    twice.text("key").put(kBool).put<std::uint8_t>(1).text("key").put(kBool).put<std::uint8_t>(1);
    expect_refused(twice.str(), "\"key\" occurs twice");
    Bytes unnamed = start(0, 1);
    unnamed.text("").put(kU64).put<std::uint64_t>(1);
    expect_refused(unnamed.str(), "has no name");
    for (const std::uint32_t alignment : {0u, 1u, 24u, 0x80000000u}) {
        Bytes b = start(0, 1);
        b.text("general.alignment").put(kU32).put(alignment);
        expect_refused(b.str(), "general.alignment");
    }
    Bytes kind = start(0, 1);
    kind.text("general.alignment").put(kText).text("32");
    expect_refused(kind.str(), "general.alignment");
}

std::string with_tensor(const std::vector<std::uint64_t>& shape, std::uint32_t type, std::uint64_t offset,
                        std::size_t data = 4096) {
    Bytes b = start(1, 0);
    tensor(b, "w", shape, type, offset);
    return b.pad(32).raw(std::string(data, '\0')).str();
}

TEST(GgufRefuses, BadTensors) {
    EXPECT_EQ(refusal(with_tensor({32, 4}, 0, 0)), "");
    expect_refused(with_tensor({}, 0, 0), "\"w\" has 0 dimensions");
    expect_refused(with_tensor({1, 1, 1, 1, 1}, 0, 0), "\"w\" has 5 dimensions");
    EXPECT_EQ(refusal(with_tensor({32, 0}, 0, 0)), "") << "left out with a note";
    expect_refused(with_tensor({~0ull}, 0, 0), "\"w\" has a dimension of");
    expect_refused(with_tensor({1ull << 61, 1ull << 61}, 0, 0), "\"w\" is larger than the file");
    expect_refused(with_tensor({1ull << 32, 1ull << 32}, 0, 0), "\"w\" is larger than the file");
    expect_refused(with_tensor({4096}, 0, 0), "\"w\" is larger than the file");
    expect_refused(with_tensor({1024}, 0, 32), "\"w\" lies beyond the end");
    expect_refused(with_tensor({32}, 0, ~0ull - 31), "\"w\" lies beyond the end");
    expect_refused(with_tensor({32}, 0, 8), "not aligned");
    expect_refused(with_tensor({33}, 8, 0), "no multiple of Q8_0's block");
    expect_refused(with_tensor({32}, 4, 0), "\"w\" has the type number 4");
    expect_refused(with_tensor({32}, ~0u, 0), "\"w\" has the type number 4294967295");
    Bytes twice = start(2, 0);
    tensor(twice, "w", {8}, 0, 0);
    tensor(twice, "w", {8}, 0, 32);
    expect_refused(twice.pad(32).raw(std::string(64, '\0')).str(), "\"w\" occurs twice");
}

TEST(GgufRefuses, NamesInMessagesAreHarmless) {
    Bytes b = start(1, 0);
    tensor(b, "bad\nname\x1b[2J" + std::string(500, 'x'), {32}, 4, 0);
    const std::string why = refusal(b.pad(32).raw(std::string(200, '\0')).str());
    EXPECT_EQ(why.find_first_of("\n\x1b"), std::string::npos);
    EXPECT_LT(why.size(), 400u);
}

TEST(GgufProperty, EveryTruncationIsRefused) {
    const std::string whole = small_file();
    const std::size_t needed = whole.size() - 30; // the last tensor's padding may be missing
    for (std::size_t size = 0; size < whole.size(); ++size) {
        // A buffer of exactly that size, so that AddressSanitizer sees any read beyond it.
        const std::string cut(whole.data(), size);
        if (size < needed) {
            EXPECT_NE(refusal(cut), "") << size;
        } else {
            EXPECT_EQ(refusal(cut), "") << size;
        }
    }
}

/// Touches everything that opened, as a user of the file would.
std::uint64_t touch(const GgufHeader& header) {
    std::uint64_t sum = 0;
    for (const TensorView& t : header.tensors) {
        for (std::size_t i = 0; i < t.bytes; ++i) {
            sum += static_cast<std::uint64_t>(t.data[i]);
        }
        EXPECT_EQ(t.bytes, row_bytes(t.type, t.cols()) * static_cast<std::size_t>(t.rows()) *
                               static_cast<std::size_t>(t.matrices()) *
                               static_cast<std::size_t>(t.shape.size() > 3 ? t.shape[3] : 1));
    }
    return sum;
}

TEST(GgufProperty, EveryCorruptedByteIsRefusedOrHarmless) {
    const std::string whole = small_file();
    int opened = 0, refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const int value : {0x00, 0x01, 0x02, 0x07, 0x20, 0x7f, 0x80, 0xfe, 0xff}) {
            std::string bad = whole;
            bad[at] = static_cast<char>(value);
            try {
                touch(parse(bad));
                ++opened;
            } catch (const Error& error) {
                EXPECT_TRUE(std::string(error.what()).starts_with("test.gguf: ")) << error.what();
                ++refused;
            }
        }
    }
    EXPECT_GT(opened, 100);
    EXPECT_GT(refused, 100);
}

TEST(GgufProperty, EveryCorruptedFieldIsRefusedOrHarmless) {
    const std::string whole = small_file();
    for (std::size_t at = 0; at + 8 <= whole.size(); ++at) {
        for (const std::uint64_t value : {0ull, 1ull, 0x7fffffffull, 0xffffffffull, 1ull << 32, 1ull << 40,
                                          (1ull << 61) + 1, ~0ull >> 1, ~0ull - 7, ~0ull}) {
            std::string bad = whole;
            std::memcpy(bad.data() + at, &value, sizeof value);
            try {
                touch(parse(bad));
            } catch (const Error&) {
            }
        }
    }
}

TEST(GgufProperty, RandomDamageIsRefusedOrHarmless) {
    const std::string whole = small_file();
    std::mt19937 random(4);
    for (int round = 0; round < 3000; ++round) {
        std::string bad = whole;
        for (unsigned i = 0; i < 1 + random() % 6; ++i) {
            bad[random() % bad.size()] = static_cast<char>(random());
        }
        bad.resize(bad.size() - random() % 3 * (random() % 40));
        bad.shrink_to_fit();
        try {
            touch(parse(bad));
        } catch (const Error&) {
        }
    }
}

TEST(OpenGguf, OpensAFileAndFindsTensors) {
    const TemporaryFolder folder;
    const auto path = folder.write("small.gguf", small_file());
    const auto file = open_gguf(path);
    EXPECT_EQ(file->path(), path);
    EXPECT_EQ(file->bytes(), small_file().size());
    EXPECT_EQ(file->tensors().size(), 2u);
    ASSERT_TRUE(file->find("b"));
    EXPECT_EQ(file->find("b")->type, BlockType::Q8_0);
    EXPECT_EQ(file->find("c"), nullptr);
}

std::string opening(const std::filesystem::path& path) {
    try {
        open_gguf(path);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(OpenGguf, NamesTheFileThatCannotBeOpened) {
    const TemporaryFolder folder;
    EXPECT_NE(opening(folder.path() / "missing.gguf").find("missing.gguf: cannot be read"),
              std::string::npos);
    EXPECT_NE(opening(folder.path()).find("not a regular file"), std::string::npos);
    EXPECT_NE(opening(folder.write("empty.gguf", "")).find("empty"), std::string::npos);
}

/// A part of a split file with one tensor.
std::string part(std::uint16_t number, std::uint16_t count, std::int32_t total, const std::string& name) {
    Bytes b = start(1, number == 0 ? 4 : 3);
    b.text("split.no").put(kU16).put(number);
    b.text("split.count").put(kU16).put(count);
    b.text("split.tensors.count").put(kI32).put(total);
    if (number == 0) {
        b.text("general.architecture").put(kText).text("tiny");
    }
    tensor(b, name, {8}, 0, 0);
    return b.pad(32).raw(std::string(32, static_cast<char>(number))).str();
}

TEST(SplitGguf, IsOpenedByItsFirstPart) {
    const TemporaryFolder folder;
    const auto first = folder.write("m-00001-of-00003.gguf", part(0, 3, 3, "a"));
    folder.write("m-00002-of-00003.gguf", part(1, 3, 3, "b"));
    const auto third = folder.write("m-00003-of-00003.gguf", part(2, 3, 3, "c"));
    const auto file = open_gguf(first);
    ASSERT_EQ(file->tensors().size(), 3u);
    EXPECT_EQ(file->find("c")->data[0], std::byte{2});
    EXPECT_EQ(file->metadata().text("general.architecture"), "tiny");
    EXPECT_FALSE(file->metadata().has("split.count"));
    EXPECT_NE(opening(third).find("open its first part"), std::string::npos);
}

TEST(SplitGguf, RefusesPartsThatDoNotFit) {
    const TemporaryFolder folder;
    const auto first = folder.write("m-00001-of-00002.gguf", part(0, 2, 2, "a"));
    EXPECT_NE(opening(first).find("m-00002-of-00002.gguf: cannot be read: part 2 of 2 is missing"),
              std::string::npos);
    folder.write("m-00002-of-00002.gguf", part(1, 2, 2, "a"));
    EXPECT_NE(opening(first).find("\"a\" is also in an earlier part"), std::string::npos);
    folder.write("m-00002-of-00002.gguf", part(1, 3, 2, "b"));
    EXPECT_NE(opening(first).find("is not part 2 of 2"), std::string::npos);
    folder.write("m-00002-of-00002.gguf", small_file());
    EXPECT_NE(opening(first).find("is not part 2 of 2"), std::string::npos);
    folder.write("m-00001-of-00002.gguf", part(0, 2, 5, "a"));
    folder.write("m-00002-of-00002.gguf", part(1, 2, 5, "b"));
    EXPECT_NE(opening(first).find("split.tensors.count"), std::string::npos);
    EXPECT_NE(opening(folder.write("renamed.gguf", part(0, 2, 2, "a"))).find("-00001-of-00002.gguf"),
              std::string::npos);
    EXPECT_NE(opening(folder.write("many.gguf", part(0, 60000, 2, "a"))).find("60000 parts"),
              std::string::npos);
}

TEST(OpenGguf, RefusesASparseTerabyteAtOnce) {
    const TemporaryFolder folder;
    struct Claim {
        const char* name;
        Bytes bytes;
    };
    std::vector<Claim> claims;
    claims.push_back({"keys", start(0, 1ull << 40)});
    claims.push_back({"tensors", start(1ull << 36, 0)});
    for (const std::uint32_t type : {kU8, kF64, kText, kBool}) {
        claims.push_back({"array", start(0, 1)});
        claims.back().bytes.text("k").put(kArray).put(type).put<std::uint64_t>(1ull << 36);
    }
    claims.push_back({"text", start(0, 1)});
    claims.back().bytes.text("k").put(kText).put<std::uint64_t>(1ull << 39);
    for (const Claim& claim : claims) {
        const auto path = folder.write(claim.name, claim.bytes.str());
        std::filesystem::resize_file(path, 1ull << 40);
        const auto before = std::chrono::steady_clock::now();
        EXPECT_NE(opening(path), "") << claim.name;
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(100)) << claim.name;
    }
}

} // namespace
} // namespace switchyard
