#include "engine/run/loaded_model.h"

#include "engine/base/error.h"
#include "engine/model/build_plan.h"
#include "engine/model/folder_model.h"

#include <algorithm>

namespace switchyard {

namespace {

// Places every slice in the backend's layout. Progress counts bytes.
std::shared_ptr<const WeightSet> place_weights(const std::vector<WeightSource>& sources,
                                               const std::shared_ptr<const ModelFile>& file,
                                               const LoadOptions& options) {
    std::size_t total = 0, done = 0;
    for (const WeightSource& s : sources)
        total += s.tensor->bytes;
    auto set = std::make_shared<WeightSet>();
    set->weights.reserve(sources.size());
    for (const WeightSource& s : sources) {
        Weight& weight = set->weights.emplace_back();
        const std::size_t matrix_bytes = s.tensor->bytes / static_cast<std::size_t>(s.tensor->matrices());
        for (std::int64_t m = 0; m < s.tensor->matrices(); ++m) {
            if (options.stop.stop_requested())
                throw Error("loading was stopped");
            weight.slices.push_back(options.backend->place(s.use, s.tensor->type, s.tensor->rows(),
                                                           s.tensor->cols(), s.tensor->matrix(m), file));
            done += matrix_bytes;
            if (options.progress)
                options.progress(static_cast<double>(done) /
                                 static_cast<double>(std::max<std::size_t>(total, 1)));
        }
    }
    return set;
}

} // namespace

std::shared_ptr<LoadedModel> LoadedModel::load(const std::filesystem::path& path,
                                               const LoadOptions& options) {
    std::shared_ptr<LoadedModel> model(new LoadedModel);
    model->file_ = open_model(path);
    model->config_ = read_config(*model->file_);
    model->backend_ = options.backend;
    ModelPlan plan = build_plan(model->config_, *model->file_);
    model->plan_ = std::make_shared<const Plan>(std::move(plan.plan));
    model->sources_ = std::move(plan.sources);
    if (auto data = read_tokenizer(*model->file_))
        model->tokenizer_ = make_tokenizer(std::move(*data));
    else if (std::filesystem::exists(path / "tokenizer.json"))
        model->tokenizer_ = load_tokenizer_folder(path);
    if (model->config_.chat_template)
        model->template_.emplace(*model->config_.chat_template);
    model->weights_ = place_weights(model->sources_, model->file_, options);
    model->executor_ = options.backend->compile(model->plan_);
    return model;
}

std::shared_ptr<const WeightSet> LoadedModel::weights() const {
    const std::lock_guard lock(mutex_);
    return weights_;
}

void LoadedModel::set_weights(std::shared_ptr<const WeightSet> weights) {
    const std::lock_guard lock(mutex_);
    weights_ = std::move(weights);
}

} // namespace switchyard
