// The whole window over the real engine, for tests of what a user does with a model and then sees.
#pragma once

#include "scripted_model.h"
#include "tests/support/local_services.h"
#include "tests/ui/desk.h"
#include "ui/chat/chat_page.h"
#include "ui/language.h"
#include "ui/tuning/dial_slider.h"

#include <QAccessible>
#include <QClipboard>
#include <QDoubleSpinBox>
#include <QFile>
#include <QMimeData>
#include <QTemporaryDir>

namespace switchyard {

struct RealDesk : WindowDesk<LocalServices> {
    explicit RealDesk(const QString& folder, const QString& model = {},
                      const LocalHostOptions& options = LocalServices::withThreads(1))
        : WindowDesk(folder, options) {
        page = window->template findChild<ChatPage*>();
        if (!model.isEmpty() && !load(model))
            qFatal("%s was not loaded", qPrintable(model));
    }
    bool load(const QString& path) {
        window->loadModel(path);
        return QTest::qWaitFor(
            [&] {
                return this->model.state() == ModelState::Ready &&
                       this->model.capabilities().model_path == path;
            },
            20000);
    }
    bool waitIdle() {
        return QTest::qWaitFor([&] { return !controller.busy() && controller.current() != 0; }, 20000);
    }
    /// Puts the text where it would be typed, and sends it by Enter.
    void send(const QString& text) {
        page->composer()->edit()->insertPlainText(text);
        QTest::keyClick(page->composer()->edit(), Qt::Key_Return);
    }
    /// Sends and waits for the answer.
    const Message& ask(const QString& text) {
        send(text);
        if (!waitIdle())
            qFatal("no answer");
        return answer();
    }
    const QList<Message>& thread() const { return controller.conversation().thread(); }
    const Message& answer() const { return thread().last(); }
    /// Waits for the tools under the last message.
    MessageTools* tools() const {
        MessageTools* found = nullptr;
        if (!QTest::qWaitFor([&] { return (found = page->thread()->tools(answer().id)) != nullptr; }, 5000))
            qFatal("no tools");
        return found;
    }
    QToolButton* button(const QString& name) const { return tools()->findChild<QToolButton*>(name); }
    /// Clicks a button under the last message and waits until nothing runs any more.
    bool click(const QString& name) {
        QTest::mouseClick(button(name), Qt::LeftButton);
        return waitIdle();
    }
    /// What stands under the last message, as a screen reader hears it.
    QString saidUnder() const {
        QAccessibleInterface* view = QAccessible::queryAccessibleInterface(page->thread());
        for (int i = view->childCount() - 1; i >= 0; --i) {
            QAccessibleInterface* child = view->child(i);
            if (child && child->text(QAccessible::Name).startsWith(ThreadView::tr("Answer")))
                return child->text(QAccessible::Description);
        }
        return {};
    }
    void setDial(const QString& name, double value) const {
        find<QDoubleSpinBox>(QStringLiteral("tune.%1.box").arg(name))->setValue(value);
    }

    ChatPage* page = nullptr;
};

/// The window's language while it lives; English before and after.
class WindowLanguage {
  public:
    explicit WindowLanguage(const QString& language) { change(language); }
    ~WindowLanguage() { change(QStringLiteral("en")); }
    WindowLanguage(const WindowLanguage&) = delete;
    WindowLanguage& operator=(const WindowLanguage&) = delete;

  private:
    static void change(const QString& language) {
        installLanguage(*qApp, language);
    }
};

/// The model in a file of its own in `folder`.
inline QString written(const QTemporaryDir& folder, const QString& name, const ScriptedModel& model) {
    const QString path = folder.filePath(name + QStringLiteral(".gguf"));
    model.write(path.toStdString());
    return path;
}

} // namespace switchyard
