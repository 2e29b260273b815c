#include "ui/models/model_picker.h"

#include "app/services/dial_moves.h"
#include "app/services/engine_sentence.h"
#include "ui/models/model_menu.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QPainter>
#include <QProgressBar>
#include <QStyle>
#include <QToolButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

/// One line that ends in an ellipsis where it does not fit.
class FactsLabel : public PlainLabel {
  public:
    using PlainLabel::PlainLabel;

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        style()->drawItemText(&painter, contentsRect(), Qt::AlignLeft | Qt::AlignVCenter, palette(),
                              isEnabled(), fontMetrics().elidedText(text(), Qt::ElideRight, width()),
                              foregroundRole());
    }
};

} // namespace

ModelPicker::ModelPicker(QWidget* parent) : QWidget(parent) {
    setObjectName(u"picker"_s);
    menu_ = new QMenu(this);
    menu_->setObjectName(u"picker.menu"_s);
    menu_->setToolTipsVisible(true);
    button_ = new QToolButton(this);
    button_->setObjectName(u"picker.button"_s);
    button_->setProperty("picker", true);
    button_->setToolButtonStyle(Qt::ToolButtonTextOnly);
    button_->setPopupMode(QToolButton::InstantPopup);
    button_->setMenu(menu_);
    button_->setFocusPolicy(Qt::StrongFocus);
    button_->setToolTip(tr("Choose the model"));
    facts_ = new FactsLabel(this);
    facts_->setObjectName(u"picker.facts"_s);
    facts_->setProperty("muted", true);
    facts_->setMinimumWidth(0);
    facts_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    bar_ = new QProgressBar(this);
    bar_->setObjectName(u"picker.progress"_s);
    bar_->setRange(0, 1000);
    bar_->setTextVisible(false);
    bar_->setAccessibleName(tr("Loading the model"));
    notice_ = new PlainLabel(this);
    notice_->setObjectName(u"picker.error"_s);
    notice_->setWordWrap(true);
    notice_->setContentsMargins(14, 0, 14, 2); // under the name, whose button has a margin
    notice_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    notice_action_ = new QToolButton(this);
    notice_action_->setObjectName(u"picker.noticeAction"_s);
    notice_action_->setProperty("action", true); // looks like one, not like more of the sentence
    connect(notice_action_, &QToolButton::clicked, this, &ModelPicker::noticeTriggered);

    auto* row = new QHBoxLayout;
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    row->addWidget(button_);
    row->addWidget(facts_, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2);
    layout->addLayout(row);
    layout->addWidget(bar_);
    auto* notice_row = new QHBoxLayout;
    notice_row->addWidget(notice_, 1);
    notice_row->addWidget(notice_action_, 0, Qt::AlignTop);
    layout->addLayout(notice_row);
    connect(menu_, &QMenu::aboutToShow, this, &ModelPicker::fillMenu);
    fillMenu();
    setState(ModelState::None, {});
    setNotice({}, {}, false);
}

void ModelPicker::setModels(const QList<ModelEntry>& models) {
    models_ = models;
    fillMenu();
    showModel();
}

void ModelPicker::fillMenu() {
    menu_->clear();
    addModels(*menu_, models_, state_ == ModelState::Ready ? capabilities_.model_path : QString(),
              [this](const QString& path) { Q_EMIT loadRequested(path); });
    menu_->addSeparator();
    menu_->addActions(other_ways_);
    if (devices_) {
        menu_->addSeparator();
        menu_->addMenu(devices_);
    }
}

void ModelPicker::setDevices(QMenu* menu) {
    devices_ = menu;
    fillMenu();
}

void ModelPicker::setOtherWays(const QList<QAction*>& actions) {
    other_ways_ = actions;
    fillMenu();
}

void ModelPicker::openMenu() { button_->showMenu(); }

void ModelPicker::setNotice(const QString& sentence, const QString& action, bool is_error) {
    notice_->setText(fewLines(sentence));
    setLook(notice_, "error", is_error);
    notice_->setVisible(!sentence.isEmpty());
    notice_action_->setText(menuText(action));
    notice_action_->setVisible(!action.isEmpty());
}

void ModelPicker::setState(ModelState state, const QString& path) {
    state_ = state;
    path_ = path;
    if (state == ModelState::Loading)
        share_ = 0;
    showModel();
}

void ModelPicker::setProgress(double share) {
    share_ = share;
    showModel();
}

void ModelPicker::setCapabilities(const Capabilities& capabilities) {
    capabilities_ = capabilities;
    showModel();
}

void ModelPicker::setTuning(const Tuning& tuning) {
    tuning_ = tuning;
    showModel();
}

void ModelPicker::showModel() {
    const bool loading = state_ == ModelState::Loading;
    bar_->setVisible(loading);
    bar_->setValue(static_cast<int>(1000 * share_));
    QString name = shownModelName(libraryName(models_, capabilities_.model_path, capabilities_.model_name));
    QStringList facts;
    if (loading) {
        name = shownModelName(libraryName(models_, path_, path_.section(u'/', -1)));
        facts << tr("loading, %1 %").arg(static_cast<int>(100 * share_));
    } else if (state_ == ModelState::Ready) {
        const QString precision = QString::fromStdString(precisionName(tuning_.model));
        facts << (precision == "file"_L1 ? capabilities_.file_precision : precision);
        if (capabilities_.experts > 0) {
            const int active =
                tuning_.sequence.experts > 0 ? tuning_.sequence.experts : capabilities_.experts_active;
            facts << tr("%1/%2 experts").arg(active).arg(capabilities_.experts);
        } else {
            facts << tr("dense");
        }
        facts << engineDevice(capabilities_.device);
        if (!capabilities_.notes.isEmpty())
            facts << tr("%n note(s)", nullptr, static_cast<int>(capabilities_.notes.size()));
    } else if (state_ == ModelState::Failed) {
        name = tr("No model");
    } else {
        name = tr("Choose a model");
    }
    const QFontMetrics metrics(button_->font());
    button_->setText(menuText(metrics.elidedText(oneLine(name), Qt::ElideMiddle, 340)) + u"  ▾"_s);
    button_->setToolTip(state_ == ModelState::Ready ? plainTip(capabilities_.model_path)
                                                    : tr("Choose the model"));
    button_->setAccessibleName(tr("Model: %1").arg(oneLine(name)));
    facts_->setText(oneLine(facts.join(u"  ·  "_s)));
    QStringList tip{facts_->text()};
    if (state_ == ModelState::Ready && !capabilities_.device_why.isEmpty())
        tip << engineSentence(capabilities_.device_why);
    if (state_ == ModelState::Ready)
        tip += engineSentences(capabilities_.notes);
    facts_->setToolTip(plainTip(tip.join(u'\n')));
    facts_->setAccessibleDescription(tip.mid(1).join(u' '));
}

} // namespace switchyard
