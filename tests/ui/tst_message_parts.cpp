// A message's parts are shown in their order: what was thought and what tools did folds, each by itself.
#include "tests/ui/chat_fixtures.h"
#include "ui/chat/message_layout.h"
#include "ui/chat/thread_view.h"

#include <QClipboard>
#include <QPlainTextEdit>
#include <QSignalSpy>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// Thinks, speaks, calls a tool, gets its result, thinks again and ends.
Message interleaved() {
    Message message = makeMessage(2, Author::Assistant, {});
    message.parts = {{PartKind::Thinking, u"First *thought*."_s, {}, 1200},
                     {PartKind::Text, u"I will **look**."_s, {}, 0},
                     {PartKind::ToolCall, u"{\"city\": \"<b>Bern</b> & *more*\"}"_s, u"get_weather"_s, 0},
                     {PartKind::ToolResult, u"sunny\n\t21 degrees"_s, u"get_weather"_s, 0},
                     {PartKind::Thinking, u"Second thought."_s, {}, 2600},
                     {PartKind::Text, u"It is sunny."_s, {}, 0}};
    return message;
}

QToolButton* fold(const ThreadView& view, int part) {
    return view.findChild<QToolButton*>(u"foldButton-2-%1"_s.arg(part));
}

void show(ThreadView& view, const QList<Message>& thread) {
    view.resize(800, 700);
    view.show();
    view.setThread(thread, false);
    QTest::qWait(30);
}

QString all(ThreadView& view) {
    view.selectAll();
    return view.selectedText();
}

} // namespace

class MessagePartsTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void partsStandInTheirOrder() {
        ThreadView view;
        show(view, {interleaved()});
        QCOMPARE(fold(view, 0)->text(), u"Thought for 1 s"_s);
        QCOMPARE(fold(view, 2)->text(), u"Called get_weather"_s);
        QCOMPARE(fold(view, 3)->text(), u"Result of get_weather"_s);
        QCOMPARE(fold(view, 4)->text(), u"Thought for 3 s"_s);
        QVERIFY(!fold(view, 1) && !fold(view, 5));
        int above = 0;
        for (const int part : {0, 2, 3, 4}) {
            QVERIFY(fold(view, part)->isVisible());
            QVERIFY(fold(view, part)->y() > above);
            above = fold(view, part)->y();
        }
        QCOMPARE(all(view), u"I will look.\n\nIt is sunny."_s);
    }

    void eachFoldsByItself() {
        ThreadView view;
        show(view, {interleaved()});
        const int folded = view.messageRect(0).height();
        fold(view, 4)->click();
        QVERIFY(view.partOpen(2, 4) && !view.partOpen(2, 0));
        const int second = view.messageRect(0).height();
        QVERIFY(second > folded);
        QCOMPARE(all(view), u"I will look.\n\nSecond thought.\n\nIt is sunny."_s);
        fold(view, 0)->click();
        QCOMPARE(all(view), u"First thought.\n\nI will look.\n\nSecond thought.\n\nIt is sunny."_s);
        fold(view, 4)->click();
        QCOMPARE(all(view), u"First thought.\n\nI will look.\n\nIt is sunny."_s);
        fold(view, 0)->click();
        QCOMPARE(view.messageRect(0).height(), folded);
    }

    /// What a tool was given and gave back stands as it is: no mark-up, no HTML.
    void toolsAreShownAsWritten() {
        ThreadView view;
        show(view, {interleaved()});
        fold(view, 2)->click();
        fold(view, 3)->click();
        QCOMPARE(all(view), u"I will look.\n\n{\"city\": \"<b>Bern</b> & *more*\"}\n\nsunny\n\t21 degrees\n\n"
                            "It is sunny."_s);
        // Copying a message takes what it says.
        view.clearSelection();
        view.tools(2)->findChild<QToolButton*>(u"copyButton"_s)->click();
        QCOMPARE(QGuiApplication::clipboard()->text(), u"I will **look**.It is sunny."_s);
    }

    void hugeToolResultsAreShownInPart() {
        Message message = interleaved();
        message.parts[3].text = u"line of it\n"_s.repeated(20'000) + u"the end"_s;
        message.parts[2].name = u"a\nname\u202e "_s + QString(5000, u'x');
        ThreadView view;
        show(view, {message});
        fold(view, 3)->click();
        QVERIFY(view.messageRect(0).height() < 20'000);
        QVERIFY(all(view).endsWith(u"the end\n\nIt is sunny."_s));
        QVERIFY(fold(view, 2)->width() < view.width());
        QVERIFY(!fold(view, 2)->text().contains(u'\n'));
    }

    void partsComeWhileItStreams() {
        ThreadView view;
        const Message whole = interleaved();
        Message message = makeMessage(2, Author::Assistant, {}, MessageState::Streaming);
        message.parts.clear();
        show(view, {message});
        for (const MessagePart& part : whole.parts) {
            message.parts.append({part.kind, {}, part.name, part.milliseconds});
            for (const QChar c : part.text) {
                message.parts.last().text += c;
                view.updateMessage(message);
            }
            if (part.kind == PartKind::Thinking)
                QVERIFY(
                    fold(view, static_cast<int>(message.parts.size()) - 1)->text().startsWith(u"Thinking"_s));
        }
        message.state = MessageState::Complete;
        view.updateMessage(message);
        const auto picture = [&] { // without the buttons: which has the focus does not matter
            return view.viewport()->grab(view.messageRect(0).adjusted(0, 0, 0, -40)).toImage();
        };
        const QImage streamed = picture();
        const QString text = all(view);
        view.setThread({}, false);
        show(view, {whole});
        QCOMPARE(streamed, picture());
        QCOMPARE(text, all(view));
    }

    void everyPlaceIsInItsPart() {
        MessageContent content;
        content.update(interleaved());
        const ChatStyle style = ChatStyle::make(QPalette(), QFont(), 11);
        MessageLayout layout(content, style);
        MessageLayout::Options options;
        options.width = 700;
        options.open = {0, 2, 3, 4};
        layout.arrange(content, options);
        qreal above = 0;
        for (int part = 0; part < 6; ++part) {
            const QRectF at = layout.positionRect({part, 1});
            QVERIFY(at.top() > above);
            above = at.top();
            const LayoutHit hit = layout.hit(at.center());
            QCOMPARE(hit.position.part, part);
            QVERIFY(hit.position.position >= 0 && hit.position.position <= 2);
        }
        QCOMPARE(layout.hit({20, 1e6}).position.part, 5);
    }

    void findGoesThroughAllTexts() {
        ThreadView view;
        Message message = interleaved();
        message.parts[1].text = u"sunny here, Sunny there, s&amp;n"_s;
        show(view, {makeMessage(1, Author::User, u"Is it sunny?"_s), message});
        QSignalSpy found(&view, &ThreadView::found);
        view.setFind(u"sunny"_s);
        QCOMPARE(found.last()[1].toInt(), 4);
        QStringList seen;
        for (int i = 0; i < 4; ++i) {
            seen += view.selectedText();
            view.findStep(1);
        }
        QCOMPARE(seen, (QStringList{u"sunny"_s, u"sunny"_s, u"Sunny"_s, u"sunny"_s}));
    }

    void aTokenOpensThePartItStandsIn() {
        Message message = interleaved();
        message.has_run = true;
        for (const MessagePart& part : message.parts) {
            TokenRecord token;
            token.text = part.text.toStdString();
            message.run.tokens.push_back(token);
            message.places.add({static_cast<int>(message.run.tokens.size()) - 1, 0});
        }
        ThreadView view;
        show(view, {message});
        view.highlightToken(2, 4);
        QVERIFY(view.partOpen(2, 4) && !view.partOpen(2, 0));
        view.highlightToken(2, 5);
        QVERIFY(!view.partOpen(2, 5)); // text does not fold
    }

    void editingTakesAllOfTheText() {
        ThreadView view;
        show(view, {interleaved()});
        view.beginEdit(2);
        QVERIFY(fold(view, 0)->isVisible() && fold(view, 4)->isVisible());
        const auto* edit = view.findChild<QPlainTextEdit*>(u"messageEditorText"_s);
        QCOMPARE(edit->toPlainText(), u"I will **look**.It is sunny."_s);
        view.endEdit();
        QCOMPARE(all(view), u"I will look.\n\nIt is sunny."_s);
    }
};

QTEST_MAIN(MessagePartsTest)
#include "tst_message_parts.moc"
