// A file out of a Python package (a wheel is a ZIP archive): read and checked without Python, and never run.
#pragma once

#include <QByteArray>
#include <QString>

#include <memory>

struct zip;
struct zip_file;

namespace switchyard {

class WheelFile {
  public:
    /// Throws Error where the wheel cannot be read, has no such member of `bytes` bytes, or does not record
    /// its SHA-256 (RECORD; Python packaging, "Recording installed projects").
    WheelFile(const QString& wheel, const QString& member, quint64 bytes);
    ~WheelFile();

    /// The next bytes, at most so many; empty: all were read. Throws Error where the archive is damaged.
    QByteArray read(qint64 most);
    /// As RECORD has it, in hexadecimal digits.
    const QByteArray& recorded() const { return recorded_; }

  private:
    QByteArray record(const QString& member) const;
    struct Close {
        void operator()(zip* archive) const;
        void operator()(zip_file* file) const;
    };
    std::unique_ptr<zip, Close> archive_;
    std::unique_ptr<zip_file, Close> file_;
    QByteArray recorded_;
    quint64 left_;
};

} // namespace switchyard
