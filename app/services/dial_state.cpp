#include "app/services/dial_state.h"

#include <QCoreApplication>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

bool takes(const ControlSpec& spec, const QString& choice) {
    return std::ranges::find(spec.choices, choice.toStdString()) != spec.choices.end();
}

/// The file's own weights are a stop among those made from them, where their size puts it.
void addFileStop(const Capabilities& model, std::vector<ChoiceForecast>& stops) {
    ChoiceForecast own;
    own.name = u"file"_s;
    own.label = model.file_precision.isEmpty()
                    ? QString()
                    : QCoreApplication::translate("DialState", "%1 (the file's)").arg(model.file_precision);
    own.bytes = model.weights_bytes;
    own.on_card = model.card >= 0;
    for (const ChoiceForecast& choice : model.weights) {
        if (choice.name == model.file_precision)
            own.speed = choice.speed;
    }
    // The file's type may be none of the dial's. Where it is, made again from the file it is the file: one
    // stop is enough.
    std::erase_if(stops, [&](const ChoiceForecast& c) { return c.name == model.file_precision; });
    const auto first_larger = std::ranges::find_if(
        stops, [&](const ChoiceForecast& c) { return c.no_gain || (own.bytes > 0 && c.bytes > own.bytes); });
    stops.insert(first_larger, own);
}

std::vector<ChoiceForecast> stopsOf(const Capabilities& model, const ControlSpec& spec) {
    const bool weights = spec.name == "quant";
    std::vector<ChoiceForecast> stops;
    for (const ChoiceForecast& choice : weights             ? model.weights
                                        : spec.name == "kv" ? model.kv
                                                            : std::vector<ChoiceForecast>()) {
        if (takes(spec, choice.name))
            stops.push_back(choice);
    }
    std::ranges::stable_sort(stops, {}, &ChoiceForecast::bytes);
    if (weights && !model.weights.empty())
        addFileStop(model, stops);
    return stops;
}

void describeExperts(const Capabilities& model, DialState& state) {
    state.minimum = 1;
    state.maximum = std::max(1, model.experts);
    state.own = model.experts_active;
    if (!model.ready)
        return;
    if (model.experts > 0) {
        state.why = QCoreApplication::translate("DialState", "Fewer experts answer quicker and know less; %1 "
                                                             "of %2 is the model as it was made.")
                        .arg(model.experts_active)
                        .arg(model.experts);
        return;
    }
    state.enabled = false;
    state.offer = model.can_carve ? DialOffer::Carve : DialOffer::None;
    state.why =
        model.can_carve
            ? QCoreApplication::translate("DialState",
                                          "This model is dense: it has no experts to choose from. Carving "
                                          "makes a copy whose neurons are grouped into experts.")
            : QCoreApplication::translate("DialState", "This model is dense: it has no experts to choose "
                                                       "from, and its layers do not divide into some.");
}

} // namespace

DialState dialState(const Capabilities& model, const ControlSpec& spec) {
    DialState state;
    state.enabled = model.ready;
    state.minimum = spec.minimum;
    state.maximum = spec.maximum;
    state.acts = spec.acts;
    state.stops = stopsOf(model, spec);
    if (spec.name == "thinking" || spec.name == "thinking_effort")
        state.shown = spec.name == "thinking" ? model.thinking : model.thinking_effort;
    if (spec.name == "experts")
        describeExperts(model, state);
    if (spec.name == "kv" && model.ready &&
        std::ranges::find(model.kv, u"FP8"_s, &ChoiceForecast::name) == model.kv.end())
        state.instead = u"Q8_0"_s; // as Backend::nearest_kv() has it
    // As Backend::nearest_activation_bits() has it.
    if (spec.name == "activations" && model.card >= 0) {
        state.enabled = false;
        state.why = QCoreApplication::translate(
            "DialState", "8 bits are for models that the processor computes: a card keeps 16.");
    }
    if (spec.name == "max_tokens" && model.context > 0)
        state.maximum = model.context;
    return state;
}

} // namespace switchyard
