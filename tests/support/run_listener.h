// Who asks, in tests: keeps what it was told of each run.
#pragma once

#include "app/services/run_service.h"

#include <QTest>

#include <map>

namespace switchyard {

class RunListener : public QObject {
  public:
    RunSink sink() {
        return [this](RunId run, const std::vector<RunEvent>& events) {
            std::vector<RunEvent>& all = heard_[run];
            all.insert(all.end(), events.begin(), events.end());
        };
    }
    const std::vector<RunEvent>& heard(RunId run) { return heard_[run]; }
    bool ended(RunId run) {
        const std::vector<RunEvent>& events = heard_[run];
        return !events.empty() && events.back().kind == RunEvent::Kind::Finished;
    }
    /// Waits until the run ends; `meanwhile` is called with the number of tokens so far.
    const std::vector<RunEvent>& wait(RunId run, const std::function<void(std::size_t)>& meanwhile = {}) {
        const bool in_time = QTest::qWaitFor(
            [&] {
                if (meanwhile)
                    meanwhile(tokens(run).size());
                return ended(run);
            },
            20000);
        if (!in_time)
            qFatal("the run did not end");
        return heard_[run];
    }
    std::vector<TokenRecord> tokens(RunId run) {
        std::vector<TokenRecord> tokens;
        for (const RunEvent& event : heard_[run]) {
            if (event.kind == RunEvent::Kind::Token)
                tokens.push_back(event.token);
        }
        return tokens;
    }
    QString text(RunId run) {
        std::string text;
        for (const TokenRecord& token : tokens(run))
            text += token.text;
        return QString::fromStdString(text);
    }

  private:
    std::map<RunId, std::vector<RunEvent>> heard_;
};

} // namespace switchyard
