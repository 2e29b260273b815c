// A row's dials of routing through the CUDA backend, emulated, against the CPU's: how many experts, which
// share of their weights, the threshold, the pool and the experts that are off.
#include "tests/engine/cuda/emulated_backend.h"
#include "tests/engine/cuda/sequence.h"
#include "tests/support/npy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

constexpr int kRows = 40;

/// What the rows of a sequence came to.
struct Answer {
    std::vector<float> logits;
    std::vector<RoutingTable> steps;
};

class CudaRoutingDials : public testing::TestWithParam<const char*> {
  protected:
    static std::shared_ptr<LoadedModel> load(std::shared_ptr<Backend> backend) {
        return test::load_reference(GetParam(), std::move(backend));
    }
    static std::vector<std::int32_t> ids() {
        auto ids =
            test::read_npy<std::int32_t>(test::data_folder() + "/reference/models/" + GetParam() + "/ids.npy")
                .values;
        ids.resize(kRows);
        return ids;
    }
    /// Every second expert, other ones in every layer; and all of them.
    static std::vector<std::vector<std::uint32_t>> masks(const Plan& plan) {
        const std::size_t words = expert_set_words(plan.experts),
                          all = words * static_cast<std::size_t>(plan.routes);
        std::vector<std::uint32_t> some;
        for (std::size_t i = 0; i < all; ++i)
            some.push_back(i / words % 2 ? 0x55555555u : 0xaaaaaaaau);
        return {some, std::vector<std::uint32_t>(all, ~0u)};
    }
    static RowDials dials(const Plan& plan, int row) {
        RowDials dials;
        switch (row % 8) {
        case 1:
            dials.experts = 1 + row % plan.experts;
            break;
        case 2:
            dials.gate_threshold = 0.7f;
            break;
        case 3:
            dials.routing_mass = 0.5f;
            break;
        case 4:
            dials.pool = 1 + row % plan.experts;
            break;
        case 5:
            dials.off_mask = row == 29 ? 1 : 0;
            break;
        case 6:
            dials.experts = plan.experts;
            dials.routing_mass = 0.8f;
            dials.gate_threshold = 0.2f;
            break;
        case 7:
            dials.pool = std::max(2, plan.experts / 2);
            dials.off_mask = 0;
            dials.gate_threshold = 0.5f;
            break;
        default:
            break;
        }
        return dials;
    }
    /// `chunk` rows a step. `prompt`: on the path for prompts.
    static Answer answer(LoadedModel& model, std::size_t chunk, bool prompt = false) {
        const auto tokens = ids();
        test::Sequence sequence(model, BlockType::F16);
        Answer all;
        for (std::size_t begin = 0; begin < tokens.size(); begin += chunk) {
            Batch batch;
            sequence.append(batch, std::span(tokens).subspan(begin, std::min(chunk, tokens.size() - begin)),
                            {.routing = true, .prompt = prompt});
            for (BatchRow& row : batch.rows)
                row.dials = dials(model.plan(), row.position);
            batch.off_masks = masks(model.plan());
            StepResult result = model.executor().run(std::move(batch), model.weights());
            all.logits.insert(all.logits.end(), result.logits.begin(), result.logits.end());
            all.steps.push_back(std::move(result.routing));
        }
        return all;
    }
    static std::vector<RouteChoice> chosen(const Answer& answer, std::size_t chunk, int router, int row) {
        const auto r = static_cast<std::size_t>(row);
        std::vector<RouteChoice> choices;
        for (const RouteChoice& choice : answer.steps[r / chunk].of(router, static_cast<int>(r % chunk)))
            if (choice.expert >= 0)
                choices.push_back(choice);
        return choices;
    }
    static std::vector<std::int16_t> experts(const std::vector<RouteChoice>& choices) {
        std::vector<std::int16_t> ids;
        for (const RouteChoice& choice : choices)
            ids.push_back(choice.expert);
        return ids;
    }
};

/// That what a row chose is what its dials leave.
void expect_obeyed(const Plan& plan, const RowDials& dials, const std::vector<std::uint32_t>* mask,
                   int router, const std::vector<RouteChoice>& choices) {
    const auto count = static_cast<int>(choices.size());
    EXPECT_LE(count, dials.experts > 0 ? dials.experts : plan.experts_active);
    const std::size_t words = expert_set_words(plan.experts);
    for (const RouteChoice& choice : choices) {
        const auto expert = static_cast<std::size_t>(choice.expert);
        EXPECT_TRUE(dials.pool == 0 || choice.expert < dials.pool);
        EXPECT_FALSE(mask &&
                     (*mask)[static_cast<std::size_t>(router) * words + expert / 32] >> expert % 32 & 1u);
    }
}

TEST_P(CudaRoutingDials, ChooseAsOnTheCpuAtBatch1And8And40WithTheSameBits) {
    const auto cpu = load(make_cpu_backend({1, false})), card = load(test::emulated_backend());
    const Plan& plan = cpu->plan();
    const Answer expected = answer(*cpu, kRows), one = answer(*card, 1);
    const auto off = masks(plan);
    int different = 0, fewer = 0;
    for (int router = 0; router < plan.routes; ++router)
        for (int row = 0; row < kRows; ++row) {
            const RowDials asked = dials(plan, row);
            const auto wanted = chosen(expected, kRows, router, row), got = chosen(one, 1, router, row);
            expect_obeyed(plan, asked,
                          asked.off_mask < 0 ? nullptr : &off[static_cast<std::size_t>(asked.off_mask)],
                          router, got);
            fewer += static_cast<int>(wanted.size()) < plan.experts_active;
            if (experts(wanted) != experts(got)) {
                ++different; // by a last bit that the cache made a larger one
                continue;
            }
            for (std::size_t i = 0; i < got.size(); ++i)
                EXPECT_NEAR(got[i].weight, wanted[i].weight, 2e-3f * std::abs(wanted[i].weight) + 1e-6f)
                    << "router " << router << " row " << row;
        }
    EXPECT_LE(different * 50, plan.routes * kRows);
    EXPECT_GE(fewer, plan.routes * 10) << "the dials leave rows fewer experts";
    std::vector<double> errors;
    const auto vocabulary = static_cast<std::size_t>(plan.vocabulary);
    for (std::size_t t = 0; t < expected.logits.size(); t += vocabulary) {
        double error = 0, power = 0;
        for (std::size_t i = t; i < t + vocabulary; ++i) {
            error += std::pow(double{one.logits[i]} - double{expected.logits[i]}, 2);
            power += std::pow(double{expected.logits[i]}, 2);
        }
        errors.push_back(std::isfinite(error) ? error / power : 1e9);
    }
    std::ranges::nth_element(errors, errors.begin() + std::ssize(errors) / 2);
    EXPECT_LT(errors[errors.size() / 2], 2e-7);
    for (const std::size_t chunk : {std::size_t{8}, std::size_t{kRows}}) {
        const Answer many = answer(*card, chunk);
        EXPECT_EQ(many.logits, one.logits) << "in steps of " << chunk;
        for (int router = 0; router < plan.routes; ++router)
            for (int row = 0; row < kRows; ++row) {
                const auto alone = chosen(one, 1, router, row), among = chosen(many, chunk, router, row);
                EXPECT_TRUE(std::ranges::equal(alone, among,
                                               [](const RouteChoice& a, const RouteChoice& b) {
                                                   return a.expert == b.expert && a.weight == b.weight;
                                               }))
                    << "router " << router << " row " << row << " in steps of " << chunk;
            }
    }
}

TEST_P(CudaRoutingDials, HoldOnThePathForPrompts) {
    const auto cpu = load(make_cpu_backend({1, false})), card = load(test::emulated_backend({.seed = 5}));
    const Plan& plan = cpu->plan();
    const Answer expected = answer(*cpu, kRows), got = answer(*card, kRows, true);
    int different = 0;
    for (int router = 0; router < plan.routes; ++router)
        for (int row = 0; row < kRows; ++row)
            different +=
                experts(chosen(expected, kRows, router, row)) != experts(chosen(got, kRows, router, row));
    EXPECT_LE(different * 10, plan.routes * kRows); // of 11 bits
}

INSTANTIATE_TEST_SUITE_P(Families, CudaRoutingDials,
                         testing::Values("deepseek2_grouped", "deepseek3", "gptoss", "qwen2moe", "qwen3moe"),
                         [](const auto& family) { return std::string(family.param); });

} // namespace
} // namespace switchyard
