// The files in a ZIP archive, unpacked up to a sum of bytes: what unfolds to more is refused.
#pragma once

#include <QByteArray>
#include <QStringList>

#include <zip.h>

#include <memory>
#include <optional>

namespace switchyard {

class Archive {
  public:
    /// `most_bytes`: of all that is read of it, unpacked. Throws DocumentFailure.
    Archive(const QString& path, qint64 most_bytes);

    bool has(const QString& name) const;
    /// Names that begin with `prefix` and end with `suffix`, at most `most` of them, by the number in
    /// between.
    QStringList numbered(const QString& prefix, const QString& suffix, int most) const;
    /// nullopt: there is none of this name. Throws DocumentFailure where it is encrypted, damaged or too
    /// large.
    std::optional<QByteArray> read(const QString& name);

  private:
    struct Close {
        void operator()(zip_t* archive) const { zip_discard(archive); }
    };
    std::unique_ptr<zip_t, Close> archive_;
    qint64 left_;
};

} // namespace switchyard
