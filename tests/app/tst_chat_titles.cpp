// Titles that the model makes while it is idle: when it is asked, what comes before it, and what it must not
// disturb.
#include "store_fixture.h"
#include "tiny_model.h"

#include "app/services/chat_titles.h"
#include "app/services/settings.h"
#include "tests/support/local_services.h"
#include "tests/support/scripted_services.h"

#include <QSignalSpy>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

bool isTitleRun(const GenerationRequest& request) { return request.aside; }

/// Answers questions at once, and asks for titles with `title`.
FakeScript titling(const QString& title) {
    FakeScript script;
    script.tokens_per_second = 0;
    script.reply = [title](const GenerationRequest& request) {
        return isTitleRun(request) ? title : u"Rome fell by wars and debts."_s;
    };
    return script;
}

} // namespace

class ChatTitlesTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;

    struct Room {
        explicit Room(const QString& folder, const FakeScript& script)
            : settings(folder + u"/s.ini"_s), store(folder), answers(script), model(answers.models),
              controller(store, model, answers.runs) {
            model.use(u"/models/a.gguf"_s);
            if (!QTest::qWaitFor([this] { return model.state() == ModelState::Ready; }, 5000))
                qFatal("no model");
            titles = std::make_unique<ChatTitles>(controller, model, answers.runs, settings, 0);
        }
        void ask(const QString& text) {
            if (!controller.send(text) || !QTest::qWaitFor([this] { return !controller.busy(); }, 20000))
                qFatal("no answer");
        }
        QString title() const { return controller.conversation().summary.title; }
        qsizetype titleRuns() const {
            const auto all = answers.requests();
            return std::count_if(all.begin(), all.end(), isTitleRun);
        }
        bool isNamed() const {
            const ConversationSummary* listed = controller.list().find(controller.current());
            return listed && listed->title_by == TitleBy::Model;
        }
        Settings settings;
        ConversationStore store;
        ScriptedServices answers;
        CurrentModel model;
        ChatController controller;
        std::unique_ptr<ChatTitles> titles;
    };

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void anIdleModelNamesTheChatOnce() {
        ConversationId id = 0;
        {
            Room room(folder_->path(), titling(u"\"The Fall of Rome\""_s));
            QSignalSpy events(&room.controller, &ChatController::runEvents);
            room.ask(u"Please explain why Rome fell"_s);
            QCOMPARE(room.title(), u"Why Rome fell"_s); // at once
            QTRY_COMPARE(room.title(), u"The Fall of Rome"_s);
            const auto heard = events.size();
            room.ask(u"And when?"_s);
            QTest::qWait(50);
            QCOMPARE(room.titleRuns(), 1);
            QVERIFY(events.size() > heard);
            for (const QList<QVariant>& event : events) // nothing of it goes to the plots
                QVERIFY(event[0].value<ConversationId>() == room.controller.current());
            id = room.controller.current();
        }
        Room room(folder_->path(), titling(u"Another title of Rome"_s));
        room.controller.openChat(id);
        QTRY_COMPARE(room.controller.current(), id);
        room.ask(u"Once more"_s);
        QTest::qWait(50);
        QCOMPARE(room.titleRuns(), 0);
        QCOMPARE(room.title(), u"The Fall of Rome"_s);
    }

    void aBadTitleIsDroppedAndNotAskedForAgain() {
        Room room(folder_->path(), titling(u"Sure! Here is a title for you."_s));
        room.ask(u"Why did Rome fall?"_s);
        QTRY_VERIFY(room.isNamed());
        QCOMPARE(room.title(), u"Why did Rome fall?"_s);
        room.ask(u"And when?"_s);
        QTest::qWait(50);
        QCOMPARE(room.titleRuns(), 1);
    }

    void thinkingIsNoTitle() {
        Room room(folder_->path(), titling(u"<think>A title.\nAbout Rome.\n\nSo:</think>\n\nRome's fall"_s));
        room.ask(u"Why did Rome fall?"_s);
        QTRY_COMPARE(room.title(), u"Rome's fall"_s);
    }

    /// A model that talks on is not listened to.
    void whatIsTooLongIsEnded() {
        Room room(folder_->path(), titling(u"Rome fell and "_s + u"fell and "_s.repeated(150)));
        FakeScript slow = titling(u"Rome fell and "_s + u"fell and "_s.repeated(150));
        slow.tokens_per_second = 400;
        room.answers.setScript(slow);
        room.ask(u"Why did Rome fall?"_s);
        QTRY_VERIFY(room.isNamed());
        QCOMPARE(room.title(), u"Why did Rome fall?"_s);
    }

    void twoChatsAreNotCalledTheSame() {
        Room room(folder_->path(), titling(u"Rome"_s));
        room.ask(u"Why did Rome fall?"_s);
        QTRY_COMPARE(room.title(), u"Rome"_s);
        room.controller.newChat();
        room.ask(u"When did Rome fall?"_s);
        QTRY_VERIFY(room.isNamed());
        QCOMPARE(room.title(), u"When did Rome fall?"_s);
    }

    void aUsersTitleStays() {
        FakeScript slow = titling(u"The Fall of Rome"_s);
        slow.tokens_per_second = 20;
        Room room(folder_->path(), slow);
        room.ask(u"Why did Rome fall?"_s);
        const ConversationId id = room.controller.current();
        QTRY_COMPARE(room.titleRuns(), 1);
        room.controller.list().rename(id, u"Mine"_s); // while it is being made
        QTest::qWait(500);
        QCOMPARE(room.title(), u"Mine"_s);
        room.controller.newChat();
        QVERIFY(room.controller.send(u"Why did Rome fall?"_s));
        room.controller.list().rename(room.controller.current(), u"Mine too"_s);
        QTRY_VERIFY(!room.controller.busy());
        QTest::qWait(50);
        QCOMPARE(room.titleRuns(), 1);
    }

    /// Anything that is asked comes first, at once; the title is made later.
    void itGivesWay() {
        FakeScript script = titling(u"The Fall of Rome"_s);
        script.tokens_per_second = 10;
        Room room(folder_->path(), script);
        room.answers.setScript(titling({}));
        room.ask(u"Why did Rome fall?"_s);
        room.answers.setScript(script);
        QTRY_COMPARE(room.titleRuns(), 1);
        room.answers.setScript(titling(u"The Fall of Rome"_s));
        room.ask(u"And when?"_s); // the script has one run at a time: it would wait
        QTRY_COMPARE(room.title(), u"The Fall of Rome"_s);
        QCOMPARE(room.titleRuns(), 2);
    }

    void nothingIsAskedForWhatIsNotMeantToBeNamed() {
        Room room(folder_->path(), titling(u"The Fall of Rome"_s));
        room.settings.set<Setting::ModelTitles>(false);
        room.ask(u"Why did Rome fall?"_s);
        QTest::qWait(50);
        QCOMPARE(room.titleRuns(), 0);
        room.settings.set<Setting::ModelTitles>(true);
        QTRY_COMPARE(room.title(), u"The Fall of Rome"_s);
        room.controller.newTemporaryChat();
        room.ask(u"Why did Rome fall?"_s);
        QTest::qWait(50);
        QCOMPARE(room.titleRuns(), 1);
        // One that failed has no answer to make a title of.
        room.controller.newChat();
        FakeScript failing = titling(u"Rome"_s);
        failing.fail_at = 1;
        room.answers.setScript(failing);
        room.ask(u"Why did Rome fall?"_s);
        QTest::qWait(50);
        QCOMPARE(room.titleRuns(), 1);
    }

    void aDeletedChatIsLeftAlone() {
        FakeScript slow = titling(u"The Fall of Rome"_s);
        slow.tokens_per_second = 20;
        Room room(folder_->path(), slow);
        room.ask(u"Why did Rome fall?"_s);
        QTRY_COMPARE(room.titleRuns(), 1);
        room.controller.deleteChat(room.controller.current());
        QTest::qWait(400);
        QVERIFY(room.controller.list().chats().isEmpty());
        QCOMPARE(room.controller.list().removed().value(0).title, u"Why did Rome fall?"_s);
    }

    // ---- On the engine ----

    /// The chat goes on from its cache as if there had been no title, and no speed is learned from it.
    void theCacheOfTheChatIsLeftAlone() {
        QTemporaryDir models;
        const QString file = models.filePath(u"tiny.gguf"_s);
        writeTinyModel(file.toStdString(), TinyModel{});
        std::vector<int> reused[2];
        for (const bool with_titles : {false, true}) {
            QTemporaryDir folder;
            Settings settings(folder.filePath(u"s.ini"_s));
            ConversationStore store(folder.path());
            LocalServices answers(LocalServices::withThreads(1));
            CurrentModel model(answers.models);
            ChatController controller(store, model, answers.runs);
            model.use(file);
            QTRY_COMPARE_WITH_TIMEOUT(model.state(), ModelState::Ready, 20000);
            std::unique_ptr<ChatTitles> titles;
            if (with_titles)
                titles = std::make_unique<ChatTitles>(controller, model, answers.runs, settings, 0);
            Tuning tuning = controller.tuning();
            tuning.sequence.max_tokens = 24;
            tuning.sequence.seed = 3;
            controller.setTuning(tuning);
            for (int i = 0; i < 3; ++i) {
                QVERIFY(controller.send(u"Question number %1"_s.arg(i)));
                QTRY_VERIFY_WITH_TIMEOUT(!controller.busy(), 20000);
                reused[with_titles].push_back(
                    controller.conversation().thread().last().run.timings.prompt_tokens_reused);
                const auto named = [&] {
                    const ConversationSummary* chat = controller.list().find(controller.current());
                    return chat && chat->title_by == TitleBy::Model;
                };
                if (with_titles && controller.conversation().thread()[1].state == MessageState::Complete)
                    QTRY_VERIFY_WITH_TIMEOUT(named(), 20000);
            }
        }
        QVERIFY(reused[0].back() > 0);
        QCOMPARE(reused[1], reused[0]);
    }
};

QTEST_GUILESS_MAIN(ChatTitlesTest)
#include "tst_chat_titles.moc"
