#include "ui/tuning/device_picker.h"

#include "app/services/engine_sentence.h"

#include "ui/plain_text.h"
#include "ui/wheel_guard.h"

#include <QAbstractItemView>
#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QPainter>
#include <QStandardItemModel>
#include <QStyleOptionComboBox>
#include <QStylePainter>
#include <QStyledItemDelegate>
#include <QTextLayout>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

/// A row's name and its reason as they were given; both are drawn, and the tips are made of the second.
constexpr int device_name_role = Qt::UserRole + 1, why_not_role = Qt::UserRole + 2;
/// Stands in a row's data where the row is no device: the model has no choice of its own any more.
constexpr auto kAsForAll = "as for all"_L1;

constexpr int kDeviceMargin = 8, kDeviceTextWidth = 400; ///< of a row of the list

/// A device's name, and below it the whole reason why it cannot be chosen.
class DeviceDelegate : public QStyledItemDelegate {
  public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const QFontMetrics& metrics = option.fontMetrics;
        const QString why = index.data(why_not_role).toString();
        int width = metrics.horizontalAdvance(nameOf(index)), height = metrics.height() + kDeviceMargin;
        if (!why.isEmpty()) {
            const QRect lines = reasonRect(metrics, why, kDeviceTextWidth);
            width = std::max(width, lines.width());
            height += lines.height();
        }
        return {width + 2 * kDeviceMargin, height};
    }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        QStyleOptionViewItem row = option;
        initStyleOption(&row, index);
        row.text.clear();
        const QWidget* widget = option.widget;
        (widget ? widget->style() : QApplication::style())
            ->drawControl(QStyle::CE_ItemViewItem, &row, painter, widget);
        painter->save();
        const bool chosen = option.state.testFlag(QStyle::State_Selected);
        const auto group =
            option.state.testFlag(QStyle::State_Enabled) ? QPalette::Active : QPalette::Disabled;
        painter->setPen(option.palette.color(group, chosen ? QPalette::HighlightedText : QPalette::Text));
        const QRect inside =
            option.rect.adjusted(kDeviceMargin, kDeviceMargin / 2, -kDeviceMargin, -kDeviceMargin / 2);
        painter->drawText(inside, Qt::AlignLeft | Qt::AlignTop | Qt::TextSingleLine, nameOf(index));
        painter->drawText(inside.adjusted(0, option.fontMetrics.height(), 0, 0), kReason,
                          index.data(why_not_role).toString());
        painter->restore();
    }

  private:
    static constexpr int kReason = Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap;
    static QString nameOf(const QModelIndex& index) {
        return oneLine(index.data(device_name_role).toString());
    }
    static QRect reasonRect(const QFontMetrics& metrics, const QString& why, int width) {
        return metrics.boundingRect(QRect(0, 0, width, 1000), kReason, why);
    }
};

/// Closed, it shows the name alone: what is too long ends in an ellipsis, and reasons stand below.
class DeviceBox : public QComboBox {
  public:
    using QComboBox::QComboBox;

  protected:
    void paintEvent(QPaintEvent*) override {
        QStylePainter painter(this);
        QStyleOptionComboBox option;
        initStyleOption(&option);
        const QRect field =
            style()->subControlRect(QStyle::CC_ComboBox, &option, QStyle::SC_ComboBoxEditField, this);
        option.currentText = option.fontMetrics.elidedText(oneLine(currentData(device_name_role).toString()),
                                                           Qt::ElideRight, field.width());
        painter.drawComplexControl(QStyle::CC_ComboBox, option);
        painter.drawControl(QStyle::CE_ComboBoxLabel, option);
    }
};

/// A text in lines that are no wider.
QStringList linesOf(const QString& text, const QFont& font, int width) {
    if (text.isEmpty())
        return {};
    QTextLayout layout(text, font);
    QStringList lines;
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(width);
        lines << text.mid(line.textStart(), line.textLength()).trimmed();
    }
    layout.endLayout();
    return lines;
}

} // namespace

DevicePicker::DevicePicker(QWidget* parent) : QWidget(parent) {
    setObjectName(u"tune.device"_s);
    list_ = new DeviceBox(this);
    list_->setObjectName(u"tune.device.list"_s);
    list_->setAccessibleName(tr("Device"));
    list_->setAccessibleDescription(
        tr("Where the model is computed. Another one opens the model anew; the chat stays."));
    list_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    list_->setMinimumContentsLength(12);
    list_->setToolTip(wrappedTip(list_->accessibleDescription()));
    list_->setItemDelegate(new DeviceDelegate(list_));
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
    connect(list_, &QComboBox::currentIndexChanged, this, &DevicePicker::tell);
    connect(own_, &QCheckBox::toggled, this, &DevicePicker::tell);
    fill();
}

bool DevicePicker::takesBack() const { return list_->currentData().toString() == kAsForAll; }

DeviceChoice DevicePicker::shownChoice() const {
    return takesBack() ? all_ : deviceOfWord(list_->currentData().toString());
}

void DevicePicker::tell() {
    if (showing_)
        return;
    choice_ = shownChoice();
    Q_EMIT chosen(choice_, own_->isChecked() && !takesBack());
}

void DevicePicker::add(const QString& text, const DeviceChoice& choice, const QString& why_not) {
    list_->addItem(oneLine(why_not.isEmpty() ? text : u"%1 – %2"_s.arg(text, why_not)), deviceWord(choice));
    const int row = list_->count() - 1;
    list_->setItemData(row, text, device_name_role);
    if (why_not.isEmpty())
        return;
    list_->setItemData(row, wrappedTip(why_not), Qt::ToolTipRole);
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
        const QString why_not = engineSentence(card.unusable);
        const bool named = why_not.startsWith(card.name);
        const QString name =
            u"%1, %2"_s.arg(card.name, QLocale().formattedDataSize(static_cast<qint64>(card.memory), 1));
        add(name, {Kind::Cuda, card.index}, named ? why_not.mid(card.name.size()).trimmed() : why_not);
    }
    if (cards_.cards.empty() && !cards_.none.isEmpty())
        add(tr("Card"), {Kind::Cuda, -1}, engineSentence(cards_.none));
    addWayBack();
    showing_ = false;
    showChoice();
    if (menu_->isVisible())
        fillMenu();
}

/// Where a model has a choice of its own: what it would be without.
void DevicePicker::addWayBack() {
    if (!own_->isChecked() || all_ == choice_)
        return;
    const int row = list_->findData(deviceWord(all_));
    const QString device = row >= 0 ? list_->itemData(row, device_name_role).toString() : deviceWord(all_);
    const QString text = tr("As for all models: %1").arg(device);
    list_->addItem(oneLine(text), kAsForAll);
    list_->setItemData(list_->count() - 1, text, device_name_role);
}

void DevicePicker::fillMenu() {
    menu_->clear();
    for (int row = 0; row < list_->count(); ++row)
        addToMenu(row);
}

/// A menu's entry is one line: what a reason needs stands below, in entries that cannot be chosen.
void DevicePicker::addToMenu(int row) {
    constexpr int kWidest = 420;
    const QString name = oneLine(list_->itemData(row, device_name_role).toString()),
                  why_not = list_->itemData(row, why_not_role).toString();
    if (list_->itemData(row).toString() == kAsForAll)
        menu_->addSeparator();
    QAction* action =
        menu_->addAction(menuText(QFontMetrics(menu_->font()).elidedText(name, Qt::ElideRight, kWidest)));
    action->setToolTip(wrappedTip(why_not.isEmpty() ? name : why_not));
    action->setEnabled(why_not.isEmpty());
    action->setCheckable(true);
    action->setChecked(row == list_->currentIndex());
    connect(action, &QAction::triggered, list_, [this, row] { list_->setCurrentIndex(row); });
    for (const QString& line : linesOf(oneLine(why_not), menu_->font(), kWidest))
        menu_->addAction(menuText(line))->setEnabled(false);
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
    showSentence();
}

/// Reasons stand where the choice is, not only in the list.
void DevicePicker::showSentence() {
    QString why_not;
    const QString none = engineSentence(cards_.none);
    if (const Card* chosen = choice_.kind == DeviceChoice::Kind::Cuda ? cards_.find(choice_.index) : nullptr;
        chosen && !chosen->unusable.isEmpty())
        why_not = tr("The chosen card cannot be used: %1.").arg(engineSentence(chosen->unusable));
    else if (!none.isEmpty() && !sentence_.contains(none))
        why_not = tr("No card can be used: %1.").arg(none);
    const QString text = oneParagraph({sentence_, why_not});
    why_->setText(fewLines(text));
    why_->setVisible(!text.isEmpty());
}

void DevicePicker::setCards(const Cards& cards) {
    if (cards == cards_)
        return;
    cards_ = cards;
    fill();
}

void DevicePicker::setChoice(const DeviceChoice& choice, bool own, const DeviceChoice& all) {
    const bool same_rows = own == own_->isChecked() && all == all_ && (choice == all) == (choice_ == all_);
    choice_ = choice;
    all_ = all;
    showing_ = true;
    own_->setChecked(own);
    showing_ = false;
    if (same_rows)
        showChoice();
    else
        fill();
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
        list_->view()->setMinimumWidth(
            std::min(kDeviceTextWidth + 2 * kDeviceMargin + 24, list_->view()->sizeHintForColumn(0) + 24));
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
