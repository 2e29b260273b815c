// Goes through the XML of an office file.
#pragma once

#include "app/documents/document_text.h"

#include <QXmlStreamReader>

namespace switchyard {

/// `begin` gets the reader at each element, `text` the characters, `end` the name of an element that ends.
/// Office programs write no document type: one that is there declares entities, which unfold. Throws
/// DocumentFailure.
template <typename Begin, typename Text, typename End>
void walkXml(const QByteArray& xml, const Begin& begin, const Text& text, const End& end) {
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

/// Where only the elements matter.
template <typename Begin>
void walkXml(const QByteArray& xml, const Begin& begin) {
    walkXml(
        xml, begin, [](QStringView) {}, [](QStringView) {});
}

} // namespace switchyard
