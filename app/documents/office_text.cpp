#include "app/documents/office_parts.h"
#include "app/documents/xml_walk.h"

#include <algorithm>
#include <vector>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

constexpr qint64 kMostUnpacked = 100 << 20; // bytes
constexpr int kMostSlides = 5000, kMostSheets = 1000, kMostColumns = 1000;
constexpr int kMostRepeated = 1000; ///< spaces that one element stands for
const QString kPresentation = u"ppt/presentation.xml"_s, kWorkbook = u"xl/workbook.xml"_s;

/// What is no text though it looks like it: a paragraph's properties, whose tab stops are called like tabs,
/// and what stands in for a shape where a program does not know it, with the shape's text once more.
bool isBesideWords(QStringView name) { return name == "pPr"_L1 || name == "Fallback"_L1; }

void readWords(const QByteArray& xml, TextSink& sink) {
    int told = 0, passed = 0; // in a text; in what is beside it
    walkXml(
        xml,
        [&](const QXmlStreamReader& at) {
            passed += isBesideWords(at.name());
            if (passed > 0)
                return;
            if (at.name() == "t"_L1)
                ++told;
            else if (at.name() == "tab"_L1)
                sink.add(u'\t');
            else if (at.name() == "br"_L1 || at.name() == "cr"_L1)
                sink.add(u'\n');
        },
        [&](QStringView text) {
            if (told > 0 && passed == 0)
                sink.add(text);
        },
        [&](QStringView name) {
            passed -= isBesideWords(name);
            if (passed > 0)
                return;
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
    walkXml(
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
    walkXml(
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
    bool shared = false, in_cell = false;
    QString value;
    const auto begin_cell = [&](const QXmlStreamAttributes& cell) {
        const int wanted = columnOf(cell.value("r"_L1));
        const int next = wanted > column ? wanted : column + 1;
        in_cell = next <= kMostColumns;
        shared = cell.value("t"_L1) == "s"_L1;
        value.clear();
        for (int at_column = std::max(column, 1); in_cell && at_column < next; ++at_column)
            sink.add(u'\t');
        column = next;
    };
    walkXml(
        xml,
        [&](const QXmlStreamReader& at) {
            if (at.name() == "row"_L1)
                column = 0;
            else if (at.name() == "c"_L1)
                begin_cell(at.attributes());
            else if (at.name() == "v"_L1 || at.name() == "t"_L1)
                ++told;
        },
        [&](QStringView text) {
            if (told > 0)
                value += text;
        },
        [&](QStringView name) {
            if (name == "v"_L1 || name == "t"_L1)
                --told;
            if (name == "c"_L1 && in_cell) {
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
    const std::vector<OfficePart> sheets =
        officeParts(archive, kWorkbook, u"sheet"_s, u"xl/worksheets/sheet"_s, kMostSheets);
    for (const OfficePart& sheet : sheets) {
        if (sheets.size() > 1 && !sheet.title.isEmpty()) {
            sink.endLine();
            sink.add(u"# %1\n"_s.arg(sheet.title));
        }
        readSheet(archive.read(sheet.path).value_or(QByteArray()), strings, sink);
    }
}

void readPresentation(Archive& archive, TextSink& sink) {
    for (const OfficePart& slide :
         officeParts(archive, kPresentation, u"sldId"_s, u"ppt/slides/slide"_s, kMostSlides)) {
        sink.endLine();
        readWords(archive.read(slide.path).value_or(QByteArray()), sink);
    }
}

} // namespace

void readOffice(const QString& path, TextSink& sink) {
    Archive archive(path, kMostUnpacked);
    if (const auto words = archive.read(u"word/document.xml"_s))
        return readWords(*words, sink);
    if (archive.has(kPresentation))
        return readPresentation(archive, sink);
    if (archive.has(kWorkbook))
        return readWorkbook(archive, sink);
    if (const auto manifest = archive.read(u"META-INF/manifest.xml"_s);
        manifest && manifest->contains("encryption-data"))
        throw DocumentFailure{DocumentTrouble::Encrypted};
    if (const auto content = archive.read(u"content.xml"_s))
        return readOpenDocument(*content, sink);
    throw DocumentFailure{DocumentTrouble::NotSupported};
}

} // namespace switchyard
