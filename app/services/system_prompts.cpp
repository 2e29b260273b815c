#include "app/services/system_prompts.h"

#include <QStringDecoder>

namespace switchyard {

namespace {

constexpr qint64 kLargest = 1 << 20; // bytes

bool mayBe(const QString& name, QString* error) {
    return !name.trimmed().isEmpty() || failWith(error, SystemPrompts::tr("A system prompt needs a name."));
}

} // namespace

SystemPrompts::SystemPrompts(const QString& folder, QObject* parent)
    : QObject(parent), files_(folder, QStringLiteral(".txt")) {}

std::optional<QString> SystemPrompts::load(const QString& name, QString* error) const {
    QString reason;
    const std::optional<QByteArray> bytes = files_.read(name, kLargest + 1, &reason);
    if (!bytes) {
        failWith(error, tr("The system prompt “%1” cannot be read: %2.").arg(name, reason));
        return std::nullopt;
    }
    QStringDecoder decode(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    const QString text = decode(*bytes);
    if (decode.hasError() || bytes->contains('\0') || bytes->size() > kLargest) {
        failWith(
            error,
            tr("The system prompt “%1” is no text file (UTF-8) of at most 1 MiB: save it anew.").arg(name));
        return std::nullopt;
    }
    return text;
}

bool SystemPrompts::save(const QString& name, const QString& text, QString* error) {
    QString reason;
    if (!mayBe(name, error))
        return false;
    const QByteArray bytes = text.toUtf8();
    if (bytes.size() > kLargest)
        return failWith(error, tr("The text is longer than the 1 MiB that a named system prompt can have."));
    if (!files_.write(name, bytes, &reason))
        return failWith(error, tr("The system prompt “%1” cannot be saved: %2.").arg(name, reason));
    Q_EMIT changed();
    return true;
}

bool SystemPrompts::rename(const QString& from, const QString& to, QString* error) {
    QString reason;
    if (!mayBe(to, error))
        return false;
    if (from == to)
        return true;
    if (files_.has(to))
        return failWith(error, tr("There is a system prompt “%1” already.").arg(to));
    if (!files_.rename(from, to, &reason))
        return failWith(error, tr("The system prompt “%1” cannot be renamed: %2.").arg(from, reason));
    Q_EMIT changed();
    return true;
}

bool SystemPrompts::remove(const QString& name, QString* error) {
    QString reason;
    if (!files_.remove(name, &reason))
        return failWith(error, tr("The system prompt “%1” cannot be deleted: %2.").arg(name, reason));
    Q_EMIT changed();
    return true;
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_system_prompts.cpp"
