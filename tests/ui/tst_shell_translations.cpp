// The translations that are committed: complete, and with the same placeholders as the English.
#include <QFile>
#include <QRegularExpression>
#include <QTest>
#include <QXmlStreamReader>

using namespace Qt::StringLiterals;

class TestTranslations : public QObject {
    Q_OBJECT

    struct Entry {
        QString source;
        QStringList translations;
        bool unfinished = false;
    };

    static QList<Entry> read(const QString& name) {
        QFile file(QStringLiteral(SWITCHYARD_TEST_DATA) + u"/../../resources/translations/"_s + name);
        if (!file.open(QIODevice::ReadOnly))
            qFatal("no %s", qPrintable(file.fileName()));
        QXmlStreamReader xml(&file);
        QList<Entry> entries;
        while (!xml.atEnd()) {
            if (!xml.readNextStartElement() && xml.tokenType() != QXmlStreamReader::EndElement)
                continue;
            if (xml.tokenType() != QXmlStreamReader::StartElement)
                continue;
            if (xml.name() == "source"_L1) {
                entries.append({xml.readElementText(), {}, false});
            } else if (xml.name() == "translation"_L1) {
                entries.last().unfinished = xml.attributes().hasAttribute(u"type"_s);
                QString text;
                while (xml.readNext() != QXmlStreamReader::EndElement || xml.name() != "translation"_L1) {
                    if (xml.isStartElement() && xml.name() == "numerusform"_L1)
                        entries.last().translations << xml.readElementText();
                    else if (xml.isCharacters())
                        text += xml.text();
                }
                if (entries.last().translations.isEmpty())
                    entries.last().translations << text;
            }
        }
        return entries;
    }

    static QStringList placeholders(const QString& text) {
        static const QRegularExpression pattern(u"%(\\d|n)"_s);
        QStringList found;
        for (auto it = pattern.globalMatch(text); it.hasNext();)
            found << it.next().captured();
        found.sort();
        return found;
    }

  private Q_SLOTS:
    /// What is filled in, and what stays Latin, has a space beside Chinese, as the rest of the window has.
    void latinHasASpaceBesideChinese() {
        static const QRegularExpression joined(
            u"[\\x{4E00}-\\x{9FFF}](%L?[\\dn]|[A-Za-z0-9])|(%L?[\\dn]|[A-Za-z0-9])[\\x{4E00}-\\x{9FFF}]"_s);
        static const QRegularExpression date(u"^(yyyy年)?M月(d日)?$"_s); // of QLocale's letters
        for (const Entry& entry : read(u"switchyard_zh_CN.ts"_s))
            for (const QString& text : entry.translations)
                QVERIFY2(date.match(text).hasMatch() || !joined.match(text).hasMatch(), qPrintable(text));
    }
    void completeAndWithTheSamePlaceholders_data() {
        QTest::addColumn<QString>("file");
        QTest::newRow("Chinese") << u"switchyard_zh_CN.ts"_s;
        QTest::newRow("English plurals") << u"switchyard_en.ts"_s;
    }

    void completeAndWithTheSamePlaceholders() {
        QFETCH(QString, file);
        const QList<Entry> entries = read(file);
        QVERIFY(!entries.isEmpty());
        for (const Entry& entry : entries) {
            QVERIFY2(!entry.unfinished, qPrintable(entry.source));
            for (const QString& translation : entry.translations) {
                QVERIFY2(!translation.isEmpty(), qPrintable(entry.source));
                QCOMPARE(placeholders(translation), placeholders(entry.source));
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestTranslations)
#include "tst_shell_translations.moc"
