// Things that the user has named: a file each, in a folder of their own.
#pragma once

#include <QByteArray>
#include <QStringList>

#include <optional>

namespace switchyard {

class NamedFiles {
  public:
    /// `suffix` of the files, with its dot.
    NamedFiles(QString folder, QString suffix) : folder_(std::move(folder)), suffix_(std::move(suffix)) {}

    /// Where a thing of this name lies, or would. Any name is allowed.
    QString fileOf(const QString& name) const;
    QStringList names() const;
    bool has(const QString& name) const;
    /// `name` where there is none of it, else with a number behind it.
    QString freeName(const QString& name) const;

    // What goes wrong is said by `error`, in the words of QFile.
    /// Its first `most` bytes.
    std::optional<QByteArray> read(const QString& name, qint64 most, QString* error) const;
    /// Whole or not at all, for this user alone.
    bool write(const QString& name, const QByteArray& bytes, QString* error) const;
    /// PRECOND: there is none of the name `to`.
    bool rename(const QString& from, const QString& to, QString* error) const;
    bool remove(const QString& name, QString* error) const;

  private:
    QString folder_, suffix_;
};

/// For those who keep such things: says the sentence where somebody wants it. Always false.
bool failWith(QString* error, const QString& sentence);

} // namespace switchyard
