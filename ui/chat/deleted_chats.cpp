#include "ui/chat/deleted_chats.h"

#include "ui/chat/calm_button.h"
#include "ui/chat/chat_list_delegate.h"
#include "ui/chat/chat_list_model.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QMenu>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

DeletedChats::DeletedChats(QWidget* parent) : QWidget(parent) {
    setObjectName(u"deletedChats"_s);
    auto* back = new CalmButton(u"chevron-left"_s, tr("Back to the chats"), this);
    back->setObjectName(u"deletedBack"_s);
    auto* title = new PlainLabel(tr("Recently deleted"), this);
    title->setProperty("heading", true);
    note_ = new PlainLabel(this);
    note_->setObjectName(u"deletedNote"_s);
    note_->setProperty("muted", true);
    note_->setProperty("small", true);
    note_->setWordWrap(true);

    model_ = new DeletedChatsModel(this);
    delegate_ = new ChatListDelegate(this);
    view_ = new QListView(this);
    view_->setObjectName(u"deletedView"_s);
    view_->setAccessibleName(tr("Recently deleted chats"));
    view_->setModel(model_);
    view_->setItemDelegate(delegate_);
    view_->setFrameShape(QFrame::NoFrame);
    view_->setMouseTracking(true);
    view_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    view_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    view_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    view_->setContextMenuPolicy(Qt::CustomContextMenu);
    view_->viewport()->setAutoFillBackground(false);
    view_->setProperty("bare", true);
    view_->installEventFilter(this);

    const auto button = [this](const QString& text, const QString& name) {
        auto* made = new QPushButton(text, this);
        made->setObjectName(name);
        return made;
    };
    restore_ = button(tr("Restore"), u"deletedRestore"_s);
    purge_ = button(tr("Delete for good…"), u"deletedPurge"_s);
    empty_ = button(tr("Delete all…"), u"deletedEmpty"_s);
    empty_->setAccessibleDescription(tr("Deletes all chats of this list for good"));
    for (QPushButton* destroys : {purge_, empty_})
        destroys->setProperty("danger", true);

    auto* head = new QHBoxLayout;
    head->setContentsMargins(8, 0, 12, 0);
    head->addWidget(back);
    head->addWidget(title, 1);
    auto* buttons = new QVBoxLayout;
    buttons->setContentsMargins(12, 4, 12, 12);
    for (QPushButton* each : {restore_, purge_, empty_})
        buttons->addWidget(each);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addLayout(head);
    note_->setContentsMargins(14, 0, 12, 0);
    layout->addWidget(note_);
    layout->addWidget(view_, 1);
    layout->addLayout(buttons);

    connect(back, &QToolButton::clicked, this, &DeletedChats::closed);
    connect(restore_, &QPushButton::clicked, this, &DeletedChats::restore);
    connect(purge_, &QPushButton::clicked, this, &DeletedChats::askToPurge);
    connect(empty_, &QPushButton::clicked, this, &DeletedChats::askToEmpty);
    connect(view_, &QListView::customContextMenuRequested, this, &DeletedChats::showMenu);
    connect(view_, &QListView::doubleClicked, this, &DeletedChats::restore);
    connect(view_->selectionModel(), &QItemSelectionModel::currentChanged, this, &DeletedChats::choose);
    setChats({});
}

void DeletedChats::setChats(const QList<ConversationSummary>& chats) {
    model_->setChats(chats);
    note_->setText(
        chats.isEmpty()
            ? tr("Nothing was deleted lately.")
            : tr("Chats stay here for %n days and are not found by a search. Then they are deleted "
                 "for good.",
                 nullptr, kDaysDeletedIsKept));
    choose();
}

ConversationId DeletedChats::chosen() const {
    return view_->currentIndex().data(ChatListModel::IdRole).toLongLong();
}

void DeletedChats::choose() {
    delegate_->setCurrentChat(chosen());
    view_->viewport()->update();
    restore_->setEnabled(chosen() != 0);
    purge_->setEnabled(chosen() != 0);
    empty_->setEnabled(model_->rowCount() > 0);
}

void DeletedChats::restore() {
    if (const ConversationId id = chosen(); id != 0)
        Q_EMIT restoreRequested(id);
}

void DeletedChats::askToPurge() {
    if (chosen() == 0)
        return;
    const QString title = view_->currentIndex().data().toString();
    ask(tr("Delete “%1” for good?").arg(oneLine(title, 60)), tr("It cannot be brought back after that."),
        tr("Delete for good"), {chosen()});
}

void DeletedChats::askToEmpty() {
    QList<ConversationId> ids;
    for (const ConversationSummary& chat : model_->chats())
        ids << chat.id;
    if (!ids.isEmpty())
        ask(tr("Delete %n chat(s) for good?", nullptr, static_cast<int>(ids.size())),
            tr("They cannot be brought back after that."), tr("Delete all"), ids);
}

/// It destroys, so it asks.
void DeletedChats::ask(const QString& question, const QString& more, const QString& yes,
                       const QList<ConversationId>& ids) {
    QMessageBox* box = plainBox(QMessageBox::Warning, tr("Delete for good"), question, more, window());
    box->setObjectName(u"dialog.purge"_s);
    QPushButton* purge = box->addButton(yes, QMessageBox::DestructiveRole);
    purge->setObjectName(u"dialog.purge.delete"_s);
    QPushButton* keep = box->addButton(tr("Keep"), QMessageBox::RejectRole);
    keep->setObjectName(u"dialog.purge.keep"_s);
    box->setDefaultButton(keep);
    box->setEscapeButton(keep);
    connect(purge, &QPushButton::clicked, this, [this, ids] { Q_EMIT purgeRequested(ids); });
    box->open();
}

void DeletedChats::showMenu(const QPoint& position) {
    const QModelIndex index = view_->indexAt(position);
    if (!index.isValid())
        return;
    view_->setCurrentIndex(index);
    auto* menu = new QMenu(this);
    menu->setObjectName(u"deletedMenu"_s);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(themedIcon(u"reset"_s), tr("Restore"), this, &DeletedChats::restore);
    menu->addAction(themedIcon(u"trash"_s), tr("Delete for good…"), this, &DeletedChats::askToPurge);
    menu->popup(view_->viewport()->mapToGlobal(position));
}

void DeletedChats::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    model_->setToday(QDate::currentDate());
    if (!view_->currentIndex().isValid())
        view_->setCurrentIndex(model_->index(0));
}

bool DeletedChats::eventFilter(QObject* object, QEvent* event) {
    const bool key_press = event->type() == QEvent::KeyPress;
    if (!key_press && event->type() != QEvent::ShortcutOverride)
        return QWidget::eventFilter(object, event);
    const int key = static_cast<QKeyEvent*>(event)->key();
    if (key == Qt::Key_Escape) { // before the window's Stop has it
        event->accept();
        if (key_press)
            Q_EMIT closed();
        return true;
    }
    if (key_press && (key == Qt::Key_Return || key == Qt::Key_Enter)) {
        restore();
        return true;
    }
    if (key_press && key == Qt::Key_Delete) {
        askToPurge();
        return true;
    }
    return QWidget::eventFilter(object, event);
}

} // namespace switchyard
