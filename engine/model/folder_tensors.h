// The tensors of a Hugging Face folder in GGUF's layout.
#pragma once

#include "engine/files/gguf.h"
#include "engine/files/safetensors.h"
#include "engine/model/folder_config.h"

#include <functional>
#include <map>
#include <vector>

namespace switchyard {

/// Maps, splits and reorders. What lies in the files in another form is made when it is asked for, matrix by
/// matrix, so that it never takes memory twice.
class FolderTensors {
  public:
    /// Throws Error naming a tensor that is unknown, missing or of the wrong shape.
    FolderTensors(const SafetensorsFolder& folder, const FolderShape& shape);

    std::vector<TensorView> take() { return std::move(views_); }
    /// Tensors that were left out.
    std::vector<std::string> take_notes() { return std::move(notes_); }
    /// What views point at beside the files; must outlive them.
    std::vector<float> take_rope_factors() { return std::move(rope_factors_); }

  private:
    /// Writes rows [first, first + count) to `out`.
    using Make = std::function<void(std::int64_t first, std::int64_t count, std::byte* out)>;
    /// A tensor's values as rows of a type that the engine reads.
    struct Matrix {
        BlockType type = BlockType::F32;
        std::vector<std::int64_t> shape; ///< as the folder counts
        const std::byte* data = nullptr; ///< null: made
        std::size_t bytes = 0;
        Make make = {};

        std::size_t stride() const { return bytes / static_cast<std::size_t>(shape[0]); }
        /// Rows [first, first + count), in `buffer` where they have to be made.
        const std::byte* rows(std::int64_t first, std::int64_t count, std::vector<std::byte>& buffer) const;
    };
    struct Experts {
        TensorView view;
        std::vector<Make> makes; ///< one an expert, where they are not mapped
    };

    void add(const FolderTensor& tensor);
    void add_whole(const FolderTensor& tensor, std::string name);
    std::string own_name(const std::string& name) const;
    void add_expert(const FolderTensor& tensor, const std::string& name, int expert);
    void add_kv_b(const FolderTensor& tensor, const std::string& prefix);
    void add_qkvz(const FolderTensor& tensor, const std::string& prefix);
    void add_joined(const FolderTensor& tensor, const std::string& prefix, const std::string& part);
    void add_fused(const FolderTensor& tensor, const std::string& prefix, const std::string& part);
    void add_fused_floats(const FolderTensor& tensor, const std::string& prefix, const std::string& part);
    void add_fused_mxfp4(const FolderTensor& blocks, const std::string& prefix, const std::string& part);
    void add_rope_factors();
    void finish_experts();

    Matrix plain(const FolderTensor& tensor);
    const FolderTensor* scale_of(const FolderTensor& tensor) const;
    Matrix float8_with_exponents(const FolderTensor& tensor, const FolderTensor& exponents);
    Matrix packed(const FolderTensor& tensor);
    static Matrix integers(const FolderTensor& tensor);
    static Matrix changed(const Matrix& before, std::function<float(std::int64_t row, float)> change);
    Matrix multiplied(const std::string& name, const Matrix& before) const;
    Matrix interleaved(const FolderTensor& tensor, const Matrix& halves, int heads);
    /// Adds a view of the shape given in the folder's order, without data.
    TensorView& push(std::string name, BlockType type, std::vector<std::int64_t> folder_shape);
    [[noreturn]] void fail(const FolderTensor& tensor, const std::string& why) const;

    const SafetensorsFolder& folder_;
    const FolderShape& shape_;
    std::vector<TensorView> views_;
    std::map<std::string, Experts> experts_;
    std::vector<float> rope_factors_;
    std::vector<std::string> notes_;
};

} // namespace switchyard
