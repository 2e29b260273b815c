// The tensors of a Hugging Face folder in GGUF's layout.
#pragma once

#include "engine/files/gguf.h"
#include "engine/files/safetensors.h"
#include "engine/model/folder_config.h"

#include <map>
#include <memory>
#include <vector>

namespace switchyard {

/// Maps, splits and reorders; holds what had to be copied.
class FolderTensors {
  public:
    /// Throws Error naming a tensor that is unknown, missing or of the wrong shape.
    FolderTensors(const SafetensorsFolder& folder, const FolderShape& shape);

    std::vector<TensorView> take() { return std::move(views_); }
    /// Keeps the copies; must outlive the views.
    std::vector<std::unique_ptr<std::byte[]>> take_memory() { return std::move(memory_); }
    std::size_t memory_bytes() const { return memory_bytes_; } ///< of the copies together

  private:
    /// A tensor's values as rows of a type that the engine reads.
    struct Matrix {
        BlockType type = BlockType::F32;
        std::vector<std::int64_t> shape; ///< as the folder counts
        const std::byte* data = nullptr;
        std::size_t bytes = 0;
    };

    void add(const FolderTensor& tensor);
    void add_whole(const FolderTensor& tensor, std::string name);
    void add_expert(const FolderTensor& tensor, const std::string& name, int expert);
    void add_kv_b(const FolderTensor& tensor, const std::string& prefix);
    void add_fused(const FolderTensor& tensor, const std::string& prefix, const std::string& part);
    void add_fused_floats(const FolderTensor& tensor, const std::string& prefix, const std::string& part);
    void add_fused_mxfp4(const FolderTensor& blocks, const std::string& prefix, const std::string& part);
    void add_rope_factors();
    void finish_experts();

    Matrix plain(const FolderTensor& tensor);
    Matrix interleaved(const FolderTensor& tensor, const Matrix& halves, int heads);
    std::byte* allocate(std::size_t bytes);
    void push(std::string name, BlockType type, std::vector<std::int64_t> folder_shape,
              const std::byte* data);
    [[noreturn]] void fail(const FolderTensor& tensor, const std::string& why) const;

    const SafetensorsFolder& folder_;
    const FolderShape& shape_;
    std::vector<TensorView> views_;
    std::map<std::string, TensorView> experts_;
    std::vector<std::unique_ptr<std::byte[]>> memory_;
    std::size_t memory_bytes_ = 0;
};

} // namespace switchyard
