#include "engine/carve/carve.h"

#include "engine/base/cores.h"
#include "engine/base/error.h"
#include "engine/carve/calibration_text.h"
#include "engine/files/output_file.h"
#include "engine/model/build_plan.h"
#include "engine/model/finite.h"
#include "engine/model/folder_model.h"
#include "engine/run/evaluate.h"

namespace switchyard {

namespace {

constexpr std::size_t kTextLength = 1024; ///< tokens of a piece of a calibration file
constexpr int kCompareTokens = 16;

std::shared_ptr<LoadedModel> load(const std::filesystem::path& path, const CarveRequest& request,
                                  const CarveProgress& progress, bool exact = false) {
    LoadOptions options;
    options.backend = make_cpu_backend({request.threads, exact});
    options.stop = progress.stop;
    return LoadedModel::load(path, options);
}

// Reports a part of the work as a share of the whole.
CarveProgress part(const CarveProgress& whole, double from, double to) {
    CarveProgress p;
    p.stop = whole.stop;
    if (whole.report)
        p.report = [&whole, from, to](double share, const std::string& stage) {
            whole.report(from + (to - from) * share, stage);
        };
    return p;
}

CarvePlan calibrate(const std::shared_ptr<LoadedModel>& model, const CarveRequest& request,
                    const CarveProgress& progress) {
    shape_plan(model->file(), model->config(), request.shape); // refuse before minutes of work
    std::vector<std::vector<std::int32_t>> texts;
    std::string source;
    for (const auto& path : request.calibration) {
        auto more = read_calibration_text(*model, path, kTextLength);
        texts.insert(texts.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    if (!request.calibration.empty())
        source = " of given text";
    // Given text alone teaches the routers one voice: the model's own is added where a length is asked for.
    if (request.calibration.empty() || request.calibration_tokens > 0) {
        auto own = generate_calibration_text(model, request.calibration_tokens, part(progress, 0.0, 0.5));
        texts.insert(texts.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
        source += source.empty() ? " of the model's own text" : " and the model's own";
    }
    if (request.save_text)
        save_calibration_text(texts, *request.save_text);
    CarvePlan plan = make_carve_plan(*model, request.shape, texts, part(progress, 0.5, 0.9));
    plan.calibration += source;
    return plan;
}

std::vector<float> logits(LoadedModel& model, int tokens) {
    std::vector<std::int32_t> ids; // any varied sequence shows the difference
    for (int i = 0; i < tokens; ++i)
        ids.push_back(static_cast<std::int32_t>(i * 7919 % model.config().vocabulary));
    std::vector<float> all;
    evaluate(model.executor(), model.backend(), model.plan(), model.weights(), ids,
             {.experts = model.config().experts},
             [&](int, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
    return all;
}

double compare(LoadedModel& dense, LoadedModel& carved) {
    const std::vector<float> want = logits(dense, kCompareTokens), got = logits(carved, kCompareTokens);
    double error = 0, power = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
        error += (static_cast<double>(got[i]) - want[i]) * (static_cast<double>(got[i]) - want[i]);
        power += static_cast<double>(want[i]) * want[i];
    }
    return error / power;
}

} // namespace

CarveResult carve_model(const CarveRequest& request, const CarveProgress& progress) {
    std::vector<std::filesystem::path> inputs{request.in};
    inputs.insert(inputs.end(), request.calibration.begin(), request.calibration.end());
    if (request.plan)
        inputs.push_back(*request.plan);
    const std::filesystem::path outputs[] = {request.out, request.save_plan.value_or(""),
                                             request.save_text.value_or("")};
    check_outputs(outputs, inputs);
    std::shared_ptr<LoadedModel> dense;
    std::shared_ptr<const ModelFile> file;
    ModelConfig config;
    CarvePlan plan;
    const int threads = request.threads > 0 ? request.threads : available_cores();
    if (request.plan) {
        file = open_model(request.in);
        check_finite(*file, threads, progress.stop);
        config = read_config(*file);
        build_plan(config, *file); // throws where a tensor has not the shape that the plan divides
        plan = load_plan(*request.plan);
    } else {
        dense = load(request.in, request, progress);
        file = dense->shared_file();
        check_finite(*file, threads, progress.stop);
        config = dense->config();
        plan = calibrate(dense, request, progress);
    }
    if (request.save_plan)
        save_plan(plan, *request.save_plan);
    CarveResult result;
    result.calibration = plan.calibration;
    result.report =
        apply_carve_plan(*file, config, plan, request.out, request.options, part(progress, 0.9, 1.0));
    // On the exact path, so that what is seen is the carving and not the rounding of activations.
    if (request.compare)
        result.nmse =
            compare(*load(request.in, request, progress, true), *load(request.out, request, progress, true));
    return result;
}

} // namespace switchyard
