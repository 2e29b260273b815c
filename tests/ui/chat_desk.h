// The chat page over a real store and scripted services, for tests that do what a user does.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/settings.h"
#include "tests/support/scripted_services.h"
#include "ui/chat/chat_page.h"

#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace switchyard {

inline FakeScript quickAnswer(const QString& text) {
    FakeScript script;
    script.text = text;
    script.tokens_per_second = 0;
    return script;
}

/// About 400 words at this speed.
inline FakeScript slowAnswer(double tokens_per_second = 100) {
    FakeScript script = quickAnswer(QString(QStringLiteral("word ")).repeated(400));
    script.tokens_per_second = tokens_per_second;
    return script;
}

struct ChatDesk {
    /// `path`: of a data folder that is to outlive the desk; empty: one of its own.
    explicit ChatDesk(FakeScript script = {}, const QString& path = {}, bool load = true)
        : data(path.isEmpty() ? folder.path() : path), store(data), answers(script), model(answers.models),
          controller(store, model, answers.runs), settings(data + QStringLiteral("/settings.ini")),
          prompts(data + QStringLiteral("/prompts")) {
        if (load)
            model.use(QStringLiteral("fake.gguf"));
        window.resize(1100, 760);
        actions = new WindowActions(window);
        page = new ChatPage(controller, model, settings, prompts, *actions, &window);
        page->resize(820, 760);
        page->move(280, 0);
        page->list()->resize(270, 760);
        window.show();
        if (load && !QTest::qWaitFor([&] { return model.state() == ModelState::Ready; }, 5000))
            qFatal("the fake model did not load");
    }
    void type(const QString& text) { QTest::keyClicks(page->composer()->edit(), text); }
    void enter() { QTest::keyClick(page->composer()->edit(), Qt::Key_Return); }
    void ask(const QString& text) {
        type(text);
        enter();
    }
    /// Asks and waits for the answer; the chat it is in.
    ConversationId chat(const QString& text) {
        ask(text);
        if (!waitIdle())
            qFatal("no answer");
        return controller.current();
    }
    bool waitIdle() {
        return QTest::qWaitFor([&] { return !controller.busy() && controller.current() != 0; }, 20000);
    }
    const QList<Message>& thread() const { return controller.conversation().thread(); }
    QString lastText() const { return thread().isEmpty() ? QString() : thread().last().text(); }
    MessageId lastId() const { return thread().last().id; }
    MessageTools* lastTools() const { return page->thread()->tools(lastId()); }
    void click(const QString& name) { lastTools()->findChild<QToolButton*>(name)->click(); }

    QTreeView* tree() const { return page->list()->view(); }
    /// Clicks on a chat in the list, and waits until it is shown.
    bool open(ConversationId id) {
        const auto listed = [&] { return page->list()->model()->indexOf(id).isValid(); };
        if (!QTest::qWaitFor(listed, 5000))
            return false;
        clickRow(page->list()->model()->indexOf(id));
        return QTest::qWaitFor([&] { return controller.current() == id; }, 5000);
    }
    void clickRow(const QModelIndex& index) {
        tree()->scrollTo(index);
        QTest::mouseClick(tree()->viewport(), Qt::LeftButton, {}, tree()->visualRect(index).center());
    }
    template <typename T>
    T* find(const QString& name) const {
        T* found = window.findChild<T*>(name);
        if (!found)
            qFatal("no %s", qPrintable(name));
        return found;
    }

    QTemporaryDir folder;
    QString data;
    ConversationStore store;
    ScriptedServices answers;
    CurrentModel model;
    ChatController controller;
    Settings settings;
    SystemPrompts prompts;
    QWidget window;
    WindowActions* actions = nullptr;
    ChatPage* page = nullptr;
};

} // namespace switchyard
