// Texts of any length through the window: pasted, edited, restored, sent, found and copied, in short steps
// and with every byte.
#include "tests/support/time_limit.h"
#include "tests/ui/chat_desk.h"
#include "tests/ui/desk.h"
#include "tests/ui/stall_meter.h"
#include "ui/chat/field_text.h"

#include <QClipboard>
#include <QInputMethodEvent>
#include <QLineEdit>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// Milliseconds of work in one step. A frame is 16; a machine of the tests may be four times as slow (the
/// same step was seen to take 20 and 35 on one of them).
constexpr double longest_step = 64 * test::kSanitizerSlowdown;

QString repeated(const QString& part, qsizetype units) {
    return part.repeated(units / part.size() + 1).left(units);
}

/// Kinds of long texts.
void addLongTexts() {
    QTest::addColumn<QString>("text");
    QTest::newRow("lines") << repeated(u"The quick brown fox jumps over the lazy dog.\n"_s, 1'000'000);
    QTest::newRow("no break") << QString(300'000, u'x');
    QTest::newRow("one paragraph") << repeated(u"words and words "_s, 1'000'000);
    QTest::newRow("chinese") << repeated(u"潜在向量可以节省内存。"_s, 1'000'000);
    QTest::newRow("line breaks") << QString(300'000, u'\n') + u"x"_s;
    QTest::newRow("marks") << u"e"_s + QString(100'000, QChar(0x301));
    QTest::newRow("backticks") << QString(100'000, u'`');
    QTest::newRow("emoji") << repeated(u"😀"_s, 200'000);
    QTest::newRow("odd") << repeated(u"a\u00A0b\tc\uFDD0d\u202Ee\r\n"_s, 100'000);
}

/// Does something and all that follows from it at once; milliseconds of work of the longest step.
template <class Act>
double longestStepOf(Act act) {
    StallMeter meter;
    const double begin = threadTime();
    act();
    const double own = threadTime() - begin;
    meter.start();
    QTest::qWait(60);
    meter.stop();
    return std::max(own, meter.longestBusy());
}

/// Pastes as a user does; milliseconds of the longest step.
double paste(QWidget* field, const QString& text) {
    QGuiApplication::clipboard()->setText(text);
    return longestStepOf([&] { QTest::keyClick(field, Qt::Key_V, Qt::ControlModifier); });
}

QPlainTextEdit* editorOf(const ChatDesk& desk) { return desk.find<QPlainTextEdit>(u"messageEditorText"_s); }

} // namespace

class LongTextTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void aLongPasteIsAFile_data() { addLongTexts(); }
    void aLongPasteIsAFile() {
        QFETCH(QString, text);
        FakeScript script = quickAnswer(u"Yes."_s);
        script.capabilities.context = 1 << 26; // so that it fits
        ChatDesk desk(script);
        Composer* composer = desk.page->composer();
        desk.type(u"Read this"_s);
        const double step = paste(composer->edit(), text);
        QCOMPARE(composer->text(), u"Read this"_s);
        QCOMPARE(composer->files().size(), 1);
        QVERIFY2(step < longest_step, qPrintable(QString::number(step)));
        // Undo takes it back, then the typing.
        QTest::keyClick(composer->edit(), Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(composer->files().size(), 0);
        QCOMPARE(composer->text(), u"Read this"_s);
        paste(composer->edit(), text);
        const double sending = longestStepOf([&] { desk.enter(); });
        QVERIFY(desk.waitIdle());
        QVERIFY2(sending < longest_step, qPrintable(QString::number(sending)));
        const QList<MessagePart> parts = desk.thread().first().parts;
        const auto file = std::ranges::find(parts, PartKind::File, &MessagePart::kind);
        QVERIFY(file != parts.end());
        QVERIFY(file->text == text);
        QVERIFY(composer->files().isEmpty());
    }

    /// As X11 has it where nothing was copied yet.
    void anEmptyClipboardIsPasted() {
        struct Field : ComposerEdit {
            using ComposerEdit::canInsertFromMimeData, ComposerEdit::insertFromMimeData;
            using ComposerEdit::ComposerEdit;
        } field(nullptr);
        field.insertFromMimeData(nullptr);
        QVERIFY(!field.canInsertFromMimeData(nullptr));
        struct Pages : PagedEdit {
            using PagedEdit::insertFromMimeData;
            using PagedEdit::PagedEdit;
        } pages(nullptr);
        pages.insertFromMimeData(nullptr);
        QVERIFY(field.toPlainText().isEmpty() && pages.wholeText().isEmpty());
    }

    void whatFitsIsTyped() {
        ChatDesk desk;
        Composer* composer = desk.page->composer();
        const QString prose = repeated(u"words and words "_s, 5000), lines = repeated(u"a line\n"_s, 10'000);
        const QString emoji = repeated(u"😀"_s, 160);
        for (const QString& text : {prose, lines, emoji, u"10\u00A0000 l'été"_s}) {
            composer->clear();
            const double step = paste(composer->edit(), text);
            QVERIFY(composer->text() == text);
            QVERIFY2(step < longest_step, qPrintable(QString::number(step)));
        }
        // What is pasted again and again is too long at some time.
        for (int i = 0; i < 20; ++i)
            QVERIFY(paste(composer->edit(), lines) < longest_step);
        QVERIFY(composer->files().size() > 10);
        QVERIFY(composer->height() < 500);
    }

    void anInputMethodMayCommitMuch() {
        ChatDesk desk;
        const QString text = repeated(u"潜在"_s, 300'000);
        QInputMethodEvent event;
        event.setCommitString(text);
        const double step =
            longestStepOf([&] { QCoreApplication::sendEvent(desk.page->composer()->edit(), &event); });
        QVERIFY2(step < longest_step, qPrintable(QString::number(step)));
        QCOMPARE(desk.page->composer()->files().size(), 1);
        QVERIFY(desk.page->composer()->files().first().text == text);
    }

    void aLongDraftIsRestored_data() { addLongTexts(); }
    void aLongDraftIsRestored() {
        QFETCH(QString, text);
        QTemporaryDir folder;
        {
            ConversationStore store(folder.path());
            store.saveDraft(0, {text, {}, {}});
            QVERIFY(store.waitSaved(10'000));
        }
        ChatDesk desk(quickAnswer(u"Yes."_s), folder.path(), false);
        StallMeter meter;
        meter.start();
        QVERIFY(QTest::qWaitFor([&] { return !desk.page->composer()->files().isEmpty(); }, 5000));
        QTest::qWait(30);
        meter.stop();
        QVERIFY2(meter.longestBusy() < longest_step, qPrintable(QString::number(meter.longestBusy())));
        QVERIFY(desk.page->composer()->files().first().text == text);
        QVERIFY(desk.page->composer()->text().isEmpty());
    }

    void anOldLongMessageIsEdited_data() { addLongTexts(); }
    void anOldLongMessageIsEdited() {
        QFETCH(QString, text);
        ChatDesk desk(quickAnswer(u"Yes."_s));
        QVERIFY(desk.controller.send(text));
        QVERIFY(desk.waitIdle());
        QVERIFY(desk.thread().first().text() == text);
        const MessageId id = desk.thread().first().id;
        const double opening = longestStepOf([&] { desk.page->thread()->beginEdit(id); });
        QVERIFY2(opening < longest_step, qPrintable(QString::number(opening)));
        QPlainTextEdit* editor = editorOf(desk);
        editor->moveCursor(QTextCursor::Start);
        const double typing = longestStepOf([&] { QTest::keyClicks(editor, u"!"_s); });
        QVERIFY2(typing < longest_step, qPrintable(QString::number(typing)));
        auto* later = desk.find<QPushButton>(u"messageEditorLater"_s);
        QVERIFY(later->isVisible());
        const double paging = longestStepOf([&] { later->click(); });
        QVERIFY2(paging < longest_step, qPrintable(QString::number(paging)));
        const double pasting = paste(editor, text);
        QVERIFY2(pasting < longest_step, qPrintable(QString::number(pasting)));
        const double undoing =
            longestStepOf([&] { QTest::keyClick(editor, Qt::Key_Z, Qt::ControlModifier); });
        QVERIFY2(undoing < longest_step, qPrintable(QString::number(undoing)));
        desk.find<QPushButton>(u"messageEditorEarlier"_s)->click();
        const double saving = longestStepOf([&] { desk.find<QPushButton>(u"messageEditorSave"_s)->click(); });
        QVERIFY2(saving < longest_step, qPrintable(QString::number(saving)));
        QVERIFY(desk.waitIdle());
        // Only the page that was changed has the field's own line breaks.
        QString wanted = u"!"_s + text, got = desk.thread().first().text();
        wanted.replace(u"\r\n"_s, u"\n"_s).replace(QChar(0xFDD0), u'\n');
        got.replace(u"\r\n"_s, u"\n"_s).replace(QChar(0xFDD0), u'\n');
        QVERIFY(got == wanted);
    }

    void whatWasTypedIsEditedOnOnePage() {
        ChatDesk desk(quickAnswer(u"Yes."_s));
        const QString emoji = repeated(u"😀"_s, 160);
        QVERIFY(desk.controller.send(emoji));
        QVERIFY(desk.waitIdle());
        desk.page->thread()->beginEdit(desk.thread().first().id);
        QCOMPARE(editorOf(desk)->toPlainText(), emoji);
        QVERIFY(!desk.find<QPushButton>(u"messageEditorLater"_s)->isVisible());
    }

    void findingAndSelectingMuch_data() {
        QTest::addColumn<int>("count");
        QTest::addColumn<int>("units");
        QTest::newRow("one answer of 2 MB") << 1 << 2'000'000;
        QTest::newRow("2,000 messages") << 2000 << 500;
    }
    void findingAndSelectingMuch() {
        QFETCH(int, count);
        QFETCH(int, units);
        QList<Message> thread;
        const QString text = repeated(u"Some **words** of an answer, and `code`.\n\n"_s, units);
        for (int i = 0; i < count; ++i) {
            Message message;
            message.id = i + 1;
            message.author = count == 1 || i % 2 ? Author::Assistant : Author::User;
            message.parts = {{PartKind::Text, text, {}, 0}};
            thread.append(message);
        }
        ThreadView view;
        view.resize(800, 600);
        view.show();
        const double opening = longestStepOf([&] { view.setThread(thread, true); });
        const double finding = longestStepOf([&] { view.setFind(u"words"_s); });
        QVERIFY2(finding < longest_step, qPrintable(QString::number(finding)));
        // The last match, at the other end of what is laid out.
        StallMeter meter;
        meter.start();
        QSignalSpy shown(&view, &ThreadView::selectionChanged);
        view.findStep(-1);
        QVERIFY(QTest::qWaitFor([&] { return !shown.isEmpty(); }, 60'000));
        meter.stop();
        QVERIFY2(meter.longestBusy() < longest_step, qPrintable(QString::number(meter.longestBusy())));
        const double selecting = longestStepOf([&] { view.selectAll(); });
        QVERIFY2(selecting < longest_step, qPrintable(QString::number(selecting)));
        QVERIFY2(opening < longest_step, qPrintable(QString::number(opening)));
        view.findStep(1); // is not shown any more, and takes no selection away
        view.selectAll();
        QTest::qWait(20);
        StallMeter copying;
        copying.start();
        view.setFocus();
        QTest::keyClick(&view, Qt::Key_C, Qt::ControlModifier);
        QTest::qWait(3000); // the text is made meanwhile
        copying.stop();
        QVERIFY2(copying.longestBusy() < longest_step, qPrintable(QString::number(copying.longestBusy())));
        const double begin = threadTime();
        const QString copied = QGuiApplication::clipboard()->text();
        QVERIFY2(threadTime() - begin < longest_step, "it was not made meanwhile");
        qInfo("copying %lld characters: %.1f ms at most", qint64(copied.size()), copying.longestBusy());
        // Who pastes at once has all of it, and what was copied stays what it was.
        view.copy();
        view.setThread({}, true);
        QVERIFY(QGuiApplication::clipboard()->text() == copied);
        const int answers = count == 1 ? 1 : count / 2;
        QVERIFY(copied.size() > qsizetype(answers) * units * 3 / 4);
    }

    void oneLineFieldsAreBounded() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        const QString text = u"e"_s + QString(1'000'000, QChar(0x301));
        int visited = 0;
        for (QLineEdit* field : desk.window->findChildren<QLineEdit*>()) {
            field->ensurePolished();
            QVERIFY2(field->maxLength() <= 1000, qPrintable(field->objectName()));
            if (!field->isVisible() || !field->isEnabled() || field->isReadOnly())
                continue;
            const double step = paste(field, text);
            QVERIFY2(step < longest_step, qPrintable(field->objectName() + u": "_s + QString::number(step)));
            ++visited;
        }
        QVERIFY(visited > 0);
    }
};

QTEST_MAIN(LongTextTest)
#include "tst_long_text.moc"
