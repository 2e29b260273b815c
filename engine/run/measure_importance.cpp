#include "engine/run/measure_importance.h"

#include "engine/base/error.h"
#include "engine/run/evaluate.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace switchyard {
namespace {

constexpr std::size_t kWindow = 512; ///< tokens

/// Sums of squares by slice.
class Recorder : public ProductObserver {
  public:
    explicit Recorder(const WeightSet& weights) {
        for (const auto& weight : weights.weights)
            for (const Slice& slice : weight->slices)
                sums_[slice.data].squares.resize(static_cast<std::size_t>(slice.cols));
    }

    void observe(const Slice& weight, const float* x, std::int64_t stride, const std::int32_t* index,
                 int rows) override {
        const auto found = sums_.find(weight.data);
        if (found == sums_.end()) // not of the model: what a step multiplies in between
            return;
        Sums& sums = found->second;
        std::lock_guard lock(mutex_);
        for (int t = 0; t < rows; ++t) {
            const float* row = x + (index ? index[t] : t) * stride;
            for (std::size_t i = 0; i < sums.squares.size(); ++i)
                sums.squares[i] += static_cast<double>(row[i]) * row[i];
        }
        sums.count += static_cast<std::uint64_t>(rows);
    }

    Importance result(const std::vector<WeightSource>& sources, const WeightSet& weights) const {
        Importance importance;
        for (std::size_t w = 0; w < sources.size(); ++w) {
            if (sources[w].use != WeightUse::Matrix)
                continue;
            for (const Slice& slice : weights.weights[w]->slices) {
                const Sums& sums = sums_.at(slice.data);
                importance.add(sources[w].name, sums.squares, sums.count);
            }
        }
        return importance;
    }

  private:
    struct Sums {
        std::vector<double> squares;
        std::uint64_t count = 0;
    };
    std::map<const std::byte*, Sums> sums_;
    std::mutex mutex_;
};

/// Watches an executor for as long as it lives.
class Watch {
  public:
    Watch(Executor& executor, ProductObserver& observer) : executor_(executor) {
        executor_.set_product_observer(&observer);
    }
    ~Watch() { executor_.set_product_observer(nullptr); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    Executor& executor_;
};

} // namespace

Importance measure_importance(LoadedModel& model, std::span<const std::int32_t> ids, std::int32_t bos,
                              const std::function<void(std::size_t, std::size_t)>& progress,
                              std::stop_token stop) {
    if (ids.empty())
        throw Error("the calibration text has no tokens");
    const auto weights = model.weights();
    Recorder recorder(*weights);
    const Watch watch(model.executor(), recorder);
    const std::size_t window = std::min(kWindow, static_cast<std::size_t>(model.config().context) - 1);
    for (std::size_t begin = 0; begin < ids.size(); begin += window) {
        const auto part = ids.subspan(begin, std::min(window, ids.size() - begin));
        std::vector<std::int32_t> tokens;
        if (bos >= 0)
            tokens.push_back(bos);
        tokens.insert(tokens.end(), part.begin(), part.end());
        evaluate(
            model.executor(), model.backend(), model.plan(), weights, tokens, {},
            [](int, std::span<const float>) {}, stop);
        if (stop.stop_requested())
            throw Error("stopped");
        if (progress)
            progress(begin + part.size(), ids.size());
    }
    return recorder.result(model.sources(), *weights);
}

} // namespace switchyard
