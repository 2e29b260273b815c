#include "engine/model/importance.h"

#include "engine/base/error.h"
#include "engine/files/gguf.h"
#include "engine/files/gguf_writer.h"
#include "engine/quant/quant.h"

#include <cmath>

namespace switchyard {

namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";

std::vector<float> floats(const TensorView& t) {
    std::vector<float> values(t.bytes / sizeof(float));
    decode_row(BlockType::F32, t.data, values);
    return values;
}

} // namespace

Importance Importance::read(const std::filesystem::path& path) {
    const auto file = open_gguf(path);
    Importance importance;
    for (const TensorView& sums : file->tensors()) {
        if (!sums.name.ends_with(kSums)) {
            continue;
        }
        const std::string name = sums.name.substr(0, sums.name.size() - kSums.size());
        const TensorView* counts = file->find(name + std::string(kCounts));
        const auto matrices = static_cast<std::size_t>(sums.rows() * sums.matrices());
        if (counts == nullptr || counts->type != BlockType::F32 || sums.type != BlockType::F32 ||
            counts->bytes != matrices * sizeof(float)) {
            throw Error(path.string() + ": the importance of " + name + " lacks its counts");
        }
        Columns columns{sums.cols(), floats(sums), {}};
        const std::vector<float> count = floats(*counts);
        const auto cols = static_cast<std::size_t>(columns.cols);
        for (std::size_t m = 0; m < matrices; ++m) {
            columns.measured.push_back(count[m] > 0.0f);
            for (std::size_t i = m * cols; i < (m + 1) * cols; ++i) {
                const float weight = columns.measured[m] ? columns.weights[i] / count[m] : 0.0f;
                if (!std::isfinite(weight) || weight < 0.0f) {
                    throw Error(path.string() + ": the importance of " + name + " is not a number");
                }
                columns.weights[i] = weight;
            }
        }
        importance.tensors_.emplace(name, std::move(columns));
    }
    file->check_whole();
    if (importance.empty()) {
        throw Error(path.string() + ": holds no importance matrix");
    }
    return importance;
}

void Importance::add(const std::string& tensor, std::span<const double> sums, std::uint64_t count) {
    Columns& columns = tensors_[tensor];
    columns.cols = std::ssize(sums);
    columns.measured.push_back(count > 0);
    for (const double sum : sums) {
        columns.weights.push_back(count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : 0.0f);
    }
}

void Importance::write(const std::filesystem::path& path) const {
    Metadata metadata;
    metadata.set("general.type", std::string("imatrix"));
    std::vector<TensorView> tensors;
    for (const auto& [name, columns] : tensors_) {
        const auto matrices = std::ssize(columns.measured);
        tensors.push_back(
            {name + std::string(kSums), BlockType::F32, {columns.cols, matrices}, nullptr, 0, {}});
        tensors.push_back({name + std::string(kCounts), BlockType::F32, {1, matrices}, nullptr, 0, {}});
    }
    GgufWriter writer(path, metadata, tensors);
    for (const auto& [name, columns] : tensors_) {
        // Means over a count of one: what matters is how columns compare.
        const std::vector<float> counts(columns.measured.begin(), columns.measured.end());
        writer.append(std::as_bytes(std::span(columns.weights)));
        writer.append(std::as_bytes(std::span(counts)));
    }
    writer.finish();
}

const float* Importance::columns(std::string_view tensor, std::int64_t matrix, std::int64_t cols) const {
    const auto it = tensors_.find(tensor);
    if (it == tensors_.end() || it->second.cols != cols) {
        return nullptr;
    }
    // One measurement may stand for all matrices of a tensor.
    const auto& measured = it->second.measured;
    const auto m = measured.size() == 1 ? 0 : static_cast<std::size_t>(matrix);
    return m < measured.size() && measured[m] ? it->second.weights.data() + m * static_cast<std::size_t>(cols)
                                              : nullptr;
}

} // namespace switchyard
