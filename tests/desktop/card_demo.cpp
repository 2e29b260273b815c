// The desktop program with the engine of this machine and a card by a script, to look at the window where
// there is none.
#include "app/desktop/program.h"
#include "app/services/local_jobs.h"
#include "app/services/local_run_service.h"
#include "tests/support/scripted_hardware.h"

#include <chrono>
#include <thread>

using namespace switchyard;

int main(int argc, char** argv) {
    constexpr quint64 kGiB = 1ull << 30;
    auto card = std::make_shared<ScriptedCard>(QStringLiteral("NVIDIA H200"), 139 * kGiB);
    auto old = std::make_shared<ScriptedCard>(QStringLiteral("Quadro P4000"), 8 * kGiB);
    old->setUnusable(
        QStringLiteral("Quadro P4000 has compute capability 6.1, and this build needs 7.5 or more"));
    CardReading reading;
    reading.celsius = 45;
    reading.watts = 312;
    reading.watts_limit = 700;
    reading.clock_mhz = 1980;
    reading.memory_clock_mhz = 3201;
    card->setReading(reading);
    card->leaveFree(131 * kGiB);
    if (qEnvironmentVariableIsSet("CARD_LOST_AFTER"))
        card->loseAfter(qEnvironmentVariableIntValue("CARD_LOST_AFTER"));
    std::jthread others; // that take the card's memory, in so many seconds
    if (qEnvironmentVariableIsSet("CARD_FULL_AFTER"))
        others = std::jthread([card, after = qEnvironmentVariableIntValue("CARD_FULL_AFTER")] {
            std::this_thread::sleep_for(std::chrono::seconds(after));
            card->leaveFree(10);
        });
    if (qEnvironmentVariableIsSet("CARD_EXPERTS")) {
        reading.experts = ExpertCacheUse{.experts = 1664,
                                         .slots = 610,
                                         .cache_bytes = 5 * kGiB,
                                         .pinned_bytes = 14 * kGiB,
                                         .traffic = {.hits = 87000, .misses = 13000, .bytes = 109 * kGiB}};
        card->setReading(reading);
    }
    return runProgram(argc, argv, [&](const Paths&) {
        LocalHostOptions options;
        std::vector<std::shared_ptr<ScriptedCard>> cards;
        if (!qEnvironmentVariableIsSet("CARD_NONE"))
            cards = {card, old};
        options.hardware = std::make_shared<ScriptedHardware>(cards);
        auto models = std::make_unique<LocalModelHost>(options);
        auto runs = std::make_unique<LocalRunService>(*models);
        return AnswerServices{std::move(models), std::move(runs), localJobs(), options.hardware};
    });
}
