// A desktop without a keyring: tests leave the user's alone.
#pragma once

#include "app/services/hub/hub_token.h"

#include <QCoreApplication>

namespace switchyard {

class NoKeyring final : public SecretStore {
  public:
    void read(Answer answer) override { later(std::move(answer)); }
    void write(const QByteArray&, Answer answer) override { later(std::move(answer)); }

  private:
    static void later(Answer answer) {
        QMetaObject::invokeMethod(
            qApp, [answer = std::move(answer)] { answer({}, QStringLiteral("there is no keyring")); },
            Qt::QueuedConnection);
    }
};

} // namespace switchyard
