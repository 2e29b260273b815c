// What command lines ask of the window, one after the other and all at once: no words are lost.
#include "app/desktop/errand.h"
#include "tests/ui/desk.h"
#include "ui/chat/chat_page.h"

#include <QLabel>
#include <QTemporaryDir>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

FakeScript slowToLoad() {
    FakeScript script;
    script.tokens_per_second = 0;
    script.load_seconds = 0.4;
    return script;
}

} // namespace

class ErrandTest : public QObject {
    Q_OBJECT

    static WindowServices servicesOf(Desk& desk) { return desk.services(); }

    static QStringList questions(Desk& desk) {
        QStringList titles;
        for (const ConversationSummary& chat : desk.controller.list().chats())
            titles.append(chat.title);
        titles.sort();
        return titles;
    }

  private Q_SLOTS:
    void requestsThatComeWhileAModelLoadsAreAllKept() {
        QTemporaryDir folder;
        Desk desk(folder.path(), slowToLoad());
        const WindowServices services = servicesOf(desk);
        DesktopOptions options;
        options.model = u"/models/First.gguf"_s;
        options.prompt = u"the first one's own"_s;
        Errand errand(options, services, desk.host);
        errand.begin();
        QCOMPARE(desk.model.state(), ModelState::Loading);
        errand.take({u"/models/First.gguf"_s, u"for the first model"_s, {}});
        errand.take({{}, u"for any model"_s, {}});
        errand.take({u"/models/Second.gguf"_s, u"for the second model"_s, {}});
        errand.take({{}, u"for any model, too"_s, {}});
        // That one file takes the place of another is said, until it was read.
        auto* notice = desk.find<QLabel>(u"picker.error"_s);
        const QString said = u"Second takes the place of First, which is not loaded."_s;
        QCOMPARE(notice->text(), said);
        QTRY_COMPARE(desk.model.capabilities().model_path, u"/models/Second.gguf"_s);
        QCOMPARE(notice->text(), said);
        QVERIFY(notice->isVisible());
        QTRY_COMPARE(questions(desk), (QStringList{u"for any model"_s, u"for any model, too"_s,
                                                   u"for the second model"_s, u"the first one's own"_s}));
        // Another model is not asked what was meant for the first.
        auto* page = desk.window->findChild<ChatPage*>();
        QCOMPARE(page->composer()->text(), u"for the first model"_s);
    }

    void whatWaitsForItsModelIsKeptWhenTheWindowCloses() {
        QTemporaryDir folder;
        {
            FakeScript slow = slowToLoad();
            slow.load_seconds = 30;
            Desk desk(folder.path(), slow);
            const WindowServices services = servicesOf(desk);
            DesktopOptions options;
            options.model = u"/models/First.gguf"_s;
            options.prompt = u"its own"_s;
            Errand errand(options, services, desk.host);
            errand.begin();
            errand.take({{}, u"a second start's"_s, {}});
            desk.window->close();
        }
        Desk again(folder.path());
        auto* page = again.window->findChild<ChatPage*>();
        QTRY_COMPARE(page->composer()->text(), u"its own\na second start's"_s);
    }

    void theChatThatWasShownIsShownAgain() {
        QTemporaryDir folder;
        ConversationId chat = 0;
        const auto start = [](Desk& desk, const DesktopOptions& options = {}) {
            auto errand = std::make_unique<Errand>(options, servicesOf(desk), desk.host);
            errand->begin();
            return errand;
        };
        {
            Desk desk(folder.path());
            const auto errand = start(desk);
            desk.load();
            QVERIFY(desk.controller.send(u"remember me"_s));
            QTRY_VERIFY(!desk.controller.busy());
            chat = desk.controller.current();
        }
        {
            Desk desk(folder.path());
            const auto errand = start(desk);
            QTRY_COMPARE(desk.controller.current(), chat);
            desk.controller.newTemporaryChat(); // of it nothing is left, not even that it was shown
        }
        {
            Desk desk(folder.path());
            const auto errand = start(desk);
            QTest::qWait(50);
            QCOMPARE(desk.controller.current(), 0);
            desk.controller.openChat(chat);
            QTRY_COMPARE(desk.controller.current(), chat);
        }
        {
            DesktopOptions options;
            options.prompt = u"something else"_s;
            Desk desk(folder.path());
            const auto errand = start(desk, options);
            QTest::qWait(50);
            QVERIFY(desk.controller.current() != chat); // the prompt gets a chat of its own
        }
    }

    void aModelThatIsLoadingIsNotBegunAnew() {
        QTemporaryDir folder;
        Desk desk(folder.path(), slowToLoad());
        desk.window->loadModel(u"/models/First.gguf"_s);
        QTest::qWait(250);
        desk.window->loadModel(u"/models/First.gguf"_s);
        QTRY_COMPARE_WITH_TIMEOUT(desk.model.state(), ModelState::Ready, 300);
        QVERIFY(!desk.find<QLabel>(u"picker.error"_s)->isVisible());
    }

    void aWishThatWaitsForAnAnswerIsReplacedAloud() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        desk.answers.setScript(longAnswer(60));
        QVERIFY(desk.controller.send(u"A question"_s));
        QTRY_VERIFY(desk.controller.busy());
        desk.window->loadModel(u"/models/First.gguf"_s);
        desk.window->loadModel(u"/models/Second.gguf"_s);
        auto* notice = desk.find<QLabel>(u"picker.error"_s);
        QVERIFY2(notice->text().contains(u"Second takes the place of First"_s) &&
                     notice->text().contains(u"Second is loaded when the answer has ended"_s),
                 qPrintable(notice->text()));
        desk.controller.chat().stop();
        QTRY_COMPARE(desk.model.capabilities().model_path, u"/models/Second.gguf"_s);
    }
};

QTEST_MAIN(ErrandTest)
#include "tst_errand.moc"
