#include "ui/hub_settings.h"

#include "ui/plain_text.h"
#include "ui/settings_form.h"
#include "ui/theme.h"

#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {
HubSettings::HubSettings(Settings& settings, Hub& hub, QWidget* parent)
    : QWidget(parent), settings_(settings), hub_(hub) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(8);
    QFormLayout* form = addSettingsPart(layout, tr("Model hub"));
    address_ = new QLineEdit;
    address_->setObjectName(u"settings.hubAddress"_s);
    address_->setAccessibleName(tr("Address of the model hub"));
    address_->setPlaceholderText(u"https://huggingface.co"_s);
    auto* address_row = new QHBoxLayout;
    address_row->addWidget(address_);
    addSettingsRow(form, tr("Address"), address_, address_row);
    address_note_ = addSettingsNote(form, {});
    address_note_->setObjectName(u"settings.hubAddressNote"_s);
    token_ = new QLineEdit;
    token_->setObjectName(u"settings.hubToken"_s);
    token_->setAccessibleName(tr("Access token of the hub"));
    token_->setEchoMode(QLineEdit::Password);
    token_->setPlaceholderText(tr("only for models that ask for it"));
    token_->setMaxLength(200);
    keep_ = new QPushButton(tr("Use"));
    keep_->setObjectName(u"settings.hubTokenUse"_s);
    keep_->setAccessibleName(tr("Use this access token"));
    forget_ = new QPushButton(tr("Forget"));
    forget_->setObjectName(u"settings.hubTokenForget"_s);
    forget_->setAccessibleName(tr("Forget the access token"));
    auto* token_row = new QHBoxLayout;
    token_row->setSpacing(6);
    token_row->addWidget(token_, 1);
    token_row->addWidget(keep_);
    token_row->addWidget(forget_);
    addSettingsRow(form, tr("Access token"), token_, token_row);
    token_note_ = addSettingsNote(form, {});
    token_note_->setObjectName(u"settings.hubTokenNote"_s);
    connect(address_, &QLineEdit::editingFinished, this, &HubSettings::takeAddress);
    connect(token_, &QLineEdit::textChanged, this, &HubSettings::showToken);
    connect(token_, &QLineEdit::returnPressed, this, &HubSettings::takeToken);
    connect(keep_, &QPushButton::clicked, this, &HubSettings::takeToken);
    connect(forget_, &QPushButton::clicked, this, [this] {
        token_->clear();
        hub_.token().set({});
    });
    connect(&hub_.token(), &HubToken::changed, this, &HubSettings::showToken);
    connect(&settings_, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::HubAddress)
            read();
    });
    read();
    showToken();
}

void HubSettings::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    hub_.token().ask();
}

void HubSettings::read() {
    address_->setText(settings_.get<Setting::HubAddress>());
    setLook(address_note_, "error", false);
    address_note_->setText(
        tr("Where models are searched and fetched. Another one can be a mirror of it, like "
           "https://hf-mirror.com."));
}

void HubSettings::takeAddress() {
    const QString typed = address_->text().trimmed();
    const QString refusal = hub_.baseRefusal(typed);
    if (!refusal.isEmpty()) {
        setLook(address_note_, "error", true);
        address_note_->setText(refusal);
        return;
    }
    if (typed != settings_.get<Setting::HubAddress>())
        settings_.set<Setting::HubAddress>(typed);
    read();
}

void HubSettings::takeToken() {
    const QByteArray typed = token_->text().trimmed().toLatin1();
    if (!HubToken::isToken(typed)) {
        setLook(token_note_, "error", true);
        token_note_->setText(tr("This is no access token: it is one word, like hf_AbC123."));
        return;
    }
    token_->clear();
    hub_.token().set(typed);
}

void HubSettings::showToken() {
    HubToken& token = hub_.token();
    setLook(token_note_, "error", false);
    QStringList said;
    if (!token.value().isEmpty())
        said.append(
            token.notKept().isEmpty()
                ? tr("A token is in use, and kept in the keyring.")
                : tr("A token is in use until the program ends, and asked for again then: the desktop's "
                     "keyring cannot be used."));
    said.append(tr("It is sent to huggingface.co alone, never to a mirror or to where an address leads."));
    token_note_->setText(oneParagraph(said));
    keep_->setEnabled(!token_->text().trimmed().isEmpty());
    forget_->setEnabled(!token.value().isEmpty());
}

} // namespace switchyard
