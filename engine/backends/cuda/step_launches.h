// How steps of answers come to the device, with the same bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard::cuda {

enum class StepLaunches : std::uint8_t {
    Stages,   ///< launch by launch
    Graphs,   ///< recorded once a number of rows
    Programs, ///< recorded; what one row passes in one launch (row_program.h)
    Measured  ///< recorded; one row by graph or program, as is quicker here
};

constexpr bool tries_programs(StepLaunches launches) {
    return launches == StepLaunches::Programs || launches == StepLaunches::Measured;
}

inline std::optional<StepLaunches> step_launches_of(std::string_view word) {
    if (word == "stages")
        return StepLaunches::Stages;
    if (word == "graphs")
        return StepLaunches::Graphs;
    if (word == "programs")
        return StepLaunches::Programs;
    if (word == "measured")
        return StepLaunches::Measured;
    return std::nullopt;
}

} // namespace switchyard::cuda
