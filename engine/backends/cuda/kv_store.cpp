#include "engine/backends/cuda/kv_store.h"

#include "engine/base/error.h"

#include <string>

namespace switchyard::cuda {

namespace {

constexpr int kFp8Compute = 89;          ///< cards from 8.9 on convert these by themselves
constexpr std::size_t kStateFloats = 64; ///< states begin at multiples of 256 bytes

std::vector<KvShape> shapes_of(const Plan& plan) {
    std::vector<KvShape> shapes;
    for (const KvLayer& layer : plan.kv)
        shapes.push_back({layer.kv_heads, layer.key_dim, layer.value_dim, layer.row_dim, layer.row_tokens});
    return shapes;
}

} // namespace

bool keeps_cache(BlockType type, int compute) {
    return type == BlockType::F16 || type == BlockType::Q8_0 || type == BlockType::Q4_0 ||
           (type == BlockType::FP8 && compute >= kFp8Compute);
}

CacheType cache_type(BlockType type) {
    switch (type) {
    case BlockType::F16:
        return CacheType::F16;
    case BlockType::Q8_0:
        return CacheType::Q8_0;
    case BlockType::Q4_0:
        return CacheType::Q4_0;
    case BlockType::FP8:
        return CacheType::FP8;
    default:
        throw Error("the KV cache cannot be kept as " + std::string(traits(type).name) +
                    " on this device: choose F16, Q8_0 or Q4_0");
    }
}

KvStore::KvStore(const Plan& plan, std::shared_ptr<DevicePool> pool)
    : pool_(std::move(pool)), layout_(shapes_of(plan)), state_offsets_{0} {
    for (const StateLayer& state : plan.states)
        state_offsets_.push_back(state_offsets_.back() +
                                 (static_cast<std::size_t>(state.values) + kStateFloats - 1) / kStateFloats *
                                     kStateFloats);
}

std::size_t KvStore::block_bytes(BlockType type) const {
    const DeviceInfo& card = pool_->device().info();
    if (type == BlockType::FP8 && !keeps_cache(type, card.compute))
        throw Error("the KV cache cannot be kept as FP8 on " + card.name + ", whose compute capability is " +
                    std::to_string(card.compute / 10) + "." + std::to_string(card.compute % 10) +
                    " and not 8.9 or newer: choose F16, Q8_0 or Q4_0");
    return layout_.block_bytes(cache_type(type));
}

KvBlockId KvStore::allocate(BlockType type) { return add(type, false, block_bytes(type)); }

KvBlockId KvStore::allocate_state() { return add(BlockType::F16, true, state_bytes()); }

KvBlockId KvStore::add(BlockType type, bool states, std::size_t bytes) {
    return book_.add({type, states, bytes, pool_->allocate(bytes, "the KV cache")});
}

KvBlockRef KvStore::ref(KvBlockId id) const {
    const auto& block = book_.at(id);
    return {block.memory.get(), block.states ? CacheType::F16 : cache_type(block.type), 0};
}

} // namespace switchyard::cuda
