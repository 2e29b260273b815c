#include "app/documents/document_text.h"

#include <poppler-qt6.h>

namespace switchyard {

void readPdf(const QString& path, TextSink& sink) {
    Poppler::setDebugErrorFunction([](const QString&, const QVariant&) {}, {});
    const std::unique_ptr<Poppler::Document> document = Poppler::Document::load(path);
    if (!document)
        throw DocumentFailure{DocumentTrouble::Damaged};
    if (document->isLocked())
        throw DocumentFailure{DocumentTrouble::Encrypted};
    if (document->numPages() <= 0)
        throw DocumentFailure{DocumentTrouble::Damaged};
    for (int i = 0; i < document->numPages(); ++i) {
        const std::unique_ptr<Poppler::Page> page = document->page(i);
        if (!page)
            continue; // the others may be whole
        sink.endLine();
        sink.add(page->text(QRectF()));
    }
}

} // namespace switchyard
