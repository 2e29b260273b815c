// The services by the engine, with tiny models on disk and a listener that asks them.
#pragma once

#include "app/services/current_model.h"
#include "tests/support/local_services.h"
#include "tests/support/run_listener.h"
#include "tiny_model.h"

#include <QTemporaryDir>
#include <QTest>

namespace switchyard {

/// The services, with a model that is asked.
struct TinyMachine : LocalServices {
    explicit TinyMachine(const LocalHostOptions& options = LocalServices::withThreads(1))
        : LocalServices(options) {}
    /// Of the current model where the request names none.
    RunId submit(GenerationRequest request) {
        if (request.model.isEmpty())
            request.model = model.key();
        return runs.submit(std::move(request), &listener, listener.sink());
    }
    CurrentModel model{models};
    RunListener listener;
};

/// Models in a folder of their own.
class TinyModelFiles {
    QTemporaryDir folder_;
    QString write(const QString& name, const TinyModel& model) const {
        writeTinyModel(path(name).toStdString(), model);
        return path(name);
    }

  public:
    QString path(const QString& name) const { return folder_.filePath(name); }
    const QString mixture = write(QStringLiteral("mixture.gguf"), {}),
                  dense = write(QStringLiteral("dense.gguf"), {0, 0, 512, 2, false}),
                  thinking = write(QStringLiteral("thinking.gguf"), {8, 3, 512, 3, true});
};

inline GenerationRequest request(const QString& text, int max_tokens = 40, std::uint64_t seed = 7) {
    GenerationRequest request;
    request.conversation = 1;
    request.turns = {{Author::User, text}};
    request.tuning.sequence.max_tokens = max_tokens;
    request.tuning.sequence.seed = seed;
    return request;
}

inline bool load(TinyMachine& machine, const QString& path) {
    machine.model.use(path);
    return QTest::qWaitFor(
        [&] {
            return machine.model.state() == ModelState::Ready &&
                   machine.model.capabilities().model_path == path;
        },
        20000);
}

struct RunResult {
    std::vector<RunEvent> events;
    std::string text;
    std::vector<TokenRecord> tokens;
    std::vector<DialMove> moves;
    RunEvent end;
};

/// Waits until the run ends; `at` is called meanwhile with the number of tokens so far.
inline RunResult collect(TinyMachine& machine, RunId run, const std::function<void(std::size_t)>& at = {}) {
    RunResult result;
    result.events = machine.listener.wait(run, at);
    result.tokens = machine.listener.tokens(run);
    result.text = machine.listener.text(run).toStdString();
    for (const RunEvent& event : result.events) {
        if (event.kind == RunEvent::Kind::Move)
            result.moves.push_back(event.move);
    }
    result.end = result.events.back();
    return result;
}

} // namespace switchyard
