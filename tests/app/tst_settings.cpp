// The table of settings: what is set comes back with its type, and what the file has no sense in counts as
// not set.
#include "app/services/model_setup.h"
#include "app/services/settings.h"

#include <QFile>
#include <QSet>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <limits>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

QString keyOf(const SettingRow& row) { return QString::fromStdString(std::string(row.key)); }

/// A value of the row's type that is not the default.
QVariant another(const SettingRow& row) {
    return std::visit(
        [](const auto& kind) -> QVariant {
            using Kind = std::decay_t<decltype(kind)>;
            if constexpr (std::is_same_v<Kind, FlagSetting>)
                return !kind.standard;
            else if constexpr (std::is_same_v<Kind, WholeSetting>)
                return kind.standard == kind.most ? kind.least : kind.most;
            else if constexpr (std::is_same_v<Kind, RealSetting>)
                return kind.most - 0.25;
            else if constexpr (std::is_same_v<Kind, WordSetting>)
                return QString::fromStdString(std::string(kind.words.back()));
            else if constexpr (std::is_same_v<Kind, ThemeSetting>)
                return QVariant::fromValue(Theme::Dark);
            else if constexpr (std::is_same_v<Kind, TextSetting>)
                return u"/a, \"b\" 模型;="_s;
            else if constexpr (std::is_same_v<Kind, TextsSetting>)
                return QStringList{u"/a, b"_s, u"/模型"_s};
            else
                return QByteArray("\0\x01", 2);
        },
        row.kind);
}

} // namespace

class SettingsTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString file() const { return folder_->filePath(u"s.ini"_s); }

    static void addRows() {
        QTest::addColumn<int>("at");
        for (std::size_t i = 0; i < kSettings.size(); ++i)
            QTest::newRow(std::string(kSettings[i].key).c_str()) << static_cast<int>(i);
    }

  private Q_SLOTS:
    /// Whatever the file has, a setup makes sense; what was written is read again.
    void setupsOfModelsAreReadAsTheyWereWritten() {
        const ModelSetup setup{4096, 2, 30, true};
        QString model;
        QVERIFY(readSetup(setupText(setup, u"/m/a b=1.gguf"_s), &model) == setup);
        QCOMPARE(model, u"/m/a b=1.gguf"_s);
        QVERIFY(setupText({}, u"/m/a.gguf"_s).isEmpty());
        for (const QString& text : {u""_s, u"context=4096"_s, u"context=x threads=-1 idle=99999999999 /m"_s,
                                    u"/m"_s, u"context=7 /m"_s, u"= = /m"_s})
            QVERIFY2(readSetup(text) == ModelSetup(), qPrintable(text));
        Settings settings(file());
        keepSetup(settings, u"/a"_s, setup);
        keepSetup(settings, u"/b"_s, {512, 0, 0});
        keepSetup(settings, u"/a"_s, {});
        QVERIFY(setupOf(settings, u"/a"_s) == ModelSetup());
        QCOMPARE(setupOf(settings, u"/b"_s).context, 512);
    }

    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void noTwoRowsShareAKey() {
        QSet<QString> keys;
        for (const SettingRow& row : kSettings)
            keys.insert(keyOf(row));
        QCOMPARE(static_cast<std::size_t>(keys.size()), kSettings.size());
    }

    void valuesAreTyped() {
        Settings settings(file());
        QVERIFY(settings.get<Setting::Theme>() == Theme::System);
        QVERIFY(settings.get<Setting::EnterSends>());
        QSignalSpy changed(&settings, &Settings::changed);
        settings.set<Setting::Theme>(Theme::Dark);
        settings.set<Setting::Theme>(Theme::Dark);
        QCOMPARE(changed.count(), 1);
        QVERIFY(changed[0][0].value<Setting>() == Setting::Theme);
        QVERIFY(settings.get<Setting::Theme>() == Theme::Dark);
    }

    void everySettingComesBackAtTheNextStart_data() { addRows(); }
    void everySettingComesBackAtTheNextStart() {
        QFETCH(int, at);
        const SettingRow& row = kSettings[static_cast<std::size_t>(at)];
        const QVariant standard = Settings(file()).read(row), value = another(row);
        QVERIFY(standard != value);
        QVERIFY(standard.typeId() == value.typeId());
        {
            Settings settings(file());
            settings.write(row, value);
            QCOMPARE(settings.read(row), value);
        }
        Settings next(file());
        QCOMPARE(next.read(row), value);
        QVERIFY(next.read(row).typeId() == value.typeId());
        next.write(row, standard);
        QCOMPARE(Settings(file()).read(row), standard);
    }

    void nonsenseInTheFileCountsAsNotSet_data() { addRows(); }
    void nonsenseInTheFileCountsAsNotSet() {
        QFETCH(int, at);
        const SettingRow& row = kSettings[static_cast<std::size_t>(at)];
        const QVariant standard = Settings(file()).read(row);
        const bool any_text =
            std::holds_alternative<TextSetting>(row.kind) && !std::get<TextSetting>(row.kind).path;
        const bool any_texts = std::holds_alternative<TextsSetting>(row.kind);
        for (const char* text :
             {"perhaps", "-1", "99999999999999999999", "nan", "inf", "1e400", "0x7", "true1", "@Size(3 4)",
              "@Rect(1 2 3 4)", "@Variant(\\0\\0\\0\\x7f\\xff\\xff\\xff\\xff)", "@Invalid()", "a, b, c", "@",
              "\"a\\x0\\x62\"", "%FF%FE", "[x]"}) {
            QFile written(file());
            QVERIFY(written.open(QIODevice::WriteOnly));
            const QStringList parts = keyOf(row).split(u'/');
            const QString section = parts.size() > 1 ? parts.first() : u"General"_s;
            written.write(
                u"[%1]\n%2="_s.arg(section, QStringList(parts.mid(parts.size() > 1)).join(u"\\"_s)).toUtf8());
            written.write(text);
            written.write("\nfrom_the_future=1\n");
            written.close();
            const QVariant read = Settings(file()).read(row);
            QVERIFY2(read.typeId() == standard.typeId(), text);
            if (!any_text && !(any_texts && !std::get<TextsSetting>(row.kind).paths))
                QVERIFY2(read == standard, text);
        }
    }

    void whatTheTableDoesNotAllowIsNotStored() {
        Settings settings(file());
        settings.set<Setting::FontSize>(kLargestFont + 1);
        settings.set<Setting::FontSize>(kSmallestFont - 1);
        QCOMPARE(settings.get<Setting::FontSize>(), 0);
        settings.set<Setting::ChatFontPoints>(std::numeric_limits<double>::quiet_NaN());
        QCOMPARE(settings.get<Setting::ChatFontPoints>(), 0.0);
        settings.set<Setting::Language>(u"tlh"_s);
        QCOMPARE(settings.get<Setting::Language>(), QString());
        settings.set<Setting::DataFolder>(u"somewhere/below"_s);
        QCOMPARE(settings.get<Setting::DataFolder>(), QString());
        settings.set<Setting::ModelFolders>({u"relative"_s, u"/models"_s, QString()});
        QCOMPARE(settings.get<Setting::ModelFolders>(), QStringList{u"/models"_s});
    }
};

QTEST_GUILESS_MAIN(SettingsTest)
#include "tst_settings.moc"
