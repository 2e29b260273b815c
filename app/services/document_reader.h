// The text of PDF and office files, read by a process of its own, which a hostile file can only bring to its
// end: without a network, and limited in time, memory and what it may say.
#pragma once

#include "app/services/document_trouble.h"

#include <QString>

#include <stop_token>

namespace switchyard {

/// Whether the name is that of a file which readDocument() knows.
bool isDocument(const QString& path);
/// Of an office program's older kind, which is not read but can be saved as one that is.
bool isOldDocument(const QString& path);

/// The program that reads them: beside this one, or where it was installed. Empty: it is not there.
QString documentProgram();

struct DocumentLimits {
    qint64 text = 4 << 20;        ///< bytes of UTF-8
    quint64 memory = 1024u << 20; ///< bytes of address space
    int processor_seconds = 20, seconds = 40;
};

struct ReadDocument {
    QString text;
    QString problem; ///< a sentence with cause and way on, where there is no text
};

/// Waits for the program: for a thread beside the window's. `program`: documentProgram(). Neither text nor
/// problem where `stop` is asked for.
ReadDocument readDocument(const QString& program, const QString& path, const DocumentLimits& limits = {},
                          const std::stop_token& stop = {});

} // namespace switchyard
