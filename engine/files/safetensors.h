// Hugging Face model folders: config.json and the tensors of safetensors files, one or sharded with an index,
// by the names that their authors gave them. Every size, offset and count is checked before use.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// Element types of safetensors files that model weights come in.
enum class FolderType : std::uint8_t { F32, F16, BF16, F8_E4M3, U8, I64 };

std::string_view folder_type_name(FolderType type);
std::size_t folder_type_bytes(FolderType type);

/// A tensor in a mapped file, row-major: shape.back() is the row length (GGUF counts the other way).
struct FolderTensor {
    std::string name;
    FolderType type = FolderType::F32;
    std::vector<std::int64_t> shape; ///< empty: one value
    const std::byte* data = nullptr; ///< may be unaligned
    std::size_t bytes = 0;

    std::int64_t values() const;
};

/// The tensors of one safetensors file given as bytes, in the order of their data. `name` (the file's) starts
/// every message. Tensors of element types that are not read are left out. Throws Error.
std::vector<FolderTensor> parse_safetensors(std::span<const std::byte> bytes, const std::string& name);

class SafetensorsFolder {
  public:
    virtual ~SafetensorsFolder() = default;
    virtual const nlohmann::json& config() const = 0; ///< config.json, an object
    virtual std::span<const FolderTensor> tensors() const = 0;
    /// nullptr where there is none of that name.
    virtual const FolderTensor* find(std::string_view name) const = 0;
    virtual const std::filesystem::path& path() const = 0; ///< the folder
    virtual std::size_t bytes() const = 0;                 ///< of all safetensors files together
    virtual std::vector<std::string> notes() const = 0;    ///< as ModelFile::notes()
    virtual void check_whole() const = 0;                  ///< as ModelFile's
};

/// Opens a folder with config.json and model.safetensors, or model.safetensors.index.json and its shards.
/// Throws Error naming the file and what is wrong with it.
std::shared_ptr<const SafetensorsFolder> open_safetensors(const std::filesystem::path& folder);

} // namespace switchyard
