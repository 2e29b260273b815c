// Measured times against what a card reaches at most, as rows of tables.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace switchyard {

/// What a card reached in the same run; 0: that was not measured.
struct CardLimits {
    double bytes_per_second = 0; ///< the better of reading and copying
    double half_flops_per_second = 0;
    double instructions_per_second = 0; ///< of lanes

    /// As `gpu_check limits` printed them; null: not measured.
    static CardLimits of(const nlohmann::ordered_json* limits);
};

/// The least time that a step could take on the card, in microseconds.
struct StepLimit {
    double us = 0;         ///< 0: not known
    bool by_issue = false; ///< its instructions take longer than its bytes
    /// Some of its weights' instructions were not counted: the limit is that of its bytes alone.
    bool no_issue = false;
};
/// Of a measured step: its "bytes", and "tiles" of weights by type.
StepLimit step_limit(const nlohmann::ordered_json& step, const CardLimits& limits);

/// Microseconds that a stage of a layer took beyond its bytes; of all stages, they and the rest (`head`, a
/// step's) add up to what the step took beyond its bytes.
struct LostTime {
    double whole = 0;                                   ///< of a step, over its layers
    double attention = 0, router = 0, feed_forward = 0; ///< a layer's
    double head = 0;                                    ///< a step's: what belongs to no layer
    bool by_stage = false;                              ///< the parts are known
};
LostTime lost_time(const nlohmann::ordered_json& step, const CardLimits& limits);

/// Tables of all results that are there, each with its heading; "" where there are none.
std::string answers_table(const std::vector<nlohmann::ordered_json>& results, const CardLimits& limits);
/// Steps of one row by either way of launching them.
std::string launches_table(const std::vector<nlohmann::ordered_json>& results);
std::string batches_table(const std::vector<nlohmann::ordered_json>& results);
std::string prompts_table(const std::vector<nlohmann::ordered_json>& results, const CardLimits& limits);
std::string dials_tables(const std::vector<nlohmann::ordered_json>& results);
std::string loads_table(const std::vector<nlohmann::ordered_json>& results);

/// Digits behind the point; what is no number is "-".
std::string fixed(double value, int digits);

} // namespace switchyard
