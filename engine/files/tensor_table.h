// The tensors of a model file, in order and by name.
#pragma once

#include "engine/files/gguf.h"

#include <unordered_map>

namespace switchyard {

class TensorTable {
  public:
    /// False where there is one of that name already; it stays.
    bool add(TensorView tensor) {
        if (!by_name_.emplace(tensor.name, tensors_.size()).second)
            return false;
        tensors_.push_back(std::move(tensor));
        return true;
    }

    std::span<const TensorView> all() const { return tensors_; }
    std::span<TensorView> all() { return tensors_; } ///< names stay as they are
    /// nullptr where there is none of that name.
    const TensorView* find(std::string_view name) const {
        const auto it = by_name_.find(name);
        return it == by_name_.end() ? nullptr : &tensors_[it->second];
    }

  private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    std::vector<TensorView> tensors_;
    std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>> by_name_;
};

} // namespace switchyard
