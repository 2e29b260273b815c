// switchyard-cli quantize IN OUT --type T: writes a model with its matrices in another block format.
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/terminal_text.h"
#include "engine/files/output_file.h"
#include "engine/model/folder_model.h"
#include "engine/model/quantize_file.h"
#include "engine/quant/quant.h"
#include "engine/run/chat_prompt.h"
#include "engine/run/measure_importance.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

namespace switchyard {

namespace {

struct QuantizeArguments {
    std::string in, out, type, attention, shared, routed, importance, calibration, save_importance;
    int calibration_tokens = 32768;
    bool pure = false;
    int threads = 0;
};

/// The block format that an option names.
BlockType type_of(const std::string& option, const std::string& name) {
    if (const auto type = parse_block_type(name); type && writable(*type)) {
        return *type;
    }
    std::string known;
    for (int i = 0; i < kBlockTypes; ++i) {
        if (writable(static_cast<BlockType>(i))) {
            known += (known.empty() ? "" : ", ") + std::string(traits(static_cast<BlockType>(i)).name);
        }
    }
    if (option == "--type") {
        for (const QuantizeMix& mix : quantize_mixes()) {
            known += ", " + std::string(mix.name);
        }
    }
    throw CLI::ValidationError(option, name + " cannot be written; these can: " + known);
}

std::optional<BlockType> role_type(const std::string& option, const std::string& name) {
    return name.empty() ? std::nullopt : std::optional(type_of(option, name));
}

void report_fallbacks(const std::vector<QuantizeFallback>& fallbacks) {
    std::map<std::pair<BlockType, BlockType>, std::vector<std::string>> by_type;
    for (const QuantizeFallback& f : fallbacks) {
        by_type[{f.wanted, f.used}].push_back(f.tensor);
    }
    for (const auto& [types, tensors] : by_type) {
        std::printf("%zu tensors are %s, as their row length does not fit %s (%s%s)\n", tensors.size(),
                    std::string(traits(types.second).name).c_str(),
                    std::string(traits(types.first).name).c_str(), one_line(tensors.front()).c_str(),
                    tensors.size() > 1 ? ", ..." : "");
    }
}

bool show_progress(std::size_t done, std::size_t total) {
    const auto percent = static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
    print_progress(done == total ? "" : std::to_string(percent) + " %");
    return true;
}

/// What the model's matrices see of the calibration text.
Importance measure(const QuantizeArguments& options, LoadedModel& model, std::stop_token stop) {
    std::vector<std::int32_t> ids = text_prompt(model, read_text_file(options.calibration));
    const std::int32_t bos = model.tokenizer()->bos();
    const bool leads = bos >= 0 && !ids.empty() && ids.front() == bos;
    if (leads)
        ids.erase(ids.begin());
    ids.resize(std::min(ids.size(), static_cast<std::size_t>(options.calibration_tokens)));
    return measure_importance(model, ids, leads ? bos : -1, show_progress, stop);
}

void run_quantize(const QuantizeArguments& options) {
    QuantizeOptions settings;
    settings.mix = find_mix(options.type);
    settings.type = settings.mix != nullptr ? settings.mix->base : type_of("--type", options.type);
    settings.pure = options.pure;
    settings.attention = role_type("--attention", options.attention);
    settings.shared = role_type("--shared", options.shared);
    settings.routed = role_type("--routed", options.routed);
    settings.threads = options.threads;
    const std::filesystem::path inputs[] = {options.in, options.importance, options.calibration};
    const std::filesystem::path outputs[] = {options.out, options.save_importance};
    check_outputs(outputs, inputs);
    const std::vector<std::filesystem::path> replaced = existing_files(outputs);
    const Interrupt interrupt;
    std::shared_ptr<const ModelFile> file;
    std::optional<Importance> importance;
    if (!options.calibration.empty()) {
        LoadOptions load;
        load.backend = make_cpu_backend({options.threads, false});
        const auto model = LoadedModel::load(options.in, load);
        file = model->shared_file();
        importance = measure(options, *model, interrupt.token());
        if (!options.save_importance.empty())
            importance->write(options.save_importance);
    } else {
        file = open_model(options.in);
        if (!options.importance.empty())
            importance = Importance::read(options.importance);
    }
    settings.importance = importance ? &*importance : nullptr;
    const QuantizeReport report =
        quantize_file(*file, options.out, settings, [&](std::size_t done, std::size_t total) {
            return show_progress(done, total) && !interrupt.token().stop_requested();
        });
    report_fallbacks(report.fallbacks);
    std::printf("%s: %zu of %zu tensors re-encoded, %.1f MB -> %.1f MB\n", options.out.c_str(),
                report.recoded, report.tensors, static_cast<double>(report.bytes_before) / 1e6,
                static_cast<double>(report.bytes_after) / 1e6);
    if (!report.no_tokenizer.empty()) {
        std::printf("%s has no tokenizer: %s\n", options.out.c_str(), one_line(report.no_tokenizer).c_str());
    }
    print_replaced(replaced);
}

} // namespace

void add_quantize(CLI::App& app) {
    auto options = std::make_shared<QuantizeArguments>();
    CLI::App* command =
        app.add_subcommand("quantize", "Write a model with its matrices in another block format");
    command->add_option("in", options->in, "GGUF file or Hugging Face folder to read")->required();
    command->add_option("out", options->out, "GGUF file to write")->required();
    command->add_option("--type", options->type, "Block format (Q4_K) or a mix of them (Q4_K_M)")->required();
    command->add_flag("--pure", options->pure, "This format for every matrix, the output and embeddings too");
    command->add_option("--attention", options->attention, "Block format of the attention matrices");
    command->add_option("--shared", options->shared, "Block format of the shared experts");
    command->add_option("--routed", options->routed, "Block format of the routed experts");
    command->add_option("--importance", options->importance,
                        "Importance matrix (GGUF, as llama.cpp makes it)");
    command
        ->add_option("--calibration", options->calibration,
                     "Text file, UTF-8: what the model reads of it says which inputs matter")
        ->excludes("--importance");
    command->add_option("--calibration-tokens", options->calibration_tokens, "Tokens of it to read")
        ->check(CLI::Range(1, 1 << 24));
    command
        ->add_option("--save-importance", options->save_importance,
                     "File for what --calibration measured, to use again with --importance")
        ->needs("--calibration");
    command->add_option("--threads", options->threads, "Threads to use (default: all)")
        ->check(CLI::Range(0, 1024));
    command->callback([options] { run_quantize(*options); });
}

} // namespace switchyard
