#include "ui/chat/chat_list.h"

#include "ui/chat/composer.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QDragEnterEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QPainter>
#include <QScrollBar>
#include <QToolButton>
#include <QVBoxLayout>

#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
ChatList::ChatList(WindowActions& actions, QWidget* parent) : QWidget(parent), actions_(actions) {
    setObjectName(u"chatList"_s);
    new_ = new QPushButton(actions_[Act::NewChat].text(), this);
    new_->setObjectName(u"newChatButton"_s);
    bindButton(*new_, actions_[Act::NewChat]);
    auto* temporary = new QToolButton(this);
    temporary->setObjectName(u"temporaryChatButton"_s);
    temporary->setCheckable(true);
    temporary->setFocusPolicy(Qt::StrongFocus);
    bindButton(*temporary, actions_[Act::TemporaryChat]);
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
    tree_->setDragDropMode(QAbstractItemView::InternalMove);
    tree_->viewport()->setAutoFillBackground(false);
    tree_->setProperty("bare", true);
    tree_->installEventFilter(this);
    tree_->viewport()->installEventFilter(this); // it takes what is dragged on it
    setAcceptDrops(true);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 12, 0, 0);
    layout->setSpacing(8);
    for (QWidget* widget : std::initializer_list<QWidget*>{new_, search_}) {
        auto* row = new QHBoxLayout;
        row->setContentsMargins(12, 0, 12, 0);
        row->addWidget(widget, 1);
        if (widget == new_)
            row->addWidget(temporary);
        layout->addLayout(row);
    }
    layout->addWidget(tree_, 1);
    deleted_entry_ = new QPushButton(this);
    deleted_entry_->setObjectName(u"recentlyDeletedButton"_s);
    deleted_entry_->setProperty("entry", true);
    bindButton(*deleted_entry_, actions_[Act::ShowDeleted]);
    deleted_ = new DeletedChats(this);
    deleted_->hide();
    layout->addWidget(deleted_entry_);
    layout->addWidget(deleted_, 1);
    connect(deleted_, &DeletedChats::closed, this, [this] {
        showDeleted(false);
        tree_->setFocus();
    });
    setDeleted({});

    connect(tree_, &QTreeView::clicked, this, [this](const QModelIndex& index) {
        if (index.data(ChatListModel::IsGroupRole).toBool())
            tree_->setExpanded(index, !tree_->isExpanded(index));
        else
            activate(index);
    });
    connect(tree_, &QTreeView::collapsed, this, [this](const QModelIndex& group) { fold(group, true); });
    connect(tree_, &QTreeView::expanded, this, [this](const QModelIndex& group) { fold(group, false); });
    connect(tree_, &QTreeView::customContextMenuRequested, this, &ChatList::showMenu);
    connect(model_, &ChatListModel::renamed, this, &ChatList::renameRequested);
    connect(delegate_, &ChatListDelegate::renamingEnded, this, [this] {
        for (const auto& change : std::exchange(later_, {}))
            change();
    });
    connect(model_, &ChatListModel::folderRenamed, this, &ChatList::folderRenamed);
    connect(model_, &ChatListModel::placed, this, &ChatList::placed);
    connect(model_, &QAbstractItemModel::rowsInserted, this,
            [this](const QModelIndex& parent, int first, int last) {
                if (!parent.isValid())
                    unfold(first, last);
            });
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

// ---- What is listed ----

/// "Today" becomes "Yesterday" without a restart.
void ChatList::scheduleMidnight() {
    change([this] { model_->setToday(QDate::currentDate()); });
    const qint64 left = QDateTime::currentDateTime().msecsTo(QDate::currentDate().addDays(1).startOfDay());
    midnight_.start(static_cast<int>(std::clamp<qint64>(left + 500, 1000, 3600 * 1000)));
}

/// While a title is being edited its row stays: a search would take it out, and the editor with it.
void ChatList::takeLater(const std::function<void()>& change) {
    if (delegate_->renaming())
        later_.push_back(change);
    else
        change();
}

/// Rows come, go and move, and what is on screen stays where it is as far as it can.
void ChatList::change(const std::function<void()>& rows) {
    constexpr int kLookedAt = 7; // an odd number: most of them have not moved themselves
    std::vector<std::pair<QPersistentModelIndex, int>> seen;
    for (QModelIndex at = tree_->indexAt({0, 1}); at.isValid() && seen.size() < kLookedAt;
         at = tree_->indexBelow(at))
        seen.emplace_back(at, tree_->visualRect(at).top());
    const int scroll = tree_->verticalScrollBar()->value();
    rows();
    showActions();
    update();
    if (scroll == 0)
        return;
    tree_->doItemsLayout();
    std::vector<int> shifts;
    for (const auto& [index, top] : seen) {
        if (const QRect now = tree_->visualRect(index); index.isValid() && now.isValid())
            shifts.push_back(now.top() - top);
    }
    if (shifts.empty())
        return tree_->verticalScrollBar()->setValue(scroll);
    const auto middle = shifts.begin() + static_cast<std::ptrdiff_t>(shifts.size() / 2);
    std::nth_element(shifts.begin(), middle, shifts.end());
    tree_->verticalScrollBar()->setValue(tree_->verticalScrollBar()->value() + *middle);
}

/// Everything is another list: the keyboard's row and the scrolling come back where it has them, too.
void ChatList::changeAll(const std::function<void()>& rows) {
    const QModelIndex before = tree_->currentIndex();
    const ConversationId chat = before.data(ChatListModel::IdRole).toLongLong();
    const MessageId message = before.data(ChatListModel::MessageRole).toLongLong();
    const int scroll = tree_->verticalScrollBar()->value();
    rows();
    if (const QModelIndex now = model_->indexOf(chat, message); chat != 0 && now.isValid()) {
        const bool scrolls = tree_->hasAutoScroll();
        tree_->setAutoScroll(false);
        tree_->setCurrentIndex(now);
        tree_->setAutoScroll(scrolls);
    }
    tree_->doItemsLayout();
    tree_->verticalScrollBar()->setValue(scroll);
    setCurrent(current_);
    showActions();
    update();
}

void ChatList::setChats(const QList<ConversationSummary>& chats, const QList<ChatFolder>& folders) {
    bool others = false;
    change([&] { others = model_->setChats(chats, folders); });
    setCurrent(current_); // it may be listed only now
    if (others && model_->searching() && !query().isEmpty())
        Q_EMIT searchRequested(query()); // one of the hits may be gone
}

void ChatList::setHits(const QList<SearchHit>& hits) {
    takeLater([this, hits] {
        if (query().isEmpty())
            return; // the search was cleared meanwhile
        changeAll([&] { model_->setHits(hits); });
        hits_of_ = query();
        tree_->viewport()->update();
        if (std::exchange(first_wanted_, false))
            activateFirst();
    });
}

// ---- Recently deleted ----

void ChatList::setDeleted(const QList<ConversationSummary>& chats) {
    deleted_->setChats(chats);
    const QString entry = tr("%1 (%2)").arg(actions_[Act::ShowDeleted].text()).arg(chats.size());
    deleted_entry_->setText(menuText(entry));
    deleted_entry_->setAccessibleName(entry);
    deleted_entry_->setVisible(!chats.isEmpty() && deleted_->isHidden());
    showActions();
}

void ChatList::showDeleted(bool shown) {
    if (shown && delegate_->renaming())
        setFocus(); // ends it
    for (QWidget* of_chats : std::initializer_list<QWidget*>{search_, tree_})
        of_chats->setVisible(!shown);
    deleted_->setVisible(shown);
    deleted_entry_->setVisible(!shown && deleted_->model()->rowCount() > 0);
    actions_[Act::ShowDeleted].setChecked(shown);
    if (shown)
        deleted_->view()->setFocus();
    showActions();
    update();
}

void ChatList::startSearch() {
    search_timer_.stop();
    delegate_->setQuery(query());
    if (query().isEmpty())
        takeLater([this] { changeAll([this] { model_->clearHits(); }); });
    else
        Q_EMIT searchRequested(query());
}

void ChatList::setCurrent(ConversationId id) {
    if (delegate_->renaming()) // another row would end the editing
        return later_.push_back([this, id] { setCurrent(id); });
    const bool other = std::exchange(current_, id) != id;
    delegate_->setCurrentChat(id);
    const QModelIndex index = model_->indexOf(id);
    // The keyboard's row and the scrolling are the user's, until another chat is shown.
    if (index.isValid() && !model_->searching() && (other || !tree_->currentIndex().isValid())) {
        const bool folded = !tree_->isExpanded(index.parent());
        tree_->setCurrentIndex(index);
        tree_->scrollTo(index);
        if (folded) // to be shown is not to be unfolded
            tree_->collapse(index.parent());
    } else if (!index.isValid() && other) {
        tree_->setCurrentIndex({});
    }
    tree_->viewport()->update();
}

// ---- Groups ----

void ChatList::unfold(int first, int last) {
    for (int row = first; row <= last; ++row) {
        const QModelIndex group = model_->index(row, 0);
        tree_->setExpanded(group, !folded_.contains(group.data(ChatListModel::GroupKeyRole).toString()));
    }
}

void ChatList::fold(const QModelIndex& group, bool folded) {
    const QString key = group.data(ChatListModel::GroupKeyRole).toString();
    if (key.isEmpty() || model_->searching() || folded_.contains(key) == folded)
        return;
    if (folded)
        folded_.append(key);
    else
        folded_.removeAll(key);
    Q_EMIT foldedChanged();
}

void ChatList::setFolded(const QStringList& keys) {
    folded_ = keys;
    unfold(0, model_->rowCount() - 1);
}

void ChatList::editFolder(FolderId id) {
    const QModelIndex folder = model_->indexOfFolder(id);
    if (!folder.isValid())
        return;
    tree_->setCurrentIndex(folder);
    tree_->scrollTo(folder);
    tree_->edit(folder);
}

void ChatList::focusSearch() {
    showDeleted(false);
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
    move_menu_ = new QMenu(this);
    move_menu_->setObjectName(u"moveMenu"_s);
    connect(move_menu_, &QMenu::aboutToShow, this, &ChatList::fillMoveMenu);
    actions_[Act::MoveChat].setMenu(move_menu_);
    const auto on = [this](Act act, auto slot) { connect(&actions_[act], &QAction::triggered, this, slot); };
    on(Act::RenameChat, [this] { tree_->edit(tree_->currentIndex()); });
    on(Act::DeleteChat, [this] {
        const QModelIndex at = tree_->currentIndex();
        if (at.data(ChatListModel::IsFolderRole).toBool())
            Q_EMIT folderRemoved(at.data(ChatListModel::FolderRole).toLongLong());
        else
            Q_EMIT deleteRequested(chosen());
    });
    on(Act::DuplicateChat, [this] { Q_EMIT duplicateRequested(chosen()); });
    on(Act::PinChat, [this](bool pinned) {
        place(tree_->currentIndex().data(ChatListModel::FolderRole).toLongLong(), pinned);
    });
    on(Act::NewFolder, [this] { Q_EMIT newFolderRequested(0); });
    connect(tree_->selectionModel(), &QItemSelectionModel::currentChanged, this, &ChatList::showActions);
    showActions();
}

/// On for what is seen only: a menu or key must not delete a chat of a list that is folded away.
void ChatList::showActions() {
    const QModelIndex at = tree_->currentIndex();
    const bool seen = isVisible() && !tree_->isHidden(), chat = seen && chosen() != 0,
               folder = seen && at.data(ChatListModel::IsFolderRole).toBool();
    for (const Act act : {Act::RenameChat, Act::DeleteChat})
        actions_[act].setEnabled(chat || folder);
    for (const Act act : {Act::PinChat, Act::MoveChat, Act::DuplicateChat})
        actions_[act].setEnabled(chat);
    actions_[Act::ShowDeleted].setEnabled(deleted_->model()->rowCount() > 0 || !deleted_->isHidden());
    actions_[Act::PinChat].setChecked(at.data(ChatListModel::PinnedRole).toBool());
}

void ChatList::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    showActions();
}

void ChatList::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    showActions();
}

void ChatList::fillMoveMenu() {
    move_menu_->clear();
    const FolderId now = tree_->currentIndex().data(ChatListModel::FolderRole).toLongLong();
    const auto add = [&](const QString& name, FolderId folder) {
        QAction* action = move_menu_->addAction(name, this, [this, folder] { place(folder, false); });
        action->setCheckable(true);
        action->setChecked(folder == now);
    };
    add(tr("No folder"), 0);
    for (const ChatFolder& folder : model_->folders())
        add(menuText(oneLine(folder.name)), folder.id);
    move_menu_->addSeparator();
    move_menu_->addAction(actions_[Act::NewFolder].icon(), actions_[Act::NewFolder].text(), this,
                          [this] { Q_EMIT newFolderRequested(chosen()); });
}

void ChatList::place(FolderId folder, bool pinned) {
    if (const ConversationId id = chosen(); id != 0)
        Q_EMIT placed(id, folder, pinned);
}

void ChatList::showMenu(const QPoint& position) {
    const QModelIndex index = tree_->indexAt(position);
    auto* menu = new QMenu(this);
    menu->setObjectName(u"chatMenu"_s);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    const bool folder = index.data(ChatListModel::IsFolderRole).toBool();
    if (index.data(ChatListModel::IdRole).toLongLong() != 0) {
        tree_->setCurrentIndex(index); // the actions are about it
        menu->addAction(tr("Open"), this, [this, at = QPersistentModelIndex(index)] { activate(at); });
        for (const Act act : {Act::PinChat, Act::MoveChat, Act::RenameChat, Act::DuplicateChat,
                              Act::ExportChat, Act::DeleteChat})
            menu->addAction(&actions_[act]);
        menu->addSeparator();
    } else if (folder) {
        tree_->setCurrentIndex(index);
        for (const Act act : {Act::RenameChat, Act::DeleteChat})
            menu->addAction(&actions_[act]);
        menu->addSeparator();
    }
    menu->addAction(&actions_[Act::NewFolder]);
    menu->addAction(&actions_[Act::ImportChats]);
    menu->popup(tree_->viewport()->mapToGlobal(position));
}

// ---- Files that are dropped ----

namespace {

QStringList chatFiles(const QMimeData* data) {
    QStringList files = localFiles(data);
    files.removeIf([](const QString& file) {
        return !file.endsWith(u".json"_s, Qt::CaseInsensitive) &&
               !file.endsWith(u".zip"_s, Qt::CaseInsensitive);
    });
    return files;
}

} // namespace

/// False: it is not about files that may hold chats.
bool ChatList::takeDrag(QEvent& event) {
    if (event.type() != QEvent::DragEnter && event.type() != QEvent::DragMove && event.type() != QEvent::Drop)
        return false;
    auto& drop = static_cast<QDropEvent&>(event);
    const QStringList files = chatFiles(drop.mimeData());
    if (files.isEmpty())
        return false;
    drop.setDropAction(Qt::CopyAction);
    drop.accept();
    if (event.type() == QEvent::Drop)
        Q_EMIT filesDropped(files);
    return true;
}

void ChatList::dragEnterEvent(QDragEnterEvent* event) { takeDrag(*event); }

void ChatList::dropEvent(QDropEvent* event) { takeDrag(*event); }

bool ChatList::eventFilter(QObject* object, QEvent* event) {
    if (object == tree_->viewport() && takeDrag(*event))
        return true;
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
    if (model_->rowCount() > 0 || tree_->isHidden())
        return;
    painter.setPen(colours.muted);
    painter.drawText(tree_->geometry().adjusted(20, 16, -20, 0), Qt::AlignHCenter | Qt::TextWordWrap,
                     tr("Your chats will be listed here."));
}

} // namespace switchyard
