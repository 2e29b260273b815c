// A lock file that says who holds it. It is stale if it is empty, or if its process on this machine is gone
// or another program; another machine's is named and never broken.
#pragma once

#include <QString>

#include <sys/types.h>

namespace switchyard {

class FolderLock {
  public:
    enum class State {
        Mine,
        Held,      ///< by a program on this machine
        Elsewhere, ///< by a program on another machine
        NoFolder,  ///< nothing can be written there
        Blocked    ///< what lies at that place is no lock file, or another user's
    };
    struct Holder {
        qint64 pid = 0;  ///< 0: unknown
        QString program; ///< file name of its executable
        QString host;
        QString note; ///< what the holder wrote with setNote()
    };

    explicit FolderLock(const QString& path) : path_(path) {}
    ~FolderLock() { release(); }
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

    State take(); ///< does not wait
    void release();
    /// Whether it was taken and its file is still there.
    bool isMine() const;
    /// Of the one who holds it, after Held or Elsewhere.
    const Holder& holder() const { return holder_; }
    /// A line for those who find the lock held. PRECOND: Mine.
    void setNote(const QString& note);
    const QString& path() const { return path_; }

  private:
    State examine();
    void write(const QString& note);

    QString path_;
    int file_ = -1;
    Holder holder_;
};

} // namespace switchyard
