#include "app/cli/shape_options.h"

#include "engine/base/error.h"

namespace switchyard {

void ShapeOptions::add_to(CLI::App& command, CLI::Option* model) {
    model_ = model;
    model->required(false);
    command
        .add_option(
            "--shape", name_,
            "A well-known model's shape, which needs no file: \"deepseek-v2-lite\"; a wrong name lists all")
        ->type_name("NAME")
        ->excludes(model)
        ->check([](const std::string& name) {
            try {
                find_shape(name);
                return std::string();
            } catch (const Error& error) {
                return std::string(error.what());
            }
        });
    command.add_option("--layers", layers_, "The first so many layers of the shape only")
        ->check(CLI::Range(1, 1024))
        ->needs("--shape");
}

bool ShapeOptions::given() const {
    if (name_.empty() && model_->empty())
        throw CLI::RequiredError("MODEL or --shape");
    return !name_.empty();
}

Shape ShapeOptions::shape() const {
    const Shape& whole = find_shape(name_);
    return layers_ > 0 ? cut_layers(whole, layers_) : whole;
}

nlohmann::ordered_json to_json(const MemoryUse& use) {
    nlohmann::ordered_json json = {{"weights_bytes", use.weights}, {"weights_mapped_bytes", use.mapped},
                                   {"copies_bytes", use.copies},   {"tokenizer_and_metadata_bytes", use.text},
                                   {"kv_bytes", use.kv},           {"scratch_bytes", use.scratch},
                                   {"total_bytes", use.total()}};
    if (use.device)
        json["device_bytes"] = use.on_device();
    if (use.pinned > 0) {
        json["experts_in_ram_bytes"] = use.pinned;
        json["expert_cache_bytes"] = use.expert_cache;
    }
    return json;
}

} // namespace switchyard
