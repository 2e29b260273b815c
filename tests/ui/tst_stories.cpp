// What people do in the window, from the first key to the last, and only by keys and clicks: what is seen
// then is read from the widgets, as it is shown and as it is copied.
#include "tests/ui/desk.h"
#include "ui/chat/chat_list_model.h"
#include "ui/chat/thread_view.h"
#include "ui/chat/toast.h"

#include <QClipboard>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTemporaryDir>
#include <QToolButton>
#include <QTreeView>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

FakeScript says(const QString& text, double tokens_per_second = 0) {
    FakeScript script;
    script.text = text;
    script.tokens_per_second = tokens_per_second;
    return script;
}

/// Somebody in front of the window.
struct Person {
    explicit Person(const QString& folder, const FakeScript& script = says(u"A short answer."_s))
        : desk(folder, script) {
        desk.window->loadModel(u"/models/Example.gguf"_s);
        if (!QTest::qWaitFor([&] { return desk.model.state() == ModelState::Ready; }, 5000) ||
            !QTest::qWaitForWindowActive(desk.window.get()))
            qFatal("no window with a model");
    }

    ThreadView* thread() const { return desk.find<ThreadView>(u"threadView"_s); }
    QTreeView* tree() const { return desk.find<QTreeView>(u"chatTree"_s); }
    void key(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) const {
        QWidget* at = QApplication::focusWidget();
        QTest::keyClick(at ? at : desk.window.get(), key, modifiers);
    }
    void type(const QString& text) const { QTest::keyClicks(QApplication::focusWidget(), text); }
    void click(QWidget* widget) const {
        QTest::mouseClick(widget, Qt::LeftButton, {}, widget->rect().center());
    }
    /// Into the composer, and Enter.
    void ask(const QString& text) const {
        key(Qt::Key_L, Qt::ControlModifier);
        type(text);
        key(Qt::Key_Return);
    }
    /// All of the thread, as copying gives it.
    QString read() const {
        QTest::mouseClick(thread()->viewport(), Qt::LeftButton, {}, QPoint(3, 3));
        thread()->setFocus();
        key(Qt::Key_A, Qt::ControlModifier);
        key(Qt::Key_C, Qt::ControlModifier); // no Esc: it would stop an answer
        return QApplication::clipboard()->text();
    }
    bool reads(const QString& text) const {
        return QTest::qWaitFor([&] { return thread()->isVisible() && read() == text; }, 8000);
    }
    /// The row of the list that says this; a chat or a hit.
    QModelIndex row(const QString& text, const QModelIndex& parent = {}) const {
        const QAbstractItemModel* model = tree()->model();
        for (int i = 0; i < model->rowCount(parent); ++i) {
            const QModelIndex index = model->index(i, 0, parent);
            if (index.data(ChatListModel::IdRole).toLongLong() != 0 &&
                (index.data().toString() + index.data(ChatListModel::LineRole).toString()).contains(text))
                return index;
            if (const QModelIndex inside = row(text, index); inside.isValid())
                return inside;
        }
        return {};
    }
    bool clickRow(const QString& text) const {
        if (!QTest::qWaitFor([&] { return row(text).isValid(); }, 5000))
            return false;
        tree()->scrollTo(row(text));
        QTest::mouseClick(tree()->viewport(), Qt::LeftButton, {}, tree()->visualRect(row(text)).center());
        return true;
    }
    /// A button under the message with this number, brought into sight.
    QToolButton* button(int message, const QString& name) const {
        QToolButton* found = nullptr;
        if (!QTest::qWaitFor(
                [&] {
                    const MessageTools* tools = thread()->tools(thread()->messageAt(message));
                    found = tools ? tools->findChild<QToolButton*>(name) : nullptr;
                    return found && found->isVisible();
                },
                5000))
            qFatal("no %s", qPrintable(name));
        return found;
    }

    Desk desk;
};

} // namespace

class StoriesTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        QApplication::clipboard()->clear();
    }

    void attachAFileAndSend() {
        Person person(folder_->path());
        QFile notes(folder_->filePath(u"notes.md"_s));
        QVERIFY(notes.open(QIODevice::WriteOnly) && notes.write("Buy milk.") > 0);
        notes.close();
        auto* copied = new QMimeData;
        copied->setUrls({QUrl::fromLocalFile(notes.fileName())});
        QApplication::clipboard()->setMimeData(copied);
        person.key(Qt::Key_L, Qt::ControlModifier);
        person.key(Qt::Key_V, Qt::ControlModifier);
        QTRY_VERIFY(person.desk.window->findChild<QToolButton*>(u"removeFileButton-0"_s));
        person.type(u"What is to be done?"_s);
        person.key(Qt::Key_Return);
        QVERIFY(person.reads(u"What is to be done?\n\nA short answer."_s));
        const MessageContent* question = person.thread()->content(person.thread()->messageAt(0));
        QVERIFY(question->parts.size() == 2 && question->parts[0].name == u"notes.md"_s);
        QVERIFY(!person.desk.window->findChild<QToolButton*>(u"removeFileButton-0"_s)); // sent, and gone
    }

    void switchChatsWhileOneAnswers() {
        Person person(folder_->path(), says(u"word "_s.repeated(60).trimmed(), 60));
        person.ask(u"Tell me a lot"_s);
        QVERIFY(QTest::qWaitFor([&] { return person.read().contains(u"word word"_s); }, 5000));
        person.key(Qt::Key_N, Qt::ControlModifier);
        person.type(u"unsent thoughts"_s);
        QTRY_VERIFY(!person.thread()->isVisible()); // an empty chat
        QVERIFY(person.clickRow(u"A lot"_s));
        QVERIFY(person.reads(u"Tell me a lot\n\n"_s + u"word "_s.repeated(60).trimmed()));
    }

    void renameAChatWhileAnotherEnds() {
        Person person(folder_->path(), says(u"word "_s.repeated(40).trimmed(), 30));
        person.ask(u"First question"_s);
        QVERIFY(QTest::qWaitFor([&] { return person.row(u"First question"_s).isValid(); }, 5000));
        person.key(Qt::Key_N, Qt::ControlModifier);
        QVERIFY(person.clickRow(u"First question"_s));
        person.tree()->setFocus();
        person.key(Qt::Key_F2);
        QTRY_VERIFY(person.tree()->viewport()->findChild<QLineEdit*>());
        auto* title = person.tree()->viewport()->findChild<QLineEdit*>();
        QTest::keyClick(title, Qt::Key_A, Qt::ControlModifier);
        QTest::keyClicks(title, u"A better name"_s);
        QTRY_VERIFY_WITH_TIMEOUT(
            !person.row(u"First question"_s).data(ChatListModel::GeneratingRole).toBool(),
            8000); // the answer ends meanwhile
        QPointer<QLineEdit> still = title;
        QVERIFY(still); // and what is being typed stays
        QTest::keyClick(title, Qt::Key_Return);
        QTRY_VERIFY(person.row(u"A better name"_s).isValid());
        QVERIFY(!person.row(u"First question"_s).isValid());
    }

    void editAQuestionAndComeBack() {
        Person person(folder_->path());
        person.ask(u"Old question"_s);
        QVERIFY(person.reads(u"Old question\n\nA short answer."_s));
        person.key(Qt::Key_E, Qt::ControlModifier);
        auto* editor = person.desk.find<QPlainTextEdit>(u"messageEditorText"_s);
        QTest::keyClick(editor, Qt::Key_A, Qt::ControlModifier);
        QTest::keyClicks(editor, u"New question"_s);
        person.click(person.desk.find<QPushButton>(u"messageEditorSave"_s));
        QVERIFY(person.reads(u"New question\n\nA short answer."_s));
        person.click(person.button(0, u"previousBranchButton"_s));
        QVERIFY(person.reads(u"Old question\n\nA short answer."_s));
        person.click(person.button(0, u"nextBranchButton"_s));
        QVERIFY(person.reads(u"New question\n\nA short answer."_s));
    }

    void deleteAChatAndUndo() {
        Person person(folder_->path());
        person.ask(u"Keep me"_s);
        QVERIFY(person.reads(u"Keep me\n\nA short answer."_s));
        QVERIFY(person.clickRow(u"Keep me"_s));
        person.tree()->setFocus();
        person.key(Qt::Key_Delete);
        QTRY_VERIFY(!person.row(u"Keep me"_s).isValid());
        person.click(person.desk.find<QPushButton>(u"toastAction"_s));
        QTRY_VERIFY(person.row(u"Keep me"_s).isValid());
        QVERIFY(person.reads(u"Keep me\n\nA short answer."_s));
    }

    void searchIntoAHiddenBranch() {
        Person person(folder_->path());
        const QString begin = u"Animals\n\nA short answer.\n\n"_s, end = u"\n\nA short answer."_s;
        person.ask(u"Animals"_s);
        QVERIFY(person.reads(u"Animals"_s + end));
        person.ask(u"Where do walruses live"_s);
        QVERIFY(person.reads(begin + u"Where do walruses live"_s + end));
        person.key(Qt::Key_E, Qt::ControlModifier);
        auto* editor = person.desk.find<QPlainTextEdit>(u"messageEditorText"_s);
        QTest::keyClick(editor, Qt::Key_A, Qt::ControlModifier);
        QTest::keyClicks(editor, u"Where do penguins live"_s);
        person.click(person.desk.find<QPushButton>(u"messageEditorSave"_s));
        QVERIFY(person.reads(begin + u"Where do penguins live"_s + end));
        person.key(Qt::Key_K, Qt::ControlModifier);
        QTRY_COMPARE(QApplication::focusWidget()->objectName(), u"chatSearch"_s);
        person.type(u"walruses"_s);
        QVERIFY(person.clickRow(u"walruses live"_s));
        QVERIFY(person.reads(begin + u"Where do walruses live"_s + end));
    }

    void closeAndReopen() {
        {
            Person person(folder_->path());
            person.ask(u"Remember this"_s);
            QVERIFY(person.reads(u"Remember this\n\nA short answer."_s));
            person.key(Qt::Key_L, Qt::ControlModifier);
            person.type(u"and what I had begun"_s);
            person.desk.window->close();
            QTRY_VERIFY(!person.desk.window->isVisible());
        }
        Person person(folder_->path());
        QVERIFY(person.clickRow(u"Remember this"_s));
        QVERIFY(person.reads(u"Remember this\n\nA short answer."_s));
        QTRY_COMPARE(person.desk.find<QPlainTextEdit>(u"composerEdit"_s)->toPlainText(),
                     u"and what I had begun"_s);
    }

  private:
    std::unique_ptr<QTemporaryDir> folder_;
};

QTEST_MAIN(StoriesTest)
#include "tst_stories.moc"
