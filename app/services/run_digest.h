// What an answer's tokens say in brief: enough for the line under it and the count of its context, so that a
// chat is shown before its tokens are read.
#pragma once

#include "engine/run/record.h"

namespace switchyard {

struct RunDigest {
    int tokens = 0;
    std::vector<int> experts;            ///< active, as one count followed the other; none: a dense model
    std::vector<std::string> precisions; ///< of the weights, likewise: "file" or a type's name
    double speed = 0;                    ///< tokens a second over the last ones; 0: not known

    /// Takes in the tokens after those it has; where they are fewer, all of them anew.
    void take(const std::vector<TokenRecord>& all);
    bool operator==(const RunDigest&) const = default;
};

} // namespace switchyard
