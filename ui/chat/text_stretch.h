// A stretch of a laid-out document, and how it is read as plain text.
#pragma once

#include <QString>
#include <QTextBlock>

class QTextDocument;
class QTextTable;

namespace switchyard {

/// A stretch of a document.
struct TextStretch {
    const QTextDocument* document = nullptr;
    int from = 0, to = 0;
    QString instead; ///< not empty: what it stands for, of which the document shows the beginning
};

/// Reads a stretch as plain lines: separators between frames left out, cells of a table by tabs.
class PlainTextReader {
  public:
    explicit PlainTextReader(const TextStretch& stretch);
    /// Adds what `most` further paragraphs say; true at the end.
    bool read(QString& out, int most);

  private:
    int from_, to_, row_ = -1;
    QTextBlock block_;
    const QTextTable* table_ = nullptr;
    bool first_ = true;
};

} // namespace switchyard
