// The user's access token of the hub: kept by the desktop's keyring where there is one, else for as long as
// the program runs. Read only when it is wanted.
#pragma once

#include <QByteArray>
#include <QObject>

#include <functional>
#include <memory>

namespace switchyard {

/// Where a secret is kept. Answers come on this thread, later.
class SecretStore {
  public:
    virtual ~SecretStore() = default;
    using Answer = std::function<void(const QByteArray& secret, const QString& error)>;
    virtual void read(Answer answer) = 0;                            ///< "" and no error: there is none
    virtual void write(const QByteArray& secret, Answer answer) = 0; ///< "": it is removed
};

/// The desktop's keyring.
std::unique_ptr<SecretStore> keyring();

class HubToken : public QObject {
    Q_OBJECT
  public:
    explicit HubToken(std::unique_ptr<SecretStore> store = keyring(), QObject* parent = nullptr);

    /// As it is known now; "": none, or not read yet.
    const QByteArray& value() const { return value_; }
    /// Whether the value is what there is: the keyring has answered, or the user has.
    bool answered() const { return answered_; }
    /// Asks the keyring for it, once; changed() follows, perhaps at once.
    void ask();
    /// Uses it from now on, and has it kept.
    void set(const QByteArray& token);
    /// Why it is not kept over the end of the program; "": it is, or there is none.
    const QString& notKept() const { return not_kept_; }
    /// What the hub's tokens look like: "hf_" and letters.
    static bool isToken(const QByteArray& text);

  Q_SIGNALS:
    void changed();

  private:
    std::unique_ptr<SecretStore> store_;
    QByteArray value_;
    QString not_kept_;
    bool asked_ = false, answered_ = false;
};

} // namespace switchyard
