// The text of one message for screen readers, which go through it by character, word, line and paragraph.
#pragma once

#include <QAccessible>
#include <QString>

#include <functional>

namespace switchyard {

/// Reading only: the caret is the reader's own and moves nothing on the screen.
class MessageTextAccessible : public QAccessibleTextInterface {
  public:
    struct Source {
        std::function<QString()> text;
        std::function<QRect()> rect;  ///< of the message, on the screen
        std::function<void()> reveal; ///< brings it into sight
    };
    explicit MessageTextAccessible(Source source) : source_(std::move(source)) {}

    void selection(int index, int* start, int* end) const override;
    int selectionCount() const override { return 0; }
    void addSelection(int, int) override {}
    void removeSelection(int) override {}
    void setSelection(int, int, int) override {}
    int cursorPosition() const override;
    void setCursorPosition(int position) override;
    QString text(int start, int end) const override;
    int characterCount() const override;
    /// The message's own: where its letters stand is known only while it is laid out.
    QRect characterRect(int offset) const override;
    int offsetAtPoint(const QPoint& point) const override;
    void scrollToSubstring(int start, int end) override;
    QString attributes(int offset, int* start, int* end) const override;

  private:
    Source source_;
    int caret_ = 0;
};

} // namespace switchyard
