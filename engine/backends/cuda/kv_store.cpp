#include "engine/backends/cuda/kv_store.h"

#include "engine/base/error.h"

#include <string>
#include <utility>

namespace switchyard::cuda {

namespace {

constexpr std::size_t kStateFloats = 64; ///< states begin at multiples of 256 bytes

std::vector<KvShape> shapes_of(const Plan& plan) {
    std::vector<KvShape> shapes;
    for (const KvLayer& layer : plan.kv)
        shapes.push_back({layer.kv_heads, layer.key_dim, layer.value_dim});
    return shapes;
}

} // namespace

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
                    " on this device: choose F16, Q8_0, Q4_0 or FP8");
    }
}

KvStore::KvStore(const Plan& plan, std::shared_ptr<DevicePool> pool)
    : pool_(std::move(pool)), layout_(shapes_of(plan)), state_offsets_{0} {
    for (const StateLayer& state : plan.states)
        state_offsets_.push_back(state_offsets_.back() +
                                 (static_cast<std::size_t>(state.values) + kStateFloats - 1) / kStateFloats *
                                     kStateFloats);
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
    block.memory = pool_->allocate(bytes, "the KV cache");
    const std::lock_guard lock(mutex_);
    unused_.reserve(blocks_.size() + 1);
    bytes_ += bytes;
    if (!unused_.empty()) {
        const KvBlockId id = unused_.back();
        unused_.pop_back();
        blocks_[static_cast<std::size_t>(id)] = std::move(block);
        return id;
    }
    blocks_.push_back(std::move(block));
    return static_cast<KvBlockId>(blocks_.size()) - 1;
}

void KvStore::release(KvBlockId id) noexcept {
    const std::lock_guard lock(mutex_);
    Block& block = blocks_[static_cast<std::size_t>(id)];
    bytes_ -= size(block);
    block.memory.reset();
    unused_.push_back(id);
}

std::size_t KvStore::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

BlockType KvStore::type(KvBlockId id) const {
    const std::lock_guard lock(mutex_);
    return blocks_[static_cast<std::size_t>(id)].type;
}

std::size_t KvStore::bytes_of(KvBlockId id) const {
    const std::lock_guard lock(mutex_);
    return size(blocks_[static_cast<std::size_t>(id)]);
}

KvBlockRef KvStore::ref(KvBlockId id) const {
    const std::lock_guard lock(mutex_);
    const Block& block = blocks_[static_cast<std::size_t>(id)];
    return {block.memory.get(), block.states ? CacheType::F16 : cache_type(block.type), 0};
}

} // namespace switchyard::cuda
