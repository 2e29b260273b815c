// The composer: what sends, what breaks the line, and what must never send.
#include "ui/chat/composer.h"

#include <QClipboard>
#include <QInputMethodEvent>
#include <QLabel>
#include <QMimeData>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QUrl>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// Pastes as a user does.
void paste(ComposerEdit* edit, QMimeData* data) {
    QGuiApplication::clipboard()->setMimeData(data);
    edit->paste();
}

void preedit(QWidget* widget, const QString& text) {
    QInputMethodEvent event(text, {});
    QCoreApplication::sendEvent(widget, &event);
}

void commit(QWidget* widget, const QString& text) {
    QInputMethodEvent event;
    event.setCommitString(text);
    QCoreApplication::sendEvent(widget, &event);
}

QString written(QTemporaryDir& folder, const QString& name, const QByteArray& bytes) {
    QFile file(folder.filePath(name));
    if (file.open(QIODevice::WriteOnly))
        file.write(bytes);
    return file.fileName();
}

} // namespace

class ChatComposerTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void enterSends() {
        Composer composer;
        composer.show();
        QSignalSpy sent(&composer, &Composer::sendRequested);
        QTest::keyClicks(composer.edit(), u"Hello"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 1);
        QCOMPARE(sent[0][0].toString(), u"Hello"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Enter, Qt::KeypadModifier);
        QCOMPARE(sent.size(), 2);
        QCOMPARE(composer.text(), u"Hello"_s); // the page clears it once it was taken
    }

    void emptyIsNotSent() {
        Composer composer;
        QSignalSpy sent(&composer, &Composer::sendRequested);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QTest::keyClicks(composer.edit(), u"   "_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 0);
        QVERIFY(!composer.findChild<QToolButton*>(u"sendButton"_s)->isEnabled());
    }

    void shiftEnterBreaksTheLine() {
        Composer composer;
        QSignalSpy sent(&composer, &Composer::sendRequested);
        QTest::keyClicks(composer.edit(), u"a"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return, Qt::ShiftModifier);
        QTest::keyClicks(composer.edit(), u"b"_s);
        QCOMPARE(composer.text(), u"a\nb"_s);
        QCOMPARE(sent.size(), 0);
    }

    void theSettingSwapsThem() {
        Composer composer;
        composer.setEnterSends(false);
        QSignalSpy sent(&composer, &Composer::sendRequested);
        QTest::keyClicks(composer.edit(), u"a"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QTest::keyClicks(composer.edit(), u"b"_s);
        QCOMPARE(composer.text(), u"a\nb"_s);
        QCOMPARE(sent.size(), 0);
        QTest::keyClick(composer.edit(), Qt::Key_Return, Qt::ControlModifier);
        QCOMPARE(sent.size(), 1);
    }

    void compositionIsNeverSent() {
        Composer composer;
        composer.show();
        QSignalSpy sent(&composer, &Composer::sendRequested);
        commit(composer.edit(), u"你"_s);
        preedit(composer.edit(), u"hao"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QTest::keyClick(composer.edit(), Qt::Key_Return, Qt::ControlModifier);
        QCOMPARE(sent.size(), 0);
        QCOMPARE(composer.text(), u"你"_s);
        QSignalSpy escaped(&composer, &Composer::escapePressed);
        QTest::keyClick(composer.edit(), Qt::Key_Escape);
        QCOMPARE(escaped.size(), 0); // the composition's, not ours
        commit(composer.edit(), u"好"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 1);
        QCOMPARE(sent[0][0].toString(), u"你好"_s);
    }

    void growsToEightLines() {
        Composer composer;
        composer.resize(600, 200);
        composer.show();
        const int one = composer.edit()->height();
        const int line = composer.edit()->fontMetrics().lineSpacing();
        composer.setText(u"1\n2\n3"_s);
        QCOMPARE(composer.edit()->height(), one + 2 * line);
        composer.setText(QStringList(30, u"x"_s).join(u'\n'));
        QCOMPARE(composer.edit()->height(), one + 7 * line);
        composer.clear();
        QCOMPARE(composer.edit()->height(), one);
        // A long paragraph grows it too.
        composer.setText(QString(u"word "_s).repeated(60));
        QTRY_VERIFY(composer.edit()->height() > one + line);
    }

    void sendButtonStops() {
        Composer composer;
        auto* button = composer.findChild<QToolButton*>(u"sendButton"_s);
        QSignalSpy sent(&composer, &Composer::sendRequested), stopped(&composer, &Composer::stopRequested);
        composer.setGenerating(true);
        QCOMPARE(button->accessibleName(), u"Stop"_s);
        button->click();
        QCOMPARE(stopped.size(), 1);
        composer.setText(u"next"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 0); // what is typed meanwhile stays
        composer.setGenerating(false);
        button->click();
        QCOMPARE(sent.size(), 1);
    }

    void notReadySaysWhy() {
        Composer composer;
        composer.show();
        QSignalSpy sent(&composer, &Composer::sendRequested);
        composer.setReady(false, u"No model."_s);
        QTest::keyClicks(composer.edit(), u"hi"_s);
        QTest::keyClick(composer.edit(), Qt::Key_Return);
        QCOMPARE(sent.size(), 0);
        auto* notice = composer.findChild<QLabel*>(u"composerNotice"_s);
        QVERIFY(notice->isVisible());
        QCOMPARE(notice->text(), u"No model."_s);
    }

    void countsTokensAfterAPause() {
        Composer composer;
        composer.show();
        QStringList asked;
        composer.setTokenCounter([&](const QString& text, std::function<void(int)> answer) {
            asked += text;
            QTimer::singleShot(1, &composer, [answer, text] { answer(static_cast<int>(text.size())); });
        });
        composer.setContext(1000, 8192);
        QTest::keyClicks(composer.edit(), u"abcdef"_s);
        auto* counter = composer.findChild<QLabel*>(u"tokenCounter"_s);
        QTRY_COMPARE(composer.draftTokens(), 6);
        QVERIFY(asked.size() <= 2); // not one question a key
        QVERIFY(counter->text().contains(QLocale().toString(1006)));
        composer.setContext(8190, 8192);
        QVERIFY(counter->text().contains(u"too long"_s));
    }

    void filesThatWentAloneAreCountedNoMore() {
        QTemporaryDir folder;
        const QString path = written(folder, u"notes.txt"_s, "some words of a file");
        Composer composer;
        composer.show();
        composer.setTokenCounter([&](const QString& text, std::function<void(int)> answer) {
            QTimer::singleShot(1, &composer, [answer, text] { answer(static_cast<int>(text.size())); });
        });
        composer.setContext(100, 8192);
        composer.addFiles({path});
        QTRY_VERIFY(composer.draftTokens() > 0);
        composer.clear(); // as after sending it without a word
        QTRY_COMPARE(composer.draftTokens(), 0);
        QVERIFY(composer.findChild<QLabel*>(u"tokenCounter"_s)->text().startsWith(u"100 "_s));
    }

    void draftIsToldAfterAPause() {
        Composer composer;
        QSignalSpy draft(&composer, &Composer::draftChanged);
        composer.setText(u"loaded"_s); // from the store: no news
        QTest::keyClicks(composer.edit(), u"!"_s);
        QTRY_COMPARE(draft.size(), 1);
        QCOMPARE(draft[0][0].toString(), u"loaded!"_s);
    }

    void takesTextFiles() {
        QTemporaryDir folder;
        Composer composer;
        composer.show();
        auto* data = new QMimeData;
        data->setUrls({QUrl::fromLocalFile(written(folder, u"notes.md"_s, "# Notes\n中文\n"))});
        paste(composer.edit(), data);
        QTRY_COMPARE(composer.files().size(), 1);
        QCOMPARE(composer.files()[0].name, u"notes.md"_s);
        QCOMPARE(composer.files()[0].text, u"# Notes\n中文\n"_s);
        QVERIFY(composer.text().isEmpty());
        QSignalSpy sent(&composer, &Composer::sendRequested);
        QTest::keyClick(composer.edit(), Qt::Key_Return); // a file alone can be sent
        QCOMPARE(sent.size(), 1);
        composer.findChild<QToolButton*>(u"removeFileButton-0"_s)->click();
        QCOMPARE(composer.files().size(), 0);
    }

    void refusesWhatIsNoText() {
        QTemporaryDir folder;
        Composer composer;
        composer.show();
        auto* notice = composer.findChild<QLabel*>(u"composerNotice"_s);
        const auto refused = [&](const QString& path) {
            notice->hide();
            composer.addFiles({path});
            const bool said = QTest::qWaitFor([&] { return notice->isVisible(); }, 5000);
            return said && notice->text().contains(QFileInfo(path).fileName()) && composer.files().isEmpty();
        };
        QVERIFY(refused(written(folder, u"image.png"_s, QByteArray("\x89PNG\r\n\0\1", 8))));
        const QByteArray cyrillic =
            "\xd7\xf2\xee \xf2\xe0\xea\xee\xe5 \xf1\xec\xe5\xf1\xfc"; // in windows-1251
        QVERIFY(refused(written(folder, u"cyrillic.txt"_s, cyrillic)));
        QVERIFY(refused(written(folder, u"big.txt"_s, QByteArray(5 << 20, 'x'))));
        QVERIFY(refused(folder.filePath(u"missing.txt"_s)));
        QVERIFY(refused(folder.path()));
    }

    void pastedTextIsPlain() {
        Composer composer;
        auto* data = new QMimeData;
        data->setHtml(u"<b>bold</b>"_s);
        data->setText(u"bold"_s);
        paste(composer.edit(), data);
        QCOMPARE(composer.text(), u"bold"_s);
    }
};

QTEST_MAIN(ChatComposerTest)
#include "tst_chat_composer.moc"
