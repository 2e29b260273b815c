// The text of PDF and office files. For a process of its own: a hostile file may take all the time and memory
// that it is given.
#pragma once

#include "app/services/document_trouble.h"

#include <QString>

namespace switchyard {

/// What ends the reading of a document.
struct DocumentFailure {
    DocumentTrouble trouble;
};

/// Takes a document's text, up to a number of bytes.
class TextSink {
  public:
    explicit TextSink(qint64 most_bytes) : most_(most_bytes) {}
    /// Throws DocumentFailure (TooLarge) where it is too much.
    void add(QStringView text);
    void add(QChar character) { add(QStringView(&character, 1)); }
    /// A line break, unless one was the last thing added.
    void endLine();
    const QString& text() const { return text_; }

  private:
    QString text_;
    qint64 most_, bytes_ = 0;
};

// Throw DocumentFailure.
void readPdf(const QString& path, TextSink& sink);
/// DOCX, ODT, PPTX and XLSX: archives of XML.
void readOffice(const QString& path, TextSink& sink);

/// Whichever it is by its first bytes. Throws DocumentFailure.
QString documentText(const QString& path, qint64 most_bytes);

} // namespace switchyard
