// A file of metadata and an embedding table, all that a configuration is read from.
#pragma once

#include "engine/model/build_plan.h"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard::test {

class KeysOnly : public ModelFile {
  public:
    static constexpr int kHidden = 64; ///< columns of the table

    /// `vocabulary`: rows of the table.
    explicit KeysOnly(Metadata metadata, int vocabulary = 10) : metadata_(std::move(metadata)) {
        table_.shape[1] = vocabulary;
    }
    explicit KeysOnly(const std::vector<std::pair<std::string, MetadataValue>>& rope,
                      const std::string& architecture = "llama") {
        metadata_.set("general.architecture", architecture);
        const std::string start = architecture + ".";
        for (const char* key : {"block_count", "attention.head_count", "attention.head_count_kv"})
            metadata_.set(start + key, std::uint64_t{1});
        metadata_.set(start + "embedding_length", std::uint64_t{kHidden});
        metadata_.set(start + "context_length", std::uint64_t{4096});
        for (const auto& [key, value] : rope)
            metadata_.set(start + "rope." + key, value);
    }
    const Metadata& metadata() const override { return metadata_; }
    std::span<const TensorView> tensors() const override { return {&table_, 1}; }
    const TensorView* find(std::string_view name) const override {
        return name == table_.name ? &table_ : nullptr;
    }
    const std::filesystem::path& path() const override { return path_; }
    std::size_t bytes() const override { return 0; }

  private:
    Metadata metadata_;
    TensorView table_{"token_embd.weight", BlockType::F32, {kHidden, 10}, nullptr, 0};
    std::filesystem::path path_ = "model.gguf";
};

} // namespace switchyard::test
