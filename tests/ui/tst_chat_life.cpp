// The life of a chat in the window: copied, deleted and restored, temporary, with the model it was answered
// by, and with a notice when its answer ends out of sight.
#include "tests/app/tiny_model.h"
#include "tests/support/written_words.h"
#include "tests/ui/real_desk.h"
#include "ui/chat/chat_list.h"
#include "ui/chat/model_offer.h"
#include "ui/chat/toast.h"

#include <QAbstractItemModelTester>
#include <QLabel>
#include <QMenu>
#include <QMessageBox>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QToolButton>

#include <random>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

FakeScript quick(const QString& text = u"Good day."_s) {
    FakeScript script;
    script.text = text;
    script.tokens_per_second = 0;
    return script;
}

/// An answer that takes a third of a second.
FakeScript aWhile() {
    FakeScript script = quick(QString(u"word "_s).repeated(20));
    script.tokens_per_second = 60;
    return script;
}

/// A window whose model answers at once.
struct LifeDesk : Desk {
    explicit LifeDesk(const QString& folder) : Desk(folder) {
        window->activateWindow();
        if (!QTest::qWaitForWindowActive(window.get()))
            qFatal("the window is not active");
        load();
        answers.setScript(quick());
        page = window->findChild<ChatPage*>();
        list = find<ChatList>(u"chatList"_s);
        tree = list->view();
    }
    void type(const QString& text) const {
        page->composer()->edit()->insertPlainText(text);
        QTest::keyClick(page->composer()->edit(), Qt::Key_Return);
    }
    /// Asks in the shown chat, and waits for the answer.
    ConversationId ask(const QString& text) {
        type(text);
        if (!QTest::qWaitFor([this] { return !controller.busy() && !thread().isEmpty(); }, 10000))
            qFatal("no answer");
        return controller.current();
    }
    ConversationId askAnew(const QString& text) {
        action(u"new"_s)->trigger();
        return ask(text);
    }
    const QList<Message>& thread() const { return controller.conversation().thread(); }
    QPushButton* button(const QString& name) const { return find<QPushButton>(name); }
    /// Where the keyboard is in the list.
    void choose(ConversationId id) const {
        tree->setFocus();
        tree->setCurrentIndex(list->model()->indexOf(id));
    }
    /// Answers the question that what destroys asks.
    void answerPurge(const QString& with) const {
        QMessageBox* box = nullptr;
        if (!QTest::qWaitFor([&] { return (box = window->findChild<QMessageBox*>(u"dialog.purge"_s)); },
                             5000))
            qFatal("it does not ask");
        QTest::mouseClick(box->findChild<QPushButton*>(u"dialog.purge."_s + with), Qt::LeftButton);
        if (!QTest::qWaitFor([&] { return !window->findChild<QMessageBox*>(u"dialog.purge"_s); }, 5000))
            qFatal("it stays");
    }
    /// The library finds models of these names in a folder of this test.
    void findModels(const QStringList& names) {
        for (const QString& name : names)
            writeTinyModel((models.path() + u'/' + name).toStdString(), TinyModel{});
        library.setProviders({std::make_shared<FolderModels>(QStringList{models.path()})});
        if (!QTest::qWaitFor([&] { return library.models().size() == names.size(); }, 10000))
            qFatal("the models were not found");
    }
    QString pathOf(const QString& name) const { return models.path() + u'/' + name; }
    void loadModel(const QString& path) {
        window->loadModel(path);
        if (!QTest::qWaitFor([&] { return model.state() == ModelState::Ready && model.key() == path; }, 5000))
            qFatal("it was not loaded");
    }
    /// The entry of a model in the More menu of the last answer.
    QAction* answerWith(const QString& name) const {
        MessageTools* tools = nullptr;
        if (!QTest::qWaitFor([&] { return (tools = page->thread()->tools(thread().last().id)); }, 5000))
            qFatal("no tools");
        auto* menu = tools->findChild<QMenu*>(u"answerWithMenu"_s);
        Q_EMIT menu->aboutToShow();
        for (QAction* entry : menu->actions()) {
            if (entry->text().startsWith(name))
                return entry;
        }
        return nullptr;
    }
    QTemporaryDir models;
    ChatPage* page = nullptr;
    ChatList* list = nullptr;
    QTreeView* tree = nullptr;
};

} // namespace

class ChatLifeTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void initTestCase() { installLanguage(*qApp, u"en"_s); }

    // ---- Copies ----

    void aChatIsDuplicatedFromTheMenu() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        const ConversationId id = desk.ask(u"Where is the zebra?"_s);
        desk.action(u"regenerate"_s)->trigger();
        QTRY_VERIFY(!desk.controller.busy() && desk.thread().last().siblings.size() == 2);
        desk.choose(id);
        QAction* duplicate = desk.action(u"duplicate_chat"_s);
        QVERIFY(duplicate->isEnabled());
        Q_EMIT desk.tree->customContextMenuRequested(
            desk.tree->visualRect(desk.tree->currentIndex()).center());
        auto* menu = desk.find<QMenu>(u"chatMenu"_s);
        QVERIFY(menu->actions().contains(duplicate));
        menu->close();
        duplicate->trigger();
        QCOMPARE(desk.controller.list().chats().size(), 2); // at once
        QTRY_VERIFY(desk.controller.current() != id);
        QCOMPARE(desk.controller.conversation().summary.title, u"Where is the zebra? (copy)"_s);
        QCOMPARE(desk.thread().last().siblings.size(), 2);
        // The copy is a chat of its own.
        desk.ask(u"And now?"_s);
        QCOMPARE(desk.thread().size(), 4);
        desk.controller.openChat(id);
        QTRY_COMPARE(desk.controller.current(), id);
        QCOMPARE(desk.thread().size(), 2);
    }

    /// The record in the copy makes the same answer again, on the engine.
    void aCopysRecordReplays() {
        QTemporaryDir folder, models;
        const QString file = models.filePath(u"mixture.gguf"_s);
        writeTinyModel(file.toStdString(), TinyModel{});
        RealDesk desk(folder.path(), file);
        desk.setDial(u"max_tokens"_s, 24);
        desk.setDial(u"temperature"_s, 1.3);
        const QString text = desk.ask(u"Tell me something"_s).text();
        const ConversationId id = desk.controller.current();
        QTRY_VERIFY(desk.controller.list().find(id));
        QVERIFY(desk.controller.duplicateChat(id));
        QTRY_VERIFY(desk.controller.current() != id && !desk.thread().isEmpty());
        QCOMPARE(desk.answer().text(), text);
        const MessageId old = desk.answer().id;
        desk.tools()->findChild<QAction*>(u"runAgainAction"_s)->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(desk.answer().id != old && !desk.controller.busy(), 20000);
        QCOMPARE(desk.answer().text(), text);
    }

    // ---- Recently deleted ----

    void aDeletedChatIsFoundAndRestored() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        const ConversationId first = desk.ask(u"Where is the zebra?"_s);
        const ConversationId second = desk.askAnew(u"Something else"_s);
        QPushButton* entry = desk.button(u"recentlyDeletedButton"_s);
        QVERIFY(!entry->isVisible() && !desk.action(u"show_deleted"_s)->isEnabled());
        desk.choose(first);
        QTest::keyClick(desk.tree, Qt::Key_Delete);
        QTRY_VERIFY(entry->isVisible());
        QVERIFY(entry->text().contains(u"1"_s));
        QTest::mouseClick(entry, Qt::LeftButton);
        DeletedChats* deleted = desk.list->deleted();
        QVERIFY(deleted->isVisible() && !desk.tree->isVisible() && !entry->isVisible());
        QCOMPARE(deleted->model()->rowCount(), 1);
        QCOMPARE(deleted->model()->index(0).data().toString(), u"Where is the zebra?"_s);
        QVERIFY(
            deleted->model()->index(0).data(ChatListModel::LineRole).toString().contains(u"30 days left"_s));
        // What the keys of the list do is not done to chats that are not seen.
        for (const char* name : {"rename_chat", "delete_chat", "duplicate_chat"})
            QVERIFY(!desk.action(QLatin1String(name))->isEnabled());
        QTest::mouseClick(desk.button(u"deletedRestore"_s), Qt::LeftButton);
        QTRY_COMPARE(deleted->model()->rowCount(), 0);
        QTRY_VERIFY(desk.controller.list().find(first));
        QVERIFY(!desk.button(u"deletedRestore"_s)->isEnabled());
        QCOMPARE(desk.controller.current(), second);
        QVERIFY(desk.page->toast()->sentence().contains(u"zebra"_s));
        QTest::mouseClick(desk.button(u"toastAction"_s), Qt::LeftButton);
        QTRY_COMPARE(desk.controller.current(), first);
        QTest::keyClick(deleted->view(), Qt::Key_Escape);
        QVERIFY(desk.tree->isVisible() && !deleted->isVisible());
        QVERIFY(!desk.action(u"undo"_s)->isEnabled()); // it is back already
    }

    void forGoodIsAskedFirst() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        QList<ConversationId> ids;
        for (const QString& text : {u"One"_s, u"Two"_s, u"Three"_s})
            ids << desk.askAnew(text);
        for (const ConversationId id : ids)
            desk.controller.deleteChat(id);
        desk.action(u"show_deleted"_s)->trigger();
        DeletedChats* deleted = desk.list->deleted();
        QTRY_COMPARE(deleted->model()->rowCount(), 3);
        deleted->view()->setCurrentIndex(deleted->model()->indexOf(ids[1]));
        QTest::mouseClick(desk.button(u"deletedPurge"_s), Qt::LeftButton);
        desk.answerPurge(u"keep"_s);
        QCOMPARE(deleted->model()->rowCount(), 3);
        QTest::keyClick(deleted->view(), Qt::Key_Delete);
        desk.answerPurge(u"delete"_s);
        QTRY_COMPARE(deleted->model()->rowCount(), 2);
        QVERIFY(!deleted->model()->indexOf(ids[1]).isValid());
        QTest::mouseClick(desk.button(u"deletedEmpty"_s), Qt::LeftButton);
        desk.answerPurge(u"delete"_s);
        QTRY_COMPARE(deleted->model()->rowCount(), 0);
        QVERIFY(!desk.action(u"undo"_s)->isEnabled());
        QTRY_COMPARE(desk.store.unsaved(), 0);
        QTest::mouseClick(desk.find<QToolButton>(u"deletedBack"_s), Qt::LeftButton);
        QVERIFY(!desk.button(u"recentlyDeletedButton"_s)->isVisible());
        QVERIFY(desk.controller.list().chats().isEmpty());
    }

    void findingAChatLeavesTheDeletedOnes() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        desk.controller.deleteChat(desk.ask(u"One"_s));
        desk.askAnew(u"Two"_s);
        desk.action(u"show_deleted"_s)->trigger();
        QVERIFY(desk.list->deleted()->isVisible());
        desk.action(u"find_chat"_s)->trigger();
        QVERIFY(!desk.list->deleted()->isVisible() && desk.tree->isVisible());
        QVERIFY(!desk.action(u"show_deleted"_s)->isChecked());
    }

    void anyListOfDeletedChatsFollowsAnyOther() {
        std::mt19937 random(3);
        DeletedChatsModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        for (int step = 0; step < 300; ++step) {
            QList<ConversationSummary> chats;
            for (int id = 1; id <= 8; ++id) {
                if (random() % 2 == 0)
                    continue;
                ConversationSummary chat;
                chat.id = id;
                chat.title = u"Chat %1"_s.arg(random() % 3);
                chat.removed = QDate(2026, 5, 1).startOfDay();
                chats << chat;
            }
            std::shuffle(chats.begin(), chats.end(), random);
            model.setChats(chats);
            QCOMPARE(model.rowCount(), static_cast<int>(chats.size()));
            for (int row = 0; row < chats.size(); ++row) {
                QCOMPARE(model.index(row).data(ChatListModel::IdRole).toLongLong(), chats[row].id);
                QCOMPARE(model.index(row).data().toString(), chats[row].title);
            }
        }
    }

    void theDaysThatAreLeftAreCounted() {
        DeletedChatsModel model;
        ConversationSummary chat;
        chat.id = 1;
        chat.title = u"<b>Bold</b>"_s;
        chat.removed = QDateTime(QDate(2026, 5, 1), QTime(23, 0));
        model.setChats({chat});
        const auto line = [&](const QDate& today) {
            model.setToday(today);
            return model.index(0).data(ChatListModel::LineRole).toString();
        };
        QVERIFY(line(QDate(2026, 5, 1)).contains(u"30 days"_s));
        QVERIFY(line(QDate(2026, 5, 30)).contains(u"1 day left"_s));
        QVERIFY(line(QDate(2026, 6, 9)).contains(u"next start"_s));
        QVERIFY(line(QDate(2026, 4, 1)).contains(u"30 days"_s)); // a clock that was set back
    }

    // ---- Temporary chats ----

    void nothingOfATemporaryChatIsWritten() {
        const QString words = u"zebrastripes"_s, said = u"quaggahide"_s, typed = u"okapiears"_s;
        QTemporaryDir folder;
        {
            LifeDesk desk(folder.path());
            auto* button = desk.find<QToolButton>(u"temporaryChatButton"_s);
            auto* line = desk.find<QLabel>(u"temporaryLine"_s);
            QVERIFY(!line->isVisible() && !button->isChecked());
            QTest::mouseClick(button, Qt::LeftButton);
            QVERIFY(desk.controller.isTemporary());
            QVERIFY(line->isVisible() && button->isChecked());
            QVERIFY(desk.window->windowTitle().contains(u"Temporary"_s));
            desk.answers.setScript(quick(said));
            desk.ask(u"What are "_s + words);
            QCOMPARE(desk.thread().last().text(), said);
            desk.page->composer()->edit()->insertPlainText(typed);
            QTest::qWait(600); // a draft would be kept by now
            QVERIFY(desk.controller.list().chats().isEmpty());
            // Another chat: it is gone, and what was typed with it.
            desk.action(u"new"_s)->trigger();
            QVERIFY(!desk.controller.isTemporary() && !line->isVisible() && !button->isChecked());
            QVERIFY(desk.thread().isEmpty());
            QTest::keyClick(desk.window.get(), Qt::Key_N, Qt::ControlModifier | Qt::ShiftModifier);
            QVERIFY(desk.controller.isTemporary() && desk.thread().isEmpty());
            desk.ask(u"Once more "_s + words);
            // Closing asks nothing.
            QSignalSpy closed(desk.window.get(), &MainWindow::closed);
            QVERIFY(desk.window->close());
            QCOMPARE(closed.size(), 1);
        }
        for (const QString& each : {words, said, typed})
            QVERIFY2(!isWritten(folder.path(), each), qPrintable(each));
    }

    void aTemporaryChatBeginsWithTheChosenPreset() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        Tuning preset = desk.controller.tuning();
        preset.sequence.temperature = 0.125;
        QVERIFY(desk.presets.save(u"Cool"_s, preset));
        desk.settings.set<Setting::Preset>(u"Cool"_s);
        desk.action(u"temporary_chat"_s)->trigger();
        QCOMPARE(desk.controller.tuning().sequence.temperature, 0.125);
        desk.action(u"temporary_chat"_s)->trigger(); // off again
        QVERIFY(!desk.controller.isTemporary());
    }

    // ---- The chat's model ----

    void aChatOffersItsModel() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        desk.findModels({u"alpha.gguf"_s, u"beta.gguf"_s});
        auto* offer = desk.find<ModelOffer>(u"modelOffer"_s);
        desk.loadModel(desk.pathOf(u"alpha.gguf"_s));
        const ConversationId id = desk.askAnew(u"Question"_s);
        QVERIFY(!offer->isVisible());
        desk.loadModel(desk.pathOf(u"beta.gguf"_s));
        QTRY_VERIFY(offer->isVisible());
        QVERIFY(offer->sentence().contains(u"alpha"_s) && offer->sentence().contains(u"beta"_s));
        desk.action(u"new"_s)->trigger();
        QTRY_VERIFY(!offer->isVisible());
        desk.controller.openChat(id);
        QTRY_VERIFY(offer->isVisible());
        QCOMPARE(desk.model.key(), desk.pathOf(u"beta.gguf"_s)); // nothing is loaded by itself
        auto* load = desk.find<QToolButton>(u"modelOffer.load"_s);
        QCOMPARE(load->text(), u"Load alpha"_s);
        QTest::mouseClick(load, Qt::LeftButton);
        QTRY_COMPARE(desk.model.key(), desk.pathOf(u"alpha.gguf"_s));
        QTRY_VERIFY(!offer->isVisible());
        // Answered by another it is that one's.
        desk.loadModel(desk.pathOf(u"beta.gguf"_s));
        QTRY_VERIFY(offer->isVisible());
        desk.ask(u"And now?"_s);
        QTRY_VERIFY(!offer->isVisible());
    }

    void aModelThatIsGoneIsSaidToBe() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        desk.findModels({u"alpha.gguf"_s, u"beta.gguf"_s});
        desk.loadModel(desk.pathOf(u"alpha.gguf"_s));
        desk.askAnew(u"Question"_s);
        desk.loadModel(desk.pathOf(u"beta.gguf"_s));
        QVERIFY(QFile::remove(desk.pathOf(u"alpha.gguf"_s)));
        desk.library.rescan();
        QTRY_COMPARE(desk.library.models().size(), 1);
        auto* offer = desk.find<ModelOffer>(u"modelOffer"_s);
        QTRY_VERIFY(offer->isVisible() && offer->sentence().contains(u"not on this machine"_s));
        QVERIFY(!desk.find<QToolButton>(u"modelOffer.load"_s)->isVisible());
    }

    // ---- Answered by another model ----

    void anotherModelAnswersAgain() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        desk.findModels({u"alpha.gguf"_s, u"beta.gguf"_s});
        desk.loadModel(desk.pathOf(u"alpha.gguf"_s));
        desk.askAnew(u"Question"_s);
        QAction* beta = desk.answerWith(u"beta"_s);
        QVERIFY(beta && !beta->isChecked() && desk.answerWith(u"alpha"_s)->isChecked());
        beta = desk.answerWith(u"beta"_s);
        desk.answers.setScript(quick(u"From beta."_s));
        beta->trigger();
        QTRY_COMPARE(desk.thread().last().siblings.size(), 2);
        QTRY_VERIFY(!desk.controller.busy());
        QCOMPARE(desk.thread().last().text(), u"From beta."_s);
        QCOMPARE(desk.thread().last().model, u"beta.gguf"_s);
        QCOMPARE(desk.model.key(), desk.pathOf(u"beta.gguf"_s));
        // Both say which model they are by.
        const auto version = [&] {
            MessageTools* tools = desk.page->thread()->tools(desk.thread().last().id);
            return tools ? tools->findChild<QLabel*>(u"branchLabel"_s)->text() : QString();
        };
        QTRY_COMPARE(version(), u"2/2 · beta"_s);
        desk.action(u"previous_branch"_s)->trigger();
        QTRY_COMPARE(version(), u"1/2 · alpha"_s);
        QCOMPARE(desk.thread().last().text(), u"Good day."_s);
        // By the model in use nothing is loaded.
        desk.answerWith(u"beta"_s)->trigger();
        QTRY_COMPARE(desk.thread().last().siblings.size(), 3);
        QTRY_VERIFY(!desk.controller.busy());
    }

    void whereItCannotBeLoadedEverythingStays_data() {
        QTest::addColumn<bool>("refused"); // else it fails once the one before is given up
        QTest::newRow("refused") << true;
        QTest::newRow("failed") << false;
    }
    void whereItCannotBeLoadedEverythingStays() {
        QFETCH(bool, refused);
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        desk.findModels({u"alpha.gguf"_s, u"beta.gguf"_s});
        desk.loadModel(desk.pathOf(u"alpha.gguf"_s));
        desk.askAnew(u"Question"_s);
        FakeScript broken = quick();
        (refused ? broken.refused_error : broken.load_error) = u"The file ends too soon."_s;
        QSignalSpy states(&desk.model, &CurrentModel::stateChanged);
        QAction* beta = desk.answerWith(u"beta"_s);
        desk.answers.setScript(broken);
        connect(&desk.model, &CurrentModel::stateChanged, &desk.model, [&](ModelState state) {
            if (state == ModelState::Failed)
                desk.answers.setScript(quick()); // the one before can be loaded
        });
        beta->trigger();
        QTRY_VERIFY(desk.page->toast()->isVisible());
        QVERIFY(desk.page->toast()->sentence().contains(u"stays as it is"_s));
        QTRY_VERIFY(desk.model.state() == ModelState::Ready &&
                    desk.model.key() == desk.pathOf(u"alpha.gguf"_s));
        QCOMPARE(desk.thread().size(), 2);
        QCOMPARE(desk.thread().last().siblings.size(), 1);
        QVERIFY(!desk.controller.busy());
        QCOMPARE(states.isEmpty(), refused);
    }

    /// The user went elsewhere while the model loaded: no answer begins behind their back.
    void whoGoesElsewhereIsAskedAgain() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        desk.findModels({u"alpha.gguf"_s, u"beta.gguf"_s});
        desk.loadModel(desk.pathOf(u"alpha.gguf"_s));
        const ConversationId id = desk.askAnew(u"Question"_s);
        QAction* beta = desk.answerWith(u"beta"_s);
        FakeScript slow = quick();
        slow.load_seconds = 0.2;
        desk.answers.setScript(slow);
        beta->trigger();
        desk.action(u"new"_s)->trigger();
        QTRY_COMPARE(desk.model.key(), desk.pathOf(u"beta.gguf"_s));
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QTRY_VERIFY(desk.page->toast()->sentence().contains(u"nothing was asked again"_s));
        desk.controller.openChat(id);
        QTRY_COMPARE(desk.controller.current(), id);
        QCOMPARE(desk.thread().last().siblings.size(), 1);
    }

    // ---- Notices ----

    void anAnswerThatEndsOutOfSightIsSaid() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        auto* notice = desk.find<Toast>(u"answerNotice"_s);
        desk.answers.setScript(aWhile());
        desk.type(u"Where is the zebra?"_s);
        QTRY_VERIFY(desk.controller.busy() && !desk.thread().last().text().isEmpty());
        const ConversationId id = desk.controller.current();
        desk.action(u"new"_s)->trigger();
        QVERIFY(!notice->isVisible());
        QTRY_VERIFY(notice->isVisible());
        QVERIFY(notice->sentence().contains(u"Where is the zebra?"_s));
        desk.controller.list().rename(id, u"Zebras"_s);
        QVERIFY(notice->sentence().contains(u"Zebras"_s));
        QTest::mouseClick(desk.button(u"answerNoticeAction"_s), Qt::LeftButton);
        QTRY_COMPARE(desk.controller.current(), id);
        QVERIFY(!notice->isVisible());
    }

    void whatIsSeenOrStoppedIsNotSaid() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        auto* notice = desk.find<Toast>(u"answerNotice"_s);
        desk.ask(u"One"_s);
        QTest::qWait(50);
        QVERIFY(!notice->isVisible());
        desk.answers.setScript(longAnswer(100));
        desk.type(u"Two"_s);
        QTRY_VERIFY(desk.controller.busy() && !desk.thread().last().text().isEmpty());
        const ConversationId id = desk.controller.current();
        desk.action(u"new"_s)->trigger();
        desk.controller.stop(id);
        QTRY_VERIFY(!desk.controller.run(id));
        QTest::qWait(50);
        QVERIFY(!notice->isVisible());
    }

    void underAnotherPageItIsSaidToo() {
        QTemporaryDir folder;
        LifeDesk desk(folder.path());
        auto* notice = desk.find<Toast>(u"answerNotice"_s);
        desk.answers.setScript(aWhile());
        desk.type(u"One"_s);
        QTRY_VERIFY(desk.controller.busy());
        desk.action(u"page_models"_s)->trigger();
        QTRY_VERIFY(notice->isVisible());
        QTest::mouseClick(desk.button(u"answerNoticeAction"_s), Qt::LeftButton);
        QVERIFY(desk.page->isVisible());
        QVERIFY(!notice->isVisible());
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    ChatLifeTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_chat_life.moc"
