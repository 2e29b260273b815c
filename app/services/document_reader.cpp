#include "app/services/document_reader.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QFileInfo>
#include <QLocale>
#include <QProcess>

#include <array>

#ifdef Q_OS_UNIX
#include <sys/resource.h>
#endif

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

constexpr int kStepMs = 50;
constexpr int kNotLoaded = 127; ///< the exit code where a program or a library of its is missing

struct DocumentReader {
    Q_DECLARE_TR_FUNCTIONS(DocumentReader)
};

bool endsWithOne(const QString& path, std::initializer_list<const char*> suffixes) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    for (const char* one : suffixes) {
        if (suffix == QLatin1String(one))
            return true;
    }
    return false;
}

#ifdef Q_OS_UNIX
/// In the child, before the program begins: async-signal-safe calls only.
void limitChild(const DocumentLimits& limits) {
    const auto set = [](auto resource, rlim_t value) {
        const rlimit limit{value, value};
        ::setrlimit(resource, &limit);
    };
    set(RLIMIT_CPU, static_cast<rlim_t>(limits.processor_seconds));
    set(RLIMIT_AS, static_cast<rlim_t>(limits.memory));
    set(RLIMIT_FSIZE, 0);
    set(RLIMIT_CORE, 0);
}
#endif

QString sentence(DocumentTrouble trouble, const QString& name) {
    switch (trouble) {
    case DocumentTrouble::None:
        return {};
    case DocumentTrouble::Unreadable:
        return DocumentReader::tr("%1 cannot be read: it is gone, or you may not read it.").arg(name);
    case DocumentTrouble::NotSupported:
        return DocumentReader::tr(
                   "%1 is no PDF, DOCX, ODT, PPTX or XLSX file, whatever its name says: save it as one of "
                   "these, or paste its text.")
            .arg(name);
    case DocumentTrouble::Encrypted:
        return DocumentReader::tr("%1 is encrypted: save a copy without a password, or paste its text.")
            .arg(name);
    case DocumentTrouble::NoText:
        return DocumentReader::tr(
                   "%1 has no text, only pictures of it, as a scanner makes them: use a copy that was put "
                   "through character recognition.")
            .arg(name);
    case DocumentTrouble::Damaged:
        return DocumentReader::tr(
                   "%1 is damaged: open and save it anew with the program that made it, or paste its text.")
            .arg(name);
    case DocumentTrouble::TooLarge:
        break;
    }
    return DocumentReader::tr("%1 has more text than a message can hold: paste the part that matters.")
        .arg(name);
}

} // namespace

bool isDocument(const QString& path) { return endsWithOne(path, {"pdf", "docx", "odt", "pptx", "xlsx"}); }

bool isOldDocument(const QString& path) { return endsWithOne(path, {"doc", "ppt", "xls", "rtf"}); }

QString documentProgram() {
    const QString here = QCoreApplication::applicationDirPath(), name = u"/switchyard-read-document"_s;
    for (const QString& folder : {here, here + u"/../libexec/switchyard"_s, here + u"/../lib/switchyard"_s}) {
        if (QFileInfo(folder + name).isExecutable())
            return folder + name;
    }
    return {};
}

ReadDocument readDocument(const QString& program, const QString& path, const DocumentLimits& limits,
                          const std::stop_token& stop) {
    const QString name = QFileInfo(path).fileName();
    const QString no_program =
        DocumentReader::tr(
            "%1 cannot be read: the program switchyard-read-document is missing or does not start. Install "
            "Switchyard anew, or paste the text.")
            .arg(name);
    if (program.isEmpty())
        return {{}, no_program};
    QProcess reader;
    reader.setStandardErrorFile(QProcess::nullDevice());
    reader.setStandardInputFile(QProcess::nullDevice());
#ifdef Q_OS_UNIX
    reader.setChildProcessModifier([limits] { limitChild(limits); });
#endif
    reader.start(program, {QFileInfo(path).absoluteFilePath(), QString::number(limits.text)});
    if (!reader.waitForStarted())
        return {{}, no_program};
    QElapsedTimer time;
    time.start();
    QByteArray said;
    bool too_much = false;
    while (reader.state() != QProcess::NotRunning || reader.bytesAvailable() > 0) {
        reader.waitForFinished(kStepMs);
        said += reader.readAllStandardOutput();
        too_much = said.size() > limits.text;
        if (too_much || stop.stop_requested() || time.elapsed() > qint64{1000} * limits.seconds)
            break;
    }
    const bool in_time = reader.state() == QProcess::NotRunning;
    if (!in_time) {
        reader.kill();
        reader.waitForFinished();
    }
    if (too_much)
        return {{}, sentence(DocumentTrouble::TooLarge, name)};
    if (stop.stop_requested())
        return {};
    const int code = reader.exitCode();
    const bool ended = in_time && reader.exitStatus() == QProcess::NormalExit;
    if (ended && code == kNotLoaded)
        return {{}, no_program};
    // A library that gets no memory ends the program with a code of its own.
    if (!ended || (code != 0 && (code < static_cast<int>(DocumentTrouble::Unreadable) ||
                                 code > static_cast<int>(DocumentTrouble::TooLarge))))
        return {{},
                DocumentReader::tr(
                    "%1 took more time or memory to read than a file should: it may be damaged, or made to "
                    "do harm. Paste its text.")
                    .arg(name)};
    if (code != 0)
        return {{}, sentence(static_cast<DocumentTrouble>(code), name)};
    return {QString::fromUtf8(said), {}};
}

} // namespace switchyard
