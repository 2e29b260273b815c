// The list of chats: what is changed shows at once, and is there after a restart.
#include "store_fixture.h"

#include "app/services/chat_list_service.h"

#include <QSignalSpy>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

class ChatListServiceTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;

    static QStringList names(const ChatListService& list) {
        QStringList names;
        for (const ChatFolder& folder : list.folders())
            names.append(folder.name);
        return names;
    }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void foldersAndPinsShowAtOnceAndStay() {
        ConversationId pinned = 0, filed = 0, loose = 0;
        FolderId work = 0;
        const auto check = [&](const ChatListService& list) {
            QCOMPARE(names(list), (QStringList{u"Home"_s, u"Office"_s}));
            QCOMPARE(list.chats().size(), 3);
            QVERIFY(list.find(pinned)->pinned && !list.find(filed)->pinned);
            QCOMPARE(list.find(filed)->folder, work);
            QCOMPARE(list.find(pinned)->folder, work);
            QCOMPARE(list.find(loose)->folder, FolderId(0));
            QCOMPARE(list.find(loose)->title, u"Renamed"_s);
        };
        {
            ConversationStore store(folder_->path());
            pinned = chatWith(store, u"A"_s, u"words"_s);
            filed = chatWith(store, u"B"_s, u"words"_s);
            loose = chatWith(store, u"C"_s, u"words"_s);
            ChatListService list(store);
            QTRY_COMPARE(list.chats().size(), 3);
            work = list.createFolder(u"Work"_s);
            const FolderId home = list.createFolder(u"Home"_s);
            const FolderId gone = list.createFolder(u"Gone"_s);
            list.moveToFolder(loose, gone);
            list.moveToFolder(filed, work);
            list.moveToFolder(pinned, work);
            list.setPinned(pinned, true);
            list.renameFolder(work, u"Office"_s);
            list.orderFolders({home});
            list.removeFolder(gone);
            list.rename(loose, u"Renamed"_s);
            check(list); // before the store has answered
            QSignalSpy changed(&list, &ChatListService::changed);
            QTRY_VERIFY(!changed.isEmpty() && store.unsaved() == 0);
            check(list);
        }
        ConversationStore store(folder_->path());
        ChatListService list(store);
        QTRY_COMPARE(list.chats().size(), 3);
        check(list);
    }

    void aRemovedFolderCanBeMadeAnew() {
        ConversationStore store(folder_->path());
        const ConversationId chat = chatWith(store, u"A"_s, u"words"_s);
        ChatListService list(store);
        QTRY_COMPARE(list.chats().size(), 1);
        const FolderId id = list.createFolder(u"Work"_s);
        list.moveToFolder(chat, id);
        list.removeFolder(id);
        QCOMPARE(list.createFolder(u"Work"_s, id), id);
        list.moveToFolder(chat, id);
        QCOMPARE(foldersOf(store), QList{(ChatFolder{id, u"Work"_s})});
        QCOMPARE(openOf(store, chat).summary.folder, id);
        list.moveToFolder(chat, 12345); // one that never was
        QCOMPARE(openOf(store, chat).summary.folder, FolderId(0));
    }

    void aRemovedFolderComesBackAsItWas() {
        ConversationStore store(folder_->path());
        const ConversationId inside = chatWith(store, u"A"_s, u"words"_s);
        const ConversationId moved = chatWith(store, u"B"_s, u"words"_s);
        ChatListService list(store);
        QTRY_COMPARE(list.chats().size(), 2);
        const FolderId first = list.createFolder(u"First"_s);
        const FolderId second = list.createFolder(u"Second"_s);
        list.moveToFolder(inside, first);
        list.moveToFolder(moved, first);
        list.removeFolder(first);
        list.moveToFolder(moved, second); // meanwhile: it stays there
        QSignalSpy changed(&list, &ChatListService::changed);
        list.restoreFolder(first, u"First"_s, 0, {inside, moved});
        QCOMPARE(changed.count(), 1);
        const auto check = [&] {
            QCOMPARE(names(list), (QStringList{u"First"_s, u"Second"_s}));
            QCOMPARE(list.find(inside)->folder, first);
            QCOMPARE(list.find(moved)->folder, second);
        };
        check(); // before the store has answered
        QTRY_VERIFY(changed.count() > 1 && store.unsaved() == 0);
        check();
        QCOMPARE(foldersOf(store), QList({ChatFolder{first, u"First"_s}, ChatFolder{second, u"Second"_s}}));
        QCOMPARE(openOf(store, inside).summary.folder, first);
        QCOMPARE(openOf(store, moved).summary.folder, second);
    }

    /// The store's answers never bring back what was before a change, however they cross with it.
    void nothingFlickersBack() {
        ConversationStore store(folder_->path());
        const ConversationId chat = chatWith(store, u"0"_s, u"words"_s);
        ChatListService list(store);
        QTRY_COMPARE(list.chats().size(), 1);
        QString wanted = u"0"_s;
        bool pinned = false;
        connect(&list, &ChatListService::changed, this, [&] {
            QCOMPARE(list.find(chat)->title, wanted);
            QCOMPARE(list.find(chat)->pinned, pinned);
        });
        for (int i = 1; i <= 50; ++i) {
            wanted = QString::number(i);
            list.rename(chat, wanted);
            pinned = !pinned;
            list.setPinned(chat, pinned);
            QTest::qWait(i % 4);
        }
        QTRY_COMPARE(store.unsaved(), 0);
        QCOMPARE(listOf(store).value(0).title, u"50"_s);
    }
};

QTEST_GUILESS_MAIN(ChatListServiceTest)
#include "tst_chat_list_service.moc"
