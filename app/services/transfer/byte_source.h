// Bytes of a file that is imported, as they come: a plain file's, or those of one in an archive.
#pragma once

#include <QFile>
#include <QString>

#include <memory>
#include <vector>

struct zip;
struct zip_file;

namespace switchyard {

class ByteSource {
  public:
    virtual ~ByteSource() = default;
    /// Up to `most` bytes; 0: there are no more. Throws TransferError.
    virtual qint64 read(char* to, qint64 most) = 0;
};

class FileBytes : public ByteSource {
  public:
    /// Throws TransferError where the file cannot be read.
    explicit FileBytes(const QString& path);
    qint64 read(char* to, qint64 most) override;
    qint64 size() const { return file_.size(); }

  private:
    QFile file_;
};

/// A zip archive.
class ChatArchive {
  public:
    /// Throws TransferError where it is none.
    explicit ChatArchive(const QString& path);
    ~ChatArchive();
    ChatArchive(const ChatArchive&) = delete;
    ChatArchive& operator=(const ChatArchive&) = delete;

    struct Entry {
        quint64 index = 0;
        QString name; ///< as it is written there: never used as a path
        quint64 size = 0;
    };
    /// In the archive's order; at most 100,000.
    const std::vector<Entry>& entries() const { return entries_; }
    /// Of one entry. The archive must outlive it.
    std::unique_ptr<ByteSource> open(const Entry& entry) const;
    static bool isOne(const QString& path);

  private:
    zip* zip_ = nullptr;
    std::vector<Entry> entries_;
};

/// A source that is in memory, for tests.
class MemoryBytes : public ByteSource {
  public:
    explicit MemoryBytes(const QByteArray& bytes) : bytes_(bytes) {}
    qint64 read(char* to, qint64 most) override;

  private:
    QByteArray bytes_;
    qsizetype at_ = 0;
};

} // namespace switchyard
