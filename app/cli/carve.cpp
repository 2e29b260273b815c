// switchyard-cli carve IN OUT: a dense model's neurons, moved into shared and routed experts.
#include "engine/carve/carve.h"
#include "app/cli/commands.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/files/output_file.h"

#include <cstdio>
#include <memory>

namespace switchyard {

namespace {

struct CarveArguments {
    CarveRequest request;
    std::string in, out, plan, save_plan, save_text;
    std::vector<std::string> calibration;
    long long tokens = -1;
    bool no_compare = false;
};

void show(double share, const std::string& stage) {
    static int last = -1;
    const int percent = static_cast<int>(100 * share);
    if (percent != last)
        print_progress(std::to_string(percent) + " %  " + stage);
    last = percent;
}

void run_carve(CarveArguments& o) {
    CarveRequest& request = o.request;
    request.in = o.in;
    request.out = o.out;
    if (!o.plan.empty())
        request.plan = o.plan;
    if (!o.save_plan.empty())
        request.save_plan = o.save_plan;
    if (!o.save_text.empty())
        request.save_text = o.save_text;
    request.calibration.assign(o.calibration.begin(), o.calibration.end());
    if (o.tokens >= 0)
        request.calibration_tokens = static_cast<std::size_t>(o.tokens);
    else if (!o.calibration.empty())
        request.calibration_tokens = 0; // what was given, and nothing else
    request.compare = !o.no_compare;
    const std::filesystem::path outputs[] = {o.out, o.save_plan, o.save_text};
    const std::vector<std::filesystem::path> replaced = existing_files(outputs);
    CarveProgress progress;
    progress.report = show;
    const CarveResult result = carve_model(request, progress);
    print_progress("");
    std::printf("%s: carved by a plan from %s; down matrices are %s\n", o.out.c_str(),
                result.calibration.c_str(), std::string(traits(result.report.down_type).name).c_str());
    if (result.nmse)
        std::printf("With all experts active the logits differ from the dense model's by NMSE %.1e\n",
                    *result.nmse);
    if (!result.report.note.empty())
        std::printf("Note: %s\n", one_line(result.report.note).c_str());
    print_replaced(replaced);
}

} // namespace

void add_carve(CLI::App& app) {
    auto o = std::make_shared<CarveArguments>();
    CLI::App* command = app.add_subcommand("carve", "Turn a dense model into shared and routed experts");
    command->add_option("in", o->in, "Dense model: a GGUF file, or a folder as its authors publish it")
        ->required();
    command->add_option("out", o->out, "Carved model to write")->required();
    auto* plan = command->add_option("--plan", o->plan, "Apply this plan instead of calibrating");
    command->add_option("--routed", o->request.shape.routed, "Routed experts a layer")
        ->capture_default_str()
        ->excludes(plan);
    command
        ->add_option("--shared", o->request.shape.shared_share, "Share of the neurons that are always active")
        ->capture_default_str()
        ->excludes(plan);
    command
        ->add_option("--dense-layers", o->request.shape.dense_layers,
                     "Leading layers that stay as they are, without experts")
        ->capture_default_str()
        ->excludes(plan);
    command->add_option("--active", o->request.options.active, "Experts active at the start (default: all)")
        ->check(CLI::Range(1, kMostCarvedExperts));
    command
        ->add_option("--calibration", o->calibration,
                     "Text files to calibrate with (default: the model's own text)")
        ->excludes(plan);
    command
        ->add_option("--calibration-tokens", o->tokens,
                     "Tokens of the model's own text, also beside --calibration")
        ->check(CLI::NonNegativeNumber)
        ->excludes(plan);
    command->add_option("--save-plan", o->save_plan, "Keep the plan in this file")->excludes(plan);
    command
        ->add_option("--save-text", o->save_text,
                     "Keep the calibration text in this file: a JSON array of token ids a line")
        ->excludes(plan);
    command->add_flag("--no-compare", o->no_compare,
                      "Do not measure the loss against the dense model afterwards");
    command->add_option("--threads", o->request.threads, "Threads to use (default: all)")
        ->check(CLI::Range(0, 1024));
    command->callback([o] { run_carve(*o); });
}

} // namespace switchyard
