// How the groups, chats and hits of the list look, and how a title or a folder's name is edited in it.
#pragma once

#include "app/services/conversation.h"

#include <QPointer>
#include <QStyledItemDelegate>
#include <QTextLayout>

namespace switchyard {

/// As much of a hit's line as there is room for (pixels): what was searched for is always in it, whole.
QString shownLine(const QString& line, const QString& query, const QFontMetrics& metrics, int width);
/// Lays that line out as it is drawn: what was searched for in bold and in the colour `found`, emoji in their
/// font.
void layOutLine(QTextLayout& layout, const QString& line, const QString& query, const QColor& found,
                int width);

class ChatListDelegate : public QStyledItemDelegate {
    Q_OBJECT
  public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void setQuery(const QString& query) { query_ = query; }
    void setCurrentChat(ConversationId id) { current_ = id; }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    bool renaming() const { return editor_; }
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const override;
    /// Only when the editor opens, with all of it selected: what is typed since is not written over by a
    /// change of the row.
    void setEditorData(QWidget* editor, const QModelIndex& index) const override;
    /// Nothing where the text is as it was given, whatever the row has become meanwhile.
    void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const override;

  Q_SIGNALS:
    void renamingEnded() const; ///< the editor is gone

  private:
    mutable QPointer<QWidget> editor_;
    void paintGroup(QPainter& painter, const QStyleOptionViewItem& option, const QModelIndex& index) const;
    void paintLine(QPainter& painter, const QRect& rect, const QString& line, const QString& query,
                   const QFont& font, const QColor& plain, const QColor& found) const;
    QString query_;
    ConversationId current_ = 0;
};

} // namespace switchyard
