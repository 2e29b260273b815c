// The messages of a chat. Virtual: only those in sight and one screen either side are laid out; of the others
// a height is known or guessed. What is in sight stays where it is when heights above it turn out otherwise.
#pragma once

#include "ui/chat/message_editor.h"
#include "ui/chat/message_layout.h"
#include "ui/chat/message_tools.h"

#include <QAbstractScrollArea>
#include <QElapsedTimer>
#include <QHash>
#include <QMenu>
#include <QPointer>
#include <QTimer>

#include <memory>
#include <vector>

namespace switchyard {

class SelectedText;

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
    /// The chat is answering: what would ask again is disabled.
    void setBusy(bool busy);

    /// Lights up a token of an answer and brings it into sight; index -1 puts it out.
    void highlightToken(MessageId id, int index);
    void jumpToEnd();
    void scrollToMessage(MessageId id);
    bool following() const { return following_; }
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
    MessageTools* tools(MessageId id) const;

  Q_SIGNALS:
    void triggered(switchyard::MessageAction action, switchyard::MessageId id);
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
    struct Row {
        MessageContent content;
        std::shared_ptr<MessageLayout> layout;
        qreal height = 0;
        qreal width = -1;      ///< the layout was arranged for; -1: must be arranged
        std::set<int> open;    ///< parts that are unfolded
        bool rewritten = true; ///< the text changed otherwise than by growing
        bool stale = true;     ///< the tools show what was
        QString progress;
        QPointer<MessageTools> tools;
        std::vector<QPointer<CalmButton>> folds;
        std::vector<QPointer<CalmButton>> code_buttons;
    };
    struct Spot { ///< a position in the thread
        int row = -1;
        LayoutPosition at;
        auto operator<=>(const Spot&) const = default;
    };

    // thread_view.cpp: what stands where
    void restyle();
    qreal columnWidth() const;
    qreal columnLeft() const;
    qreal guessedHeight(const Row& row) const;
    void layOut(Row& row);
    void layOutWhole(Row& row);
    void release(Row& row);
    void computeTops();
    int rowAt(qreal y) const; ///< of the contents
    void refresh();
    void layOutSight();
    void prefetch();
    void applyScroll();
    void placeWidgets();
    void placeRowWidgets(int index);
    void placeFold(Row& row, std::size_t index, const QPointF& origin);
    void hideRowWidgets(Row& row);
    void keepEdit();
    void dropEdit();
    void closeEditor();
    void placeJumpButton();
    void setFollowing(bool following);
    void revealTools();
    qreal offset() const;
    Row* find(MessageId id);
    const Row* find(MessageId id) const;

    // thread_input.cpp: pointer, keys, selection
    Spot spotAt(const QPointF& viewport_point) const;
    std::optional<LayoutRange> selectionIn(int row) const;
    /// What is selected, for the clipboard.
    std::unique_ptr<SelectedText> selected() const;
    std::pair<Spot, Spot> selection() const;
    bool hasSelection() const { return anchor_spot_.row >= 0 && anchor_spot_ != cursor_spot_; }
    void extendSelection(const QPointF& viewport_point);
    void autoScroll();
    bool showTip(QHelpEvent* event);
    void showLink(const QString& address, const QPoint& global);
    void addLinkActions(QMenu& menu, const QString& address);
    void updateHover(const QPointF& viewport_point);

    // thread_find.cpp
    void findMatches();
    void findInPart(int row, int part, const std::string& source);
    void showMatch();
    struct Match {
        int row = 0, nth = 0; ///< which one in the part
        TextPlace place;
    };
    QString query_;
    std::vector<Match> matches_;
    int match_ = -1;
    QTimer find_step_; ///< the match's message is being laid out

    ChatStyle style_;
    qreal points_ = 0; ///< 0: the window's font
    std::vector<std::unique_ptr<Row>> rows_;
    QHash<MessageId, int> index_;
    std::vector<qreal> tops_; ///< one more than rows: the last is the end
    int anchor_row_ = 0;
    qreal anchor_offset_ = 0; ///< from the row's top to the top of the view
    bool following_ = true, adjusting_ = false, busy_ = false;
    int current_ = -1;
    bool focus_shown_ = false;
    int hovered_ = -1;
    QPointF pointer_;
    MessageId lit_message_ = 0;
    int lit_token_ = -1;

    Spot anchor_spot_, cursor_spot_, word_begin_, word_end_;
    int clicks_ = 0; ///< 1: characters, 2: words, 3: lines
    bool dragging_ = false;
    QString pressed_link_;
    QPoint press_point_;
    QElapsedTimer last_double_click_;
    QTimer auto_scroll_, prefetch_;

    std::vector<MessageTools*> spare_tools_;
    std::vector<CalmButton*> spare_folds_, spare_code_buttons_;
    CalmButton* jump_;
    QPointer<MessageEditor> editor_;
    MessageId edited_ = 0;
    QMap<MessageId, QString> edits_;
    QTimer edit_timer_;

    friend class ThreadAccessible;
    friend class MessageAccessible;
};

} // namespace switchyard
