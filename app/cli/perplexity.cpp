// switchyard-cli perplexity: how well a model foretells a text.
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/run/chat_prompt.h"
#include "engine/run/evaluate.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace switchyard {
namespace {

struct PerplexityArguments {
    ModelOptions model;
    std::string file;
    int context = 512;
    bool json = false;
};

void run_perplexity(const PerplexityArguments& options) {
    const std::string text = read_text_file(options.file);
    const auto model = options.model.load();
    if (options.context > model->config().context)
        throw Error("--ctx " + std::to_string(options.context) + " is more than the model's context of " +
                    std::to_string(model->config().context));
    const Tuning tuning = options.model.tuning(*model);
    // The tokenizer puts BOS in front where the model wants one; every window then begins with it.
    std::vector<std::int32_t> ids = text_prompt(*model, text);
    const std::int32_t bos = model->tokenizer()->bos();
    const bool leads = bos >= 0 && !ids.empty() && ids.front() == bos;
    if (leads)
        ids.erase(ids.begin());
    const auto weights = recoded_weights(*model, tuning.model);
    EvaluateOptions settings;
    settings.experts = tuning.sequence.experts;
    settings.kv = tuning.sequence.kv;
    settings.activation_bits = tuning.sequence.activation_bits;
    const Interrupt interrupt;
    const auto measure = [&] {
        const Perplexity found = perplexity(
            model->executor(), model->backend(), model->plan(), weights, ids, options.context,
            leads ? bos : -1, settings,
            [&](int done, int all) {
                print_progress(
                    done == all ? "" : std::to_string(done) + " of " + std::to_string(all) + " windows");
            },
            interrupt.token());
        if (interrupt.token().stop_requested())
            throw Error("stopped");
        return found;
    };
    const Perplexity result = measure();
    // What fewer bits cost is seen beside the usual ones.
    std::optional<Perplexity> usual;
    if (model->backend().nearest_activation_bits(settings.activation_bits) != 16) {
        settings.activation_bits = 16;
        usual = measure();
    }
    if (options.json) {
        nlohmann::ordered_json json = {{"model", options.model.path()},
                                       {"file", options.file},
                                       {"nats", result.nats},
                                       {"perplexity", result.value},
                                       {"tokens", result.tokens},
                                       {"windows", result.windows},
                                       {"context", options.context},
                                       {"weights_bytes", weights->own_bytes()},
                                       {"device", options.model.device_json(*model)}};
        if (usual)
            json["perplexity_with_activations_16"] = usual->value;
        std::printf("%s\n", json_text(json).c_str());
    } else {
        std::printf("perplexity %.4f (%.5f nats a token, %d tokens in %d windows)\n", result.value,
                    result.nats, result.tokens, result.windows);
        if (usual)
            std::printf("with activations of 16 bits %.4f: 8 bits cost %+.2f %%\n", usual->value,
                        100 * (result.value / usual->value - 1));
    }
}

} // namespace

void add_perplexity(CLI::App& app) {
    auto options = std::make_shared<PerplexityArguments>();
    CLI::App* command = app.add_subcommand("perplexity", "Measure how well a model foretells a text");
    options->model.add_to(*command, {"experts", "quant", "kv", "activations"});
    command->add_option("--file", options->file, "Text file, UTF-8")->required();
    command
        ->add_option("--ctx", options->context,
                     "Tokens of a window; the second half of each window is scored")
        ->check(CLI::Range(2, 1 << 20));
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options] { run_perplexity(*options); });
}

} // namespace switchyard
