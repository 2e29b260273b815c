// How much each input of each matrix matters, measured on calibration text: the mean square of the
// activations that it is multiplied with. The files are those of llama.cpp's imatrix tool in GGUF form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

class Importance {
  public:
    /// Throws Error naming the file and what is wrong with it.
    static Importance read(const std::filesystem::path& path);

    /// Adds what a matrix of a tensor was multiplied with: the sum of squares of each input over `count`
    /// rows. All matrices of a tensor are added, in order.
    void add(const std::string& tensor, std::span<const double> sums, std::uint64_t count);
    /// Writes what read() reads. Throws Error.
    void write(const std::filesystem::path& path) const;

    /// Weights of the `cols` columns of a tensor's matrix (expert); nullptr where it was not measured, or has
    /// another shape.
    const float* columns(std::string_view tensor, std::int64_t matrix, std::int64_t cols) const;
    bool empty() const { return tensors_.empty(); }

  private:
    struct Columns {
        std::int64_t cols = 0;
        std::vector<float> weights; ///< [matrices][cols]; a matrix never used is all zero
        std::vector<bool> measured; ///< [matrices]
    };
    std::map<std::string, Columns, std::less<>> tensors_;
};

} // namespace switchyard
