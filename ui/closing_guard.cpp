#include "ui/closing_guard.h"

#include "ui/plain_text.h"

#include <QMessageBox>
#include <QPushButton>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

constexpr int kUsualSaving = 500; ///< ms after which the window comes back

} // namespace

ClosingGuard::ClosingGuard(ChatController& controller, QWidget& window)
    : QObject(&window), controller_(controller), window_(window) {
    ask_timer_.setSingleShot(true);
    limit_.setSingleShot(true);
    connect(&ask_timer_, &QTimer::timeout, this, &ClosingGuard::ask);
    connect(&limit_, &QTimer::timeout, this, &ClosingGuard::end);
    connect(&controller_, &ChatController::problem, this,
            [this](const QString& sentence, bool saving, bool stays) {
                if (!stays)
                    cause_ = saving ? QString() : sentence;
            });
    connect(&controller_, &ChatController::saved, this, [this] {
        // More may have come since, of an answer that was stopped.
        if (waiting_ && controller_.unsaved() == 0)
            end();
    });
}

bool ClosingGuard::begin() {
    waiting_ = true;
    if (controller_.unsaved() == 0) {
        end();
        return true;
    }
    if (for_system_)
        return true;
    if (cause_.isEmpty()) {
        ask_timer_.start(kUsualSaving);
        return true;
    }
    ask();
    return false;
}

void ClosingGuard::beginForSystem() {
    for_system_ = true;
    if (!limit_.isActive())
        limit_.start(kLongest);
    delete question_;
    window_.close();
}

void ClosingGuard::end() {
    waiting_ = false;
    ask_timer_.stop();
    if (controller_.unsaved() > 0)
        controller_.abandonUnsaved();
    delete question_;
    Q_EMIT ended();
}

void ClosingGuard::ask() {
    if (!waiting_ || for_system_ || question_)
        return;
    window_.show();
    question_ =
        plainBox(QMessageBox::Warning, tr("Not saved yet"),
                 tr("What was written last is only in memory. It is saved by itself as soon as that is "
                    "possible, and the program ends then."),
                 cause_, &window_);
    question_->setObjectName(u"dialog.unsaved"_s);
    QPushButton* lose = question_->addButton(tr("Close and lose it"), QMessageBox::DestructiveRole);
    lose->setObjectName(u"dialog.unsaved.lose"_s);
    QPushButton* wait = question_->addButton(tr("Wait"), QMessageBox::AcceptRole);
    wait->setObjectName(u"dialog.unsaved.wait"_s);
    QPushButton* stay = question_->addButton(tr("Do not close"), QMessageBox::RejectRole);
    stay->setObjectName(u"dialog.unsaved.stay"_s);
    question_->setDefaultButton(wait);
    question_->setEscapeButton(stay);
    connect(lose, &QPushButton::clicked, this, [this] { end(); });
    connect(stay, &QPushButton::clicked, this, [this] { waiting_ = false; });
    question_->open();
}

} // namespace switchyard
