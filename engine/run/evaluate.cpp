#include "engine/run/evaluate.h"

#include "engine/base/error.h"
#include "engine/model/latent_form.h"
#include "engine/run/failure.h"
#include "engine/run/text_cache.h"

#include <algorithm>
#include <cmath>

namespace switchyard {

void evaluate(Executor& executor, const Backend& backend, const Plan& plan,
              std::shared_ptr<const WeightSet> weights, std::span<const std::int32_t> ids,
              const EvaluateOptions& options, const std::function<void(int, std::span<const float>)>& each,
              std::stop_token stop) {
    for (std::int32_t id : ids)
        if (id < 0 || id >= plan.vocabulary)
            throw Error("token id " + std::to_string(id) + " is outside the model's vocabulary of " +
                        std::to_string(plan.vocabulary));
    TextCache cache(executor);
    const auto vocabulary = static_cast<std::size_t>(plan.vocabulary);
    const auto count = static_cast<int>(ids.size());
    const int from = decompress_from(plan);
    const bool decompressed = from > 0 && count >= from;
    const bool prompt = executor.prompt_rows() > 0 && count >= executor.prompt_rows();
    const int chunk = std::max(decompressed ? kDecompressedChunk : 1, options.chunk);
    for (int begin = 0; begin < count && !stop.stop_requested(); begin += chunk) {
        const int end = std::min(count, begin + chunk);
        Batch batch;
        batch.sequences.push_back(
            cache.next(plan, begin, end, count, backend.exact() ? BlockType::F32 : options.kv));
        for (int p = begin; p < end; ++p)
            batch.rows.push_back(
                {.token = ids[static_cast<std::size_t>(p)],
                 .position = p,
                 .dials = {.experts = options.experts,
                           .activation_bits = backend.nearest_activation_bits(options.activation_bits)},
                 .wish = RowWish::Logits,
                 .decompressed = decompressed,
                 .prompt = prompt});
        const StepResult result = executor.run(std::move(batch), weights, stop);
        if (result.cancelled)
            return;
        for (int p = begin; p < end; ++p)
            each(p, std::span(result.logits)
                        .subspan(static_cast<std::size_t>(p - begin) * vocabulary, vocabulary));
    }
}

double negative_log_likelihood(std::span<const float> logits, std::int32_t id) {
    const double best = *std::ranges::max_element(logits);
    double sum = 0;
    for (float logit : logits)
        sum += std::exp(static_cast<double>(logit) - best);
    return std::log(sum) - (static_cast<double>(logits[static_cast<std::size_t>(id)]) - best);
}

Perplexity perplexity(Executor& executor, const Backend& backend, const Plan& plan,
                      std::shared_ptr<const WeightSet> weights, std::span<const std::int32_t> ids,
                      int context, std::int32_t bos, const EvaluateOptions& options,
                      const std::function<void(int, int)>& progress, std::stop_token stop) {
    if (ids.size() < 2)
        throw Error("the text has " + std::to_string(ids.size()) + " tokens; perplexity needs two or more");
    if (context < 2)
        throw Error("a window of " + std::to_string(context) + " tokens is too short: 2 is the least");
    const int lead = bos >= 0 ? 1 : 0;
    const auto count = static_cast<int>(ids.size());
    const int width = std::min(context - lead, count);          // tokens of the text in a window
    const int first = count < context - lead ? 1 : context / 2; // scored from here on
    Perplexity result;
    result.windows = count / std::max(width, 1);
    for (int window = 0; window < result.windows && !stop.stop_requested(); ++window) {
        const auto part = ids.subspan(static_cast<std::size_t>(window) * static_cast<std::size_t>(width),
                                      static_cast<std::size_t>(width));
        std::vector<std::int32_t> tokens(part.size() + static_cast<std::size_t>(lead), bos);
        std::ranges::copy(part, tokens.begin() + lead);
        evaluate(
            executor, backend, plan, weights, tokens, options,
            [&](int position, std::span<const float> logits) {
                const auto next = static_cast<std::size_t>(position) + 1;
                if (next >= tokens.size() || static_cast<int>(next) < first)
                    return;
                const double nats = negative_log_likelihood(logits, tokens[next]);
                if (!std::isfinite(nats))
                    refuse_logits();
                result.nats += nats;
                ++result.tokens;
            },
            stop);
        if (progress)
            progress(window + 1, result.windows);
    }
    if (result.tokens > 0)
        result.nats /= result.tokens;
    result.value = std::exp(result.nats);
    return result;
}

} // namespace switchyard
