#include "ui/tuning/device_picker.h"

#include "ui/plain_text.h"
#include "ui/wheel_guard.h"

#include <QAbstractItemView>
#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QStandardItemModel>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

/// A row's reason as it was given; the list's tip is made of it, and so is the menu's.
constexpr int why_not_role = Qt::UserRole + 1;

} // namespace

DevicePicker::DevicePicker(QWidget* parent) : QWidget(parent) {
    setObjectName(u"tune.device"_s);
    list_ = new QComboBox(this);
    list_->setObjectName(u"tune.device.list"_s);
    list_->setAccessibleName(tr("Device"));
    list_->setAccessibleDescription(
        tr("Where the model is computed. Another one opens the model anew; the chat stays."));
    list_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    list_->setMinimumContentsLength(12);
    list_->setToolTip(wrappedTip(list_->accessibleDescription()));
    leaveWheelToPage(list_);
    list_->view()->installEventFilter(this);
    why_ = new PlainLabel(this);
    why_->setObjectName(u"tune.device.why"_s);
    why_->setWordWrap(true);
    why_->setProperty("small", true);
    why_->setProperty("muted", true);
    why_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    own_ = new QCheckBox(tr("for this model only"), this);
    own_->setObjectName(u"tune.device.own"_s);
    own_->setAccessibleDescription(tr("Other models keep the device that is chosen for all"));
    auto* title = new PlainLabel(tr("Device"), this);
    title->setBuddy(list_);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(title);
    row->addWidget(list_, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 0, 0, 2);
    layout->setSpacing(3);
    layout->addLayout(row);
    layout->addWidget(why_);
    layout->addWidget(own_);
    menu_ = new QMenu(tr("Device"), this);
    menu_->setObjectName(u"picker.device"_s);
    menu_->setToolTipsVisible(true);
    connect(menu_, &QMenu::aboutToShow, this, [this] {
        fillMenu();
        Q_EMIT lookedAt();
    });
    const auto tell = [this] {
        if (!showing_)
            Q_EMIT chosen(shownChoice(), own_->isChecked());
    };
    connect(list_, &QComboBox::currentIndexChanged, this, [this, tell] {
        if (!showing_)
            choice_ = shownChoice();
        tell();
    });
    connect(own_, &QCheckBox::toggled, this, tell);
    fill();
}

DeviceChoice DevicePicker::shownChoice() const { return deviceOfWord(list_->currentData().toString()); }

void DevicePicker::add(const QString& text, const DeviceChoice& choice, const QString& why_not) {
    list_->addItem(oneLine(why_not.isEmpty() ? text : u"%1 – %2"_s.arg(text, why_not)), deviceWord(choice));
    if (why_not.isEmpty())
        return;
    const int row = list_->count() - 1;
    list_->setItemData(row, plainTip(why_not), Qt::ToolTipRole);
    list_->setItemData(row, why_not, why_not_role);
    static_cast<QStandardItemModel*>(list_->model())->item(row)->setEnabled(false);
}

void DevicePicker::fill() {
    using Kind = DeviceChoice::Kind;
    showing_ = true;
    list_->clear();
    add(tr("Automatic"), {Kind::Auto, -1});
    add(tr("CPU"), {Kind::Cpu, -1});
    for (const Card& card : cards_.cards) {
        // A card says its own name where it says why it cannot be used.
        const bool named = card.unusable.startsWith(card.name);
        const QString name =
            u"%1, %2"_s.arg(card.name, QLocale().formattedDataSize(static_cast<qint64>(card.memory), 1));
        add(name, {Kind::Cuda, card.index},
            named ? card.unusable.mid(card.name.size()).trimmed() : card.unusable);
    }
    if (cards_.cards.empty() && !cards_.none.isEmpty())
        add(tr("Card"), {Kind::Cuda, -1}, cards_.none);
    showing_ = false;
    showChoice();
    showSentence();
}

void DevicePicker::fillMenu() {
    menu_->clear();
    const QFontMetrics metrics(menu_->font());
    for (int row = 0; row < list_->count(); ++row) {
        QAction* action =
            menu_->addAction(menuText(metrics.elidedText(list_->itemText(row), Qt::ElideRight, 420)));
        action->setToolTip(plainTip(list_->itemData(row, why_not_role).toString()));
        action->setEnabled(list_->model()->index(row, 0).flags().testFlag(Qt::ItemIsEnabled));
        action->setCheckable(true);
        action->setChecked(row == list_->currentIndex());
        connect(action, &QAction::triggered, list_, [this, row] { list_->setCurrentIndex(row); });
    }
}

void DevicePicker::showChoice() {
    showing_ = true;
    int row = list_->findData(deviceWord(choice_));
    if (row < 0) { // it was there when it was chosen
        add(deviceWord(choice_), choice_, tr("not on this machine"));
        row = list_->count() - 1;
    }
    list_->setCurrentIndex(row);
    showing_ = false;
}

void DevicePicker::showSentence() {
    const bool named = sentence_.contains(cards_.none) || cards_.none.isEmpty();
    QString text = sentence_;
    if (!named) // the reason stands where the choice is, not only in the list
        text += (text.isEmpty() ? QString() : u" "_s) + tr("No card can be used: %1.").arg(cards_.none);
    why_->setText(fewLines(text));
    why_->setVisible(!text.isEmpty());
}

void DevicePicker::setCards(const Cards& cards) {
    if (cards == cards_)
        return;
    cards_ = cards;
    fill();
}

void DevicePicker::setChoice(const DeviceChoice& choice, bool own) {
    choice_ = choice;
    showChoice();
    showing_ = true;
    own_->setChecked(own);
    showing_ = false;
}

void DevicePicker::setSentence(const QString& sentence) {
    sentence_ = sentence;
    showSentence();
}

void DevicePicker::setHasModel(bool has) { own_->setEnabled(has); }

void DevicePicker::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    Q_EMIT lookedAt();
}

/// Its list is as wide as its entries: what cannot be chosen says why there.
bool DevicePicker::eventFilter(QObject* watched, QEvent* event) {
    if (watched == list_->view() && event->type() == QEvent::Show) {
        constexpr int kWidest = 560;
        list_->view()->setMinimumWidth(std::min(kWidest, list_->view()->sizeHintForColumn(0) + 24));
        QMetaObject::invokeMethod(this, &DevicePicker::keepListInside, Qt::QueuedConnection);
        Q_EMIT lookedAt();
    }
    return QWidget::eventFilter(watched, event);
}

/// It opens below its box, which is narrower and at the window's edge.
void DevicePicker::keepListInside() {
    QWidget* popup = list_->view()->window();
    const int right = window()->mapToGlobal(QPoint(window()->width(), 0)).x();
    if (popup != window() && popup->geometry().right() >= right)
        popup->move(std::max(0, right - popup->width()), popup->y());
}

} // namespace switchyard
