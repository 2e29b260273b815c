// What is fetched, and how far it is: plain data.
#pragma once

#include "app/services/hub/known_models.h"

#include <QList>
#include <QString>
#include <QUrl>

#include <optional>

namespace switchyard {

using DownloadId = quint64; ///< of this process; 0: none

struct DownloadFile {
    QUrl url;
    QString name;        ///< a plain file name
    quint64 bytes = 0;   ///< 0: not known before
    QByteArray sha256{}; ///< in hexadecimal digits; "": not known before
};

struct DownloadOrder {
    QString name;                      ///< as the user knows it
    QString folder;                    ///< where its files come to lie; made where it is not there
    QList<DownloadFile> files;         ///< of one model: all or none get their names
    std::optional<KnownModel> known{}; ///< instead of files: a file joined from parts
    QString licence{};

    /// To open the model by afterwards: its first file, or the folder of one that is a folder.
    QString opens() const;
    /// Paths of the files that there will be.
    QStringList targets() const;
    quint64 bytes() const; ///< 0: not known
};

/// To fetch a model of the table into `folder`.
DownloadOrder orderOf(const KnownModel& model, const QString& folder);

enum class DownloadState { Waiting, Running, Paused, Done, Failed, Cancelled };

struct Download {
    DownloadId id = 0;
    DownloadOrder order;
    DownloadState state = DownloadState::Waiting;
    quint64 done = 0, total = 0; ///< bytes; total 0: not known
    double rate = 0;             ///< bytes a second, of the last seconds; 0: not known
    QString error{};             ///< Failed: a sentence with cause and way on
    bool verified = false;       ///< Done: the SHA-256 of every file of weights was known, and is right
    bool read = false;           ///< how it ended was seen
    quint64 ended_as = 0;        ///< grows with each that ends

    bool ended() const { return state >= DownloadState::Done; }
    double share() const { return total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0; }
    /// Seconds that it will take at the present rate; -1: not known.
    double secondsLeft() const {
        return rate > 0 && total >= done ? static_cast<double>(total - done) / rate : -1;
    }
};

} // namespace switchyard
