#include "ui/first_model.h"

#include "engine/base/memory.h"
#include "ui/download_row.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QDir>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

FirstModel::FirstModel(Downloads& downloads, ModelLibrary& library, CurrentModel& model,
                       const QString& folder, const QString& name, QWidget* parent)
    : QWidget(parent), downloads_(downloads), library_(library), model_(model), folder_(folder), name_(name) {
    setObjectName(name);
    if (const KnownModel* first = firstModel(downloads.options().known, system_memory().available))
        offer_ = *first;
    sentence_ = new PlainLabel(this);
    sentence_->setWordWrap(true);
    button_ = new QPushButton(this);
    button_->setObjectName(name + u".download"_s);
    button_->setProperty("primary", true);
    button_->setCursor(Qt::PointingHandCursor);
    by_hand_ = new PlainLabel(this);
    by_hand_->setObjectName(name + u".byHand"_s);
    by_hand_->setProperty("muted", true);
    by_hand_->setProperty("small", true);
    by_hand_->setWordWrap(true);
    by_hand_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout_ = new QVBoxLayout(this);
    layout_->setContentsMargins(0, 0, 0, 0);
    layout_->setSpacing(10);
    layout_->addWidget(sentence_);
    layout_->addWidget(button_, 0, Qt::AlignLeft);
    layout_->addWidget(by_hand_);
    if (offer_) {
        const QString bytes = downloadSize(offer_->bytes);
        sentence_->setText(
            tr("There is no model yet. This one is free (%1), small, and answers on this machine "
               "alone.")
                .arg(offer_->licence));
        button_->setText(tr("Download %1, %2").arg(spokenName(*offer_), bytes));
        by_hand_->setText(tr("Without a network: put a GGUF file, %1 or another one, into %2. It is found "
                             "there by itself.")
                              .arg(offer_->file, QDir::toNativeSeparators(folder_)));
    } else {
        sentence_->setText(tr("There is no model yet."));
        button_->hide();
        by_hand_->setText(tr("Put a GGUF file into %1. It is found there by itself.")
                              .arg(QDir::toNativeSeparators(folder_)));
    }
    connect(button_, &QPushButton::clicked, this, &FirstModel::fetch);
    connect(&library_, &ModelLibrary::changed, this, [this] {
        looked_ = true;
        look();
    });
    connect(&model_, &CurrentModel::stateChanged, this, &FirstModel::look);
    connect(&downloads_, &Downloads::changed, this, &FirstModel::take);
    hide();
    look();
    const QList<Download> of_last_time = downloads_.all();
    for (const Download& download : of_last_time)
        take(download.id);
}

void FirstModel::centre() {
    for (QLabel* label : {sentence_, by_hand_})
        label->setAlignment(Qt::AlignCenter);
    layout_->setAlignment(button_, Qt::AlignHCenter);
}

void FirstModel::look() {
    const bool any =
        std::ranges::any_of(library_.models(), [](const ModelEntry& entry) { return entry.error.isEmpty(); });
    const ModelState state = model_.state();
    const bool used = state == ModelState::Ready || state == ModelState::Loading;
    const bool wanted = (looked_ && !any && !used) || (fetching_ != 0 && !used);
    if (!wanted && hasFocusInside())
        Q_EMIT left();
    setVisible(wanted);
    if (std::exchange(wanted_, wanted) != wanted)
        Q_EMIT changed();
}

bool FirstModel::hasFocusInside() const {
    const QWidget* focused = QApplication::focusWidget();
    return focused && isAncestorOf(focused);
}

void FirstModel::fetch() {
    if (offer_ && !downloads_.running(folder_ + u'/' + offer_->file))
        downloads_.add(orderOf(*offer_, folder_));
}

/// The download may have been asked for elsewhere: it is the same model.
void FirstModel::take(DownloadId id) {
    const Download* download = downloads_.find(id);
    if (!download || !offer_ || !download->order.known || download->order.known->file != offer_->file)
        return;
    const bool focused = hasFocusInside();
    const bool going = download->state != DownloadState::Cancelled && download->state != DownloadState::Done;
    if (going && fetching_ != id) {
        delete row_;
        row_ = new DownloadRow(downloads_, id, name_ + u".progress"_s, false, this);
        layout_->insertWidget(1, row_);
    }
    const DownloadId before = std::exchange(fetching_, going ? id : 0);
    // The focus goes to what takes the place of what it was on.
    if (fetching_ == 0)
        button_->show();
    if (focused && fetching_ == 0)
        button_->setFocus();
    else if (button_->hasFocus() && row_)
        row_->takeFocus();
    if (!going && row_ && row_->id() == id) {
        row_->deleteLater();
        row_ = nullptr;
    }
    button_->setVisible(fetching_ == 0);
    const bool done = before == id && download->state == DownloadState::Done;
    const ModelState state = model_.state();
    if (done && (state == ModelState::None || state == ModelState::Failed))
        Q_EMIT ready(download->order.opens());
    look();
    if (before != fetching_ || download->state == DownloadState::Failed)
        Q_EMIT changed();
}

} // namespace switchyard
