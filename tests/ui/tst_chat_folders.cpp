// The list of chats as a tree: rows that move instead of being made anew, pins, folders, and what is folded.
#include "tests/ui/chat_rows.h"
#include "tests/ui/desk.h"
#include "ui/chat/chat_list.h"
#include "ui/chat/toast.h"

#include <QAbstractItemModelTester>
#include <QLineEdit>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTemporaryDir>

#include <algorithm>
#include <random>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

ConversationSummary chat(ConversationId id, int days_ago, FolderId folder = 0, bool pinned = false) {
    ConversationSummary summary;
    summary.id = id;
    summary.title = u"Chat %1"_s.arg(id);
    summary.changed = QDate::currentDate().addDays(-days_ago).startOfDay().addSecs(3600);
    summary.folder = folder;
    summary.pinned = pinned;
    return summary;
}

struct Changes {
    explicit Changes(QAbstractItemModel& model)
        : inserted(&model, &QAbstractItemModel::rowsInserted),
          removed(&model, &QAbstractItemModel::rowsRemoved), moved(&model, &QAbstractItemModel::rowsMoved),
          reset(&model, &QAbstractItemModel::modelReset) {}
    QList<qsizetype> counts() const { return {inserted.size(), removed.size(), moved.size(), reset.size()}; }
    QSignalSpy inserted, removed, moved, reset;
};

/// A window with chats that were answered, newest last.
struct ListDesk : Desk {
    explicit ListDesk(const QString& folder, int chats = 0) : Desk(folder) {
        window->activateWindow();
        if (!QTest::qWaitForWindowActive(window.get()))
            qFatal("the window is not active");
        load();
        FakeScript script;
        script.text = u"Good day."_s;
        script.tokens_per_second = 0;
        answers.setScript(script);
        for (int i = 0; i < chats; ++i) {
            controller.newChat();
            controller.send(u"Question %1"_s.arg(i));
            if (!QTest::qWaitFor([this] { return !controller.busy() && controller.current() != 0; }, 5000))
                qFatal("no answer");
            ids << controller.current();
        }
        list = find<ChatList>(u"chatList"_s);
        tree = list->view();
    }
    void choose(ConversationId id) {
        tree->setFocus();
        tree->setCurrentIndex(list->model()->indexOf(id));
    }
    QString groupOf(ConversationId id) const { return list->model()->indexOf(id).parent().data().toString(); }
    QLineEdit* editor() const { return tree->viewport()->findChild<QLineEdit*>(); }
    QList<ConversationId> ids;
    ChatList* list = nullptr;
    QTreeView* tree = nullptr;
};

} // namespace

class ChatFoldersTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void pinnedAndFoldersComeBeforeTheDates() {
        ChatListModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.setChats({chat(1, 0), chat(2, 0, 7), chat(3, 1, 0, true), chat(4, 1), chat(5, 6, 7, true),
                        chat(6, 20), chat(7, 20, 99), chat(8, 900)},
                       {{7, u"Work"_s}, {8, u"Empty"_s}});
        const QStringList lines = described(model);
        QCOMPARE(lines.mid(0, 6),
                 (QStringList{u"Pinned: Chat 3, Chat 5"_s, u"Work: Chat 2"_s, u"Empty: "_s,
                              u"Today: Chat 1"_s, u"Yesterday: Chat 4"_s,
                              u"Last 30 days: Chat 6, Chat 7"_s})); // 99: a folder that is not there
        QCOMPARE(lines.size(), 7);
    }

    void whatChangesIsMoved() {
        ChatListModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QList<ConversationSummary> chats;
        for (int i = 1; i <= 200; ++i)
            chats << chat(i, 0);
        const QList<ChatFolder> folders = {{7, u"Work"_s}};
        {
            Changes changes(model);
            model.setChats(chats, folders);
            QCOMPARE(changes.counts(), (QList<qsizetype>{2, 0, 0, 0}));
        }
        const auto after = [&](auto change) {
            Changes changes(model);
            change();
            model.setChats(chats, folders);
            return changes.counts();
        };
        QCOMPARE(after([&] { chats.move(150, 0); }), (QList<qsizetype>{0, 0, 1, 0})); // it was answered
        QCOMPARE(after([&] { chats.move(0, 199); }), (QList<qsizetype>{0, 0, 1, 0}));
        QCOMPARE(after([&] { chats[0].folder = 7; }), (QList<qsizetype>{0, 0, 1, 0}));
        QCOMPARE(after([&] { chats[0].folder = 0; }),
                 (QList<qsizetype>{0, 0, 2, 0})); // to the group, to its place
        QCOMPARE(after([&] { chats[90].pinned = true; }),
                 (QList<qsizetype>{1, 0, 1, 0})); // with a group for it
        // Its group makes way, and it goes back to the other, to its place.
        QCOMPARE(after([&] { chats[90].pinned = false; }), (QList<qsizetype>{0, 1, 3, 0}));
        QCOMPARE(after([&] { chats.removeAt(20); }), (QList<qsizetype>{0, 1, 0, 0}));
        QCOMPARE(after([&] { chats.prepend(chat(500, 0)); }), (QList<qsizetype>{1, 0, 0, 0}));
        QCOMPARE(after([] {}), (QList<qsizetype>{0, 0, 0, 0}));
        Changes changes(model);
        model.setToday(QDate::currentDate().addDays(1));
        QCOMPARE(changes.reset.size(), 0);
        QCOMPARE(described(model).size(), 2);
    }

    /// Any list can follow any other: every row stays what it was, wherever it goes.
    void anyListFollowsAnyOther() {
        std::mt19937 random(11);
        const auto upTo = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        ChatListModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QSignalSpy reset(&model, &QAbstractItemModel::modelReset);
        for (int step = 0; step < 400; ++step) {
            std::map<ConversationId, QPersistentModelIndex> kept;
            for (int id = 1; id <= 25; ++id) {
                if (const QModelIndex at = model.indexOf(id); at.isValid() && !model.searching())
                    kept[id] = at;
            }
            QList<ConversationSummary> chats;
            QList<ChatFolder> folders;
            for (int id = 1; id <= 4; ++id) {
                if (upTo(4) != 0)
                    folders << ChatFolder{id, u"Folder %1"_s.arg(upTo(2))};
            }
            std::shuffle(folders.begin(), folders.end(), random);
            for (int id = 1; id <= 25; ++id) {
                if (upTo(5) != 0)
                    chats << chat(id, upTo(3) * upTo(30), upTo(6), upTo(6) == 0);
            }
            std::shuffle(chats.begin(), chats.end(), random);
            if (step % 2 == 0)
                std::stable_sort(chats.begin(), chats.end(),
                                 [](const auto& a, const auto& b) { return a.changed > b.changed; });
            if (step % 17 == 5) {
                model.setHits({{1, 3, u"a"_s, u"b"_s}, {1, 3, u"a"_s, u"b"_s}, {2, 0, u"c"_s, {}}});
            } else if (model.searching()) {
                model.clearHits();
            } else {
                model.setChats(chats, folders);
                for (const auto& [id, index] : kept) {
                    const bool there = std::any_of(chats.begin(), chats.end(),
                                                   [id = id](const auto& c) { return c.id == id; });
                    QCOMPARE(index.isValid(), there);
                    if (there)
                        QCOMPARE(index.data(ChatListModel::IdRole).toLongLong(), id);
                }
                int rows = 0;
                for (int g = 0; g < model.rowCount(); ++g)
                    rows += model.rowCount(model.index(g, 0));
                QCOMPARE(rows, static_cast<int>(chats.size()));
            }
        }
        QCOMPARE(reset.size(), 0);
    }

    void anIndexOfARowThatIsGoneFindsNothing() {
        ChatListModel model;
        model.setChats({chat(1, 0), chat(2, 0)});
        const QModelIndex gone = model.indexOf(2);
        model.setChats({chat(1, 0)});
        QVERIFY(!gone.data().isValid());
        QVERIFY(!model.parent(gone).isValid());
        QCOMPARE(model.rowCount(gone), 0);
    }

    void viewStaysWhereItIsWhileChatsMove() {
        QTemporaryDir folder;
        ListDesk desk(folder.path());
        QList<ConversationSummary> chats;
        for (int i = 1; i <= 300; ++i)
            chats << chat(i, 0);
        desk.list->setChats(chats);
        desk.choose(200);
        desk.tree->scrollTo(desk.tree->currentIndex());
        const int top = desk.tree->visualRect(desk.list->model()->indexOf(200)).top();
        chats.move(250, 0);
        desk.list->setChats(chats);
        chats.prepend(chat(400, 0));
        desk.list->setChats(chats);
        chats[100].pinned = true;
        desk.list->setChats(chats);
        QCOMPARE(desk.tree->currentIndex().data(ChatListModel::IdRole).toLongLong(), 200);
        QVERIFY(desk.tree->selectionModel()->isSelected(desk.tree->currentIndex()));
        QVERIFY(desk.tree->hasFocus());
        QCOMPARE(desk.tree->visualRect(desk.list->model()->indexOf(200)).top(), top);
    }

    /// A title is being edited while its chat is answered, and goes to the top, into a folder, and to a pin.
    void editingSurvivesMoves() {
        QTemporaryDir folder;
        ListDesk desk(folder.path(), 3);
        desk.choose(desk.ids[0]);
        desk.action(u"rename_chat"_s)->trigger();
        QPointer<QLineEdit> editor = desk.editor();
        QVERIFY(editor);
        QCOMPARE(editor->selectedText(), u"Question 0"_s);
        QTest::keyClicks(editor, u"New "_s);
        desk.controller.list().setPinned(desk.ids[0], true);
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Pinned"_s);
        const FolderId work = desk.controller.list().createFolder(u"Work"_s);
        desk.controller.list().moveToFolder(desk.ids[1], work);
        desk.controller.list().setPinned(desk.ids[0], false);
        desk.controller.list().moveToFolder(desk.ids[0], work);
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Work"_s);
        QTest::qWait(50);
        QVERIFY(editor && editor->hasFocus());
        QTest::keyClicks(editor, u"name"_s);
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE(desk.list->model()->indexOf(desk.ids[0]).data().toString(), u"New name"_s);
    }

    void foldersAreMadeNamedFilledAndRemoved() {
        QTemporaryDir folder;
        ListDesk desk(folder.path(), 2);
        desk.action(u"new_folder"_s)->trigger();
        QPointer<QLineEdit> editor = desk.editor();
        QVERIFY(editor);
        QTest::keyClicks(editor, u"Work"_s);
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE(desk.controller.list().folders().size(), 1);
        QTRY_COMPARE(desk.controller.list().folders()[0].name, u"Work"_s);
        const FolderId work = desk.controller.list().folders()[0].id;

        desk.choose(desk.ids[0]);
        auto* menu = desk.find<QMenu>(u"moveMenu"_s);
        QCOMPARE(desk.action(u"move_chat"_s)->menu(), menu);
        Q_EMIT menu->aboutToShow();
        for (QAction* action : menu->actions()) {
            if (action->text() == u"Work"_s)
                action->trigger();
        }
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Work"_s);

        // In place, by key.
        desk.tree->setCurrentIndex(desk.list->model()->indexOfFolder(work));
        QTest::keyClick(desk.tree, Qt::Key_F2);
        editor = desk.editor();
        QVERIFY(editor);
        QTest::keyClicks(editor, u"Office"_s);
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Office"_s);

        desk.tree->setCurrentIndex(desk.list->model()->indexOfFolder(work));
        desk.tree->setFocus();
        QTest::keyClick(desk.tree, Qt::Key_Delete);
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Today"_s);
        QVERIFY(desk.controller.list().folders().isEmpty());
        auto* undo = desk.find<QPushButton>(u"toastAction"_s);
        QVERIFY(undo->isVisible());
        undo->click();
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Office"_s);
        desk.tree->setCurrentIndex(desk.list->model()->indexOfFolder(work)); // or by its key
        desk.action(u"delete_chat"_s)->trigger();
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Today"_s);
        desk.tree->setFocus();
        QTest::keyClick(desk.tree, Qt::Key_Z, Qt::ControlModifier);
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Office"_s);
    }

    void chatsArePinnedAndDropped() {
        QTemporaryDir folder;
        ListDesk desk(folder.path(), 2);
        const FolderId work = desk.controller.list().createFolder(u"Work"_s);
        desk.choose(desk.ids[0]);
        desk.action(u"pin_chat"_s)->trigger();
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Pinned"_s);
        QTRY_VERIFY(desk.action(u"pin_chat"_s)->isChecked());
        ChatListModel* model = desk.list->model();
        const auto drop = [&](ConversationId id, const QModelIndex& on) {
            const std::unique_ptr<QMimeData> data(model->mimeData({model->indexOf(id)}));
            return model->canDropMimeData(data.get(), Qt::MoveAction, -1, -1, on) &&
                   model->dropMimeData(data.get(), Qt::MoveAction, -1, -1, on);
        };
        QVERIFY(drop(desk.ids[0], model->indexOfFolder(work)));
        QTRY_COMPARE(desk.groupOf(desk.ids[0]), u"Work"_s);
        QVERIFY(drop(desk.ids[1], model->indexOf(desk.ids[0]))); // on a chat that is in it
        QTRY_COMPARE(desk.groupOf(desk.ids[1]), u"Work"_s);
        QVERIFY(!drop(desk.ids[1], {}));
        QMimeData other;
        other.setText(u"words"_s);
        QVERIFY(!model->canDropMimeData(&other, Qt::MoveAction, -1, -1, model->indexOfFolder(work)));
        desk.choose(desk.ids[1]);
        desk.action(u"pin_chat"_s)->trigger();
        QTRY_COMPARE(desk.groupOf(desk.ids[1]), u"Pinned"_s);
        desk.choose(desk.ids[1]);
        desk.action(u"pin_chat"_s)->trigger();
        QTRY_COMPARE(desk.groupOf(desk.ids[1]), u"Work"_s); // where it was
    }

    void foldersPinsAndWhatIsFoldedAreThereAtTheNextStart() {
        QTemporaryDir folder;
        ConversationId pinned = 0;
        {
            ListDesk desk(folder.path(), 3);
            pinned = desk.ids[0];
            const FolderId work = desk.controller.list().createFolder(u"Work"_s);
            desk.controller.list().moveToFolder(desk.ids[1], work);
            desk.controller.list().setPinned(pinned, true);
            QTRY_COMPARE(desk.groupOf(pinned), u"Pinned"_s);
            const QModelIndex group = desk.list->model()->indexOfFolder(work);
            QVERIFY(desk.tree->isExpanded(group));
            QTest::mouseClick(desk.tree->viewport(), Qt::LeftButton, {},
                              desk.tree->visualRect(group).center());
            QVERIFY(!desk.tree->isExpanded(group));
            desk.tree->setFocus(); // by the keyboard, too
            desk.tree->setCurrentIndex(desk.list->model()->index(0, 0));
            desk.tree->collapse(desk.list->model()->index(0, 0));
            QTRY_COMPARE(desk.store.unsaved(), 0);
        }
        ListDesk desk(folder.path());
        QTRY_COMPARE(desk.groupOf(pinned), u"Pinned"_s);
        const QModelIndex today = desk.list->model()->index(2, 0);
        QCOMPARE(today.data().toString(), u"Today"_s);
        QVERIFY(!desk.tree->isExpanded(desk.list->model()->index(0, 0)));
        QVERIFY(!desk.tree->isExpanded(desk.list->model()->index(1, 0)));
        QVERIFY(desk.tree->isExpanded(today));
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    ChatFoldersTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_chat_folders.moc"
