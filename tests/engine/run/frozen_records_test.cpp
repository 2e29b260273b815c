// Answers that earlier versions of this program recorded, run again: every token is the same.
#include "engine/run/scheduler.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace switchyard {
namespace {

std::vector<std::int32_t> ids(const RunRecord& record) {
    std::vector<std::int32_t> all;
    for (const TokenRecord& token : record.tokens)
        all.push_back(token.id);
    return all;
}

/// All of a file: an array of {"family", "prompt", "record"}.
void expect_replayed(const std::string& name, DrawVersion draw) {
    const auto answers =
        nlohmann::ordered_json::parse(std::ifstream(SWITCHYARD_TEST_DATA "/records/" + name));
    ASSERT_FALSE(answers.empty());
    for (const auto& answer : answers) {
        LoadOptions options;
        options.backend = make_cpu_backend({2, false});
        const auto family = answer.at("family").get<std::string>();
        const auto model = LoadedModel::load(
            SWITCHYARD_TEST_WORK "/reference/models/" + family + "/model-f32.gguf", options);
        Scheduler scheduler(engine_parts(model));
        const RunRecord record = run_record_from_json(answer.at("record"));
        EXPECT_EQ(record.computed_by.draw, draw);
        RunRequest request;
        request.prompt = answer.at("prompt").get<std::vector<std::int32_t>>();
        request.replay = std::make_shared<RunRecord>(record);
        const RunRecord again = run_to_end(scheduler, request);
        EXPECT_EQ(again.error, "");
        EXPECT_EQ(ids(again), ids(record)) << family;
        EXPECT_EQ(again.computed_by.draw, draw) << "a replay of a replay";
    }
}

TEST(FrozenRecords, OfTheFirstWayToDrawComeAgain) { expect_replayed("draw-1.json", DrawVersion::Cumulative); }

} // namespace
} // namespace switchyard
