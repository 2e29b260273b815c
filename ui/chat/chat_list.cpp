#include "ui/chat/chat_list.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QKeyEvent>
#include <QMenu>
#include <QPainter>
#include <QScrollBar>
#include <QTextLayout>
#include <QVBoxLayout>

#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr char kGivenTitle[] = "givenTitle"; ///< of an editor: what it opened with
} // namespace

// ---- Drawing ----

QSize ChatListDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const int line = option.fontMetrics.height();
    if (index.data(ChatListModel::IsGroupRole).toBool())
        return {80, line + 18};
    return {80, index.data(ChatListModel::LineRole).toString().isEmpty() ? line + 16 : 2 * line + 20};
}

void ChatListDelegate::paintGroup(QPainter& painter, const QStyleOptionViewItem& option,
                                  const QModelIndex& index) const {
    const ThemeColours& colours = coloursOf(QApplication::palette());
    QFont font = option.font;
    font.setPointSizeF(font.pointSizeF() * 0.9);
    font.setWeight(QFont::DemiBold);
    painter.setFont(font);
    painter.setPen(colours.muted);
    const QRect rect = option.rect.adjusted(14, 6, -12, 0);
    const bool open = option.state & QStyle::State_Open;
    themedIcon(open ? u"chevron-down"_s : u"chevron-right"_s)
        .paint(&painter, QRect(rect.left() - 4, rect.center().y() - 6, 13, 13));
    painter.drawText(rect.adjusted(14, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                     index.data(Qt::DisplayRole).toString());
}

/// The line of a hit, with what was searched for in bold.
void ChatListDelegate::paintLine(QPainter& painter, const QRect& rect, const QString& line, const QFont& font,
                                 const QColor& plain, const QColor& found) const {
    QTextLayout layout(
        QFontMetrics(font).elidedText(oneLine(line).simplified(), Qt::ElideRight, rect.width()), font);
    QList<QTextLayout::FormatRange> ranges;
    for (qsizetype at = 0;
         !query_.isEmpty() && (at = layout.text().indexOf(query_, at, Qt::CaseInsensitive)) >= 0;
         at += query_.size()) {
        QTextLayout::FormatRange range;
        range.start = static_cast<int>(at);
        range.length = static_cast<int>(query_.size());
        range.format.setFontWeight(QFont::Bold);
        range.format.setForeground(found);
        ranges.append(range);
    }
    layout.setFormats(ranges);
    layout.beginLayout();
    QTextLine text = layout.createLine();
    layout.endLayout();
    if (!text.isValid())
        return;
    painter.setPen(plain);
    layout.draw(&painter, QPointF(rect.left(), rect.center().y() - text.height() / 2));
}

void ChatListDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    if (index.data(ChatListModel::IsGroupRole).toBool()) {
        paintGroup(*painter, option, index);
        painter->restore();
        return;
    }
    const ThemeColours& colours = coloursOf(QApplication::palette());
    const bool current = current_ != 0 && index.data(ChatListModel::IdRole).toLongLong() == current_;
    const QRectF box = QRectF(option.rect).adjusted(8, 1, -8, -1);
    if (current || option.state & QStyle::State_MouseOver) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(current ? colours.accentSoft : colours.hover);
        painter->drawRoundedRect(box, 7, 7);
    }
    if (current) { // a bar too, so that colour is not all there is
        painter->setBrush(colours.accent);
        painter->drawRoundedRect(QRectF(box.left(), box.top() + 7, 3, box.height() - 14), 1.5, 1.5);
    }
    if (option.state & QStyle::State_HasFocus && option.state & QStyle::State_KeyboardFocusChange) {
        painter->setPen(QPen(colours.accent, 1.5));
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 7, 7);
    }
    QRect inside = option.rect.adjusted(22, 0, -18, 0);
    if (index.data(ChatListModel::GeneratingRole).toBool()) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(colours.accent);
        for (int i = 0; i < 3; ++i)
            painter->drawEllipse(
                QPointF(inside.right() - 3 - i * 6, option.rect.top() + option.rect.height() / 2.0), 2, 2);
        inside.adjust(0, 0, -24, 0);
    }
    const QString title = index.data(Qt::DisplayRole).toString(),
                  line = index.data(ChatListModel::LineRole).toString();
    QFont font = option.font;
    if (current)
        font.setWeight(QFont::DemiBold);
    if (line.isEmpty()) {
        paintLine(*painter, inside, title, font, colours.text, colours.accent);
    } else {
        const int half = option.rect.height() / 2;
        paintLine(*painter, inside.adjusted(0, 4, 0, -half), title, font, colours.text, colours.text);
        QFont small = option.font;
        small.setPointSizeF(small.pointSizeF() * 0.9);
        paintLine(*painter, inside.adjusted(0, half - 4, 0, -4), line, small, colours.muted, colours.accent);
    }
    painter->restore();
}

QWidget* ChatListDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                                        const QModelIndex& index) const {
    editor_ = QStyledItemDelegate::createEditor(parent, option, index);
    connect(editor_, &QObject::destroyed, this, [this] {
        editor_.clear();
        Q_EMIT renamingEnded();
    });
    return editor_;
}

void ChatListDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
    auto* line = qobject_cast<QLineEdit*>(editor);
    if (!line || line->property(kGivenTitle).isValid())
        return;
    line->setProperty(kGivenTitle, index.data(Qt::EditRole).toString());
    line->setText(index.data(Qt::EditRole).toString());
    line->selectAll();
}

void ChatListDelegate::setModelData(QWidget* editor, QAbstractItemModel* model,
                                    const QModelIndex& index) const {
    const auto* line = qobject_cast<const QLineEdit*>(editor);
    if (line && line->text() != line->property(kGivenTitle).toString())
        model->setData(index, line->text(), Qt::EditRole);
}

void ChatListDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                            const QModelIndex&) const {
    editor->setGeometry(option.rect.adjusted(10, 1, -10, -1));
}

// ---- The column ----

ChatList::ChatList(WindowActions& actions, QWidget* parent) : QWidget(parent), actions_(actions) {
    setObjectName(u"chatList"_s);
    new_ = new QPushButton(actions_[Act::NewChat].text(), this);
    new_->setObjectName(u"newChatButton"_s);
    bindButton(*new_, actions_[Act::NewChat]);
    search_ = new QLineEdit(this);
    search_->setObjectName(u"chatSearch"_s);
    search_->setPlaceholderText(tr("Search all chats"));
    search_->setAccessibleName(tr("Search all chats"));
    search_->setClearButtonEnabled(true);
    search_->addAction(themedIcon(u"search"_s), QLineEdit::LeadingPosition);
    search_->installEventFilter(this);

    model_ = new ChatListModel(this);
    delegate_ = new ChatListDelegate(this);
    tree_ = new QTreeView(this);
    tree_->setObjectName(u"chatTree"_s);
    tree_->setAccessibleName(tr("Chats"));
    tree_->setModel(model_);
    tree_->setItemDelegate(delegate_);
    tree_->setHeaderHidden(true);
    tree_->setIndentation(0);
    tree_->setRootIsDecorated(false);
    tree_->setFrameShape(QFrame::NoFrame);
    tree_->setMouseTracking(true);
    tree_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    tree_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    tree_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    tree_->setContextMenuPolicy(Qt::CustomContextMenu);
    tree_->setUniformRowHeights(false);
    tree_->viewport()->setAutoFillBackground(false);
    tree_->setStyleSheet(u"QTreeView { background: transparent; border: none; }"
                         "QTreeView::item, QTreeView::branch { background: transparent; border: none; }"_s);
    tree_->installEventFilter(this);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 12, 0, 0);
    layout->setSpacing(8);
    for (QWidget* widget : std::initializer_list<QWidget*>{new_, search_}) {
        auto* row = new QHBoxLayout;
        row->setContentsMargins(12, 0, 12, 0);
        row->addWidget(widget);
        layout->addLayout(row);
    }
    layout->addWidget(tree_, 1);

    connect(tree_, &QTreeView::clicked, this, [this](const QModelIndex& index) {
        if (!index.data(ChatListModel::IsGroupRole).toBool())
            return activate(index);
        const bool open = tree_->isExpanded(index);
        tree_->setExpanded(index, !open);
        const QString name = index.data().toString();
        folded_.removeAll(name);
        if (open)
            folded_.append(name);
    });
    connect(tree_, &QTreeView::customContextMenuRequested, this, &ChatList::showMenu);
    connect(model_, &ChatListModel::renamed, this, &ChatList::renameRequested);
    connect(delegate_, &ChatListDelegate::renamingEnded, this, [this] {
        for (const auto& change : std::exchange(later_, {}))
            change();
    });
    connect(model_, &QAbstractItemModel::modelAboutToBeReset, this, &ChatList::rememberView);
    connect(model_, &QAbstractItemModel::modelReset, this, &ChatList::restoreView);
    connect(model_, &QAbstractItemModel::modelReset, this, qOverload<>(&QWidget::update));
    search_timer_.setSingleShot(true);
    search_timer_.setInterval(120);
    connect(&search_timer_, &QTimer::timeout, this, &ChatList::startSearch);
    connect(search_, &QLineEdit::textChanged, this, [this] {
        first_wanted_ = false;
        search_timer_.start();
    });
    midnight_.setSingleShot(true);
    connect(&midnight_, &QTimer::timeout, this, &ChatList::scheduleMidnight);
    scheduleMidnight();
    setMinimumWidth(190);
    connectActions();
}

/// "Today" becomes "Yesterday" without a restart.
void ChatList::scheduleMidnight() {
    takeLater([this] { model_->setToday(QDate::currentDate()); });
    const qint64 left = QDateTime::currentDateTime().msecsTo(QDate::currentDate().addDays(1).startOfDay());
    midnight_.start(static_cast<int>(std::clamp<qint64>(left + 500, 1000, 3600 * 1000)));
}

/// While a title is being edited the rows stay as they are: making them anew would end the editing.
void ChatList::takeLater(const std::function<void()>& change) {
    if (delegate_->renaming())
        later_.push_back(change);
    else
        change();
}

void ChatList::setChats(const QList<ConversationSummary>& chats) {
    takeLater([this, chats] {
        const bool others = model_->setChats(chats);
        if (others && model_->searching() && !query().isEmpty())
            Q_EMIT searchRequested(query()); // one of the hits may be gone
    });
}

void ChatList::setHits(const QList<SearchHit>& hits) {
    takeLater([this, hits] {
        if (query().isEmpty())
            return; // the search was cleared meanwhile
        model_->setHits(hits);
        hits_of_ = query();
        tree_->viewport()->update();
        if (std::exchange(first_wanted_, false))
            activateFirst();
    });
}

void ChatList::startSearch() {
    search_timer_.stop();
    delegate_->setQuery(query());
    if (query().isEmpty())
        takeLater([this] { model_->clearHits(); });
    else
        Q_EMIT searchRequested(query());
}

void ChatList::setCurrent(ConversationId id) {
    if (delegate_->renaming())
        return later_.push_back([this, id] { setCurrent(id); });
    const bool other = std::exchange(current_, id) != id;
    delegate_->setCurrentChat(id);
    const QModelIndex index = model_->indexOf(id);
    // The keyboard's row and the scrolling are the user's, until another chat is shown.
    if (index.isValid() && !model_->searching() && (other || !tree_->currentIndex().isValid())) {
        tree_->setCurrentIndex(index);
        tree_->scrollTo(index);
    } else if (!index.isValid() && other) {
        tree_->setCurrentIndex({});
    }
    tree_->viewport()->update();
}

void ChatList::rememberView() {
    const QModelIndex index = tree_->currentIndex();
    row_ = {index.data(ChatListModel::IdRole).toLongLong(),
            index.data(ChatListModel::MessageRole).toLongLong()};
    scroll_ = tree_->verticalScrollBar()->value();
}

void ChatList::restoreView() {
    for (int row = 0; row < model_->rowCount(); ++row) {
        const QModelIndex group = model_->index(row, 0);
        tree_->setExpanded(group, !folded_.contains(group.data().toString()));
    }
    if (const QModelIndex index = model_->indexOf(row_.first, row_.second); index.isValid()) {
        const bool scrolls = tree_->hasAutoScroll();
        tree_->setAutoScroll(false);
        tree_->setCurrentIndex(index);
        tree_->setAutoScroll(scrolls);
    }
    tree_->doItemsLayout();
    tree_->verticalScrollBar()->setValue(scroll_);
    setCurrent(current_);
}

void ChatList::focusSearch() {
    search_->setFocus();
    search_->selectAll();
}

void ChatList::activate(const QModelIndex& index) {
    if (index.isValid() && !index.data(ChatListModel::IsGroupRole).toBool())
        Q_EMIT chatActivated(index.data(ChatListModel::IdRole).toLongLong(),
                             index.data(ChatListModel::MessageRole).toLongLong());
}

void ChatList::activateFirst() {
    if (model_->searching() && model_->rowCount() > 0)
        activate(model_->index(0, 0, model_->index(0, 0)));
}

ConversationId ChatList::chosen() const {
    const QModelIndex index = tree_->currentIndex();
    return index.data(ChatListModel::IsGroupRole).toBool() ? 0
                                                           : index.data(ChatListModel::IdRole).toLongLong();
}

void ChatList::connectActions() {
    connect(&actions_[Act::RenameChat], &QAction::triggered, this, [this] {
        if (const QModelIndex at = model_->indexOf(chosen()); at.isValid())
            tree_->edit(at);
    });
    connect(&actions_[Act::DeleteChat], &QAction::triggered, this,
            [this] { Q_EMIT deleteRequested(chosen()); });
    connect(tree_->selectionModel(), &QItemSelectionModel::currentChanged, this, &ChatList::showActions);
    connect(model_, &QAbstractItemModel::modelReset, this, &ChatList::showActions);
    showActions();
}

void ChatList::showActions() {
    for (const Act act : {Act::RenameChat, Act::DeleteChat})
        actions_[act].setEnabled(chosen() != 0);
}

void ChatList::showMenu(const QPoint& position) {
    const QModelIndex index = tree_->indexAt(position);
    if (!index.isValid() || index.data(ChatListModel::IsGroupRole).toBool())
        return;
    tree_->setCurrentIndex(index); // the actions are about it
    auto* menu = new QMenu(this);
    menu->setObjectName(u"chatMenu"_s);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(tr("Open"), this, [this, at = QPersistentModelIndex(index)] { activate(at); });
    menu->addAction(&actions_[Act::RenameChat]);
    menu->addAction(&actions_[Act::DeleteChat]);
    menu->popup(tree_->viewport()->mapToGlobal(position));
}

bool ChatList::eventFilter(QObject* object, QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride && object == search_ && !search_->text().isEmpty() &&
        static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) {
        event->accept(); // clears the search before the window's Stop has it
        return true;
    }
    if (event->type() != QEvent::KeyPress)
        return QWidget::eventFilter(object, event);
    const auto* key = static_cast<QKeyEvent*>(event);
    if (object == tree_) {
        if (actions_.takeListKey(*key))
            return true;
        const QModelIndex index = tree_->currentIndex();
        if (chosen() != 0 && (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter)) {
            activate(index);
            return true;
        }
    } else if (object == search_) {
        if (key->key() == Qt::Key_Escape && !search_->text().isEmpty()) {
            search_->clear();
            return true;
        }
        if (key->key() == Qt::Key_Down) {
            tree_->setFocus(Qt::TabFocusReason);
            if (model_->rowCount() > 0)
                tree_->setCurrentIndex(model_->index(0, 0, model_->index(0, 0)));
            return true;
        }
        if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
            // Of what is typed now, not of the hits before.
            first_wanted_ = !query().isEmpty() && (hits_of_ != query() || !model_->searching());
            if (first_wanted_)
                startSearch();
            else
                activateFirst();
            return true;
        }
    }
    return QWidget::eventFilter(object, event);
}

void ChatList::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    const ThemeColours& colours = coloursOf(QApplication::palette());
    painter.fillRect(event->rect(), colours.surface);
    if (model_->rowCount() > 0)
        return;
    painter.setPen(colours.muted);
    painter.drawText(tree_->geometry().adjusted(20, 16, -20, 0), Qt::AlignHCenter | Qt::TextWordWrap,
                     tr("Your chats will be listed here."));
}

} // namespace switchyard
