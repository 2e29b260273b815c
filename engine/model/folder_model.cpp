#include "engine/model/folder_model.h"

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/files/safetensors.h"
#include "engine/files/tensor_table.h"
#include "engine/model/folder_config.h"
#include "engine/model/folder_tensors.h"
#include "engine/model/generation_config.h"
#include "engine/model/gguf_forms.h"
#include "engine/model/template_source.h"

namespace switchyard {

namespace {

class FolderModel final : public ModelFile {
  public:
    explicit FolderModel(const std::filesystem::path& path) : folder_(open_safetensors(path)) {
        FolderConfig config = read_folder_config(folder_->config(), (path / "config.json").string());
        metadata_ = std::move(config.metadata);
        const auto name = std::filesystem::absolute(path).lexically_normal();
        metadata_.set("general.name", (name.has_filename() ? name : name.parent_path()).filename().string());
        add_generation_config(path, metadata_);
        if (const auto source = find_template(path); source && !source->source.empty()) {
            metadata_.set("tokenizer.chat_template", source->source);
        }
        FolderTensors tensors(*folder_, config.shape);
        for (const TensorView& tensor : tensors.take()) {
            if (!tensors_.add(tensor)) {
                throw Error(path.string() + ": two tensors are both " + in_quotes(tensor.name));
            }
        }
        rope_factors_ = tensors.take_rope_factors();
        notes_ = folder_->notes();
        for (std::string& note : tensors.take_notes()) {
            notes_.push_back(std::move(note));
        }
    }

    const Metadata& metadata() const override { return metadata_; }
    std::span<const TensorView> tensors() const override { return tensors_.all(); }
    const TensorView* find(std::string_view name) const override { return tensors_.find(name); }
    const std::filesystem::path& path() const override { return folder_->path(); }
    std::size_t bytes() const override { return folder_->bytes(); }
    void check_whole() const override { folder_->check_whole(); }
    std::size_t memory_bytes() const override { return rope_factors_.size() * sizeof(float); }

    std::vector<std::string> notes() const override { return notes_; }

  private:
    std::shared_ptr<const SafetensorsFolder> folder_;
    Metadata metadata_;
    TensorTable tensors_;
    std::vector<float> rope_factors_;
    std::vector<std::string> notes_;
};

} // namespace

std::shared_ptr<const ModelFile> open_model_folder(const std::filesystem::path& path) {
    return std::make_shared<FolderModel>(path);
}

std::shared_ptr<const ModelFile> open_model(const std::filesystem::path& path) {
    std::error_code missing;
    return std::filesystem::is_directory(path, missing) ? open_model_folder(path)
                                                        : todays_form(open_gguf(path));
}

} // namespace switchyard
