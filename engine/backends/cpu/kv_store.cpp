#include "engine/backends/cpu/kv_store.h"

#include "engine/base/error.h"
#include "kernels/cpu/kernels.h"

#include <cstring>
#include <string>

namespace switchyard::cpu {

static_assert(kKvTokens == kKvBlockTokens);

static constexpr BlockType kKvTypes[] = {BlockType::F32, BlockType::F16, BlockType::Q8_0};

static std::size_t type_index(BlockType type) {
    for (std::size_t i = 0; i < std::size(kKvTypes); ++i)
        if (kKvTypes[i] == type)
            return i;
    throw Error("the KV cache cannot be kept as " + std::string(traits(type).name) + ": choose F16 or Q8_0");
}

KvStore::KvStore(std::vector<KvLayer> layers) : layers_(std::move(layers)) {
    for (std::size_t i = 0; i < std::size(kKvTypes); ++i) {
        std::size_t offset = 0;
        for (const KvLayer& layer : layers_) {
            offsets_[i].push_back(offset);
            offset +=
                static_cast<std::size_t>(layer.kv_heads) *
                (k_block_bytes(kKvTypes[i], layer.key_dim) + v_block_bytes(kKvTypes[i], layer.value_dim));
        }
        offsets_[i].push_back(offset);
    }
}

std::size_t KvStore::block_bytes(BlockType type) const { return offsets_[type_index(type)].back(); }

KvBlockId KvStore::allocate(BlockType type) {
    const std::size_t bytes = block_bytes(type);
    Block block;
    block.type = type;
    block.data = allocate_aligned((bytes + 63) / 64 * 64);
    if (!block.data)
        throw Error(
            "the KV cache needs " + std::to_string(bytes >> 10) +
            " KiB more than this machine has free: shorten the context or choose Q8_0 for the KV cache");
    if (!unused_.empty()) {
        bytes_ += bytes;
        const KvBlockId id = unused_.back();
        unused_.pop_back();
        blocks_[static_cast<std::size_t>(id)] = std::move(block);
        return id;
    }
    unused_.reserve(blocks_.size() + 1);
    blocks_.push_back(std::move(block));
    bytes_ += bytes;
    return static_cast<KvBlockId>(blocks_.size()) - 1;
}

void KvStore::release(KvBlockId id) {
    Block& block = blocks_[static_cast<std::size_t>(id)];
    bytes_ -= block_bytes(block.type);
    block.data.reset();
    unused_.push_back(id);
}

KvBlockId KvStore::clone(KvBlockId id) {
    const BlockType block_type = type(id);
    const KvBlockId copy = allocate(block_type);
    std::memcpy(blocks_[static_cast<std::size_t>(copy)].data.get(),
                blocks_[static_cast<std::size_t>(id)].data.get(), block_bytes(block_type));
    return copy;
}

std::byte* KvStore::keys(KvBlockId id, int layer, int head) {
    Block& block = blocks_[static_cast<std::size_t>(id)];
    const KvLayer& shape = layers_[static_cast<std::size_t>(layer)];
    return block.data.get() + offsets_[type_index(block.type)][static_cast<std::size_t>(layer)] +
           static_cast<std::size_t>(head) * k_block_bytes(block.type, shape.key_dim);
}

std::byte* KvStore::values(KvBlockId id, int layer, int head) {
    Block& block = blocks_[static_cast<std::size_t>(id)];
    const KvLayer& shape = layers_[static_cast<std::size_t>(layer)];
    const auto heads = static_cast<std::size_t>(shape.kv_heads);
    return block.data.get() + offsets_[type_index(block.type)][static_cast<std::size_t>(layer)] +
           heads * k_block_bytes(block.type, shape.key_dim) +
           static_cast<std::size_t>(head) * v_block_bytes(block.type, shape.value_dim);
}

} // namespace switchyard::cpu
