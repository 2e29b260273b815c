// switchyard-read-document FILE BYTES: writes the text of a PDF or office file to the standard output, at
// most so many bytes, or ends with a code of DocumentTrouble. Who starts it sets its limits.
#include "app/documents/document_text.h"
#include "app/documents/sandbox.h"

#include <QFile>

#include <cstdio>
#include <new>

using namespace switchyard;

namespace {

int end(DocumentTrouble trouble) { return static_cast<int>(trouble); }

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    giveUpRights(argv[1]);
    try {
        const qint64 most = QByteArray(argv[2]).toLongLong();
        const QByteArray text = documentText(QFile::decodeName(argv[1]), most).toUtf8();
        const bool written = std::fwrite(text.constData(), 1, static_cast<std::size_t>(text.size()),
                                         stdout) == static_cast<std::size_t>(text.size()) &&
                             std::fflush(stdout) == 0;
        return written ? 0 : 1;
    } catch (const DocumentFailure& failure) {
        return end(failure.trouble);
    } catch (const std::bad_alloc&) {
        return end(DocumentTrouble::TooLarge);
    } catch (const std::exception&) {
        return end(DocumentTrouble::Damaged);
    }
}
