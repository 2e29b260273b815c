// Export and import as a user does them: by the menus, by the list's menu and by dropping a file on the list.
#include "tests/app/foreign_samples.h"
#include "tests/app/tiny_model.h"
#include "tests/ui/real_desk.h"
#include "ui/chat/chat_list.h"
#include "ui/chat/toast.h"

#include <QDropEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QTemporaryDir>
#include <QToolButton>
#include <QUrl>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

struct FilesDesk : Desk {
    explicit FilesDesk(const QString& folder, int chats = 0) : Desk(folder) {
        load();
        FakeScript script;
        script.text = u"Good **day**."_s;
        script.tokens_per_second = 0;
        answers.setScript(script);
        for (int i = 0; i < chats; ++i) {
            controller.newChat();
            controller.send(u"Question %1/?"_s.arg(i));
            if (!QTest::qWaitFor([this] { return !controller.busy() && controller.current() != 0; }, 5000))
                qFatal("no answer");
        }
        list = find<ChatList>(u"chatList"_s);
    }
    /// Chooses a file in the dialog that the action opens, with the filter that begins so.
    QFileDialog* opened(const QString& action_name, const QString& dialog) const {
        action(action_name)->trigger();
        return find<QFileDialog>(dialog);
    }
    void save(const QString& action_name, const QString& file, const QString& filter = {}) const {
        QFileDialog* dialog = opened(action_name, u"dialog.exportChats"_s);
        for (const QString& one : dialog->nameFilters()) {
            if (!filter.isEmpty() && one.startsWith(filter))
                dialog->selectNameFilter(one);
        }
        Q_EMIT dialog->fileSelected(file);
        dialog->close();
    }
    void choose(const QStringList& files) const {
        QFileDialog* dialog = opened(u"import_chats"_s, u"dialog.importChats"_s);
        Q_EMIT dialog->filesSelected(files);
        dialog->close();
    }
    QString said() const {
        return find<QLabel>(u"toastText"_s)->isVisible() ? find<Toast>(u"toast"_s)->sentence() : QString();
    }
    ChatPage* page() const { return window->findChild<ChatPage*>(); }
    int chats() const { return static_cast<int>(controller.list().chats().size()); }
    ChatList* list = nullptr;
};

QByteArray contentOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString written(const QTemporaryDir& folder, const QString& name, const QByteArray& bytes) {
    QFile file(folder.filePath(name));
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        qFatal("not written");
    return file.fileName();
}

} // namespace

class ChatExportsTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void initTestCase() { installLanguage(*qApp, u"en"_s); }

    void theChatThatIsShownIsWritten() {
        QTemporaryDir folder, files;
        FilesDesk desk(folder.path(), 2);
        QFileDialog* dialog = desk.opened(u"export_chat"_s, u"dialog.exportChats"_s);
        const auto name = [dialog] { return QFileInfo(dialog->selectedFiles().value(0)).fileName(); };
        QCOMPARE(name(), u"Question 1.md"_s);
        dialog->selectNameFilter(dialog->nameFilters()[2]);
        Q_EMIT dialog->filterSelected(dialog->nameFilters()[2]);
        QCOMPARE(name(), u"Question 1.html"_s);
        dialog->close();
        QTRY_VERIFY(!desk.window->findChild<QFileDialog*>());
        desk.save(u"export_chat"_s, files.filePath(u"one.md"_s));
        QTRY_COMPARE(desk.said(), u"1 chat was written to one.md."_s);
        const QString text = QString::fromUtf8(contentOf(files.filePath(u"one.md"_s)));
        QVERIFY2(text.contains(u"Question 1/?"_s) && text.contains(u"Good **day**."_s), qPrintable(text));
        QVERIFY(!text.contains(u"Question 0"_s));
        // By its suffix, whatever the filter says.
        QTRY_VERIFY(!desk.window->findChild<QFileDialog*>());
        desk.save(u"export_chat"_s, files.filePath(u"one.html"_s));
        QTRY_COMPARE(desk.said(), u"1 chat was written to one.html."_s);
        QVERIFY(contentOf(files.filePath(u"one.html"_s)).contains("Good <strong>day</strong>."));
    }

    void theListsChatIsWrittenByItsMenu() {
        QTemporaryDir folder, files;
        FilesDesk desk(folder.path(), 2);
        const ConversationId first = desk.controller.list().chats().last().id;
        desk.list->view()->setCurrentIndex(desk.list->model()->indexOf(first));
        Q_EMIT desk.list->view()->customContextMenuRequested(
            desk.list->view()->visualRect(desk.list->view()->currentIndex()).center());
        auto* menu = desk.find<QMenu>(u"chatMenu"_s);
        QVERIFY(menu->actions().contains(desk.action(u"export_chat"_s)));
        QVERIFY(menu->actions().contains(desk.action(u"import_chats"_s)));
        menu->close();
        desk.save(u"export_chat"_s, files.filePath(u"first.md"_s));
        QTRY_VERIFY(contentOf(files.filePath(u"first.md"_s)).contains("Question 0"));
    }

    void allOfThemGoThereAndComeBack() {
        QTemporaryDir folder, other, files;
        const QString file = files.filePath(u"all.json"_s);
        {
            FilesDesk desk(folder.path(), 3);
            desk.controller.list().moveToFolder(desk.controller.current(),
                                                desk.controller.list().createFolder(u"Work"_s));
            desk.page()->composer()->edit()->insertPlainText(u"not sent"_s);
            desk.save(u"export_chats"_s, file);
            QTRY_COMPARE(desk.said(), u"3 chats were written to all.json."_s);
            // Into the same window: they are all here.
            QTRY_VERIFY(!desk.window->findChild<QFileDialog*>());
            desk.choose({file});
            QTRY_COMPARE(desk.said(), u"3 chats were here already."_s);
            QCOMPARE(desk.chats(), 3);
        }
        FilesDesk desk(other.path());
        QVERIFY(!desk.action(u"export_chat"_s)->isEnabled());
        QVERIFY(!desk.action(u"export_chats"_s)->isEnabled());
        desk.choose({file});
        QTRY_COMPARE(desk.said(), u"3 chats were imported."_s);
        QTRY_COMPARE(desk.chats(), 3);
        QTRY_COMPARE(desk.controller.list().folders().size(), 1);
        QCOMPARE(desk.controller.list().folders()[0].name, u"Work"_s);
        QVERIFY(desk.action(u"export_chats"_s)->isEnabled());
        const ConversationId with_draft = desk.controller.list().chats().first().id;
        desk.controller.openChat(with_draft);
        QTRY_COMPARE(desk.controller.current(), with_draft);
        QCOMPARE(desk.controller.conversation().thread().last().text(), u"Good **day**."_s);
        QTRY_COMPARE(desk.page()->composer()->text(), u"not sent"_s);
    }

    void oneThatIsImportedIsShown() {
        QTemporaryDir folder, files;
        FilesDesk desk(folder.path(), 1);
        desk.choose({written(files, u"conversations.json"_s, chatGptSample())});
        QTRY_COMPARE(desk.said(), u"1 chat was imported."_s);
        QTRY_COMPARE(desk.controller.conversation().summary.title, u"Moon \U0001F315"_s);
        // Its thinking has no time of its own, or the one that the other program says.
        QToolButton* fold = nullptr;
        const MessageId answer = desk.controller.conversation().thread()[1].id;
        QTRY_VERIFY((fold = desk.window->findChild<QToolButton*>(u"foldButton-%1-0"_s.arg(answer))) !=
                    nullptr);
        QCOMPARE(fold->text(), u"Thought for 3 s"_s);
        QCOMPARE(desk.list->model()->indexOf(desk.controller.current()).parent().data().toString(),
                 u"Imported from ChatGPT"_s);
    }

    void aFileDroppedOnTheListIsImported() {
        QTemporaryDir folder, files;
        FilesDesk desk(folder.path(), 1);
        const auto drop = [&](QWidget* target, const QString& file) {
            QMimeData data;
            data.setUrls({QUrl::fromLocalFile(file)});
            QDragEnterEvent enter({5, 5}, Qt::CopyAction, &data, Qt::LeftButton, {});
            QCoreApplication::sendEvent(target, &enter);
            if (!enter.isAccepted())
                return false;
            QDropEvent event({5, 5}, Qt::CopyAction, &data, Qt::LeftButton, {});
            QCoreApplication::sendEvent(target, &event);
            return event.isAccepted();
        };
        QVERIFY(!drop(desk.list, written(files, u"picture.png"_s, "x")));
        QVERIFY(drop(desk.list->view()->viewport(), written(files, u"a.json"_s, lmStudioSample())));
        QTRY_COMPARE(desk.chats(), 2);
        QVERIFY(drop(desk.list, written(files, u"b.json"_s, openWebUiSample())));
        QTRY_COMPARE(desk.chats(), 3);
    }

    void whatGoesWrongStandsUntilItIsRead() {
        QTemporaryDir folder, files;
        FilesDesk desk(folder.path(), 1);
        desk.choose({written(files, u"diary.json"_s, "Dear diary")});
        auto* notice = desk.find<QLabel>(u"banner.text"_s);
        QTRY_VERIFY(notice->isVisible());
        QVERIFY2(notice->text().contains(u"diary.json"_s), qPrintable(notice->text()));
        desk.save(u"export_chats"_s, files.filePath(u"no/such/folder/all.json"_s));
        QTRY_VERIFY2(notice->text().contains(u"another place"_s), qPrintable(notice->text()));
        QCOMPARE(desk.chats(), 1);
    }

    /// A long import that ends with a sentence leaves no progress behind that could be cancelled.
    void whatIsImportedIsUnderWayNoMore() {
        QTemporaryDir folder, files;
        FilesDesk desk(folder.path(), 1);
        const QByteArray many = '[' + (lmStudioSample() + ',').repeated(2000); // not whole
        desk.choose({written(files, u"many.json"_s, many)});
        const Toast* toast = desk.page()->toast();
        auto* notice = desk.find<QLabel>(u"banner.text"_s);
        QTRY_VERIFY_WITH_TIMEOUT(toast->isVisible() || notice->isVisible(), 20000);
        QVERIFY(notice->isVisible() || toast->sentence().contains(u"Importing"_s)); // a quick machine
        QTRY_VERIFY_WITH_TIMEOUT(notice->isVisible(), 120000);
        QVERIFY(notice->text().contains(u"many.json"_s));
        QVERIFY(!toast->isVisible());
    }

    void aTemporaryChatIsNotWritten() {
        QTemporaryDir folder;
        FilesDesk desk(folder.path());
        desk.controller.newTemporaryChat();
        QVERIFY(desk.controller.send(u"secret"_s));
        QTRY_VERIFY(!desk.controller.busy());
        QVERIFY(!desk.action(u"export_chat"_s)->isEnabled());
        QVERIFY(!desk.action(u"export_chats"_s)->isEnabled());
    }

    /// Another program's chat has no dials of ours, and no run has counted it.
    void anImportedChatBeginsWithTheModelsDialsAndIsCounted_data() {
        QTest::addColumn<bool>("model_first");
        QTest::newRow("the model is there") << true;
        QTest::newRow("the model comes later") << false;
    }
    void anImportedChatBeginsWithTheModelsDialsAndIsCounted() {
        QFETCH(bool, model_first);
        QTemporaryDir folder, files;
        Desk desk(folder.path());
        Capabilities capabilities = mixtureModel();
        capabilities.defaults.sequence.temperature = 0.35;
        if (model_first)
            desk.load(capabilities);
        desk.transfer.importFiles({written(files, u"conversations.json"_s, chatGptSample())});
        QTRY_COMPARE(desk.controller.conversation().summary.title, u"Moon \U0001F315"_s);
        if (!model_first)
            desk.load(capabilities);
        QTRY_COMPARE(desk.controller.tuning().sequence.temperature, 0.35);
        auto* counter = desk.find<QLabel>(u"tokenCounter"_s);
        QTRY_VERIFY2(counter->isVisible() && counter->text().section(u' ', 0, 0).toInt() > 5,
                     qPrintable(counter->text()));
        QVERIFY2(!desk.find<QLabel>(u"status.context"_s)->text().contains(u" 0 /"_s),
                 qPrintable(desk.find<QLabel>(u"status.context"_s)->text()));
        // From then on they are its own.
        Tuning tuning = desk.controller.tuning();
        tuning.sequence.temperature = 0.9;
        desk.controller.setTuning(tuning);
        const ConversationId chat = desk.controller.current();
        desk.controller.newChat();
        desk.controller.openChat(chat);
        QTRY_COMPARE(desk.controller.current(), chat);
        QCOMPARE(desk.controller.tuning().sequence.temperature, 0.9);
    }

    /// Over the real engine: what was exported and imported is run again, token by token; an answer that
    /// another program made cannot be.
    void anImportedAnswerIsRunAgainExactly() {
        QTemporaryDir folder, other, files;
        const QString model = files.filePath(u"mixture.gguf"_s), file = files.filePath(u"chat.json"_s);
        writeTinyModel(model.toStdString(), TinyModel{});
        QList<int> first;
        const auto ids = [](const Message& message) {
            QList<int> all;
            for (const TokenRecord& token : message.run.tokens)
                all.append(token.id);
            return all;
        };
        {
            RealDesk desk(folder.path(), model);
            desk.setDial(u"max_tokens"_s, 24);
            desk.setDial(u"temperature"_s, 1.3);
            first = ids(desk.ask(u"Tell me something"_s));
            QVERIFY(first.size() > 4);
            desk.transfer.exportChats({file, {desk.controller.current()}, {}, 1});
            QTRY_VERIFY(QFile::exists(file));
        }
        RealDesk desk(other.path(), model);
        desk.transfer.importFiles({file});
        QTRY_VERIFY(desk.controller.current() != 0 && !desk.thread().isEmpty());
        const MessageId old = desk.answer().id;
        desk.tools()->findChild<QAction*>(u"runAgainAction"_s)->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(desk.answer().id != old && !desk.controller.busy(), 20000);
        QCOMPARE(ids(desk.answer()), first);

        desk.transfer.importFiles({written(files, u"conversations.json"_s, chatGptSample())});
        QTRY_COMPARE(desk.controller.conversation().summary.title, u"Moon \U0001F315"_s);
        const Message* answer = nullptr;
        for (const Message& message : desk.thread())
            answer = message.author == Author::Assistant ? &message : answer;
        QVERIFY(answer && !answer->has_run);
        QVERIFY(!desk.controller.chat().runAgain(answer->id));
    }
};

QTEST_MAIN(ChatExportsTest)
#include "tst_chat_exports.moc"
