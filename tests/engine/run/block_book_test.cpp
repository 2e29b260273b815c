#include "engine/backends/common/block_book.h"

#include <gtest/gtest.h>

#include <memory>

namespace switchyard {
namespace {

using Memory = std::shared_ptr<int>;

TEST(BlockBook, NumbersAreGivenAgainAndBytesAreThoseOfTheBlocksThatAreHeld) {
    BlockBook<Memory> book;
    const KvBlockId a = book.add({BlockType::F16, false, 100, std::make_shared<int>(1)}),
                    b = book.add({BlockType::Q8_0, false, 30, std::make_shared<int>(2)});
    EXPECT_NE(a, b);
    EXPECT_EQ(book.bytes(), 130u);
    const std::weak_ptr<int> memory = book.at(a).memory;
    book.release(a);
    EXPECT_TRUE(memory.expired()) << "memory goes back with its block";
    EXPECT_EQ(book.bytes(), 30u);
    EXPECT_EQ(book.add({BlockType::F16, true, 7, std::make_shared<int>(3)}), a);
    EXPECT_TRUE(book.at(a).states);
    EXPECT_EQ(book.at(b).type, BlockType::Q8_0);
    EXPECT_EQ(*book.at(b).memory, 2);
    EXPECT_EQ(book.bytes(), 37u);
}

TEST(BlockBook, BlocksStayWhereTheyAreWhileOthersCome) {
    BlockBook<Memory> book;
    const KvBlockId first = book.add({BlockType::F16, false, 1, std::make_shared<int>(7)});
    const auto* block = &book.at(first);
    for (int i = 0; i < 5000; ++i)
        book.add({BlockType::F16, false, 1, nullptr});
    EXPECT_EQ(&book.at(first), block);
    EXPECT_EQ(*block->memory, 7);
    EXPECT_EQ(book.bytes(), 5001u);
}

} // namespace
} // namespace switchyard
