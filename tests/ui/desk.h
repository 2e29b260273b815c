// The whole window over a fake generator, for tests.
#pragma once

#include "app/services/fake_generator.h"
#include "tests/ui/widgets.h"
#include "ui/main_window.h"
#include "ui/theme.h"

#include <QAction>
#include <QTest>

#include <memory>

namespace switchyard {

inline FakeScript longAnswer(double tokens_per_second) {
    FakeScript script;
    script.text = QString(QStringLiteral(" word")).repeated(400);
    script.tokens_per_second = tokens_per_second;
    script.recode_seconds = 0.1;
    return script;
}

/// A window over a data folder and a generator, as the program builds it.
template <typename Source>
struct WindowDesk {
    template <typename... Arguments>
    explicit WindowDesk(const QString& folder, Arguments&&... arguments)
        : paths{folder, folder + QStringLiteral("/models"), folder + QStringLiteral("/presets"),
                folder + QStringLiteral("/switchyard.ini")},
          settings(paths.settings), store(folder), generator(std::forward<Arguments>(arguments)...),
          library({}), presets(paths.presets), controller(store, generator), theme(*qApp),
          window(std::make_unique<MainWindow>(
              WindowServices{settings, generator, library, controller, presets, theme, paths})) {
        window->resize(1400, 900);
        window->show();
    }
    template <typename T>
    T* find(const QString& name) const {
        return test::find<T>(*window, name);
    }
    QAction* action(const QString& name) const { return find<QAction>(QStringLiteral("action.") + name); }

    Paths paths;
    Settings settings;
    ConversationStore store;
    Source generator;
    ModelLibrary library;
    Presets presets;
    ChatController controller;
    ThemeManager theme;
    std::unique_ptr<MainWindow> window;
};

/// The window over a scripted generator.
struct Desk : WindowDesk<FakeGenerator> {
    explicit Desk(const QString& folder, const FakeScript& script = {}) : WindowDesk(folder, script) {}
    void load(const Capabilities& capabilities = FakeGenerator::mixtureModel()) {
        FakeScript script = longAnswer(200);
        script.capabilities = capabilities;
        generator.setScript(script);
        window->loadModel(QStringLiteral("/models/Example.gguf"));
        QTRY_COMPARE(generator.modelState(), ModelState::Ready);
    }
};

} // namespace switchyard
