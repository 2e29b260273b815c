// The thread: only what is near is laid out, what is read stays in place, and everything can be selected.
#include "tests/ui/chat_fixtures.h"
#include "tests/ui/stall_meter.h"
#include "ui/chat/chat_style.h"
#include "ui/chat/thread_view.h"

#include <QAccessible>
#include <QClipboard>
#include <QMenu>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

QList<Message> longThread(int messages) {
    QList<Message> thread;
    for (int i = 1; i <= messages; ++i) {
        const QString head = u"Message %1. "_s.arg(i);
        const QString words = u"Some **words** of text and `code`. "_s.repeated(i % 7 + 1);
        thread.append(i % 2 ? makeMessage(i, Author::User, head + u"Why?"_s)
                            : makeMessage(i, Author::Assistant,
                                          head + words + u"\n\n```cpp\nint x = 1;\n```\n\n- a\n- b\n"_s));
    }
    return thread;
}

Message streaming(MessageId id, const QString& text) {
    return makeMessage(id, Author::Assistant, text, MessageState::Streaming);
}

void show(ThreadView& view, const QList<Message>& thread, bool to_end = true) {
    view.resize(800, 600);
    view.show();
    view.setThread(thread, to_end);
    QTest::qWait(30);
}

bool atEnd(const ThreadView& view) {
    return view.verticalScrollBar()->value() == view.verticalScrollBar()->maximum();
}

void wheel(ThreadView& view, int steps) {
    QWheelEvent event(QPointF(300, 300), view.mapToGlobal(QPointF(300, 300)), QPoint(),
                      QPoint(0, steps * 120), Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
    QCoreApplication::sendEvent(view.viewport(), &event);
}

} // namespace

class ChatThreadTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void onlyWhatIsNearIsLaidOut() {
        ThreadView view;
        const QList<Message> thread = longThread(2000);
        view.resize(800, 600);
        const double opened = threadTime();
        view.setThread(thread, true);
        qInfo("2000 messages opened with %.1f ms of work", threadTime() - opened);
        show(view, thread);
        QCOMPARE(view.messageCount(), 2000);
        QVERIFY(atEnd(view));
        QTRY_VERIFY(view.liveDocuments() > 3);
        QVERIFY2(view.liveDocuments() < 40, qPrintable(QString::number(view.liveDocuments())));
        double longest = 0;
        for (int step = 0; step < 200; ++step) {
            const double begun = threadTime();
            view.verticalScrollBar()->setValue(view.verticalScrollBar()->value() - 500);
            view.viewport()->repaint();
            longest = std::max(longest, threadTime() - begun);
            if (step % 10 == 0)
                QTest::qWait(1);
        }
        qInfo("longest of 200 scroll steps of 500 pixels: %.1f ms of work", longest);
        QTest::qWait(50);
        QVERIFY2(view.liveDocuments() < 40, qPrintable(QString::number(view.liveDocuments())));
        QVERIFY(view.findChildren<MessageTools*>().size() < 40);
        view.verticalScrollBar()->setValue(0);
        QCOMPARE(view.messageRect(0).top(), 10);
    }

    void followsTheEndOnlyFromTheEnd() {
        ThreadView view;
        QList<Message> thread = longThread(20);
        Message answer = streaming(21, u"Start.\n\n"_s);
        thread.append(answer);
        show(view, thread);
        auto* jump = view.findChild<QToolButton*>(u"jumpToEndButton"_s);
        QVERIFY(atEnd(view) && view.following() && !jump->isVisible());
        const auto grow = [&] {
            answer.parts[0].text += u"Another paragraph of the answer.\n\n"_s;
            view.updateMessage(answer);
        };
        for (int i = 0; i < 20; ++i) {
            const int before = view.verticalScrollBar()->maximum();
            grow();
            QVERIFY(view.verticalScrollBar()->maximum() > before);
            QVERIFY(atEnd(view));
        }
        wheel(view, 3);
        QVERIFY(!view.following());
        QVERIFY(jump->isVisible());
        const int reading = view.verticalScrollBar()->value();
        for (int i = 0; i < 20; ++i)
            grow();
        QCOMPARE(view.verticalScrollBar()->value(), reading);
        jump->click();
        QVERIFY(atEnd(view) && view.following() && !jump->isVisible());
        grow();
        QVERIFY(atEnd(view));
        wheel(view, 3);
        wheel(view, -60);
        QVERIFY(view.following()); // scrolled back to the end by hand
    }

    void whatIsReadStaysInPlace() {
        ThreadView view;
        show(view, longThread(300));
        view.scrollToMessage(150);
        const int top = view.messageRect(149).top();
        QTest::qWait(100); // prefetching finds out real heights above and below
        QCOMPARE(view.messageRect(149).top(), top);
        view.resize(700, 600);
        QTest::qWait(50);
        QVERIFY(std::abs(view.messageRect(149).top() - top) <= 2);
    }

    void messagesKeepTheirLayoutWhenOneIsAdded() {
        ThreadView view;
        QList<Message> thread = longThread(6);
        show(view, thread);
        thread.append(makeMessage(7, Author::User, u"more"_s));
        view.setThread(thread, true);
        QCOMPARE(view.messageCount(), 7);
        QVERIFY(atEnd(view));
        thread.removeLast();
        thread.removeLast();
        view.setThread(thread, false);
        QCOMPARE(view.messageCount(), 5);
        view.setThread({}, true);
        QCOMPARE(view.messageCount(), 0);
        QCOMPARE(view.liveDocuments(), 0);
        view.viewport()->repaint();
    }

    void selectionGoesOverMessages() {
        ThreadView view;
        QList<Message> thread;
        thread.append(makeMessage(1, Author::User, u"First question"_s));
        thread.append(
            makeMessage(2, Author::Assistant,
                        u"An **answer** with\n\n- a\n- b\n\n```cpp\nint x;\nint y;\n```\n\nEnd."_s));
        thread.append(makeMessage(3, Author::User, u"Second question"_s));
        show(view, thread, false);
        const QRect first = view.messageRect(0), last = view.messageRect(2);
        const QPoint from(first.left(), first.top() + 50), to(last.right() + 20, last.bottom() - 1);
        QTest::mousePress(view.viewport(), Qt::LeftButton, {}, from);
        QMouseEvent move(QEvent::MouseMove, to, view.viewport()->mapToGlobal(to), Qt::NoButton,
                         Qt::LeftButton, {});
        QCoreApplication::sendEvent(view.viewport(), &move);
        QTest::mouseRelease(view.viewport(), Qt::LeftButton, {}, to);
        QCOMPARE(
            view.selectedText(),
            u"First question\n\nAn answer with\n\u2022\ta\n\u2022\tb\nint x;\nint y;\nEnd.\n\nSecond question"_s);
        QTest::keyClick(&view, Qt::Key_C, Qt::ControlModifier);
        QCOMPARE(QGuiApplication::clipboard()->text(), view.selectedText());
        QTest::keyClick(&view, Qt::Key_Escape);
        QVERIFY(view.selectedText().isEmpty());
    }

    void selectAllCopiesWhatIsNotLaidOut() {
        ThreadView view;
        show(view, longThread(120));
        view.selectAll();
        const QString text = view.selectedText();
        QVERIFY(view.liveDocuments() < 40);
        for (int i = 1; i <= 120; ++i)
            QVERIFY2(text.contains(u"Message %1. "_s.arg(i)), qPrintable(QString::number(i)));
        QVERIFY(!text.contains(u"**"_s));
    }

    void doubleClickSelectsAWord() {
        ThreadView view;
        show(view, {makeMessage(1, Author::Assistant, u"Wonderful words here"_s)}, false);
        const QRect rect = view.messageRect(0);
        const QPoint at(rect.left() + 12, rect.top() + 48);
        QTest::mouseDClick(view.viewport(), Qt::LeftButton, {}, at);
        QCOMPARE(view.selectedText(), u"Wonderful"_s);
    }

    void toolsFitTheMessage() {
        ThreadView view;
        QList<Message> thread = sampleThread();
        show(view, thread, false);
        view.scrollToMessage(2);
        QTest::qWait(20);
        const auto shown = [&](MessageId id, const QString& name) {
            view.scrollToMessage(id);
            const MessageTools* tools = view.tools(id);
            const auto* button = tools ? tools->findChild<QToolButton*>(name) : nullptr;
            return button && !button->isHidden();
        };
        QVERIFY(shown(2, u"copyButton"_s) && shown(2, u"regenerateButton"_s) && shown(2, u"editButton"_s));
        QVERIFY(shown(2, u"previousBranchButton"_s) && shown(2, u"deleteButton"_s));
        QVERIFY(!shown(2, u"continueButton"_s));
        QVERIFY(!shown(3, u"regenerateButton"_s) && shown(3, u"editButton"_s));
        QVERIFY(shown(8, u"continueButton"_s)); // it was stopped
        view.scrollToMessage(2);
        MessageTools* tools = view.tools(2);
        QCOMPARE(tools->findChild<QLabel*>(u"branchLabel"_s)->text(), u"2/3"_s);
        QCOMPARE(
            tools->line(),
            u"6 \u2192 4 experts  |  Q4_K  |  Temperature: 0.7 \u2192 0.3  |  41 t/s  |  312 ms to first"_s);
        for (const QToolButton* button : tools->findChildren<QToolButton*>())
            QVERIFY(!button->accessibleName().isEmpty() && !button->toolTip().isEmpty());
        QSignalSpy triggered(&view, &ThreadView::triggered);
        tools->findChild<QToolButton*>(u"regenerateButton"_s)->click();
        tools->findChild<QToolButton*>(u"nextBranchButton"_s)->click();
        QCOMPARE(triggered.size(), 2);
        QCOMPARE(triggered[0][0].value<MessageAction>(), MessageAction::Regenerate);
        QCOMPARE(triggered[0][1].toLongLong(), 2);
        tools->findChild<QToolButton*>(u"copyButton"_s)->click();
        QCOMPARE(QGuiApplication::clipboard()->text(), thread[1].text());
        view.setBusy(true);
        QVERIFY(!tools->findChild<QToolButton*>(u"regenerateButton"_s)->isEnabled());
        QVERIFY(tools->findChild<QToolButton*>(u"copyButton"_s)->isEnabled());
    }

    void toolsAppearUnderTheMessageInUse() {
        ThreadView view;
        show(view, sampleThread(), false);
        view.scrollToMessage(2);
        QVERIFY(!view.tools(2)->revealed());
        view.setFocus();
        view.setCurrentMessage(1);
        QVERIFY(view.tools(2)->revealed());
        view.jumpToEnd();
        QVERIFY(view.tools(8)->revealed()); // the last message's are always there
    }

    void codeIsCopied() {
        ThreadView view;
        show(view, {makeMessage(1, Author::Assistant, u"```cpp\nint x = 1;\n\nreturn x;\n```"_s)}, false);
        auto* button = view.findChild<QToolButton*>(u"codeCopyButton-1-0"_s);
        QVERIFY(button && button->isVisible());
        button->click();
        QCOMPARE(QGuiApplication::clipboard()->text(), u"int x = 1;\n\nreturn x;"_s);
    }

    void thinkingFolds() {
        ThreadView view;
        show(view, sampleThread(), false);
        view.scrollToMessage(2);
        auto* fold = view.findChild<QToolButton*>(u"foldButton-2-0"_s);
        QVERIFY(fold && fold->isVisible());
        QCOMPARE(fold->text(), u"Thought for 3 s"_s);
        const int folded = view.messageRect(1).height();
        fold->click();
        QVERIFY(view.partOpen(2, 0));
        QVERIFY(view.messageRect(1).height() > folded + 30);
        view.selectAll();
        QVERIFY(view.selectedText().contains(u"Maybe a table helps."_s));
        fold->click();
        QCOMPARE(view.messageRect(1).height(), folded);
        view.selectAll();
        QVERIFY(!view.selectedText().contains(u"Maybe a table helps."_s));
    }

    void tokensStandWhereTheirTextIs() {
        const Message message = sampleThread()[1];
        MessageContent content;
        content.update(message);
        const std::string text = message.text().toStdString();
        // Every token's place holds its own text, in the thinking and in the answer.
        std::string raw;
        int in_body = 0, in_thinking = 0;
        for (int i = 0; i < content.tokens.size(); ++i) {
            const std::string& piece = message.run.tokens[static_cast<std::size_t>(i)].text;
            const TextPlace place = content.tokens.begin(i);
            const ContentPart& part = content.parts[static_cast<std::size_t>(place.part)];
            const std::string& where = part.text;
            if (piece.find("think>") != std::string::npos)
                continue;
            QVERIFY2(where.compare(place.offset, piece.size(), piece) == 0, piece.c_str());
            ++(part.kind == PartKind::Text ? in_body : in_thinking);
        }
        QVERIFY(in_body > 100 && in_thinking > 10);
    }

    void dialMarksSayWhatMoved() {
        MessageContent content;
        content.update(sampleThread()[1]);
        QCOMPARE(content.marks.size(), 2u);
        QVERIFY2(content.marks[0].tip.contains(u"6 \u2192 4"_s), qPrintable(content.marks[0].tip));
        const ChatStyle style = ChatStyle::make(QPalette(), QFont(), 11);
        MessageLayout layout(content, style);
        MessageLayout::Options options;
        options.width = 700;
        layout.arrange(content, options);
        const QRectF at = TokenOverlay::tokenRect({content, layout}, content.marks[0].token);
        QCOMPARE(TokenOverlay::markAt({content, layout}, at.topLeft() + QPointF(-2, 4)), 0);
        QCOMPARE(TokenOverlay::markAt({content, layout}, at.topLeft() + QPointF(200, 4)), -1);
    }

    void aTokenLightsUpInSight() {
        ThreadView view;
        show(view, sampleThread());
        view.resize(800, 300);
        const int last = static_cast<int>(sampleThread()[1].run.tokens.size()) - 1;
        view.highlightToken(2, last);
        QVERIFY(view.messageRect(1).bottom() > 0);
        view.viewport()->repaint();
        view.highlightToken(2, 2); // in its thinking, which unfolds
        QVERIFY(view.partOpen(2, 0));
        view.highlightToken(0, -1);
    }

    void linksShowTheirAddress() {
        ThreadView view;
        show(view, {makeMessage(1, Author::Assistant, u"[paper](https://example.org/a?b=1&c=2)"_s)}, false);
        const QRect rect = view.messageRect(0);
        QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, QPoint(rect.left() + 10, rect.top() + 48));
        auto* menu = view.findChild<QMenu*>(u"linkMenu"_s);
        QVERIFY(menu && menu->isVisible());
        QCOMPARE(menu->actions().first()->text(), u"https://example.org/a?b=1&&c=2"_s);
        QVERIFY(menu->findChild<QAction*>(u"openLinkAction"_s)->isEnabled());
        menu->findChild<QAction*>(u"copyLinkAction"_s)->trigger();
        QCOMPARE(QGuiApplication::clipboard()->text(), u"https://example.org/a?b=1&c=2"_s);
        menu->close();
    }

    void linksShowSchemeAndHostWholeAndNothingHidden() {
        const QString host =
            QString(60, u'a') + u'.' + QString(60, u'b') + u'.' + QString(60, u'c') + u".evil.example"_s;
        const QString address =
            u"https://bank.example@"_s + host + u":8080/"_s + QChar(0x202E) + QString(400, u'p') + u"#end"_s;
        ThreadView view;
        show(view, {makeMessage(1, Author::Assistant, u"[text](%1)"_s.arg(address))}, false);
        const QRect rect = view.messageRect(0);
        QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, QPoint(rect.left() + 10, rect.top() + 48));
        auto* menu = view.findChild<QMenu*>(u"linkMenu"_s);
        QVERIFY(menu);
        const QString shown = menu->actions().first()->text();
        QVERIFY2(shown.startsWith(u"https://"_s + host + u":8080/"_s), qPrintable(shown));
        QVERIFY(shown.contains(QChar(0x2026)) && !shown.contains(QChar(0x202E)));
        menu->close();
    }

    void otherAddressesDoNotOpen() {
        for (const QString& address :
             {u"file:///etc/passwd"_s, u"javascript:alert(1)"_s, u"smb://host/x"_s}) {
            ThreadView view;
            show(view, {makeMessage(1, Author::Assistant, u"[text](%1)"_s.arg(address))}, false);
            const QRect rect = view.messageRect(0);
            QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, QPoint(rect.left() + 10, rect.top() + 48));
            auto* menu = view.findChild<QMenu*>(u"linkMenu"_s);
            QVERIFY(menu);
            QVERIFY(!menu->findChild<QAction*>(u"openLinkAction"_s)->isEnabled());
            menu->close();
        }
    }

    void editingBringsAFarQuestionIntoSight() {
        ThreadView view;
        show(view, longThread(30));
        QVERIFY(atEnd(view));
        view.beginEdit(1);
        auto* edit = view.findChild<QPlainTextEdit*>(u"messageEditorText"_s);
        const QRect place(edit->mapTo(view.viewport(), QPoint()), edit->size());
        QVERIFY2(view.viewport()->rect().contains(place), qPrintable(QDebug::toString(place)));
    }

    void editsInPlace() {
        ThreadView view;
        show(view, sampleThread(), false);
        QSignalSpy question(&view, &ThreadView::questionEdited), answer(&view, &ThreadView::answerEdited);
        view.beginEdit(1);
        auto* edit = view.findChild<QPlainTextEdit*>(u"messageEditorText"_s);
        QVERIFY(edit && edit->isVisible());
        edit->setPlainText(u"Another question"_s);
        view.findChild<QPushButton*>(u"messageEditorSave"_s)->click();
        QCOMPARE(question.size(), 1);
        QCOMPARE(question[0][1].toString(), u"Another question"_s);
        QVERIFY(!view.editing());
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        view.beginEdit(2);
        edit = view.findChild<QPlainTextEdit*>(u"messageEditorText"_s);
        QTest::keyClick(edit, Qt::Key_Escape);
        QVERIFY(!view.editing());
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        view.beginEdit(2);
        view.findChild<QPushButton*>(u"messageEditorContinue"_s)->click();
        QCOMPARE(answer.size(), 1);
        QCOMPARE(answer[0][2].toBool(), true);
    }

    void failuresStandUnderTheMessage() {
        ThreadView view;
        QList<Message> thread{makeMessage(1, Author::User, u"q"_s), streaming(2, u"So"_s)};
        show(view, thread, false);
        const int before = view.messageRect(1).height();
        thread[1].state = MessageState::Failed;
        thread[1].error = u"Q8_0 needs 16.9 GiB, 11.2 GiB are free: choose Q4_K."_s;
        view.updateMessage(thread[1]);
        QVERIFY(view.messageRect(1).height() > before + 10);
        const auto* list = QAccessible::queryAccessibleInterface(&view);
        QVERIFY(list->child(1)->text(QAccessible::Description).contains(u"16.9 GiB"_s));
    }

    void screenReadersFindEveryMessage() {
        ThreadView view;
        show(view, longThread(50));
        QAccessibleInterface* list = QAccessible::queryAccessibleInterface(&view);
        QVERIFY(list);
        QCOMPARE(list->role(), QAccessible::List);
        QVERIFY(list->childCount() >= 50);
        QAccessibleInterface* first = list->child(0);
        QCOMPARE(first->role(), QAccessible::ListItem);
        QVERIFY(first->text(QAccessible::Name).startsWith(u"You: Message 1."_s));
        QVERIFY(first->state().offscreen); // not laid out, and there all the same
        QCOMPARE(list->indexOfChild(first), 0);
        QAccessibleInterface* last = list->child(49);
        QVERIFY(last->text(QAccessible::Name).startsWith(u"Answer: Message 50."_s));
        QVERIFY(last->childCount() > 0);
        view.setThread({}, true);
        QVERIFY(!first->isValid());
    }

    void screenReadersReadAMessageByWordAndParagraph() {
        ThreadView view;
        QList<Message> thread = longThread(30);
        thread[0].parts[0].text = u"First line, two words.\n\n世界 second."_s;
        show(view, thread);
        QAccessibleInterface* first = QAccessible::queryAccessibleInterface(&view)->child(0);
        QAccessibleTextInterface* text = first->textInterface();
        QVERIFY(text);
        QCOMPARE(text->characterCount(), static_cast<int>(thread[0].parts[0].text.size()));
        int start = 0, end = 0;
        QCOMPARE(text->textAtOffset(8, QAccessible::WordBoundary, &start, &end).trimmed(), u"line"_s);
        QCOMPARE(text->text(start, end).trimmed(), u"line"_s);
        QVERIFY(
            text->textAtOffset(3, QAccessible::ParagraphBoundary, &start, &end).contains(u"two words."_s));
        QCOMPARE(text->text(-5, 100000), thread[0].parts[0].text);
        QCOMPARE(text->text(7, 3), QString());
        // The reader's caret brings into sight what it reads.
        QVERIFY(first->state().offscreen);
        text->setCursorPosition(4);
        QTRY_VERIFY(!first->state().offscreen);
        QCOMPARE(text->cursorPosition(), 4);
        text->setCursorPosition(1 << 20);
        QCOMPARE(text->cursorPosition(), text->characterCount());
        view.setThread({}, true);
        QCOMPARE(text->characterCount(), 0); // gone with its message
    }

    void keysMoveAndZoom() {
        ThreadView view;
        show(view, longThread(30));
        view.setFocus();
        const qreal points = view.fontPoints();
        QTest::keyClick(&view, Qt::Key_Plus, Qt::ControlModifier);
        QCOMPARE(view.fontPoints(), points + 1);
        QTest::keyClick(&view, Qt::Key_0, Qt::ControlModifier);
        QCOMPARE(view.fontPoints(), points);
        QTest::keyClick(&view, Qt::Key_Home);
        QCOMPARE(view.verticalScrollBar()->value(), 0);
        QTest::keyClick(&view, Qt::Key_End);
        QVERIFY(atEnd(view));
        view.setCurrentMessage(29);
        QTest::keyClick(&view, Qt::Key_Up, Qt::AltModifier);
        QCOMPARE(view.currentMessage(), 28);
        QTest::keyClick(&view, Qt::Key_C, Qt::ControlModifier); // nothing selected: the message itself
        QVERIFY(QGuiApplication::clipboard()->text().startsWith(u"Message 29."_s));
    }

    void findsText() {
        ThreadView view;
        show(view, longThread(200));
        QSignalSpy found(&view, &ThreadView::found);
        view.setFind(u"message 57."_s);
        QCOMPARE(found.last()[1].toInt(), 1);
        QCOMPARE(view.selectedText(), u"Message 57."_s);
        QVERIFY(view.viewport()->rect().intersects(view.messageRect(56)));
        view.setFind(u"int x"_s);
        QCOMPARE(found.last()[1].toInt(), 100);
        view.findStep(1);
        QCOMPARE(view.selectedText(), u"int x"_s);
        view.setFind(u"nowhere"_s);
        QCOMPARE(found.last()[1].toInt(), 0);
    }

    void lightsUpEveryPlaceFound() {
        ThreadView view;
        show(view, longThread(200));
        const QColor light = ChatStyle::make(view.palette(), view.font(), view.fontPoints()).light_up;
        const auto lit = [&] {
            const QImage image = view.viewport()->grab().toImage();
            int pixels = 0;
            for (int y = 0; y < image.height(); ++y)
                for (int x = 0; x < image.width(); ++x)
                    pixels += image.pixelColor(x, y) == light;
            return pixels;
        };
        QCOMPARE(lit(), 0);
        view.setFind(u"message"_s);
        QVERIFY(lit() > 100); // beside the one that is selected
        view.setFind({});
        QCOMPARE(lit(), 0);
    }

    void restylesWithThePalette() {
        ThreadView view;
        show(view, sampleThread(), false);
        const QImage light = view.grab().toImage();
        QPalette dark = QApplication::palette();
        dark.setColor(QPalette::Window, QColor(20, 22, 26));
        QApplication::setPalette(dark);
        QTest::qWait(20);
        QVERIFY(view.grab().toImage() != light);
        QApplication::setPalette(QPalette());
    }
};

QTEST_MAIN(ChatThreadTest)
#include "tst_chat_thread.moc"
