#include "engine/run/loaded_model.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/model/build_plan.h"
#include "engine/model/folder_model.h"
#include "engine/run/chat_prompt.h"

#include <algorithm>
#include <map>

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
    const int threads = std::max(options.threads > 0 ? options.threads : options.backend->threads(), 1);
    for (const WeightSource& s : sources) {
        auto weight = std::make_shared<Weight>();
        const std::size_t matrix_bytes = s.tensor->bytes / static_cast<std::size_t>(s.tensor->matrices());
        for (int m = 0; m < s.tensor->matrices(); ++m) {
            if (options.stop.stop_requested())
                throw Error("loading was stopped");
            weight->slices.push_back(options.backend->place(s, m, file, {.threads = threads}));
            done += matrix_bytes;
            if (options.progress)
                options.progress(static_cast<double>(done) /
                                 static_cast<double>(std::max<std::size_t>(total, 1)));
        }
        set->weights.push_back(std::move(weight));
    }
    return set;
}

/// Which types became others because the device does not compute with them, a sentence for each that they
/// became.
std::vector<std::string> converted_types(const std::vector<WeightSource>& sources, const WeightSet& set) {
    struct Converted {
        std::vector<std::string_view> types;
        std::int64_t more = 0; ///< bytes
    };
    std::map<std::string_view, Converted> all;
    for (std::size_t w = 0; w < sources.size(); ++w) {
        const TensorView& tensor = *sources[w].tensor;
        for (const Slice& slice : set.weights[w]->slices) {
            const bool device = slice.place.kind == MemoryPlace::Kind::Device ||
                                slice.place.kind == MemoryPlace::Kind::Pinned;
            if (!device || sources[w].use == WeightUse::Vector || slice.type == tensor.type)
                continue;
            Converted& converted = all[traits(slice.type).name];
            if (std::ranges::find(converted.types, traits(tensor.type).name) == converted.types.end())
                converted.types.push_back(traits(tensor.type).name);
            converted.more += static_cast<std::int64_t>(slice.bytes) -
                              static_cast<std::int64_t>(tensor.bytes) / tensor.matrices();
        }
    }
    std::vector<std::string> notes;
    for (auto& [type, converted] : all) {
        std::string names;
        for (const std::string_view name : converted.types)
            names += (names.empty() ? "" : ", ") + std::string(name);
        notes.push_back("This device does not compute with " + names + ": these weights became " +
                        std::string(type) + ", which takes " +
                        format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(converted.more, 0))) +
                        " more than in the file.");
    }
    return notes;
}

} // namespace

void LoadedModel::read_file(std::shared_ptr<const ModelFile> file, const LoadOptions& options) {
    file_ = std::move(file);
    config_ = read_config(*file_);
    backend_ = options.backend;
    ModelPlan plan = build_plan(config_, *file_);
    plan_ = std::make_shared<const Plan>(std::move(plan.plan));
    sources_ = std::move(plan.sources);
    plan_notes_ = std::move(plan.notes);
    if (auto data = read_tokenizer(*file_))
        tokenizer_ = make_tokenizer(std::move(*data));
}

// A template that cannot be used costs its words, not the model: a question is put to it, and the plain form
// that files without a template get stands in where that fails.
void LoadedModel::read_template(const std::stop_token& stop) {
    if (!config_.chat_template)
        return;
    TemplateInput probe;
    probe.messages.push_back({{"role", "user"}, {"content", "Hello"}});
    if (tokenizer_)
        probe.variables = template_variables(*tokenizer_);
    try {
        template_.emplace(*config_.chat_template);
        template_->render(probe, stop);
        template_traits_ = switchyard::template_traits(*template_, probe.variables, stop);
    } catch (const Error& error) {
        if (stop.stop_requested())
            throw;
        template_.reset();
        template_note_ = "The file's chat template cannot be used (" + std::string(error.what()) +
                         "), so a plain one stands in: answers may be worse than this model can do";
    }
}

void LoadedModel::read_model(const std::filesystem::path& path, const LoadOptions& options) {
    read_file(open_model(path), options);
    if (!tokenizer_ && std::filesystem::exists(path / "tokenizer.json"))
        tokenizer_ = load_tokenizer_folder(path);
}

void LoadedModel::place(const LoadOptions& options) {
    read_template(options.stop);
    answer_format_ =
        switchyard::answer_format(tokenizer_.get(), template_ ? *config_.chat_template : std::string());
    backend_->expect(sources_);
    weights_ = place_weights(sources_, file_, options);
    placing_notes_ = converted_types(sources_, *weights_);
    file_->check_whole();
    executor_ = backend_->compile(plan_);
    executor_->prepare();
}

std::shared_ptr<LoadedModel> LoadedModel::load(const std::filesystem::path& path,
                                               const LoadOptions& options) {
    std::shared_ptr<LoadedModel> model(new LoadedModel);
    model->read_model(path, options);
    model->place(options);
    return model;
}

void LoadedModel::check(const std::filesystem::path& path, const LoadOptions& options) {
    LoadedModel().read_model(path, options);
}

std::shared_ptr<LoadedModel> LoadedModel::load(std::shared_ptr<const ModelFile> file,
                                               const LoadOptions& options) {
    std::shared_ptr<LoadedModel> model(new LoadedModel);
    model->read_file(std::move(file), options);
    model->place(options);
    return model;
}

std::vector<std::string> LoadedModel::notes() const {
    std::vector<std::string> notes = file_->notes();
    notes.insert(notes.end(), plan_notes_.begin(), plan_notes_.end());
    notes.insert(notes.end(), placing_notes_.begin(), placing_notes_.end());
    if (!template_note_.empty())
        notes.push_back(template_note_);
    if (tokenizer_ && !tokenizer_->note().empty())
        notes.push_back(tokenizer_->note());
    return notes;
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
