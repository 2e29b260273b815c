// How two files of chats that were one become one again.
#include "store_fixture.h"
#include "stranger.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// A chat with two branches, two answers to one question, in the first of two folders.
struct Chat {
    ConversationId id = ConversationStore::newId();
    FolderId folder = ConversationStore::newId(), other_folder = ConversationStore::newId();
    Message question, first, second;

    explicit Chat(ConversationStore& store, const QString& title = u"Chat"_s) {
        store.createFolder(folder, u"Folder"_s);
        store.createFolder(other_folder, u"Other folder"_s);
        store.create(id, title, {});
        store.moveToFolder(id, folder);
        question = messageOf(id, 0, Author::User, u"question"_s);
        first = messageOf(id, question.id, Author::Assistant, u"first answer"_s);
        second = messageOf(id, question.id, Author::Assistant, u"second answer"_s);
        for (const Message* message : {&question, &first, &second})
            store.append(*message);
    }
};

/// What a user changes in a chat, and how it shows.
struct Change {
    const char* name;
    std::function<void(ConversationStore&, const Chat&)> make;
    std::function<bool(ConversationStore&, const Chat&)> isThere;
};

const std::vector<Change>& changes() {
    static const std::vector<Change> all = {
        {"renamed", [](ConversationStore& s, const Chat& c) { s.rename(c.id, u"Other"_s); },
         [](ConversationStore& s, const Chat& c) { return openOf(s, c.id).summary.title == u"Other"_s; }},
        {"deleted", [](ConversationStore& s, const Chat& c) { s.remove(c.id); },
         [](ConversationStore& s, const Chat& c) { return openOf(s, c.id).summary.id == 0; }},
        {"purged",
         [](ConversationStore& s, const Chat& c) {
             s.remove(c.id);
             s.purge();
         },
         [](ConversationStore& s, const Chat& c) {
             s.restore(c.id); // not even its rows are there
             return openOf(s, c.id).summary.id == 0;
         }},
        {"its draft",
         [](ConversationStore& s, const Chat& c) {
             s.saveDraft(
                 c.id,
                 {u"unsent"_s, {{PartKind::File, u"text"_s, u"a.txt"_s, 0}}, {{c.first.id, u"edit"_s}}});
         },
         [](ConversationStore& s, const Chat& c) {
             const Draft draft = openOf(s, c.id).unsent;
             return draft.text == u"unsent"_s && draft.files.size() == 1 && draft.edits.size() == 1;
         }},
        {"the new chat's draft",
         [](ConversationStore& s, const Chat&) {
             s.saveDraft(0, {u"not begun"_s, {}, {}});
         },
         [](ConversationStore& s, const Chat&) { return openOf(s, 0).unsent.text == u"not begun"_s; }},
        {"tuned",
         [](ConversationStore& s, const Chat& c) {
             Tuning tuning;
             tuning.sequence.temperature = 0.125f;
             s.saveTuning(c.id, tuning);
         },
         [](ConversationStore& s, const Chat& c) {
             return openOf(s, c.id).tuning.sequence.temperature == 0.125f;
         }},
        {"given a system prompt",
         [](ConversationStore& s, const Chat& c) { s.saveSystemPrompt(c.id, u"Be brief."_s); },
         [](ConversationStore& s, const Chat& c) { return openOf(s, c.id).system_prompt == u"Be brief."_s; }},
        {"a message deleted", [](ConversationStore& s, const Chat& c) { s.removeMessage(c.second.id); },
         [](ConversationStore& s, const Chat& c) {
             const Conversation chat = openOf(s, c.id);
             return chat.thread().size() == 2 && chat.thread()[1].siblings.size() == 1;
         }},
        {"an answer edited",
         [](ConversationStore& s, const Chat& c) {
             Message edited = c.second;
             edited.parts[0].text = u"corrected"_s;
             s.update(edited);
         },
         [](ConversationStore& s, const Chat& c) {
             return openOf(s, c.id).thread().value(1).text() == u"corrected"_s &&
                    searchOf(s, u"corrected"_s).size() == 1;
         }},
        {"pinned", [](ConversationStore& s, const Chat& c) { s.setPinned(c.id, true); },
         [](ConversationStore& s, const Chat& c) { return openOf(s, c.id).summary.pinned; }},
        {"moved into another folder",
         [](ConversationStore& s, const Chat& c) { s.moveToFolder(c.id, c.other_folder); },
         [](ConversationStore& s, const Chat& c) {
             return openOf(s, c.id).summary.folder == c.other_folder;
         }},
        {"moved out of its folder", [](ConversationStore& s, const Chat& c) { s.moveToFolder(c.id, 0); },
         [](ConversationStore& s, const Chat& c) { return openOf(s, c.id).summary.folder == 0; }},
        {"its folder renamed",
         [](ConversationStore& s, const Chat& c) { s.renameFolder(c.folder, u"Renamed"_s); },
         [](ConversationStore& s, const Chat& c) {
             return foldersOf(s).contains(ChatFolder{c.folder, u"Renamed"_s});
         }},
        {"its folder removed", [](ConversationStore& s, const Chat& c) { s.removeFolder(c.folder); },
         [](ConversationStore& s, const Chat& c) {
             return foldersOf(s) == QList{ChatFolder{c.other_folder, u"Other folder"_s}} &&
                    openOf(s, c.id).summary.folder == 0;
         }},
        {"its folder removed and made anew",
         [](ConversationStore& s, const Chat& c) {
             s.removeFolder(c.folder);
             s.createFolder(c.folder, u"Anew"_s);
             s.moveToFolder(c.id, c.folder);
         },
         [](ConversationStore& s, const Chat& c) {
             return foldersOf(s).contains(ChatFolder{c.folder, u"Anew"_s}) &&
                    openOf(s, c.id).summary.folder == c.folder;
         }},
        {"a folder more",
         [](ConversationStore& s, const Chat& c) { s.createFolder(c.second.id + 1, u"Third"_s); },
         [](ConversationStore& s, const Chat& c) {
             return foldersOf(s).contains(ChatFolder{c.second.id + 1, u"Third"_s});
         }},
        {"folders ordered",
         [](ConversationStore& s, const Chat& c) {
             s.orderFolders({c.other_folder, c.folder});
         },
         [](ConversationStore& s, const Chat& c) {
             return foldersOf(s).value(0).id == c.other_folder && foldersOf(s).size() == 2;
         }},
        {"another branch shown", [](ConversationStore& s, const Chat& c) { s.select(c.first.id); },
         [](ConversationStore& s, const Chat& c) {
             return openOf(s, c.id).thread().value(1).text() == u"first answer"_s;
         }},
        {"gone on with",
         [](ConversationStore& s, const Chat& c) {
             s.append(messageOf(c.id, c.second.id, Author::User, u"and then"_s));
         },
         [](ConversationStore& s, const Chat& c) {
             return openOf(s, c.id).thread().value(2).text() == u"and then"_s;
         }},
    };
    return all;
}

} // namespace

class StoreJoiningTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString data() const { return folder_->filePath(u"data"_s); }
    QString path() const { return data() + u"/chats.sqlite"_s; }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void joiningKeepsWhatWasChangedLast_data() {
        QTest::addColumn<int>("change");
        QTest::addColumn<bool>("beside");
        for (size_t i = 0; i < changes().size(); ++i) {
            QTest::addRow("%s beside", changes()[i].name) << int(i) << true;
            QTest::addRow("%s in the first file", changes()[i].name) << int(i) << false;
        }
    }
    void joiningKeepsWhatWasChangedLast() {
        QFETCH(int, change);
        QFETCH(bool, beside);
        const Change& made = changes()[size_t(change)];
        const QString other = folder_->filePath(u"other"_s);
        std::optional<Chat> chat;
        {
            ConversationStore store(data());
            chat.emplace(store);
        }
        QVERIFY(QDir().mkpath(other));
        QVERIFY(QFile::copy(path(), other + u"/chats.sqlite"_s));
        overwritePage(path(), 0);
        // The damaged file's chats come beside, as they would where its first page could be read.
        {
            ConversationStore store(data());
            chatWith(store, u"Only beside"_s, u"words"_s);
        }
        {
            Stranger stranger(data() + u"/chats.2.sqlite"_s);
            QVERIFY(stranger.run(u"ATTACH '%1/chats.sqlite' AS o"_s.arg(other)));
            for (const char* table : {"folders", "conversations", "messages", "parts", "touched"})
                QVERIFY(stranger.run(
                    u"INSERT OR IGNORE INTO main.%1 SELECT * FROM o.%1"_s.arg(QLatin1String(table))));
        }
        {
            ConversationStore store(beside ? data() : other);
            QVERIFY(!made.isThere(store, *chat) || QByteArray(made.name) == "purged");
            made.make(store, *chat);
        }
        {
            ConversationStore store(beside ? other : data());
            chatWith(store, u"Unrelated"_s, u"words"_s); // later
        }
        QVERIFY(QFile::remove(path()));
        QVERIFY(QFile::copy(other + u"/chats.sqlite"_s, path()));
        for (int start = 0; start < 2; ++start) {
            ConversationStore store(data());
            QVERIFY(made.isThere(store, *chat));
            const QStringList titles = titlesIn(store);
            QVERIFY(titles.contains(u"Only beside"_s) && titles.contains(u"Unrelated"_s));
            QVERIFY(!QFile::exists(data() + u"/chats.2.sqlite"_s));
        }
    }

    void aFileOfAnEarlierProgramIsTheLaterOne() {
        std::optional<Chat> renamed, deleted, shortened;
        {
            ConversationStore store(data());
            renamed.emplace(store, u"Renamed"_s);
            deleted.emplace(store, u"Deleted"_s);
            shortened.emplace(store, u"Shortened"_s);
        }
        QVERIFY(QFile::copy(path(), data() + u"/chats.2.sqlite"_s));
        {
            // That kept no times of its changes, and lost the words of a message with a page.
            Stranger other(data() + u"/chats.2.sqlite"_s);
            for (const QString& statement :
                 {u"DROP TABLE touched"_s, u"DROP TABLE added"_s,
                  u"UPDATE conversations SET title = 'Other' WHERE id = %1"_s.arg(renamed->id),
                  u"UPDATE conversations SET deleted = changed WHERE id = %1"_s.arg(deleted->id),
                  u"DELETE FROM parts WHERE message = %1"_s.arg(shortened->second.id)})
                QVERIFY(other.run(statement));
        }
        ConversationStore store(data());
        QCOMPARE(titlesIn(store), (QStringList{u"Other"_s, u"Shortened"_s}));
        QCOMPARE(openOf(store, shortened->id).thread().value(1).text(), u"second answer"_s);
    }

    void whatWasRestoredAfterTheOtherPurgedItIsKept_data() {
        QTest::addColumn<bool>("whole");
        QTest::addColumn<bool>("beside");
        for (const bool whole : {false, true})
            for (const bool beside : {false, true})
                QTest::addRow("%s restored %s", whole ? "chat" : "message",
                              beside ? "beside" : "in the first file")
                    << whole << beside;
    }
    void whatWasRestoredAfterTheOtherPurgedItIsKept() {
        QFETCH(bool, whole);
        QFETCH(bool, beside);
        const QString other = folder_->filePath(u"other"_s);
        std::optional<Chat> chat;
        Message under;
        {
            ConversationStore store(data());
            chat.emplace(store);
            under = messageOf(chat->id, chat->second.id, Author::User, u"under it"_s);
            store.append(under);
            if (whole)
                store.remove(chat->id);
            else
                store.removeMessage(chat->second.id);
        }
        QVERIFY(QDir().mkpath(other));
        QVERIFY(QFile::copy(path(), other + u"/chats.sqlite"_s));
        {
            ConversationStore store(beside ? data() : other);
            store.purge();
        }
        QTest::qWait(5); // times are in ms
        {
            ConversationStore store(beside ? other : data());
            if (whole)
                store.restore(chat->id);
            else
                store.restoreMessage(chat->second.id);
        }
        QVERIFY(QFile::copy(other + u"/chats.sqlite"_s, data() + u"/chats.2.sqlite"_s));
        for (int start = 0; start < 2; ++start) {
            ConversationStore store(data());
            store.select(under.id);
            const Conversation all = openOf(store, chat->id);
            QCOMPARE(all.thread().size(), 3);
            QCOMPARE(all.thread()[1].text(), u"second answer"_s);
            QCOMPARE(all.thread()[2].text(), u"under it"_s);
            QVERIFY(!QFile::exists(data() + u"/chats.2.sqlite"_s));
        }
    }

    void whatWentOnAfterTheOtherWasDeletedIsKept() {
        const QString other = folder_->filePath(u"other"_s);
        std::optional<Chat> chat;
        {
            ConversationStore store(data());
            chat.emplace(store);
        }
        QVERIFY(QDir().mkpath(other));
        QVERIFY(QFile::copy(path(), other + u"/chats.sqlite"_s));
        {
            ConversationStore store(data());
            store.remove(chat->id);
        }
        {
            ConversationStore store(other);
            store.append(messageOf(chat->id, chat->second.id, Author::User, u"later"_s));
        }
        QVERIFY(QFile::copy(other + u"/chats.sqlite"_s, data() + u"/chats.2.sqlite"_s));
        ConversationStore store(data());
        QCOMPARE(openOf(store, chat->id).thread().value(2).text(), u"later"_s);
    }
};

QTEST_GUILESS_MAIN(StoreJoiningTest)
#include "tst_store_joining.moc"
