#include "app/services/hub/hub_token.h"

#include <QPointer>
#include <QRegularExpression>
#include <qt6keychain/keychain.h>

#include <utility>

namespace switchyard {
namespace {

const QString kService = QStringLiteral("Switchyard"), kKey = QStringLiteral("hub-token");

class Keyring final : public SecretStore {
  public:
    void read(Answer answer) override {
        auto* job = new QKeychain::ReadPasswordJob(kService); // deletes itself
        job->setKey(kKey);
        QObject::connect(job, &QKeychain::Job::finished, job, [job, answer] {
            const bool none = job->error() == QKeychain::EntryNotFound;
            const bool well = none || job->error() == QKeychain::NoError;
            answer(well ? job->binaryData() : QByteArray(), well ? QString() : job->errorString());
        });
        job->start();
    }
    void write(const QByteArray& secret, Answer answer) override {
        QKeychain::Job* job = nullptr;
        if (secret.isEmpty()) {
            job = new QKeychain::DeletePasswordJob(kService);
        } else {
            auto* write = new QKeychain::WritePasswordJob(kService);
            write->setBinaryData(secret);
            job = write;
        }
        job->setKey(kKey);
        QObject::connect(job, &QKeychain::Job::finished, job, [job, answer] {
            const bool well = job->error() == QKeychain::NoError || job->error() == QKeychain::EntryNotFound;
            answer({}, well ? QString() : job->errorString());
        });
        job->start();
    }
};

} // namespace

std::unique_ptr<SecretStore> keyring() { return std::make_unique<Keyring>(); }

HubToken::HubToken(std::unique_ptr<SecretStore> store, QObject* parent)
    : QObject(parent), store_(std::move(store)) {}

bool HubToken::isToken(const QByteArray& text) {
    static const QRegularExpression token(QStringLiteral("^[A-Za-z0-9_-]{8,200}$"));
    return token.match(QString::fromLatin1(text)).hasMatch();
}

void HubToken::ask() {
    if (std::exchange(asked_, true))
        return;
    store_->read([self = QPointer(this)](const QByteArray& secret, const QString& error) {
        if (!self || self->answered_) // by what the user typed meanwhile
            return;
        self->answered_ = true;
        self->value_ = isToken(secret) ? secret : QByteArray();
        self->not_kept_ = error;
        Q_EMIT self->changed();
    });
}

void HubToken::set(const QByteArray& token) {
    asked_ = answered_ = true;
    value_ = token;
    not_kept_.clear();
    Q_EMIT changed();
    store_->write(token, [self = QPointer(this)](const QByteArray&, const QString& error) {
        if (!self || self->not_kept_ == error)
            return;
        self->not_kept_ = error;
        Q_EMIT self->changed();
    });
}

} // namespace switchyard
