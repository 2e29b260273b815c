// A model in memory: its file, configuration, tokenizer, plan and the weights now in force.
#pragma once

#include "engine/model/model_config.h"
#include "engine/run/backend.h"
#include "engine/text/answer_format.h"
#include "engine/text/chat_template.h"
#include "engine/text/template_traits.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>

namespace switchyard {

struct LoadOptions {
    std::shared_ptr<Backend> backend;
    int threads = 0;                            ///< that pack weights; 0: the backend's
    std::function<void(double share)> progress; ///< 0 .. 1, from the loading thread
    std::stop_token stop;
};

class LoadedModel {
  public:
    /// Reads all but the weights. Throws Error where load() would, but for what only the weights can lack:
    /// memory.
    static void check(const std::filesystem::path& path, const LoadOptions& options);
    /// Reads, checks and places the whole model. Throws Error.
    static std::shared_ptr<LoadedModel> load(const std::filesystem::path& path, const LoadOptions& options);
    /// The same from what was opened already, or was never a file.
    static std::shared_ptr<LoadedModel> load(std::shared_ptr<const ModelFile> file,
                                             const LoadOptions& options);

    const std::filesystem::path& path() const { return file_->path(); }
    const ModelFile& file() const { return *file_; }
    std::shared_ptr<const ModelFile> shared_file() const { return file_; }
    const ModelConfig& config() const { return config_; }
    const Plan& plan() const { return *plan_; }
    const Tokenizer* tokenizer() const { return tokenizer_.get(); } ///< nullptr: none in the file
    const ChatTemplate* chat_template() const { return template_ ? &*template_ : nullptr; }
    /// What that makes of what it is given; of none: nothing.
    const TemplateTraits& template_traits() const { return template_traits_; }
    /// What a user should know of how the file was understood: one sentence each.
    std::vector<std::string> notes() const;
    /// How its answers are marked.
    const AnswerFormat& answer_format() const { return answer_format_; }
    Backend& backend() const { return *backend_; }
    Executor& executor() { return *executor_; }
    /// One source a WeightId.
    const std::vector<WeightSource>& sources() const { return sources_; }

    /// The weights in force, at first as in the file; replaced whole, at token boundaries only.
    std::shared_ptr<const WeightSet> weights() const;
    void set_weights(std::shared_ptr<const WeightSet> weights);

  private:
    LoadedModel() = default;
    void read_template(const std::stop_token& stop);
    void read_file(std::shared_ptr<const ModelFile> file, const LoadOptions& options);
    void read_model(const std::filesystem::path& path, const LoadOptions& options);
    void place(const LoadOptions& options);
    std::shared_ptr<const ModelFile> file_;
    ModelConfig config_;
    std::shared_ptr<Backend> backend_;
    std::shared_ptr<const Plan> plan_;
    std::vector<WeightSource> sources_;
    std::vector<std::string> plan_notes_;
    std::vector<std::string> placing_notes_; ///< of types that the backend's device does not compute with
    std::string template_note_;              ///< why the file's template is not used
    std::unique_ptr<Tokenizer> tokenizer_;
    std::optional<ChatTemplate> template_;
    TemplateTraits template_traits_;
    AnswerFormat answer_format_;
    std::unique_ptr<Executor> executor_;
    mutable std::mutex mutex_;
    std::shared_ptr<const WeightSet> weights_;
};

} // namespace switchyard
