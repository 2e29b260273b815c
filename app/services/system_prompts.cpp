#include "app/services/system_prompts.h"

#include <QStringDecoder>

namespace switchyard {

namespace {

constexpr qint64 kLargest = 1 << 20; // bytes

bool fail(QString* error, const QString& sentence) {
    if (error)
        *error = sentence;
    return false;
}

} // namespace

SystemPrompts::SystemPrompts(const QString& folder, QObject* parent)
    : QObject(parent), files_(folder, QStringLiteral(".txt")) {}

std::optional<QString> SystemPrompts::load(const QString& name, QString* error) const {
    QString reason;
    const std::optional<QByteArray> bytes = files_.read(name, kLargest + 1, &reason);
    if (!bytes) {
        fail(error, tr("The system prompt “%1” cannot be read: %2.").arg(name, reason));
        return std::nullopt;
    }
    QStringDecoder decode(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    const QString text = decode(*bytes);
    if (decode.hasError() || bytes->contains('\0') || bytes->size() > kLargest) {
        fail(error,
             tr("The system prompt “%1” is no text file (UTF-8) of at most 1 MiB: save it anew.").arg(name));
        return std::nullopt;
    }
    return text;
}

bool SystemPrompts::save(const QString& name, const QString& text, QString* error) {
    QString reason;
    if (name.trimmed().isEmpty())
        return fail(error, tr("A system prompt needs a name."));
    const QByteArray bytes = text.toUtf8();
    if (bytes.size() > kLargest)
        return fail(error, tr("The text is longer than the 1 MiB that a named system prompt can have."));
    if (!files_.write(name, bytes, &reason))
        return fail(error, tr("The system prompt “%1” cannot be saved: %2.").arg(name, reason));
    Q_EMIT changed();
    return true;
}

bool SystemPrompts::rename(const QString& from, const QString& to, QString* error) {
    QString reason;
    if (to.trimmed().isEmpty())
        return fail(error, tr("A system prompt needs a name."));
    if (from == to)
        return true;
    if (files_.has(to))
        return fail(error, tr("There is a system prompt “%1” already.").arg(to));
    if (!files_.rename(from, to, &reason))
        return fail(error, tr("The system prompt “%1” cannot be renamed: %2.").arg(from, reason));
    Q_EMIT changed();
    return true;
}

bool SystemPrompts::remove(const QString& name, QString* error) {
    QString reason;
    if (!files_.remove(name, &reason))
        return fail(error, tr("The system prompt “%1” cannot be deleted: %2.").arg(name, reason));
    Q_EMIT changed();
    return true;
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_system_prompts.cpp"
