// The widgets on the thread: tools under messages, headlines of what folds, copy buttons of code. Only
// messages in sight have them; they are used again for others.
#pragma once

#include "ui/chat/message_tools.h"
#include "ui/chat/thread_row.h"
#include "ui/chat/wide_bar.h"

#include <QHash>
#include <QObject>
#include <QSet>

#include <functional>
#include <vector>

namespace switchyard {

class RowWidgetPool : public QObject {
    Q_OBJECT
  public:
    /// `viewport`: their parent; must outlive the pool.
    explicit RowWidgetPool(QWidget* viewport);

    struct State {
        bool busy = false;       ///< the chat is answering
        bool unanswered = false; ///< a question at the end
        bool draft = false;      ///< it was edited, and not saved
        bool edited = false;     ///< the editor stands in its place
    };
    /// Gives a laid-out message its widgets, and places them by `origin`, its top left in the viewport.
    void place(ThreadRow& row, const QPointF& origin, const State& state);
    /// Takes back the widgets of all messages but these.
    void keepOnly(const QSet<MessageId>& messages);
    /// Orders the Tab key as the eye goes over these messages.
    void orderTabs(const QList<MessageId>& messages) const;
    /// The buttons of these messages are drawn, and of the one that has the focus.
    void reveal(const std::function<bool(MessageId)>& wanted);

    MessageTools* tools(MessageId message) const { return used_.value(message).tools; }
    /// A message's own, in the order of the eye.
    QList<QWidget*> widgets(MessageId message) const;

  Q_SIGNALS:
    void triggered(switchyard::MessageAction action, switchyard::MessageId message);
    void modelsWanted(QMenu* menu, switchyard::MessageId message); ///< MessageTools
    void foldClicked(switchyard::MessageId message, int part);
    void codeCopyClicked(switchyard::MessageId message, int code); ///< index among LayoutSlots::codes

    void wideScrolled(switchyard::MessageId message, int wide, int to); ///< index among LayoutSlots::wides

  private:
    struct Widgets {
        MessageTools* tools = nullptr;
        std::vector<CalmButton*> folds, codes;
        std::vector<WideBar*> wides;
    };
    void placeTools(Widgets& widgets, ThreadRow& row, const QPointF& origin, const State& state);
    void placeFolds(Widgets& widgets, const ThreadRow& row, const QPointF& origin);
    void placeCodes(Widgets& widgets, const ThreadRow& row, const QPointF& origin, bool edited);
    void placeWides(Widgets& widgets, const ThreadRow& row, const QPointF& origin, bool edited);
    void takeBack(Widgets& widgets);
    CalmButton* makeFold();
    CalmButton* makeCodeButton();
    WideBar* makeWideBar();

    QWidget* viewport_;
    QHash<MessageId, Widgets> used_;
    std::vector<MessageTools*> spare_tools_;
    std::vector<CalmButton*> spare_folds_, spare_codes_;
    std::vector<WideBar*> spare_wides_;
};

} // namespace switchyard
