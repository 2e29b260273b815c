#include "engine/backends/cuda/self_check.h"

#include "engine/backends/cuda/device_failure.h"
#include "engine/quant/quant.h"
#include "kernels/cuda/tile_layout.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace switchyard::cuda {
namespace {

/// So that all blocks of a large card have work, and contexts more than one split.
constexpr int kWideVocabulary = 8704, kManyRows = 72;

/// Whether they are the same but for rounding, of which prompts in F16 have the most: up to 3e-5 of the power
/// in whole models. A fault is many times that. What is no number is not.
bool agree(const std::vector<float>& card, const std::vector<float>& cpu) {
    double error = 0, power = 0;
    for (std::size_t i = 0; i < cpu.size(); ++i) {
        error += std::pow(static_cast<double>(card[i]) - static_cast<double>(cpu[i]), 2);
        power += std::pow(static_cast<double>(cpu[i]), 2);
    }
    return card.size() == cpu.size() && error <= 2e-4 * power;
}

bool agrees(const CheckModel& model, Backend& card, Backend& cpu) {
    using Form = CheckModel::Form;
    constexpr int kAnswers = 3, kFew = 5, kPrompt = 70;
    return std::ranges::all_of(std::initializer_list<std::pair<int, Form>>{{kAnswers, Form::Alone},
                                                                           {kFew, Form::Together},
                                                                           {kPrompt, Form::Prompt}},
                               [&](const auto& form) {
                                   return agree(model.logits(card, form.first, form.second),
                                                model.logits(cpu, form.first, form.second));
                               });
}

} // namespace

std::string SelfCheck::trouble() {
    const std::lock_guard lock(mutex_);
    if (!known_.trouble) {
        const auto card = make_trial_(StepLaunches::Graphs);
        const auto cpu = make_cpu_backend({.threads = 1});
        // Floats need none of the products of tiles: where they differ, it is something else.
        known_.trouble = agrees(CheckModel(BlockType::F32), *card, *cpu)
                             ? ""
                             : "its kernels compute something else than the CPU";
        memory_.add(card_, known_);
    }
    return *known_.trouble;
}

bool SelfCheck::serves(BlockType type) {
    if (type == BlockType::F32 || tile_group(type).columns == 0 || !encodable(type))
        return true;
    const std::lock_guard lock(mutex_);
    const auto known = known_.serves.find(type);
    if (known != known_.serves.end())
        return known->second;
    const auto card = make_trial_(StepLaunches::Graphs);
    const auto cpu = make_cpu_backend({.threads = 1});
    const bool serves = agrees(CheckModel(type), *card, *cpu);
    known_.serves[type] = serves;
    memory_.add(card_, known_);
    return serves;
}

bool SelfCheck::serves(CheckModel::Layers layers, std::optional<bool>& known) {
    const std::lock_guard lock(mutex_);
    if (!known) {
        const auto card = make_trial_(StepLaunches::Graphs);
        const auto cpu = make_cpu_backend({.threads = 1});
        known = agrees(CheckModel(BlockType::F32, layers), *card, *cpu);
        memory_.add(card_, known_);
    }
    return *known;
}

bool SelfCheck::serves_states() { return serves(CheckModel::Layers::WithStates, known_.serves_states); }

bool SelfCheck::serves_choices() { return serves(CheckModel::Layers::WithChoices, known_.serves_choices); }

bool SelfCheck::takes_programs() {
    constexpr int kMostTrials = 2;
    const std::lock_guard lock(mutex_);
    if (known_.takes_programs)
        return *known_.takes_programs;
    if (known_.program_trials >= kMostTrials)
        return false;
    const auto note = [&](int trials) {
        known_.program_trials += trials;
        memory_.add(card_, known_);
    };
    note(1); // should this process not come back
    try {
        const CheckModel model(BlockType::Q8_0, CheckModel::Layers::Usual, kWideVocabulary);
        const auto logits = [&](StepLaunches launches) {
            return model.logits(*make_trial_(launches), kManyRows, CheckModel::Form::Behind);
        };
        known_.takes_programs = logits(StepLaunches::Programs) == logits(StepLaunches::Graphs);
        note(-1);
    } catch (const DeviceLost&) {
        known_.takes_programs = false;
        note(-1);
        throw;
    } catch (...) { // memory, say, that was short
        note(-1);
        throw;
    }
    return *known_.takes_programs;
}

bool SelfCheck::is_off(BlockType type) const {
    const std::lock_guard lock(mutex_);
    const auto known = known_.serves.find(type);
    return known != known_.serves.end() && !known->second;
}

} // namespace switchyard::cuda
