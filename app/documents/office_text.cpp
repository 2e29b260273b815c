#include "app/documents/archive.h"
#include "app/documents/document_text.h"

#include <QXmlStreamReader>

#include <algorithm>
#include <vector>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

constexpr qint64 kMostUnpacked = 100 << 20; // bytes
constexpr int kMostSlides = 5000, kMostSheets = 1000, kMostColumns = 1000;
constexpr int kMostRepeated = 1000; ///< spaces that one element stands for

/// Goes through a file of XML. Office programs write no document type: one that is there declares entities,
/// which unfold.
template <typename Begin, typename Text, typename End>
void walk(const QByteArray& xml, const Begin& begin, const Text& text, const End& end) {
    QXmlStreamReader reader(xml);
    while (!reader.atEnd()) {
        switch (reader.readNext()) {
        case QXmlStreamReader::DTD:
        case QXmlStreamReader::EntityReference:
            throw DocumentFailure{DocumentTrouble::Damaged};
        case QXmlStreamReader::StartElement:
            begin(reader);
            break;
        case QXmlStreamReader::Characters:
            text(reader.text());
            break;
        case QXmlStreamReader::EndElement:
            end(reader.name());
            break;
        default:
            break;
        }
    }
    if (reader.hasError())
        throw DocumentFailure{DocumentTrouble::Damaged};
}

void readWords(const QByteArray& xml, TextSink& sink) {
    int told = 0; // in a text
    walk(
        xml,
        [&](const QXmlStreamReader& at) {
            if (at.name() == "t"_L1)
                ++told;
            else if (at.name() == "tab"_L1)
                sink.add(u'\t');
            else if (at.name() == "br"_L1 || at.name() == "cr"_L1)
                sink.add(u'\n');
        },
        [&](QStringView text) {
            if (told > 0)
                sink.add(text);
        },
        [&](QStringView name) {
            if (name == "t"_L1)
                --told;
            else if (name == "p"_L1)
                sink.add(u'\n');
            else if (name == "tc"_L1)
                sink.endLine();
        });
}

void readOpenDocument(const QByteArray& xml, TextSink& sink) {
    int told = 0, passed = 0; // in a paragraph; in what is beside the text
    const auto is_beside = [](QStringView name) {
        return name == "annotation"_L1 || name == "tracked-changes"_L1;
    };
    const auto is_paragraph = [](QStringView name) { return name == "p"_L1 || name == "h"_L1; };
    walk(
        xml,
        [&](const QXmlStreamReader& at) {
            passed += is_beside(at.name());
            told += is_paragraph(at.name());
            if (passed > 0)
                return;
            if (at.name() == "tab"_L1)
                sink.add(u'\t');
            else if (at.name() == "line-break"_L1)
                sink.add(u'\n');
            else if (at.name() == "s"_L1) {
                const int spaces = at.attributes().value("text:c"_L1).toInt();
                sink.add(QString(std::clamp(spaces, 1, kMostRepeated), u' '));
            }
        },
        [&](QStringView text) {
            if (told > 0 && passed == 0)
                sink.add(text);
        },
        [&](QStringView name) {
            passed -= is_beside(name);
            told -= is_paragraph(name);
            if (is_paragraph(name) && passed == 0)
                sink.add(u'\n');
        });
}

// ---- Tables ----

/// "C12": the third.
int columnOf(QStringView cell) {
    int column = 0;
    for (const QChar c : cell) {
        if (c < u'A' || c > u'Z' || column > kMostColumns)
            break;
        column = 26 * column + (c.unicode() - u'A' + 1);
    }
    return column;
}

std::vector<QString> sharedStrings(const QByteArray& xml) {
    std::vector<QString> strings;
    int told = 0, phonetic = 0;
    walk(
        xml,
        [&](const QXmlStreamReader& at) {
            if (at.name() == "si"_L1)
                strings.emplace_back();
            told += at.name() == "t"_L1;
            phonetic += at.name() == "rPh"_L1;
        },
        [&](QStringView text) {
            if (told > 0 && phonetic == 0 && !strings.empty())
                strings.back() += text;
        },
        [&](QStringView name) {
            told -= name == "t"_L1;
            phonetic -= name == "rPh"_L1;
        });
    return strings;
}

void readSheet(const QByteArray& xml, const std::vector<QString>& strings, TextSink& sink) {
    int column = 0, told = 0;
    bool shared = false;
    QString value;
    walk(
        xml,
        [&](const QXmlStreamReader& at) {
            if (at.name() == "row"_L1) {
                column = 0;
            } else if (at.name() == "c"_L1) {
                const int wanted = columnOf(at.attributes().value("r"_L1));
                shared = at.attributes().value("t"_L1) == "s"_L1;
                value.clear();
                const int next = std::min(wanted > 0 ? wanted : column + 1, kMostColumns);
                for (int at_column = std::max(column, 1); at_column < next; ++at_column)
                    sink.add(u'\t');
                column = std::max(column, next);
            } else if (at.name() == "v"_L1 || at.name() == "t"_L1) {
                ++told;
            }
        },
        [&](QStringView text) {
            if (told > 0)
                value += text;
        },
        [&](QStringView name) {
            if (name == "v"_L1 || name == "t"_L1)
                --told;
            if (name == "c"_L1) {
                bool is_number = false;
                const uint index = value.toUInt(&is_number);
                if (shared && is_number && index < strings.size())
                    value = strings[index];
                sink.add(value);
            } else if (name == "row"_L1) {
                sink.add(u'\n');
            }
        });
}

void readWorkbook(Archive& archive, TextSink& sink) {
    std::vector<QString> strings;
    if (const auto shared = archive.read(u"xl/sharedStrings.xml"_s))
        strings = sharedStrings(*shared);
    QStringList titles;
    if (const auto book = archive.read(u"xl/workbook.xml"_s))
        walk(
            *book,
            [&](const QXmlStreamReader& at) {
                if (at.name() == "sheet"_L1)
                    titles.append(at.attributes().value("name"_L1).toString());
            },
            [](QStringView) {}, [](QStringView) {});
    const QStringList sheets = archive.numbered(u"xl/worksheets/sheet"_s, u".xml"_s, kMostSheets);
    for (qsizetype i = 0; i < sheets.size(); ++i) {
        if (sheets.size() > 1 && i < titles.size()) {
            sink.endLine();
            sink.add(u"# %1\n"_s.arg(titles[i]));
        }
        readSheet(archive.read(sheets[i]).value_or(QByteArray()), strings, sink);
    }
}

} // namespace

void readOffice(const QString& path, TextSink& sink) {
    Archive archive(path, kMostUnpacked);
    if (const auto words = archive.read(u"word/document.xml"_s))
        return readWords(*words, sink);
    if (archive.has(u"ppt/presentation.xml"_s)) {
        for (const QString& slide : archive.numbered(u"ppt/slides/slide"_s, u".xml"_s, kMostSlides)) {
            sink.endLine();
            readWords(archive.read(slide).value_or(QByteArray()), sink);
        }
        return;
    }
    if (archive.has(u"xl/workbook.xml"_s))
        return readWorkbook(archive, sink);
    if (const auto manifest = archive.read(u"META-INF/manifest.xml"_s);
        manifest && manifest->contains("encryption-data"))
        throw DocumentFailure{DocumentTrouble::Encrypted};
    if (const auto content = archive.read(u"content.xml"_s))
        return readOpenDocument(*content, sink);
    throw DocumentFailure{DocumentTrouble::NotSupported};
}

} // namespace switchyard
