// GGUF files, versions 2 and 3: metadata and tensors, memory-mapped. Every size, offset and count is checked
// before use.
#pragma once

#include "kernels/blocks.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace switchyard {

/// A metadata value. All integer widths are widened; arrays are of one element kind.
using MetadataValue =
    std::variant<std::uint64_t, std::int64_t, double, bool, std::string, std::vector<std::uint64_t>,
                 std::vector<std::int64_t>, std::vector<double>, std::vector<bool>, std::vector<std::string>>;

/// Kinds of metadata values, numbered as in the file.
enum class GgufType : std::uint8_t {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
    Unset
};

/// Keys and values in file order. Look-ups that name a type accept any numeric value that fits it exactly,
/// and throw Error naming the key where the value has another type.
class Metadata {
  public:
    const MetadataValue* find(std::string_view key) const;
    bool has(std::string_view key) const { return find(key) != nullptr; }
    std::optional<std::uint64_t> uint(std::string_view key) const;
    std::optional<double> real(std::string_view key) const;
    std::optional<bool> boolean(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    /// Arrays; nullptr or nullopt where the key is absent.
    const std::vector<std::string>* texts(std::string_view key) const;
    std::optional<std::vector<double>> reals(std::string_view key) const;
    std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;

    void set(std::string key, MetadataValue value); ///< replaces an equal key, keeping its place
    void erase(std::string_view key);
    const std::vector<std::pair<std::string, MetadataValue>>& entries() const { return entries_; }

    /// As set(), and remembers the width the value (for an array: its elements) had in the file, so that a
    /// writer can carry it over unchanged.
    void set_stored(std::string key, MetadataValue value, GgufType stored);
    /// The width of entries()[index] in its file; Unset for values set by set().
    GgufType stored(std::size_t index) const { return stored_[index]; }

  private:
    std::vector<std::pair<std::string, MetadataValue>> entries_;
    std::vector<GgufType> stored_; ///< one an entry
};

/// A tensor in a mapped file. shape[0] is the row length (contiguous), shape[1] the rows, shape[2] the
/// matrices (experts).
/// GGUF's number for tensors of 32-bit integers.
inline constexpr std::uint32_t kGgufIntegers = 26;

struct TensorView {
    std::string name;
    BlockType type;
    std::vector<std::int64_t> shape;
    const std::byte* data;
    std::size_t bytes;
    /// Where the matrices are when they do not follow one another (experts of a folder, each a tensor of its
    /// own); data is then null.
    std::vector<const std::byte*> pieces = {};
    /// Writes matrix_bytes() of a matrix to `out`, where the files hold it in another form (folders); data is
    /// then null, and pieces empty.
    std::function<void(std::int64_t matrix, std::byte* out)> make = {};
    bool integers = false; ///< of type F32, but the file holds 32-bit integers in its place

    std::int64_t cols() const { return shape.empty() ? 1 : shape[0]; }
    std::int64_t rows() const { return shape.size() < 2 ? 1 : shape[1]; }
    std::int64_t matrices() const { return shape.size() < 3 ? 1 : shape[2]; }
    std::size_t matrix_bytes() const { return row_bytes(type, cols()) * static_cast<std::size_t>(rows()); }
    /// The bytes of matrix `m`: as they lie in the files, which `owner` keeps alive, or made.
    std::shared_ptr<const std::byte> matrix(std::int64_t m, std::shared_ptr<const void> owner = {}) const {
        if (make) {
            const std::shared_ptr<std::byte[]> made(new std::byte[matrix_bytes()]);
            make(m, made.get());
            return {made, made.get()};
        }
        const auto index = static_cast<std::size_t>(m);
        return {std::move(owner), pieces.empty() ? data + index * matrix_bytes() : pieces[index]};
    }
};

/// Where a model's tensors and metadata come from: a GGUF file (or its split parts), later a safetensors
/// folder.
class ModelFile {
  public:
    virtual ~ModelFile() = default;
    virtual const Metadata& metadata() const = 0;
    virtual std::span<const TensorView> tensors() const = 0;
    /// nullptr where there is none of that name.
    virtual const TensorView* find(std::string_view name) const = 0;
    virtual const std::filesystem::path& path() const = 0;
    virtual std::size_t bytes() const = 0; ///< of all files together
    /// Throws Error naming a file that has shrunk since it was opened; what was read of it may be zeros.
    /// Whoever has read tensors asks before the result is used.
    virtual void check_whole() const {}
    /// Memory of its own that tensors lie in, beside the mapped files.
    virtual std::size_t memory_bytes() const { return 0; }
    /// What a user should know of how the files were understood: one sentence each.
    virtual std::vector<std::string> notes() const { return {}; }
};

/// Opens a GGUF file, or all parts of a split one by its first part.
/// Throws Error naming the file and the key or tensor that is wrong.
std::shared_ptr<const ModelFile> open_gguf(const std::filesystem::path& path);

} // namespace switchyard
