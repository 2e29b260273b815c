// What may be asked of the network, and what a server's words may do here.
#pragma once

#include <QByteArray>
#include <QString>
#include <QUrl>

#include <functional>

namespace switchyard {

struct WebRules {
    bool local_http = false; ///< http to 127.0.0.1, for tests; else https alone
    int redirects = 5;       ///< that are followed
    int tries = 6;           ///< to go on after a connection broke off without a byte having come
    int first_pause = 1000;  ///< ms, before the second try; doubled with each
    int silence = 30'000;    ///< ms without a byte, after which a connection counts as broken
    /// Bytes that may be written to a folder; -1: not known. Asked away from the window's thread.
    std::function<qint64(const QString& folder)> free_space = diskFree;
    quint64 spare = 100'000'000; ///< bytes of the disk that are left alone
    /// Where a hub token may go: to this host alone, and not after a redirect to another one.
    QString token_host = QStringLiteral("huggingface.co");

    static qint64 diskFree(const QString& folder);

    /// ms to wait before a question is asked again, after `tries` that failed; at least what the server asked
    /// for, within reason.
    int pause(int tries, int asked_for) const;
    /// "" where the address may be asked, else why not, as a sentence.
    QString refusal(const QUrl& url) const;
    bool mayHaveToken(const QUrl& url) const;
};

/// The last part of a path or name of a server's as a file name of ours; "" where none can be made of it:
/// nothing, "..", control characters, what is too long for a disk, hidden files.
QString plainFileName(const QString& name);

/// "" where the file is of a kind that is fetched (weights without code, and what lies beside them), else why
/// not, as a sentence. Pickles can run code as they are read.
QString fileKindRefusal(const QString& name);

/// Whether a file of this name holds weights: these are what is checked by a SHA-256.
bool isWeights(const QString& name);
/// Whether bytes that begin like this can be a file of that name; a web page, say, is none.
bool beginsLike(const QString& name, const QByteArray& head);
constexpr int kHead = 9; ///< bytes that this looks at

constexpr double kMostFileBytes = 1e14; ///< what says to be larger is nonsense

/// What is written beside the target until it is whole: the file itself, and what is known of it. No other
/// program calls its files so.
inline QString partOf(const QString& path) { return path + QStringLiteral(".switchyard-part"); }
inline QString noteOf(const QString& path) { return path + QStringLiteral(".switchyard-part.json"); }

/// Of a header or a list: 64 hexadecimal digits, in lower case; else empty.
QByteArray sha256Of(const QByteArray& text);

} // namespace switchyard
