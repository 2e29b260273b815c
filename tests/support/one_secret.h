// A keyring that holds one secret, and answers at once.
#pragma once

#include "app/services/hub/hub_token.h"

namespace switchyard {

class OneSecret final : public SecretStore {
  public:
    explicit OneSecret(QByteArray& secret) : secret_(secret) {}
    void read(Answer answer) override { answer(secret_, {}); }
    void write(const QByteArray& secret, Answer answer) override {
        secret_ = secret;
        answer({}, {});
    }

  private:
    QByteArray& secret_;
};

} // namespace switchyard
