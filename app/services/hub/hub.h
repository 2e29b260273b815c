// The model hub (Hugging Face, or a mirror of it): search, and what a model's repository holds. Asked only
// for what the user asks for.
#pragma once

#include "app/services/background.h"
#include "app/services/hub/hub_answers.h"
#include "app/services/hub/hub_token.h"
#include "app/services/hub/web_get.h"
#include "app/services/settings.h"

#include <QObject>

#include <memory>

namespace switchyard {

/// What was typed to find a model.
struct HubQuery {
    enum class Kind { Nothing, Words, Name, Address, Refused } kind = Kind::Nothing;
    QString text;       ///< Words, or Name: "owner/name"
    QString file;       ///< Name: that was named with it, by its path there; "": none
    QString revision{}; ///< Name: that was named with it; "": the newest
    QUrl address;       ///< Address: of a file anywhere
    QString refusal;    ///< Refused: why, as a sentence
};

class Hub : public QObject {
    Q_OBJECT
  public:
    /// `settings` has the hub's address; both must outlive it.
    explicit Hub(Settings& settings, WebRules rules = {}, std::unique_ptr<SecretStore> secrets = keyring(),
                 QObject* parent = nullptr);
    ~Hub() override;

    /// "https://huggingface.co/", or the mirror that was set.
    QUrl base() const;
    /// "" where the address can be a hub's, else why not, as a sentence; empty is the standard one.
    QString baseRefusal(const QString& address) const;
    /// A page of a model, of a file of it, or a file's own address, and all else are words.
    HubQuery understand(const QString& typed) const;

    /// Answers by found() or failed(); a question that is asked meanwhile is dropped.
    void search(const QString& words);
    /// Answers by listed() or failed(). `revision`: a branch, tag or commit; "": the newest.
    void list(const QString& name, const QString& revision = {});
    void stop();
    bool busy() const { return question_ != nullptr || reading_ || refused_.then; }

    /// To fetch a model of the listing into `folder`: there a file, or a folder of the model's name.
    DownloadOrder order(const HubListing& listing, const HubFile& file, const QString& folder) const;
    /// To fetch a file by its address.
    DownloadOrder order(const QUrl& address, const QString& folder) const;
    HubToken& token() { return token_; }

  Q_SIGNALS:
    void found(const QString& words, const QList<switchyard::HubModel>& models);
    void listed(const switchyard::HubListing& listing);
    void failed(const QString& error);

  private:
    /// `next`: where the answer goes on; empty: nowhere.
    using Then = std::function<void(const QByteArray& body, const QUrl& next)>;
    void ask(const QUrl& url, Then then);
    void askTree(const HubListing& listing, const QUrl& url, const QList<QByteArray>& before);
    void takeToken();
    template <typename Body, typename Read, typename Take>
    void read(const Body& body, Read read, Take take);
    void fail(const QString& error);
    QUrl api(const QString& path) const;

    Settings& settings_;
    const WebRules rules_;
    HubToken token_;
    std::unique_ptr<QNetworkAccessManager> net_; ///< made with the first question
    std::unique_ptr<SmallAnswer> question_;
    struct Refused {
        QUrl url;
        Then then;
        QString error;
    };
    Refused refused_; ///< is asked once more when the token is known
    int serial_ = 0;
    bool reading_ = false;
    std::unique_ptr<Background> reader_;
};

} // namespace switchyard
