// How long one thread takes to draw a token from a vocabulary of 131,072.
#include "kernels/draw_row.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

namespace switchyard {
namespace {

constexpr std::size_t kVocabulary = 131'072;

/// A few likely tokens above a broad bulk, as language models give them.
std::vector<float> model_like_logits() {
    std::mt19937 engine(7);
    std::normal_distribution<float> bulk(0.0f, 2.0f);
    std::vector<float> logits(kVocabulary);
    for (float& logit : logits)
        logit = bulk(engine);
    for (std::size_t i = 0; i < 300; ++i)
        logits[(i * 7919) % kVocabulary] += 14.0f - 3.0f * std::log1p(static_cast<float>(i));
    return logits;
}

DrawWish all_filters() {
    DrawWish wish;
    wish.temperature = 0.7;
    wish.top_k = 40;
    wish.top_p = 0.9;
    wish.min_p = 0.05;
    wish.repetition_penalty = 1.1;
    for (std::int32_t i = 0; i < 64; ++i)
        wish.penalised.push_back(i * 977);
    return wish;
}

/// What a step does for a row, and the draw from what it found.
void draw_from_candidates(benchmark::State& state, const DrawWish& usual) {
    const std::vector<float> logits = model_like_logits();
    RowDrawer drawer;
    DrawWish wish = usual;
    const CandidateWish wanted = *RowDrawer::candidates_for(wish);
    std::vector<CandidatePart> parts(candidate_parts(logits.size()));
    Candidates found;
    reserve_candidates(logits.size(), wanted, parts, found);
    for (auto _ : state) {
        ++wish.position;
        const LogitBounds bounds = bound_logits(logits, static_cast<std::size_t>(std::max(wanted.best, 0)));
        for (std::size_t part = 0; part < parts.size(); ++part)
            candidate_part(logits, part, bounds, wanted, parts[part]);
        found.plain = found.own = {};
        found.best.clear();
        found.gathered.clear();
        join_parts(logits, bounds.largest, wanted, parts, found);
        benchmark::DoNotOptimize(drawer.draw(found, wanted, wish));
    }
}

void draw_from_all(benchmark::State& state) {
    const std::vector<float> logits = model_like_logits();
    RowDrawer drawer;
    DrawWish wish;
    wish.temperature = 0.8;
    for (auto _ : state) {
        ++wish.position;
        benchmark::DoNotOptimize(drawer.draw(logits, wish));
    }
}

BENCHMARK_CAPTURE(draw_from_candidates, greedy,
                  [] {
                      DrawWish wish;
                      wish.temperature = 0;
                      return wish;
                  }())
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(draw_from_candidates, all_filters, all_filters())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(draw_from_candidates, top_p_alone,
                  [] {
                      DrawWish wish = all_filters();
                      wish.top_k = 0;
                      return wish;
                  }())
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(draw_from_all)->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace switchyard
