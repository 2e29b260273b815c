#include "app/services/dial_moves.h"

namespace switchyard {

std::string precisionName(const ModelTuning& tuning) {
    return tuning.weights ? std::string(traits(*tuning.weights).name) : "file";
}

std::vector<DialMove> dialMoves(const Tuning& before, const Tuning& after, int token) {
    std::vector<DialMove> moves;
    const auto compare = [&](const char* name, auto old_value, auto new_value) {
        if (old_value != new_value)
            moves.push_back({token, name, ControlValue(static_cast<double>(new_value))});
    };
    const SequenceTuning& a = before.sequence;
    const SequenceTuning& b = after.sequence;
    compare("temperature", a.temperature, b.temperature);
    compare("top_p", a.top_p, b.top_p);
    compare("experts", a.experts, b.experts);
    if (before.model != after.model)
        moves.push_back({token, "quant", precisionName(after.model)});
    if (a.kv != b.kv)
        moves.push_back({token, "kv", std::string(traits(b.kv).name)});
    compare("top_k", a.top_k, b.top_k);
    compare("min_p", a.min_p, b.min_p);
    compare("repetition_penalty", a.repetition_penalty, b.repetition_penalty);
    compare("repetition_window", a.repetition_window, b.repetition_window);
    compare("max_tokens", a.max_tokens, b.max_tokens);
    return moves;
}

} // namespace switchyard
