#include "engine/backends/cpu/kv_store.h"

#include "engine/base/error.h"
#include "kernels/cpu/kernels.h"

#include <algorithm>
#include <string>

namespace switchyard::cpu {

static_assert(kKvTokens == kKvBlockTokens);

std::size_t KvStore::type_index(BlockType type) {
    for (std::size_t i = 0; i < std::size(kTypes); ++i)
        if (kTypes[i] == type)
            return i;
    throw Error("the KV cache cannot be kept as " + std::string(traits(type).name) +
                ": choose F16, Q8_0 or Q4_0");
}

KvStore::KvStore(std::vector<KvLayer> layers, const std::vector<StateLayer>& states)
    : layers_(std::move(layers)) {
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
        }
        offsets_[i].push_back(offset);
    }
}

std::size_t KvStore::block_bytes(BlockType type) const { return offsets_[type_index(type)].back(); }

std::size_t KvStore::bytes_of(const Block& block) const {
    return block.states ? state_bytes() : block_bytes(block.type);
}

KvBlockId KvStore::allocate(BlockType type) {
    Block block;
    block.type = type;
    return add(std::move(block), block_bytes(type));
}

KvBlockId KvStore::allocate_state() {
    Block block;
    block.states = true;
    return add(std::move(block), state_bytes());
}

KvBlockId KvStore::add(Block block, std::size_t bytes) {
    block.data = allocate_aligned((std::max<std::size_t>(bytes, 1) + 63) / 64 * 64);
    if (!block.data)
        throw Error("the KV cache needs " + std::to_string(bytes >> 10) +
                    " KiB more than this machine has free: shorten the context or choose Q8_0 or Q4_0 for "
                    "the KV cache");
    if (!unused_.empty()) {
        bytes_ += bytes;
        const KvBlockId id = unused_.back();
        unused_.pop_back();
        at(id) = std::move(block);
        return id;
    }
    if (count_ == kPiece * kPieces)
        throw Error("the KV cache holds no more than " + std::to_string(count_) + " blocks");
    unused_.reserve(count_ + 1);
    auto& piece = pieces_[count_ / kPiece];
    if (!piece)
        piece = std::make_unique<Block[]>(kPiece);
    const auto id = static_cast<KvBlockId>(count_++);
    at(id) = std::move(block);
    bytes_ += bytes;
    return id;
}

void KvStore::release(KvBlockId id) noexcept {
    Block& block = at(id);
    bytes_ -= bytes_of(block);
    block.data.reset();
    unused_.push_back(id);
}

std::span<std::byte> KvStore::contents(KvBlockId id) {
    Block& block = at(id);
    return {block.data.get(), bytes_of(block)};
}

float* KvStore::state(KvBlockId id, int number) {
    return reinterpret_cast<float*>(at(id).data.get()) + state_offsets_[static_cast<std::size_t>(number)];
}

std::byte* KvStore::keys(KvBlockId id, int layer, int head) {
    Block& block = at(id);
    const KvLayer& shape = layers_[static_cast<std::size_t>(layer)];
    return block.data.get() + offsets_[type_index(block.type)][static_cast<std::size_t>(layer)] +
           static_cast<std::size_t>(head) * k_block_bytes(block.type, shape.key_dim);
}

std::byte* KvStore::values(KvBlockId id, int layer, int head) {
    Block& block = at(id);
    const KvLayer& shape = layers_[static_cast<std::size_t>(layer)];
    const auto heads = static_cast<std::size_t>(shape.kv_heads);
    return block.data.get() + offsets_[type_index(block.type)][static_cast<std::size_t>(layer)] +
           heads * k_block_bytes(block.type, shape.key_dim) +
           static_cast<std::size_t>(head) * v_block_bytes(block.type, shape.value_dim);
}

} // namespace switchyard::cpu
