// The window of a user who writes 0,5: dials take both signs, files and models keep the point.
#include "tests/support/german_numbers.h"
#include "tests/ui/real_desk.h"
#include "ui/insight/insight_panel.h"
#include "ui/insight/memory_plot.h"
#include "ui/insight/speed_plot.h"

#include <QLabel>
#include <QRegularExpression>

using namespace Qt::StringLiterals;
using namespace switchyard;

class DecimalCommaTest : public QObject {
    Q_OBJECT
    QTemporaryDir models_;

    static void type(const RealDesk& desk, const QString& dial, const QString& text) {
        auto* box = desk.find<QDoubleSpinBox>(u"tune.%1.box"_s.arg(dial));
        box->setFocus();
        box->selectAll();
        QTest::keyClicks(box, text);
        QTest::keyClick(box, Qt::Key_Return);
    }
    static double dial(const RealDesk& desk, const QString& name) {
        return desk.find<QDoubleSpinBox>(u"tune.%1.box"_s.arg(name))->value();
    }
    QString countingModel() const {
        ScriptedModel model = chatScript({"One", " two", " three", " four"});
        model.more.set("general.sampling.temp", 0.25);
        return written(models_, u"counting"_s, model);
    }

  private Q_SLOTS:
    void initTestCase() {
        if (*std::localeconv()->decimal_point != ',')
            QSKIP("no locale with a decimal comma here, and localedef cannot make one");
        QCOMPARE(QLocale().decimalPoint(), u","_s);
        QCOMPARE(std::strtod("0.5", nullptr), 0.0); // what all else here guards against
    }

    void dialsTakeBothSigns_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("typed");
        QTest::addColumn<double>("value");
        QTest::addColumn<QString>("said");
        QTest::newRow("comma") << u"temperature"_s << u"0,5"_s << 0.5 << QString();
        QTest::newRow("point") << u"temperature"_s << u"0.7"_s << 0.7 << QString();
        QTest::newRow("three places") << u"temperature"_s << u"0.500"_s << 0.5 << QString();
        QTest::newRow("too much") << u"temperature"_s << u"9,5"_s << 2.0 << u"2,00 is the most"_s;
        QTest::newRow("too much, by a point") << u"temperature"_s << u"9.5"_s << 2.0 << u"2,00 is the most"_s;
        QTest::newRow("top-p") << u"top_p"_s << u".9"_s << 0.9 << QString();
        QTest::newRow("thousands") << u"max_tokens"_s << u"1.024"_s << 1024.0 << QString();
        QTest::newRow("no number") << u"temperature"_s << u"-,"_s << 0.25 << QString();
    }
    void dialsTakeBothSigns() {
        QFETCH(QString, name);
        QFETCH(QString, typed);
        QFETCH(double, value);
        QFETCH(QString, said);
        QTemporaryDir folder;
        RealDesk desk(folder.path(), countingModel());
        QCOMPARE(dial(desk, u"temperature"_s), 0.25); // the file's own
        QCOMPARE(desk.find<QDoubleSpinBox>(u"tune.temperature.box"_s)->text(), u"0,25"_s);
        type(desk, name, typed);
        QCOMPARE(dial(desk, name), value);
        auto* note = desk.find<QLabel>(u"tune.%1.note"_s.arg(name));
        QTRY_VERIFY2(said.isEmpty() || (note->isVisible() && note->text().contains(said)),
                     qPrintable(note->text()));
        QCOMPARE(note->isVisible() && note->text().contains(u"most"_s), !said.isEmpty());
        desk.ask(u"Count"_s);
        const SequenceTuning& used = desk.answer().run.settings.sequence;
        if (name == u"temperature"_s)
            QCOMPARE(used.temperature, value);
    }

    void whatIsKeptComesBackTheSame() {
        QTemporaryDir folder;
        const QString model = countingModel();
        ConversationId chat = 0;
        {
            RealDesk desk(folder.path(), model);
            type(desk, u"temperature"_s, u"1,3"_s);
            type(desk, u"max_tokens"_s, u"2"_s);
            desk.ask(u"Count"_s);
            chat = desk.controller.current();
            QString error;
            QVERIFY2(desk.presets.save(u"mine"_s, desk.controller.tuning(), &error), qPrintable(error));
        }
        RealDesk desk(folder.path(), model);
        QTRY_COMPARE(desk.controller.list().chats().size(), 1);
        desk.controller.openChat(chat);
        QTRY_COMPARE(desk.thread().size(), 2);
        QCOMPARE(dial(desk, u"temperature"_s), 1.3);
        QCOMPARE(desk.answer().run.settings.sequence.temperature, 1.3);
        QTRY_COMPARE(desk.answer().run.tokens.size(), 2u); // read when it is seen
        QCOMPARE(desk.answer().run.tokens[0].temperature, 1.3);
        QCOMPARE(desk.presets.load(u"mine"_s)->sequence.temperature, 1.3);
        // Moved before it goes on: told as the dial shows it.
        type(desk, u"temperature"_s, u"0,5"_s);
        QVERIFY(desk.click(u"continueButton"_s));
        QTRY_COMPARE(desk.answer().text(), u"One two three four"_s);
        QTRY_VERIFY2(desk.tools()->line().contains(u"1,3 \u2192 0,5"_s), qPrintable(desk.tools()->line()));
    }

    void tablesKeepThePoint() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), countingModel());
        type(desk, u"temperature"_s, u"0,5"_s);
        desk.ask(u"Count"_s);
        auto* insight = desk.window->findChild<InsightPanel*>();
        for (LivePlot* plot :
             {static_cast<LivePlot*>(&insight->speed()), static_cast<LivePlot*>(&insight->memory())}) {
            const QString file = folder.filePath(u"plot.csv"_s);
            QCOMPARE(plot->exportTo(file), QString());
            QFile table(file);
            QVERIFY(table.open(QIODevice::ReadOnly));
            const QStringList lines = QString::fromUtf8(table.readAll()).trimmed().split(u'\n');
            QCOMPARE(lines.size(), 5); // the names of the columns and four words
            const QStringList names = lines[0].split(u',');
            for (const QString& line : lines.mid(1)) {
                const QStringList fields = line.split(u',');
                QVERIFY2(fields.size() == names.size(), qPrintable(line));
                const qsizetype at = names.indexOf(u"temperature"_s);
                QVERIFY2(at > 0 && fields[at] == u"0.5"_s, qPrintable(line));
            }
        }
    }
};

int main(int argc, char** argv) {
    // Before there is an application, as a user's session has it.
    const test::GermanNumbers german;
    qputenv("LC_ALL", "de_DE.UTF-8");
    QApplication application(argc, argv);
    DecimalCommaTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_decimal_comma.moc"
