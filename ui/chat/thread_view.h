// The messages of a chat. Virtual: only those in sight and one screen either side are laid out. Where they
// stand is ThreadGeometry's, what is selected ThreadSelection's, their widgets are the RowWidgetPool's, and
// what lies over the text is the TokenOverlay's: the view joins them and handles events.
#pragma once

#include "ui/chat/message_editor.h"
#include "ui/chat/row_widget_pool.h"
#include "ui/chat/thread_find.h"
#include "ui/chat/thread_geometry.h"
#include "ui/chat/thread_selection.h"
#include "ui/chat/token_overlay.h"

#include <QAbstractScrollArea>
#include <QElapsedTimer>
#include <QHash>
#include <QMenu>
#include <QPointer>
#include <QTimer>

namespace switchyard {

class ThreadView : public QAbstractScrollArea {
    Q_OBJECT
  public:
    explicit ThreadView(QWidget* parent = nullptr);
    ~ThreadView() override;

    /// Shows these messages. Those that were there keep their layout; `to_end` shows the last one.
    void setThread(const QList<Message>& thread, bool to_end);
    /// Text, state or run of one message changed; cheap where the text only grew.
    void updateMessage(const Message& message);
    /// What an answer without text is waiting for: "Reading 120 of 512 tokens".
    void setProgress(MessageId id, const QString& text);
    /// So many messages from the beginning are left out of what the model reads: a line says where that ends.
    void setForgotten(int messages);
    /// The chat is answering: what would ask again is disabled.
    void setBusy(bool busy);

    /// Lights up a token of an answer and brings it into sight; index -1 puts it out.
    void highlightToken(MessageId id, int index);
    void jumpToEnd();
    void scrollToMessage(MessageId id);
    bool following() const { return geometry_.following(); }
    /// What is in sight, so that it can be shown again.
    struct Place {
        MessageId message = 0; ///< at the top
        qreal offset = 0;      ///< from its top to the top of the view
        bool following = true;
    };
    Place place() const;
    void setPlace(const Place& place);
    /// Edits the message in place, going on with `text` or else with what was left of an earlier edit.
    void beginEdit(MessageId id, const QString& text = {});
    /// Opens the editor of the newest message whose edit was not saved; view and focus stay where they are.
    void resumeEdit();
    void endEdit(); ///< what was changed stays the message's draft
    bool editing() const { return editor_ != nullptr; }
    /// Changed messages that were not saved, the one that is being edited included.
    void setEdits(const QMap<MessageId, QString>& edits);
    const QMap<MessageId, QString>& edits() const { return edits_; }
    void flushEdits(); ///< tells editsChanged() at once where it is due

    QString selectedText() const; ///< takes its time where it is long
    /// What is selected where that is a few words in one message, as to look for it; else nothing.
    QString selectedPhrase() const;
    void selectAll();
    void clearSelection();
    /// The selection, or else the message that has the focus, to the clipboard.
    void copy();

    /// Looks for text in all messages and shows the match nearest to what is in sight; found() follows.
    void setFind(const QString& query);
    void findStep(int step); ///< +1: the next match, -1: the one before

    qreal fontPoints() const { return style_.text.pointSizeF(); }
    void setFontPoints(qreal points);
    /// One step larger (+1), smaller (-1), or the window's own (0).
    void zoom(int step);

    int messageCount() const { return static_cast<int>(rows_.size()); }
    MessageId messageAt(int index) const;
    int indexOf(MessageId id) const { return index_.value(id, -1); } ///< -1: not in the thread
    const MessageContent* content(MessageId id) const;
    /// In the viewport; may be outside of what is seen.
    QRect messageRect(int index) const;
    int currentMessage() const { return current_; } ///< index of the one with the keyboard's focus; -1: none
    void setCurrentMessage(int index);
    /// Of what was thought, or a tool: whether it is unfolded.
    void setPartOpen(MessageId id, int part, bool open);
    bool partOpen(MessageId id, int part) const;
    /// How many messages are laid out: for tests.
    int liveDocuments() const;
    MessageTools* tools(MessageId id) const { return widgets_.tools(id); }
    /// Of a message that is in sight: its own, in the order of the eye.
    QList<QWidget*> messageWidgets(MessageId id) const { return widgets_.widgets(id); }

  Q_SIGNALS:
    void triggered(switchyard::MessageAction action, switchyard::MessageId id);
    void modelsWanted(QMenu* menu, switchyard::MessageId id); ///< MessageTools
    void questionEdited(switchyard::MessageId id, const QString& text);
    void answerEdited(switchyard::MessageId id, const QString& text, bool go_on);
    void editsChanged(); ///< a moment after typing pauses: edits() are to be kept
    void editDiscarded(switchyard::MessageId id, const QString& text);
    void followingChanged(bool following);
    void fontPointsChanged(qreal points);
    void selectionChanged();
    /// Of messages that come into sight: their marks cannot be placed before.
    void tokensNeeded(const QList<switchyard::MessageId>& messages);
    void found(int current, int total); ///< of the matches; current counts from 1

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    bool viewportEvent(QEvent* event) override;
    void changeEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

  private:
    // thread_view.cpp: what stands where
    void restyle();
    void layOut(int index);
    void layOutWhole(int index);
    ThreadRow::Room room(const ThreadRow& row) const;
    void guessHeights();
    void refresh();
    void layOutSight();
    void prefetch();
    void settle();
    void placeWidgets();
    void placeJumpButton();
    void revealTools();
    ThreadRow& row(int index) const { return *rows_[static_cast<std::size_t>(index)]; }
    ThreadRow* find(MessageId id) const;
    ShownMessage shown(const ThreadRow& row) const { return {row.content, *row.layout}; }

    // thread_scroll.cpp: what brings a place into sight
    void showMatch();
    void tellFollowing();

    // thread_edit.cpp
    void keepEdit();
    void dropEdit();
    void closeEditor();
    void openEditor(MessageId id, const QString& text);

    // thread_input.cpp: pointer and keys
    /// What is at a point of the viewport; where nothing is, `row` is -1.
    struct Under {
        ThreadSpot spot;
        LayoutHit hit;
        int mark = -1; ///< index of the dial mark
    };
    Under under(const QPointF& viewport_point) const;
    bool scrollSideways(QWheelEvent& event);
    void press(const Under& under, ThreadSelection::Unit unit);
    void extendSelection(const QPointF& viewport_point);
    void autoScroll();
    bool showTip(QHelpEvent* event);
    void showLink(const QString& address, const QPoint& global);
    void addLinkActions(QMenu& menu, const QString& address);
    void copyMessage(MessageId id) const; ///< as Markdown
    void copyShown(MessageId id) const;   ///< as text
    void updateHover(const QPointF& viewport_point);

    ChatStyle style_;
    qreal points_ = 0; ///< 0: the window's font
    ThreadRows rows_;
    QHash<MessageId, int> index_;
    ThreadGeometry geometry_;
    ThreadSelection selection_;
    RowWidgetPool widgets_;
    TokenOverlay overlay_;
    ThreadFind find_;
    QTimer find_step_; ///< the match's message is being laid out
    bool told_following_ = true, adjusting_ = false, busy_ = false;
    int current_ = -1;
    bool focus_shown_ = false;
    int hovered_ = -1;
    QPointF pointer_;

    bool dragging_ = false;
    QString pressed_link_;
    QPoint press_point_;
    QElapsedTimer last_double_click_;
    QTimer auto_scroll_, prefetch_;

    CalmButton* jump_ = nullptr;
    QPointer<MessageEditor> editor_;
    MessageId edited_ = 0;
    QMap<MessageId, QString> edits_;
    QTimer edit_timer_;
};

} // namespace switchyard
