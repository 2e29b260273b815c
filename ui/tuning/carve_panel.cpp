#include "ui/tuning/carve_panel.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QCoreApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// The engine says what it is at in these words.
[[maybe_unused]] const char* const kStages[] = {
    QT_TRANSLATE_NOOP("CarveStages", "writing calibration text"),
    QT_TRANSLATE_NOOP("CarveStages", "ranking neurons"),
    QT_TRANSLATE_NOOP("CarveStages", "grouping neurons"),
    QT_TRANSLATE_NOOP("CarveStages", "training routers"),
    QT_TRANSLATE_NOOP("CarveStages", "writing"),
};

} // namespace

CarvePanel::CarvePanel(QWidget* parent) : QWidget(parent) {
    setObjectName(u"carve"_s);
    text_ = new PlainLabel(this);
    text_->setObjectName(u"carve.text"_s);
    text_->setWordWrap(true);
    text_->setProperty("small", true);
    text_->setProperty("muted", true);
    bar_ = new QProgressBar(this);
    bar_->setObjectName(u"carve.progress"_s);
    bar_->setRange(0, 1000);
    bar_->setTextVisible(false);
    bar_->setAccessibleName(tr("Progress of carving"));
    carve_ = new QPushButton(themedIcon(u"carve"_s), tr("Carve this model"), this);
    carve_->setObjectName(u"carve.start"_s);
    carve_->setAccessibleDescription(tr("Makes a copy of the model with experts of its own neurons"));
    cancel_ = new QPushButton(tr("Cancel"), this);
    cancel_->setObjectName(u"carve.cancel"_s);
    open_ = new QPushButton(tr("Open the carved model"), this);
    open_->setObjectName(u"carve.open"_s);
    open_->setProperty("primary", true);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(carve_);
    buttons->addWidget(cancel_);
    buttons->addWidget(open_);
    buttons->addStretch();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 2, 0, 4);
    layout->setSpacing(6);
    layout->addWidget(text_);
    layout->addWidget(bar_);
    layout->addLayout(buttons);
    connect(carve_, &QPushButton::clicked, this, [this] {
        cancelled_ = false;
        setProgress(0, tr("Starting"));
        Q_EMIT carveRequested();
    });
    connect(cancel_, &QPushButton::clicked, this, [this] {
        cancelled_ = true;
        Q_EMIT cancelRequested();
    });
    connect(open_, &QPushButton::clicked, this, [this] { Q_EMIT openRequested(result_); });
    setPossible(true);
}

void CarvePanel::setRunning(bool running) {
    running_ = running;
    // A hidden button would hand its focus to the next dial, and the next key would move it.
    const QWidget* focus = window()->focusWidget();
    const bool focused = focus && (focus == carve_ || focus == cancel_ || focus == open_);
    carve_->setVisible(!running && result_.isEmpty());
    cancel_->setVisible(running);
    bar_->setVisible(running);
    open_->setVisible(!running && !result_.isEmpty());
    if (focused)
        (running ? cancel_ : result_.isEmpty() ? carve_ : open_)->setFocus();
}

void CarvePanel::setPossible(bool possible, const QString& why) {
    if (running_)
        return;
    result_.clear();
    setRunning(false);
    carve_->setVisible(possible);
    setLook(text_, "error", false);
    text_->setText(possible
                       ? tr("This model is dense: it has no experts to choose from. Carving makes a copy "
                            "whose neurons are grouped into experts.")
                       : why);
}

void CarvePanel::setProgress(double share, const QString& stage) {
    result_.clear();
    setRunning(true);
    bar_->setValue(static_cast<int>(1000 * share));
    setLook(text_, "error", false);
    text_->setText(tr("%1 · %2 %")
                       .arg(QCoreApplication::translate("CarveStages", stage.toUtf8().constData()))
                       .arg(static_cast<int>(100 * share)));
}

void CarvePanel::setFinished(const QString& path, const QString& error) {
    result_ = error.isEmpty() ? path : QString();
    setRunning(false);
    setLook(text_, "error", !error.isEmpty() && !cancelled_); // what was asked for is no error
    cancelled_ = false;
    text_->setText(fewLines(error.isEmpty() ? tr("Carved: %1").arg(path.section(u'/', -1)) : error));
}

} // namespace switchyard
