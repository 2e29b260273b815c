// Text files in the encodings of other programs and other days, and what is no text.
#include "app/services/text_encoding.h"

#include <QStringEncoder>
#include <QTest>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

QByteArray inEncoding(const char* name, const QString& text) {
    QStringEncoder encode(name);
    return encode(text);
}

QByteArray inEncoding(QStringConverter::Encoding encoding, const QString& text,
                      QStringConverter::Flags flags = QStringConverter::Flag::Default) {
    QStringEncoder encode(encoding, flags);
    return encode(text);
}

constexpr auto kWithMark = QStringConverter::Flag::WriteBom;

const QString kChinese = u"专家混合模型：每个词元只用少数专家。\n第二行 with English"_s,
              kWestern = u"Größe, café, señor — déjà vu à 20 €"_s, kLatin = u"Größe, café, señor"_s;

} // namespace

class TextEncodingTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void isRecognised_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("encoding");
        const auto row = [](const char* name, const QByteArray& bytes, const QString& text,
                            const QString& encoding) { QTest::newRow(name) << bytes << text << encoding; };
        row("empty", {}, {}, {});
        row("ASCII", "plain\r\n\ttext", u"plain\r\n\ttext"_s, {});
        row("UTF-8", kChinese.toUtf8(), kChinese, {});
        row("UTF-8 with a mark", "\xEF\xBB\xBFhello", u"hello"_s, {});
        row("UTF-8 with the sign for what was lost", QByteArrayLiteral("a\xEF\xBF\xBD"), u"a\uFFFD"_s, {});
        for (const auto encoding : {QStringConverter::Utf16LE, QStringConverter::Utf16BE}) {
            const QString end = encoding == QStringConverter::Utf16LE ? u"LE"_s : u"BE"_s;
            row(qPrintable(u"UTF-16 with a mark, "_s + end), inEncoding(encoding, kChinese, kWithMark),
                kChinese, u"UTF-16"_s);
            row(qPrintable(u"UTF-16 without, "_s + end), inEncoding(encoding, kWestern), kWestern,
                u"UTF-16"_s);
        }
        row("UTF-32", inEncoding(QStringConverter::Utf32LE, kChinese, kWithMark), kChinese, u"UTF-32"_s);
        row("GB18030", inEncoding("GB18030", kChinese), kChinese, u"GB18030"_s);
        row("two signs of Chinese", inEncoding("GB18030", u"你好"_s), u"你好"_s, u"GB18030"_s);
        row("Chinese with rare signs", inEncoding("GB18030", u"他叫喆，住在深圳市南山区𠮷路。"_s),
            u"他叫喆，住在深圳市南山区𠮷路。"_s, u"GB18030"_s);
        row("Latin-1", kLatin.toLatin1(), kLatin, u"Latin-1"_s);
        row("Windows-1252", inEncoding("windows-1252", kWestern), kWestern, u"Windows-1252"_s);
        row("one accent", QByteArrayLiteral("caf\xE9"), u"café"_s, u"Latin-1"_s);
        row("umlaut before sz",
            QByteArrayLiteral("Gr\xF6\xDF"
                              "e"),
            u"Größe"_s, u"Latin-1"_s);
        row("Spanish", QByteArrayLiteral("\xA1\xC9l no lo sabe! \xBFY t\xFA?"), u"¡Él no lo sabe! ¿Y tú?"_s,
            u"Latin-1"_s);
        row("colours of a terminal", QByteArrayLiteral("\x1b[31mrouge fonc\xE9\x1b[0m"),
            u"\x1b[31mrouge foncé\x1b[0m"_s, u"Latin-1"_s);
    }

    void isRecognised() {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, text);
        QFETCH(QString, encoding);
        const DecodedText decoded = decodeText(bytes);
        QCOMPARE(decoded.text, text);
        QCOMPARE(decoded.encoding, encoding);
        QVERIFY(decoded.kind == TextKind::Text);
    }

    void isRefused_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<bool>("binary");
        const auto row = [](const char* name, const QByteArray& bytes, bool binary) {
            QTest::newRow(name) << bytes << binary;
        };
        row("Russian", inEncoding("windows-1251", u"Что такое смесь экспертов?"_s), false);
        row("Japanese", inEncoding("Shift_JIS", u"専門家の混合モデルとは何ですか"_s), false);
        row("no sign of Windows", QByteArrayLiteral("abc \x81 abc"), false);
        row("picture", QByteArrayLiteral("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), true);
        row("model", QByteArrayLiteral("GGUF\3\0\0\0\x14\0\0\0"), true);
        row("zeros", QByteArray(64, '\0'), true);
        row("half a sign after a mark",
            QByteArrayLiteral("\xFF\xFE"
                              "a\0b"),
            true);
        row("broken UTF-16", QByteArrayLiteral("\xFE\xFF\xD8\0\0a"), true);
        QByteArray all;
        for (int byte = 1; byte < 256; ++byte)
            all.append(static_cast<char>(byte));
        row("every byte", all, true);
    }

    void isRefused() {
        QFETCH(QByteArray, bytes);
        QFETCH(bool, binary);
        const DecodedText decoded = decodeText(bytes);
        QVERIFY2(decoded.text.isEmpty(), qPrintable(decoded.encoding + u": "_s + decoded.text));
        QVERIFY(decoded.kind == (binary ? TextKind::Binary : TextKind::Unknown));
    }
};

QTEST_APPLESS_MAIN(TextEncodingTest)
#include "tst_text_encoding.moc"
