// The memory of placed weights: whole, apart, and given back piece by piece.
#include "engine/backends/cpu/large_page_memory.h"
#include "engine/base/aligned.h"
#include "engine/base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace switchyard::cpu {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Piece {
    std::shared_ptr<std::byte> memory;
    std::size_t bytes;
    int mark;
};

// Small ones, ones that end a stretch, and ones that get their own; from several threads.
TEST(LargePageMemory, GivesPiecesThatNeitherOverlapNorGoWithIt) {
    std::vector<std::vector<Piece>> of_thread(3);
    {
        LargePageMemory memory;
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t < of_thread.size(); ++t)
            threads.emplace_back([&, t] {
                const std::size_t sizes[] = {0, 1, 63, 64, 65, 4096, 700'001, 9 * kMiB, 17 * kMiB, 15 * kMiB};
                for (std::size_t i = 0; i < 20; ++i) {
                    const std::size_t bytes = sizes[i % std::size(sizes)];
                    Piece p{memory.allocate(bytes), bytes, static_cast<int>(t * 20 + i)};
                    std::memset(p.memory.get(), p.mark, bytes);
                    of_thread[t].push_back(std::move(p));
                    if (i % 3 == 2) // what is given back must be nobody else's
                        of_thread[t].erase(of_thread[t].end() - 2);
                }
            });
        for (std::thread& t : threads)
            t.join();
    }
    for (const auto& pieces : of_thread)
        for (const Piece& p : pieces) {
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p.memory.get()) %
                          static_cast<std::size_t>(kMemoryAlignment),
                      0u);
            const std::byte* begin = p.memory.get();
            EXPECT_TRUE(std::all_of(begin, begin + p.bytes, [&](std::byte b) {
                return b == static_cast<std::byte>(p.mark);
            })) << p.bytes;
        }
}

TEST(LargePageMemory, ReturnsAPieceWhileItsNeighbourStays) {
    LargePageMemory memory;
    const auto stays = memory.allocate(kMiB);
    std::memset(stays.get(), 1, kMiB);
    const std::uint64_t before = process_memory().anonymous;
    if (before == 0)
        GTEST_SKIP() << "the system does not tell what a process holds";
    auto goes = memory.allocate(15 * kMiB);
    std::memset(goes.get(), 2, 15 * kMiB);
    EXPECT_GT(process_memory().anonymous, before + 12 * kMiB);
    goes.reset();
    EXPECT_LT(process_memory().anonymous, before + 4 * kMiB);
    EXPECT_EQ(stays.get()[kMiB - 1], std::byte{1});
}

// Where the system grants huge pages on request, most of a large model's weights lie in them.
TEST(LargePageMemory, LiesInHugePagesWhereTheSystemHasThem) {
    std::ifstream setting("/sys/kernel/mm/transparent_hugepage/enabled");
    std::string text;
    std::getline(setting, text);
    if (text.find("[madvise]") == std::string::npos && text.find("[always]") == std::string::npos)
        GTEST_SKIP() << "no huge pages on this system";
    LargePageMemory memory;
    std::vector<std::shared_ptr<std::byte>> pieces;
    for (int i = 0; i < 60; ++i) {
        pieces.push_back(memory.allocate(kMiB / 2)); // none is as large as a huge page
        std::memset(pieces.back().get(), 1, kMiB / 2);
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(pieces.front().get());
    std::ifstream maps("/proc/self/smaps");
    bool wished = false, here = false;
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t first = 0, last = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2)
            here = first <= begin && begin < last;
        else if (here && line.starts_with("VmFlags:"))
            wished = wished || line.find(" hg") != std::string::npos;
    }
    EXPECT_TRUE(wished);
}

} // namespace
} // namespace switchyard::cpu
