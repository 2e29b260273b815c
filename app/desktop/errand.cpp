#include "app/desktop/errand.h"

#include "app/desktop/process_time.h"
#include "app/services/engine_sentence.h"
#include "engine/base/memory.h"

#include <QApplication>
#include <QFileInfo>
#include <QTimer>

#include <cstdio>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr int kSettle = 400; ///< ms for the last repaints before the picture is taken

void say(const QString& line) { std::fprintf(stderr, "switchyard: %s\n", qPrintable(line)); }
} // namespace

Errand::Errand(const DesktopOptions& options, const WindowServices& services, WindowHost& host)
    : options_(options), services_(services), host_(host),
      last_chat_(services.controller, services.settings) {
    connect(&services_.model, &CurrentModel::stateChanged, this, &Errand::modelChanged);
    connect(&services_.model, &CurrentModel::refused, this,
            [this](const QString& path) { sendWaiting(path); });
    connect(&services_.controller, &ChatController::runChanged, this, &Errand::runChanged);
    connect(&host_, &WindowHost::aboutToSave, this, &Errand::keepWords);
    // The window may be gone before anyone could read it there.
    connect(&services_.controller, &ChatController::problem, this,
            [](const QString& sentence, bool saving, bool stays) {
                if (stays || !saving)
                    say(sentence);
            });
}

void Errand::begin() {
    if (options_.timing)
        say(u"first paint %1 ms after the start of the process"_s.arg(processMilliseconds(), 0, 'f', 0));
    last_chat_.begin(options_.prompt.isEmpty()); // a prompt of the command line begins a new one
    pickModel();
    if (!picked_)
        connect(&services_.library, &ModelLibrary::changed, this, &Errand::pickModel);
}

/// The one asked for, or used last, or one to begin with.
void Errand::pickModel() {
    if (picked_)
        return;
    QString path = options_.model;
    if (const QString last = services_.settings.get<Setting::LastModel>();
        path.isEmpty() && QFileInfo::exists(last))
        path = last;
    if (path.isEmpty())
        path = ModelLibrary::toBeginWith(services_.library.models(), system_memory().available);
    if (path.isEmpty()) {
        if (!services_.library.scanning() && (options_.quit || !options_.grab.isEmpty()))
            finish();
        return;
    }
    picked_ = true;
    host_.window().loadModel(path);
}

void Errand::take(const StartRequest& request) {
    // Qt takes the token from here when the window is activated.
    if (!request.activation.isEmpty())
        qputenv("XDG_ACTIVATION_TOKEN", request.activation.toLatin1());
    host_.window().raiseWindow();
    if (!request.prompt.isEmpty())
        waiting_.push_back({request.prompt, request.model});
    const ModelState state = services_.model.state();
    if (!request.model.isEmpty() &&
        (state != ModelState::Ready || services_.model.capabilities().model_path != request.model)) {
        picked_ = true;
        host_.window().loadModel(request.model);
    } else if (state != ModelState::Loading) {
        sendWaiting();
    }
}

/// Each in a chat of its own. Another model than the one that was asked for is not asked: then the words
/// stand in a new chat.
void Errand::sendWaiting(const QString& refused) {
    const bool ready = services_.model.state() == ModelState::Ready;
    QStringList proposed; // last: what is sent would go out with it
    for (const Waiting& waiting : std::exchange(waiting_, {})) {
        const bool other =
            !waiting.model.isEmpty() &&
            (!refused.isEmpty() || (ready && waiting.model != services_.model.capabilities().model_path));
        if (other || !ready)
            proposed.append(waiting.prompt);
        else
            host_.window().ask(waiting.prompt);
    }
    for (const QString& prompt : proposed)
        host_.window().propose(prompt);
}

/// What still waits for its model stands in a new chat, as what was typed there would.
void Errand::keepWords() {
    if (!options_.prompt.isEmpty() && !std::exchange(asked_, true))
        host_.window().propose(options_.prompt);
    for (const Waiting& waiting : std::exchange(waiting_, {}))
        host_.window().propose(waiting.prompt);
}

void Errand::modelChanged(ModelState state, const QString& error) {
    if (state == ModelState::Failed) {
        sendWaiting();
        say(engineSentence(error, services_.model.key()));
        if (!done_) // later ones are the user's to see to
            exit_code_ = 1;
        finish();
    } else if (state == ModelState::Ready) {
        if (options_.timing)
            say(u"model loaded %1 ms after the start of the process"_s.arg(processMilliseconds(), 0, 'f', 0));
        // The own one first: what a second start asked for is shown in its place.
        if (!options_.prompt.isEmpty() && !std::exchange(asked_, true)) {
            services_.controller.send(options_.prompt);
            own_chat_ = services_.controller.current();
        }
        sendWaiting();
        if (options_.prompt.isEmpty())
            finish();
    }
}

void Errand::runChanged(ConversationId id) {
    if (!asked_ || (own_chat_ != 0 && id != own_chat_))
        return;
    const bool running = services_.controller.run(id) != nullptr;
    if (answering_ && !running)
        finish();
    answering_ = running;
}

void Errand::finish() {
    if (std::exchange(done_, true))
        return;
    QTimer::singleShot(kSettle, this, [this] {
        if (!options_.grab.isEmpty() && !host_.window().grab().save(options_.grab)) {
            say(u"%1 cannot be written"_s.arg(options_.grab));
            exit_code_ = 1;
        }
        if (options_.quit)
            host_.window().close();
    });
}

} // namespace switchyard
