// Writing GGUF files, and reading them back.
#include "engine/base/error.h"
#include "engine/files/gguf_writer.h"
#include "tests/engine/files/gguf_samples.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>

namespace switchyard {
namespace {

using namespace samples;
using test::TemporaryFolder;

std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void copy(const ModelFile& from, const std::filesystem::path& to) {
    const auto tensors = from.tensors();
    GgufWriter writer(to, from.metadata(), {tensors.begin(), tensors.end()});
    for (const TensorView& t : tensors) {
        writer.append({t.data, 7});
        writer.append({t.data + 7, t.bytes - 7});
    }
    writer.finish();
}

TEST(GgufWriter, ACopyIsTheSameFileByteForByte) {
    const TemporaryFolder folder;
    const auto source = open_gguf(folder.write("in.gguf", small_file()));
    copy(*source, folder.path() / "out.gguf");
    EXPECT_EQ(contents(folder.path() / "out.gguf"), small_file());
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "out.gguf.part"));
}

TEST(GgufWriter, MayReplaceTheFileItReads) {
    const TemporaryFolder folder;
    const auto source = open_gguf(folder.write("same.gguf", small_file()));
    copy(*source, folder.path() / "same.gguf");
    EXPECT_EQ(contents(folder.path() / "same.gguf"), small_file());
}

TEST(GgufWriter, WritesNewValuesAtTheirUsualWidth) {
    const TemporaryFolder folder;
    Metadata m;
    m.set("count", std::uint64_t{5});
    m.set("large", std::uint64_t{1} << 40);
    m.set("low", std::int64_t{-5});
    m.set("real", 0.1);
    m.set("ids", std::vector<std::int64_t>{-1, 2});
    m.set("empty", std::vector<std::string>{});
    GgufWriter(folder.path() / "m.gguf", m, {}).finish();
    const auto file = open_gguf(folder.path() / "m.gguf");
    const Metadata& back = file->metadata();
    const auto width = [&](std::size_t i) { return back.stored(i); };
    EXPECT_EQ(width(0), GgufType::U32);
    EXPECT_EQ(width(1), GgufType::U64);
    EXPECT_EQ(width(2), GgufType::I32);
    EXPECT_EQ(width(3), GgufType::F32);
    EXPECT_EQ(width(4), GgufType::I32);
    EXPECT_EQ(back.uint("large"), std::uint64_t{1} << 40);
    EXPECT_EQ(back.real("real"), static_cast<double>(0.1f));
    EXPECT_EQ(back.integers("ids"), (std::vector<std::int64_t>{-1, 2}));
    EXPECT_TRUE(back.texts("empty")->empty());
}

TEST(GgufWriter, LeavesNoHalfFile) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "half.gguf";
    const TensorView t{"w", BlockType::F32, {8, 2}, nullptr, 64};
    const std::vector<std::byte> row(32);
    {
        GgufWriter writer(path, {}, {t});
        writer.append(row);
        EXPECT_TRUE(std::filesystem::exists(path.string() + ".part"));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    GgufWriter writer(path, {}, {t});
    writer.append(row);
    EXPECT_THROW(writer.finish(), Error);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(GgufWriter, RefusesTooMuchDataAndOddRows) {
    const TemporaryFolder folder;
    const std::vector<std::byte> much(100);
    GgufWriter writer(folder.path() / "x.gguf", {}, {{"w", BlockType::F32, {8}, nullptr, 32}});
    EXPECT_THROW(writer.append(much), Error);
    EXPECT_THROW(GgufWriter(folder.path() / "x.gguf", {}, {{"w", BlockType::Q8_0, {8}, nullptr, 32}}), Error);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

std::string writing(const std::filesystem::path& path, std::int64_t rows) {
    try {
        GgufWriter writer(path, {}, {{"w", BlockType::F32, {1024, rows}, nullptr, 0}});
        const std::vector<std::byte> row(4096);
        for (std::int64_t i = 0; i < rows; ++i) {
            writer.append(row);
        }
        writer.finish();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(GgufWriter, SaysWhatIsWrongWithThePlace) {
    const TemporaryFolder folder;
    EXPECT_NE(writing(folder.path() / "no" / "x.gguf", 1).find("No such file"), std::string::npos);
    std::filesystem::create_directory(folder.path() / "taken.gguf");
    folder.write("taken.gguf/inside", "x");
    EXPECT_NE(writing(folder.path() / "taken.gguf", 1), "");
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "taken.gguf.part"));
    EXPECT_NE(writing(folder.path() / "large.gguf", 1ll << 40).find("MiB, free are"), std::string::npos);
}

TEST(GgufWriter, AFullDiskIsReportedAndCleanedUp) {
    const TemporaryFolder folder;
    // A limit on file sizes fails like a full disk does: in the middle of a write.
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{64 * 1024, before.rlim_max};
    std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string why = writing(folder.path() / "full.gguf", 64);
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_NE(why.find("full.gguf: cannot be written: File too large"), std::string::npos) << why;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

} // namespace
} // namespace switchyard
