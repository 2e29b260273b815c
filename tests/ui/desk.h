// The whole window over scripted services, for tests.
#pragma once

#include "tests/support/no_keyring.h"
#include "tests/support/scripted_services.h"
#include "tests/ui/widgets.h"
#include "ui/theme.h"
#include "ui/window_host.h"

#include <QAction>
#include <QTest>

namespace switchyard {

inline FakeScript longAnswer(double tokens_per_second) {
    FakeScript script;
    script.text = QString(QStringLiteral(" word")).repeated(400);
    script.tokens_per_second = tokens_per_second;
    script.recode_seconds = 0.1;
    return script;
}

/// What downloads of the next window may do: ask servers on this machine.
inline DownloadOptions& testDownloads() {
    static DownloadOptions options = [] {
        DownloadOptions begin;
        begin.rules.local_http = true;
        begin.rules.first_pause = 1;
        return begin;
    }();
    return options;
}

/// A window over a data folder and services that answer, as the program builds it.
template <typename Answers>
struct WindowDesk {
    template <typename... Arguments>
    explicit WindowDesk(const QString& folder, Arguments&&... arguments)
        : paths{folder, folder + QStringLiteral("/models"), folder + QStringLiteral("/presets"),
                folder + QStringLiteral("/switchyard.ini"), folder + QStringLiteral("/prompts")},
          settings(paths.settings), store(folder), answers(std::forward<Arguments>(arguments)...),
          model(answers.models), devices(answers.hardware, model, settings), library({}),
          presets(paths.presets), prompts(paths.prompts), controller(store, model, answers.runs),
          theme(*qApp), downloads(testDownloads()),
          hub(settings, testDownloads().rules, std::make_unique<NoKeyring>()),
          idle(model, controller, settings), transfer(store), host(services()) {
        downloads.setToken(hub.token());
        QObject::connect(&downloads, &Downloads::finished, &library, &ModelLibrary::rescan);
        window->resize(1400, 900);
        window->show();
    }
    WindowServices services() {
        return {settings, model, devices, answers.jobs, library, controller, presets,
                prompts,  theme, paths,   downloads,    hub,     idle,       transfer};
    }
    template <typename T>
    T* find(const QString& name) const {
        return test::find<T>(*window, name);
    }
    QAction* action(const QString& name) const { return find<QAction>(QStringLiteral("action.") + name); }

    Paths paths;
    Settings settings;
    ConversationStore store;
    Answers answers;
    CurrentModel model;
    Devices devices;
    ModelLibrary library;
    Presets presets;
    SystemPrompts prompts;
    ChatController controller;
    ThemeManager theme;
    Downloads downloads;
    Hub hub;
    IdleUnload idle;
    ChatTransfer transfer;
    WindowHost host;
    /// The one that is there now: in another language it is another.
    struct Window {
        WindowHost& host;
        MainWindow* get() const { return &host.window(); }
        MainWindow* operator->() const { return get(); }
        MainWindow& operator*() const { return *get(); }
    } window{host};
};

/// The window over a script.
struct Desk : WindowDesk<ScriptedServices> {
    explicit Desk(const QString& folder, const FakeScript& script = {}) : WindowDesk(folder, script) {}
    void load(const Capabilities& capabilities = mixtureModel()) {
        FakeScript script = longAnswer(200);
        script.capabilities = capabilities;
        answers.setScript(script);
        window->loadModel(QStringLiteral("/models/Example.gguf"));
        QTRY_COMPARE(model.state(), ModelState::Ready);
    }
};

} // namespace switchyard
