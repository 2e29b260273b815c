// Which model a chat was answered by: remembered, and derived for chats of before. Who gave a chat its title.
#include "store_fixture.h"
#include "version4.h"

#include "app/services/chat_controller.h"
#include "tests/support/scripted_services.h"

#include <QDir>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

RunRecord record() {
    RunRecord record;
    record.finish = FinishReason::EndOfTurn;
    record.tokens.resize(2);
    record.tokens[0].text = "the ";
    record.tokens[1].text = "answer";
    return record;
}

} // namespace

class ChatModelsTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString path() const { return folder_->filePath(u"chats.sqlite"_s); }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void aFileOfVersion4IsBroughtUpToDate() {
        {
            Version4 old(path());
            old.addBy(u"first.gguf"_s, u"aaa"_s, 1, record(), u"an answer"_s);
            old.addBy(u"second.gguf"_s, u"bbb"_s, 2, record(), u"the answer"_s);
            old.addBy(u"third.gguf"_s, u"ccc"_s, 3, record(), u"a deleted one"_s);
            old.run(u"UPDATE messages SET deleted = 5 WHERE id = 3"_s);
            old.run(
                u"INSERT INTO conversations(id, title, tuning, created, changed) VALUES(9, 'Empty', '{}', 1, 1)"_s);
        }
        for (int start = 0; start < 2; ++start) {
            ConversationStore store(folder_->path());
            const Conversation chat = openOf(store, 1);
            QCOMPARE(chat.summary.title, u"Old"_s);
            QCOMPARE(chat.system_prompt, u"Be brief."_s);
            QVERIFY(chat.summary.pinned && chat.summary.folder == 5);
            QCOMPARE(chat.model, (ChatModel{u"second.gguf"_s, u"bbb"_s}));
            QCOMPARE(openOf(store, 9).model, ChatModel());
            QCOMPARE(runOf(store, 2).tokens.size(), std::size_t{2});
            QVERIFY(chat.summary.title_by == TitleBy::User); // nothing renames a chat of before
            QCOMPARE(QDir(folder_->path()).entryList({u"chats.v4.*.backup.sqlite"_s}, QDir::Files).size(), 1);
            store.saveModel(9, {u"/m/x.gguf"_s, u"xyz"_s});
            store.saveModel(9, {});
        }
    }

    void anAnswerOfVersion2IsAskedForItsModelToo() {
        {
            Version4 old(path());
            old.add(1, record(), u"an answer"_s); // named in its run alone
        }
        ConversationStore store(folder_->path());
        QCOMPARE(openOf(store, 1).model, (ChatModel{u"m.gguf"_s, u"abc"_s}));
    }

    void aFileOfVersion4BesideIsJoined() {
        ConversationId mine = 0;
        {
            ConversationStore store(folder_->path());
            mine = chatWith(store, u"New"_s, u"q"_s);
            store.saveModel(mine, {u"/m/x.gguf"_s, u"xyz"_s});
        }
        {
            Version4 old(folder_->filePath(u"chats.2.sqlite"_s));
            old.addBy(u"first.gguf"_s, u"aaa"_s, 1, record(), u"an answer"_s);
        }
        ConversationStore store(folder_->path());
        QCOMPARE(titlesIn(store), (QStringList{u"New"_s, u"Old"_s}));
        QCOMPARE(openOf(store, mine).model, (ChatModel{u"/m/x.gguf"_s, u"xyz"_s}));
        QCOMPARE(openOf(store, 1).thread()[0].text(), u"an answer"_s);
        QVERIFY(openOf(store, 1).summary.title_by == TitleBy::User);
        QVERIFY(openOf(store, mine).summary.title_by == TitleBy::Gist);
    }

    /// A later file that lies beside has the later model and title.
    void theLaterModelCountsWhereFilesAreJoined() {
        ConversationId id = 0;
        const QString beside = folder_->filePath(u"chats.2.sqlite"_s);
        {
            ConversationStore store(folder_->path());
            id = chatWith(store, u"Gist"_s, u"q"_s);
            store.saveModel(id, {u"/m/a.gguf"_s, u"aaa"_s});
        }
        QVERIFY(QFile::copy(path(), beside));
        {
            Stranger later(beside);
            const qint64 soon = QDateTime::currentMSecsSinceEpoch() + 5000;
            later.run(
                u"UPDATE conversations SET model = '/m/b.gguf', model_hash = 'bbb', titled = 2, title = 'Made'"_s);
            later.run(u"INSERT OR REPLACE INTO touched(row, field, at) VALUES(?, ?, ?)"_s,
                      {id, 12, soon}); // the numbers are part of the format
            later.run(u"INSERT OR REPLACE INTO touched(row, field, at) VALUES(?, ?, ?)"_s, {id, 1, soon});
        }
        ConversationStore store(folder_->path());
        const Conversation chat = openOf(store, id);
        QCOMPARE(chat.model, (ChatModel{u"/m/b.gguf"_s, u"bbb"_s}));
        QCOMPARE(chat.summary.title, u"Made"_s);
        QVERIFY(chat.summary.title_by == TitleBy::Model);
    }

    /// What a user called a chat is kept, though a program gave it another title in the other file later.
    void noProgramsTitleTakesTheUsersPlace() {
        ConversationId id = 0;
        const QString beside = folder_->filePath(u"chats.2.sqlite"_s);
        {
            ConversationStore store(folder_->path());
            id = chatWith(store, u"Gist"_s, u"q"_s);
        }
        QVERIFY(QFile::copy(path(), beside));
        {
            ConversationStore store(folder_->path());
            store.rename(id, u"Mine"_s);
        }
        {
            Stranger later(beside);
            later.run(u"UPDATE conversations SET titled = 2, title = 'Made', changed = changed + 9000"_s);
            later.run(u"INSERT OR REPLACE INTO touched(row, field, at) VALUES(?, ?, ?)"_s,
                      {id, 1, QDateTime::currentMSecsSinceEpoch() + 5000});
        }
        ConversationStore store(folder_->path());
        const Conversation chat = openOf(store, id);
        QCOMPARE(chat.summary.title, u"Mine"_s);
        QVERIFY(chat.summary.title_by == TitleBy::User);
    }

    void aChatRemembersTheModelThatAnswered() {
        ConversationId id = 0;
        {
            ConversationStore store(folder_->path());
            ScriptedServices answers;
            FakeScript script;
            script.tokens_per_second = 0;
            answers.setScript(script);
            CurrentModel model(answers.models);
            ChatController controller(store, model, answers.runs);
            for (const QString& key : {u"/models/a.gguf"_s, u"/models/b.gguf"_s}) {
                model.use(key);
                QTRY_VERIFY(model.state() == ModelState::Ready && model.key() == key);
                QVERIFY(controller.send(u"Question"_s));
                QTRY_VERIFY(!controller.busy());
                QCOMPARE(controller.conversation().model.key, key);
            }
            id = controller.current();
            // The versions of one question say that they are by several models.
            const MessageId answer = controller.conversation().thread().last().id;
            QVERIFY(!controller.conversation().thread().last().models_differ);
            model.use(u"/models/a.gguf"_s);
            QTRY_VERIFY(model.state() == ModelState::Ready && model.key() == u"/models/a.gguf"_s);
            QVERIFY(controller.chat().regenerate(answer));
            QTRY_VERIFY(!controller.busy());
            QVERIFY(controller.conversation().thread().last().models_differ);
        }
        ConversationStore store(folder_->path());
        QCOMPARE(openOf(store, id).model, (ChatModel{u"/models/a.gguf"_s, u"a.gguf"_s}));
        QVERIFY(openOf(store, id).thread().last().models_differ);
    }

    // ---- Titles ----

    void aModelNeverRenamesWhatAUserNamed() {
        ConversationStore store(folder_->path());
        const ConversationId id = chatWith(store, u"Gist"_s, u"words"_s);
        const auto title = [&] { return openOf(store, id).summary.title; };
        store.rename(id, u"By a model"_s, TitleBy::Model);
        QCOMPARE(title(), u"By a model"_s);
        store.rename(id, u"Once more"_s, TitleBy::Model);
        QCOMPARE(title(), u"By a model"_s);
        store.rename(id, u"Mine"_s);
        store.rename(id, u"By a model"_s, TitleBy::Model);
        QCOMPARE(title(), u"Mine"_s);
        QVERIFY(openOf(store, id).summary.title_by == TitleBy::User);
        QVERIFY(searchOf(store, u"model"_s).isEmpty());
        QCOMPARE(searchOf(store, u"Mine"_s).size(), 1);
    }
};

QTEST_GUILESS_MAIN(ChatModelsTest)
#include "tst_chat_models.moc"
