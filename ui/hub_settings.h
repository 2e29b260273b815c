// The settings of the model hub: its address, and the user's access token.
#pragma once

#include "app/services/hub/hub.h"

#include <QWidget>

class QLabel;
class QLineEdit;
class QPushButton;

namespace switchyard {

class HubSettings : public QWidget {
    Q_OBJECT
  public:
    /// Both must outlive it.
    HubSettings(Settings& settings, Hub& hub, QWidget* parent = nullptr);

  protected:
    void showEvent(QShowEvent* event) override; ///< asks the keyring, once: what it has is shown

  private:
    void takeAddress();
    void takeToken();
    void read();
    void showToken();

    Settings& settings_;
    Hub& hub_;
    QLineEdit *address_, *token_;
    QLabel *address_note_, *token_note_;
    QPushButton *keep_, *forget_;
};

} // namespace switchyard
