#include "engine/backends/cpu/kv_store.h"

#include "engine/base/aligned.h"
#include "engine/base/error.h"
#include "kernels/cpu/half.h"
#include "kernels/cpu/kernels.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace switchyard::cpu {

static_assert(kKvTokens == kKvBlockTokens);

/// Those of two steps, one of which ends while the other is begun.
static constexpr std::size_t kSpareStates = 2;
static constexpr std::size_t kLeastInLargePages = std::size_t{64} << 10;

static std::size_t row_value_bytes(BlockType type) {
    return type == BlockType::F32 ? sizeof(float) : sizeof(Half);
}

std::size_t KvStore::type_index(BlockType type) {
    for (std::size_t i = 0; i < std::size(kTypes); ++i)
        if (kTypes[i] == type)
            return i;
    throw Error("the KV cache cannot be kept as " + std::string(traits(type).name) +
                ": choose F16, Q8_0 or Q4_0");
}

KvStore::KvStore(std::vector<KvLayer> layers, const std::vector<StateLayer>& states)
    : layers_(std::move(layers)) {
    spare_states_.reserve(kSpareStates);
    state_offsets_.push_back(0);
    for (const StateLayer& state : states)
        state_offsets_.push_back(state_offsets_.back() +
                                 (static_cast<std::size_t>(state.values) + 15) / 16 * 16);
    for (std::size_t i = 0; i < std::size(kTypes); ++i) {
        std::size_t offset = 0;
        for (const KvLayer& layer : layers_) {
            offsets_[i].push_back(offset);
            offset += static_cast<std::size_t>(layer.kv_heads) *
                      (k_block_bytes(kTypes[i], layer.key_dim) + v_block_bytes(kTypes[i], layer.value_dim));
            const int rows = (kKvBlockTokens + layer.row_tokens - 1) / layer.row_tokens;
            offset += (static_cast<std::size_t>(rows) * static_cast<std::size_t>(layer.row_dim) *
                           row_value_bytes(kTypes[i]) +
                       63) /
                      64 * 64;
        }
        offsets_[i].push_back(offset);
    }
}

std::size_t KvStore::block_bytes(BlockType type) const { return offsets_[type_index(type)].back(); }

KvBlockId KvStore::allocate(BlockType type) { return add(type, false, block_bytes(type)); }

KvBlockId KvStore::allocate_state() { return add(BlockType::F16, true, state_bytes()); }

/// Nothing where there is none.
std::shared_ptr<std::byte> KvStore::take_memory(bool states, std::size_t bytes) {
    if (states && !spare_states_.empty()) {
        std::shared_ptr<std::byte> memory = std::move(spare_states_.back());
        spare_states_.pop_back();
        return memory;
    }
    // Where few bytes are a block, many share a page, which goes with the last of them.
    if (bytes < kLeastInLargePages)
        return allocate_aligned((std::max<std::size_t>(bytes, 1) + 63) / 64 * 64);
    if (auto memory = large_pages_.allocate(bytes))
        return memory;
    spare_states_.clear(); // before anybody hears that there is no more
    return large_pages_.allocate(bytes);
}

KvBlockId KvStore::add(BlockType type, bool states, std::size_t bytes) {
    std::shared_ptr<std::byte> memory = take_memory(states, bytes);
    if (!memory)
        throw Error("the KV cache needs " + std::to_string(bytes >> 10) +
                    " KiB more than this machine has free: shorten the context or choose Q8_0 or Q4_0 for "
                    "the KV cache");
    return book_.add({type, states, bytes, std::move(memory)});
}

void KvStore::release(KvBlockId block) noexcept {
    const bool keep = book_.at(block).states && spare_states_.size() < kSpareStates;
    std::shared_ptr<std::byte> memory = book_.take(block);
    if (keep)
        spare_states_.push_back(std::move(memory));
}

std::span<std::byte> KvStore::contents(KvBlockId id) {
    const auto& block = book_.at(id);
    return {block.memory.get(), block.bytes};
}

float* KvStore::state(KvBlockId id, int number) {
    return reinterpret_cast<float*>(book_.at(id).memory.get()) +
           state_offsets_[static_cast<std::size_t>(number)];
}

std::byte* KvStore::keys(KvBlockId id, int layer, int head) {
    const auto& block = book_.at(id);
    const KvLayer& shape = layers_[static_cast<std::size_t>(layer)];
    return block.memory.get() + offsets_[type_index(block.type)][static_cast<std::size_t>(layer)] +
           static_cast<std::size_t>(head) *
               (k_block_bytes(block.type, shape.key_dim) + v_block_bytes(block.type, shape.value_dim));
}

std::byte* KvStore::values(KvBlockId id, int layer, int head) {
    const KvLayer& shape = layers_[static_cast<std::size_t>(layer)];
    return keys(id, layer, head) + k_block_bytes(book_.at(id).type, shape.key_dim);
}

std::byte* KvStore::rows(KvBlockId id, int entry) { return keys(id, entry, 0); }

/// Where a row lies: in the block of its last token.
std::byte* KvStore::row_place(std::span<const KvBlockId> blocks, int entry, int row) {
    const KvLayer& shape = layers_[static_cast<std::size_t>(entry)];
    const int last = (row + 1) * shape.row_tokens - 1;
    const KvBlockId block = blocks[static_cast<std::size_t>(last / kKvBlockTokens)];
    const auto number = static_cast<std::size_t>(last % kKvBlockTokens / shape.row_tokens);
    return rows(block, entry) +
           number * static_cast<std::size_t>(shape.row_dim) * row_value_bytes(book_.at(block).type);
}

void KvStore::keep_row(std::span<const KvBlockId> blocks, int entry, int row, const float* from) {
    const KvLayer& shape = layers_[static_cast<std::size_t>(entry)];
    const int last = (row + 1) * shape.row_tokens - 1, n = shape.row_dim;
    std::byte* to = row_place(blocks, entry, row);
    if (book_.at(blocks[static_cast<std::size_t>(last / kKvBlockTokens)]).type == BlockType::F32) {
        std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
        return;
    }
    auto* halves = reinterpret_cast<Half*>(to);
    for (int i = 0; i < n; ++i)
        halves[i] = half_bits(from[i]);
}

void KvStore::read_row(std::span<const KvBlockId> blocks, int entry, int row, float* to) {
    const KvLayer& shape = layers_[static_cast<std::size_t>(entry)];
    const int last = (row + 1) * shape.row_tokens - 1, n = shape.row_dim;
    const std::byte* from = row_place(blocks, entry, row);
    if (book_.at(blocks[static_cast<std::size_t>(last / kKvBlockTokens)]).type == BlockType::F32) {
        std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
        return;
    }
    const auto* halves = reinterpret_cast<const Half*>(from);
    for (int i = 0; i < n; ++i)
        to[i] = half_value(halves[i]);
}

} // namespace switchyard::cpu
