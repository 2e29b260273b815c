// PDF and office files for tests, good and hostile.
#pragma once

#include <QByteArray>
#include <QFile>
#include <QList>

#include <utility>
#include <zip.h>

namespace switchyard {

inline bool writeFile(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size();
}

/// A ZIP archive of these files: name and bytes.
inline bool writeArchive(const QString& path, const QList<std::pair<QByteArray, QByteArray>>& files) {
    zip_t* archive = zip_open(QFile::encodeName(path).constData(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    if (!archive)
        return false;
    for (const auto& [name, bytes] : files) {
        zip_source_t* source =
            zip_source_buffer(archive, bytes.constData(), static_cast<zip_uint64_t>(bytes.size()), 0);
        const zip_int64_t index = zip_file_add(archive, name.constData(), source, ZIP_FL_ENC_UTF_8);
        zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_DEFLATE, 1);
    }
    return zip_close(archive) == 0;
}

inline QByteArray wordXml(const QByteArray& body) {
    return "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://w\"><w:body>" + body +
           "</w:body></w:document>";
}

inline QByteArray wordParagraph(const QByteArray& text) {
    return "<w:p><w:r><w:t>" + text + "</w:t></w:r></w:p>";
}

/// One page that says `text`, or nothing; `more`: entries of the trailer.
inline QByteArray pdf(const QByteArray& text, const QByteArray& more = {}) {
    const QByteArray content = text.isEmpty() ? QByteArray() : "BT /F1 12 Tf 72 720 Td (" + text + ") Tj ET";
    const QList<QByteArray> objects{
        "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 "
        "R >> >> >>",
        "<< /Length " + QByteArray::number(content.size()) + " >>\nstream\n" + content + "\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
    QByteArray file = "%PDF-1.4\n", table;
    for (qsizetype i = 0; i < objects.size(); ++i) {
        table += QByteArray::number(file.size()).rightJustified(10, '0') + " 00000 n \n";
        file += QByteArray::number(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
    }
    const QByteArray at = QByteArray::number(file.size());
    return file + "xref\n0 6\n0000000000 65535 f \n" + table + "trailer\n<< /Size 6 /Root 1 0 R " + more +
           " >>\nstartxref\n" + at + "\n%%EOF\n";
}

} // namespace switchyard
