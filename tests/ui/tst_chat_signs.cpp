// The small signs in the thread: they must not be taken for something else.
#include "tests/ui/chat_fixtures.h"
#include "ui/chat/message_layout.h"
#include "ui/chat/thread_view.h"

#include <QApplication>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

Message answerOf(const QList<QByteArray>& tokens, int moved_before) {
    QString text;
    for (const QByteArray& token : tokens)
        text += QString::fromUtf8(token);
    Message message = makeMessage(2, Author::Assistant, text);
    message.has_run = true;
    for (const QByteArray& piece : tokens) {
        TokenRecord token;
        token.text = piece.toStdString();
        message.run.tokens.push_back(token);
    }
    message.places = placesOf(message.run, message.parts);
    message.run.moves.push_back({moved_before, "experts", 4.0});
    return message;
}

/// The x of the middle of the dial mark; -1000: there is none.
double markAt(const MessageLayout& layout, const MessageContent& content) {
    for (double y = 0; y < layout.height(); y += 4) {
        std::vector<double> inside;
        for (double x = -10; x < 600; ++x) {
            if (TokenOverlay::markAt({content, layout}, {x, y}) >= 0)
                inside.push_back(x);
        }
        if (!inside.empty())
            return (inside.front() + inside.back()) / 2;
    }
    return -1000;
}

} // namespace

class ChatSignsTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void dialMarksStandBetweenWords_data() {
        QTest::addColumn<QList<QByteArray>>("tokens");
        QTest::addColumn<int>("moved");
        QTest::addColumn<int>("stands"); ///< before this token
        QTest::newRow("inside a word")
            << QList<QByteArray>{"an", " un", "believ", "able", " thing"} << 3 << 1;
        QTest::newRow("inside the first word") << QList<QByteArray>{"un", "believ", "able"} << 1 << 0;
        QTest::newRow("inside a number") << QList<QByteArray>{"is", " 20", "24", " now"} << 2 << 1;
        QTest::newRow("between words") << QList<QByteArray>{"one", " two", " three"} << 2 << 2;
        QTest::newRow("Chinese") << QList<QByteArray>{"当", "然", "可", "以"} << 2 << 2;
        QTest::newRow("after a sign") << QList<QByteArray>{"so", ", ", "well"} << 2 << 2;
    }
    void dialMarksStandBetweenWords() {
        QFETCH(QList<QByteArray>, tokens);
        QFETCH(int, moved);
        QFETCH(int, stands);
        MessageContent content;
        content.update(answerOf(tokens, moved));
        QCOMPARE(content.marks.size(), 1u);
        const ChatStyle style = ChatStyle::make(QApplication::palette(), QApplication::font(), 12);
        MessageLayout layout(content, style);
        MessageLayout::Options options;
        options.width = 600;
        layout.arrange(content, options);
        // A token that begins with its space begins before it.
        const bool spaced = tokens[stands].startsWith(' ') && stands != moved;
        const double space = spaced ? QFontMetricsF(style.text).horizontalAdvance(u' ') : 0;
        const double wanted = TokenOverlay::tokenRect({content, layout}, stands).left() + space - 1.5;
        const double found = markAt(layout, content);
        QVERIFY2(std::abs(found - wanted) <= 2, qPrintable(u"%1, not %2"_s.arg(found).arg(wanted)));
    }

    void stoppedIsNoCheckBox() {
        ThreadView view;
        view.resize(800, 400);
        view.setThread({makeMessage(1, Author::User, u"q"_s),
                        makeMessage(2, Author::Assistant, u"The notes say"_s, MessageState::Stopped)},
                       false);
        view.show();
        QVERIFY(QTest::qWaitForWindowExposed(&view));
        const QImage image = view.viewport()->grab().toImage();
        const QRect message = view.messageRect(1);
        const QRgb back = image.pixel(3, 3);
        // Above the buttons, left of the words: the sign alone.
        const QRect strip(message.left(), message.bottom() - 70, 20, 40);
        QRect sign;
        for (int y = strip.top(); y < strip.bottom(); ++y) {
            for (int x = strip.left(); x < strip.right(); ++x) {
                if (image.pixel(x, y) != back)
                    sign |= QRect(x, y, 1, 1);
            }
        }
        QVERIFY2(sign.width() >= 12 && sign.width() <= 18 && sign.height() >= 12 && sign.height() <= 18,
                 qPrintable(QDebug::toString(sign)));
        QVERIFY(image.pixel(sign.center()) != back); // filled
        QCOMPARE(image.pixel(sign.topLeft()), back); // and round
        QCOMPARE(image.pixel(sign.bottomRight()), back);
    }
};

QTEST_MAIN(ChatSignsTest)
#include "tst_chat_signs.moc"
