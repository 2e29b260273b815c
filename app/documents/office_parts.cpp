#include "app/documents/office_parts.h"

#include "app/documents/xml_walk.h"

#include <QDir>
#include <QHash>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

/// "xl/workbook.xml": which file each of its relations is, by the relation's name.
QHash<QString, QString> relationsOf(Archive& archive, const QString& book) {
    const qsizetype slash = book.indexOf(u'/');
    const QString folder = book.left(slash + 1);
    QHash<QString, QString> paths;
    if (const auto xml = archive.read(folder + u"_rels"_s + book.mid(slash) + u".rels"_s))
        walkXml(*xml, [&](const QXmlStreamReader& at) {
            const QXmlStreamAttributes with = at.attributes();
            if (at.name() != "Relationship"_L1 || with.value("TargetMode"_L1) == "External"_L1)
                return;
            const QString target = with.value("Target"_L1).toString();
            paths.insert(with.value("Id"_L1).toString(),
                         QDir::cleanPath(target.startsWith(u'/') ? target.mid(1) : folder + target));
        });
    return paths;
}

/// r:id, whatever the prefix; an id without one is the element's own.
QString relationOf(const QXmlStreamAttributes& attributes) {
    for (const QXmlStreamAttribute& one : attributes) {
        if (one.name() == "id"_L1 && !one.namespaceUri().isEmpty())
            return one.value().toString();
    }
    return {};
}

} // namespace

std::vector<OfficePart> officeParts(Archive& archive, const QString& book, const QString& element,
                                    const QString& numbered, int most) {
    const QHash<QString, QString> paths = relationsOf(archive, book);
    std::vector<OfficePart> parts;
    if (const auto xml = archive.read(book))
        walkXml(*xml, [&](const QXmlStreamReader& at) {
            if (at.name() != element || std::ssize(parts) >= most)
                return;
            const QString path = paths.value(relationOf(at.attributes()));
            if (archive.has(path))
                parts.push_back({path, at.attributes().value("name"_L1).toString()});
        });
    if (parts.empty()) {
        for (const QString& path : archive.numbered(numbered, u".xml"_s, most))
            parts.push_back({path, {}});
    }
    return parts;
}

} // namespace switchyard
