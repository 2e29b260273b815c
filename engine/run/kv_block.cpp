#include "engine/run/kv_block.h"

#include "kernels/splitmix.h"

#include <algorithm>

namespace switchyard {

std::uint64_t hash_joined(std::uint64_t hash, std::uint64_t value) {
    return splitmix((hash ^ value) + kGoldenGamma);
}

namespace {

std::uint64_t with_dials(std::uint64_t hash, const CacheDials& dials) {
    hash = hash_joined(hash, static_cast<std::uint64_t>(dials.experts) << 2 | (dials.prompt ? 2 : 0) |
                                 (dials.decompressed ? 1 : 0));
    if (dials.library)
        hash = hash_joined(hash, 1);
    if (dials.activation_bits != 16)
        hash = hash_joined(hash, static_cast<std::uint64_t>(dials.activation_bits));
    for (const RecodeLayer& layer : *dials.weights)
        hash = hash_joined(hash, std::uint64_t{layer.slices} << 16 |
                                     (layer.type ? static_cast<std::uint64_t>(*layer.type) + 1 : 0));
    return hash;
}

} // namespace

std::uint64_t chain_root(std::string_view backend, int arithmetic_version) {
    std::uint64_t hash = hash_joined(0, static_cast<std::uint64_t>(arithmetic_version));
    for (const char c : backend)
        hash = hash_joined(hash, static_cast<unsigned char>(c));
    return hash;
}

std::uint64_t KvBlock::hash() const {
    std::uint64_t hash = hash_joined(chain, static_cast<std::uint64_t>(type));
    for (const std::int32_t token : tokens)
        hash = hash_joined(hash, static_cast<std::uint32_t>(token));
    for (const Writer& writer : writers)
        hash = with_dials(hash_joined(hash, static_cast<std::uint64_t>(writer.from)), writer.dials);
    return hash;
}

const CacheDials& KvBlock::writer_of(int token) const {
    auto writer = writers.begin();
    while (writer + 1 != writers.end() && (writer + 1)->from <= token)
        ++writer;
    return writer->dials;
}

int KvBlock::common(std::span<const std::int32_t> wanted, const CacheDials& dials) const {
    const auto parting = std::ranges::mismatch(tokens, wanted).in1;
    int count = static_cast<int>(parting - tokens.begin());
    for (const Writer& writer : writers)
        if (writer.from < count && !writer.dials.same(dials))
            count = writer.from;
    return count;
}

bool KvBlock::equals(const KvBlock& other) const {
    return before == other.before && type == other.type && tokens == other.tokens &&
           std::ranges::equal(writers, other.writers, [](const Writer& a, const Writer& b) {
               return a.from == b.from && a.dials.same(b.dials);
           });
}

} // namespace switchyard
