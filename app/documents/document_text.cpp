#include "app/documents/document_text.h"

#include <QFile>

namespace switchyard {

void TextSink::add(QStringView text) {
    bytes_ += text.toUtf8().size();
    if (bytes_ > most_)
        throw DocumentFailure{DocumentTrouble::TooLarge};
    text_ += text;
}

void TextSink::endLine() {
    if (!text_.isEmpty() && !text_.endsWith(QLatin1Char('\n')))
        add(QLatin1Char('\n'));
}

QString documentText(const QString& path, qint64 most_bytes) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        throw DocumentFailure{DocumentTrouble::Unreadable};
    const QByteArray head = file.read(1024);
    file.close();
    TextSink sink(most_bytes);
    if (head.contains("%PDF-"))
        readPdf(path, sink);
    else if (head.startsWith("PK"))
        readOffice(path, sink);
    else if (head.startsWith("\xD0\xCF\x11\xE0")) // an encrypted one is packed like the old formats
        throw DocumentFailure{path.endsWith(QLatin1Char('x'), Qt::CaseInsensitive)
                                  ? DocumentTrouble::Encrypted
                                  : DocumentTrouble::NotSupported};
    else
        throw DocumentFailure{head.isEmpty() ? DocumentTrouble::Damaged : DocumentTrouble::NotSupported};
    if (sink.text().trimmed().isEmpty())
        throw DocumentFailure{DocumentTrouble::NoText};
    return sink.text();
}

} // namespace switchyard
