// Shows the chat page with made-up chats, or saves pictures of it: chat_demo [--grab FOLDER]
// [--dark] [--answer FILE].
#include "app/services/chat_controller.h"
#include "app/services/settings.h"
#include "tests/ui/chat_fixtures.h"
#include "ui/chat/chat_page.h"
#include "ui/theme.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QFile>
#include <QScrollBar>
#include <QSplitter>
#include <QStackedLayout>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

void save(QWidget& widget, const QString& folder, const QString& name) {
    QTest::qWait(250);
    widget.grab().save(QDir(folder).filePath(name + u".png"_s));
}

QList<ConversationSummary> sampleChats() {
    QList<ConversationSummary> chats;
    const QStringList titles{u"MLA notes"_s,      u"Trip plan for the Alps in October with the children"_s,
                             u"给奶奶的信"_s,     u"Regular expressions"_s,
                             u"Wedding speech"_s, u"C++ templates"_s};
    const int days[] = {0, 0, 1, 4, 20, 400};
    for (qsizetype i = 0; i < titles.size(); ++i) {
        ConversationSummary chat;
        chat.id = i + 1;
        chat.title = titles[i];
        chat.changed = QDateTime::currentDateTime().addDays(-days[i]);
        chat.generating = i == 1;
        chats.append(chat);
    }
    return chats;
}

void grabAll(QWidget& window, ChatPage& page, ChatController& controller, const QString& folder,
             const QString& theme) {
    const auto name = [&](const QString& what) { return theme + u'-' + what; };
    save(window, folder, name(u"empty"_s));
    auto* stack = static_cast<QStackedLayout*>(page.thread()->parentWidget()->layout());
    stack->setCurrentWidget(page.thread());
    page.list()->setChats(sampleChats());
    page.list()->setCurrent(1);
    page.thread()->setThread(sampleThread(), false);
    page.thread()->verticalScrollBar()->setValue(0);
    save(window, folder, name(u"top"_s));
    page.thread()->scrollToMessage(3);
    save(window, folder, name(u"middle"_s));
    page.thread()->jumpToEnd();
    page.toast()->show(u"“Trip plan” was deleted."_s, u"Undo"_s);
    save(window, folder, name(u"end"_s));
    page.toast()->hide();
    page.thread()->setPartOpen(2, 0, true);
    page.thread()->selectAll();
    page.thread()->verticalScrollBar()->setValue(0);
    page.composer()->setText(u"one\ntwo\nthree"_s);
    page.composer()->setContext(1204, 8192);
    save(window, folder, name(u"selected"_s));
    page.thread()->clearSelection();
    page.thread()->beginEdit(2);
    save(window, folder, name(u"edit"_s));
    page.thread()->endEdit();
    page.thread()->highlightToken(2, 40);
    page.list()->findChild<QLineEdit*>(u"chatSearch"_s)->setText(u"latent"_s);
    QTest::qWait(300);
    page.list()->setHits({{1, 2, u"MLA notes"_s, u"stores one latent vector per token instead of keys"_s},
                          {3, 0, u"Latent things"_s, {}}});
    save(window, folder, name(u"token"_s));
    page.list()->findChild<QLineEdit*>(u"chatSearch"_s)->clear();
    controller.newChat();
    controller.send(u"Tell me about latent attention."_s);
    QTest::qWait(400);
    save(window, folder, name(u"streaming"_s));
    window.resize(760, 600);
    save(window, folder, name(u"small"_s));
}

void showAnswer(ChatPage& page, const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        qFatal("cannot read the answer");
    auto* stack = static_cast<QStackedLayout*>(page.thread()->parentWidget()->layout());
    stack->setCurrentWidget(page.thread());
    page.thread()->setThread({makeAnswer(1, QString::fromUtf8(file.readAll()))}, false);
    page.thread()->verticalScrollBar()->setValue(0);
}

/// From the top of the thread to its end.
void grabPages(QWidget& window, ChatPage& page, const QString& folder, const QString& name) {
    QScrollBar* bar = page.thread()->verticalScrollBar();
    for (int i = 1;; ++i) {
        save(window, folder, name + QString::number(i));
        const int before = bar->value();
        bar->setValue(before + page.thread()->viewport()->height() - 40);
        if (bar->value() == before)
            return;
    }
}

} // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QCommandLineParser parser;
    parser.addOptions({{u"grab"_s, u"Save pictures into this folder and quit."_s, u"folder"_s},
                       {u"dark"_s, u"The dark theme."_s},
                       {u"answer"_s, u"Show the Markdown of this file as an answer."_s, u"file"_s}});
    parser.process(application);
    ThemeManager theme(application);
    const bool dark = parser.isSet(u"dark"_s);
    theme.setChoice(dark ? Theme::Dark : Theme::Light);
    QTemporaryDir folder;
    ConversationStore store(folder.path());
    FakeScript script;
    script.text = sampleThread()[1].text();
    script.tokens_per_second = 60;
    ScriptedServices answers(script);
    CurrentModel model(answers.models);
    model.use(u"demo.gguf"_s);
    ChatController controller(store, model, answers.runs);
    Settings settings(folder.filePath(u"settings.ini"_s));
    SystemPrompts prompts(folder.filePath(u"prompts"_s));
    QSplitter window;
    WindowActions actions(window);
    auto* page_pointer = new ChatPage(controller, model, settings, prompts, actions, &window);
    ChatPage& page = *page_pointer;
    window.addWidget(page.list());
    window.addWidget(&page);
    window.setSizes({240, 940});
    window.setHandleWidth(1);
    window.resize(1180, 860);
    window.show();
    if (parser.isSet(u"answer"_s))
        showAnswer(page, parser.value(u"answer"_s));
    if (!parser.isSet(u"grab"_s))
        return application.exec();
    QTest::qWait(200);
    if (parser.isSet(u"answer"_s)) {
        grabPages(window, page, parser.value(u"grab"_s), dark ? u"dark"_s : u"light"_s);
        return 0;
    }
    grabAll(window, page, controller, parser.value(u"grab"_s), dark ? u"dark"_s : u"light"_s);
    return 0;
}
