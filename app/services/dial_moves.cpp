#include "app/services/dial_moves.h"

namespace switchyard {

std::string precisionName(const ModelTuning& tuning) {
    return tuning.weights ? std::string(traits(*tuning.weights).name) : "file";
}

std::vector<DialMove> dialMoves(const Tuning& before, const Tuning& after, int token) {
    std::vector<DialMove> moves;
    for (const ControlSpec& spec : controls()) {
        const ControlValue value = control_value(after, spec);
        if (value != control_value(before, spec))
            moves.push_back({token, std::string(spec.name), value});
    }
    return moves;
}

} // namespace switchyard
