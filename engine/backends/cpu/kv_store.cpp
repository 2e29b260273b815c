#include "engine/backends/cpu/kv_store.h"

#include "engine/base/error.h"
#include "kernels/cpu/kernels.h"

#include <algorithm>
#include <string>
#include <utility>

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

KvBlockId KvStore::allocate(BlockType type) { return add(type, false, block_bytes(type)); }

KvBlockId KvStore::allocate_state() { return add(BlockType::F16, true, state_bytes()); }

KvBlockId KvStore::add(BlockType type, bool states, std::size_t bytes) {
    AlignedMemory memory = allocate_aligned((std::max<std::size_t>(bytes, 1) + 63) / 64 * 64);
    if (!memory)
        throw Error("the KV cache needs " + std::to_string(bytes >> 10) +
                    " KiB more than this machine has free: shorten the context or choose Q8_0 or Q4_0 for "
                    "the KV cache");
    return book_.add({type, states, bytes, std::move(memory)});
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
           static_cast<std::size_t>(head) * k_block_bytes(block.type, shape.key_dim);
}

std::byte* KvStore::values(KvBlockId id, int layer, int head) {
    const auto& block = book_.at(id);
    const KvLayer& shape = layers_[static_cast<std::size_t>(layer)];
    const auto heads = static_cast<std::size_t>(shape.kv_heads);
    return block.memory.get() + offsets_[type_index(block.type)][static_cast<std::size_t>(layer)] +
           heads * k_block_bytes(block.type, shape.key_dim) +
           static_cast<std::size_t>(head) * v_block_bytes(block.type, shape.value_dim);
}

} // namespace switchyard::cpu
