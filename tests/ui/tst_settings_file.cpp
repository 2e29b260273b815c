// The window over a settings file that somebody else has written, or that was damaged.
#include "tests/ui/desk.h"

#include <QFile>
#include <QPlainTextEdit>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

QString keyOf(const SettingRow& row) { return QString::fromStdString(std::string(row.key)); }

/// The window comes up, can be typed into, and closes.
void startAndUse(const QString& folder) {
    Desk desk(folder);
    QVERIFY(desk.window->isVisible());
    auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
    QVERIFY(composer->isVisible());
    composer->setFocus();
    QTest::keyClicks(composer, u"words"_s);
    QCOMPARE(composer->toPlainText(), u"words"_s);
    composer->clear();
    QCoreApplication::processEvents();
    desk.window->close();
}

} // namespace

class SettingsFileTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void nonsenseForEveryKey_data() {
        QTest::addColumn<QByteArray>("value");
        for (const char* value :
             {"perhaps", "-1", "99999999999999999999", "nan", "@Variant(\\0\\0\\0\\x7f\\xff\\xff\\xff\\xff)",
              "@ByteArray(\\0\\0\\0\\xff\\0\\0\\0\\x1\\xff\\xff\\xff\\xff)", "a, b, c", "@Rect(1 2 3 4)", "",
              "\xff\xfe\x80"})
            QTest::newRow(value) << QByteArray(value);
    }
    void nonsenseForEveryKey() {
        QFETCH(QByteArray, value);
        QTemporaryDir folder;
        QFile file(folder.filePath(u"switchyard.ini"_s));
        QVERIFY(file.open(QIODevice::WriteOnly));
        for (const SettingRow& row : kSettings) {
            const QStringList parts = keyOf(row).split(u'/');
            file.write(u"[%1]\n%2="_s
                           .arg(parts.size() > 1 ? parts.first() : u"General"_s,
                                parts.mid(parts.size() > 1 ? 1 : 0).join(u"\\"_s))
                           .toUtf8());
            file.write(value + '\n');
        }
        file.write("[from]\nthe_future=1\n");
        file.close();
        startAndUse(folder.path());
        QVERIFY(file.open(QIODevice::ReadOnly));
        QVERIFY(file.readAll().contains("the_future=1")); // of a later program: kept
    }

    /// What Qt writes of its widgets, cut and with wrong bytes.
    void damagedStateOfTheWindow() {
        QTemporaryDir folder;
        startAndUse(folder.path());
        int states = 0;
        for (const SettingRow& row : kSettings) {
            if (!std::holds_alternative<StateSetting>(row.kind))
                continue;
            ++states;
            const QByteArray whole = Settings(folder.filePath(u"switchyard.ini"_s)).read(row).toByteArray();
            QVERIFY(!whole.isEmpty());
            for (qsizetype at = 0; at + 4 < whole.size(); at += 8) {
                QByteArray wrong = whole, cut = whole.first(at);
                wrong.replace(at, 4, QByteArray(4, '\xff')); // a number, of things to come or of pixels
                for (const QByteArray& damaged : {wrong, cut}) {
                    QTemporaryDir other;
                    Settings(other.filePath(u"switchyard.ini"_s)).write(row, damaged);
                    startAndUse(other.path());
                }
            }
        }
        QVERIFY(states >= 3);
    }
};

QTEST_MAIN(SettingsFileTest)
#include "tst_settings_file.moc"
