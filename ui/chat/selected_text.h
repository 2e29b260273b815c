// What was selected in the thread, for the clipboard: plain text that is made in short steps, or at once
// where somebody asks for it earlier.
#pragma once

#include "ui/chat/message_layout.h"

#include <QMimeData>
#include <QTimer>

#include <memory>
#include <optional>
#include <vector>

namespace switchyard {

/// One message's part of a selection.
struct SelectedMessage {
    /// `laid_out`: where it is so already, whole, and nobody changes its text; else nullptr.
    SelectedMessage(const MessageContent& message, const std::set<int>& open, const LayoutRange& range,
                    std::shared_ptr<MessageLayout> laid_out);
    std::shared_ptr<MessageLayout> layout;
    MessageContent content; ///< else its texts as they were: the thread may change meanwhile
    std::set<int> open;     ///< parts that fold, and were to be seen
    LayoutRange range;
};

class SelectedText : public QMimeData {
    Q_OBJECT
  public:
    SelectedText(std::vector<SelectedMessage> messages, const ChatStyle& style);
    ~SelectedText() override;

    bool hasFormat(const QString& type) const override;
    QStringList formats() const override;
    /// All of it, at once.
    QString whole();

  protected:
    QVariant retrieveData(const QString& type, QMetaType preferred) const override;

  private:
    void work();
    bool step();
    bool readFurther();

    std::vector<SelectedMessage> messages_;
    ChatStyle style_;
    std::size_t at_ = 0;                 ///< the message that is read
    std::vector<TextStretch> stretches_; ///< of it, once it is laid out
    std::size_t stretch_ = 0;
    std::optional<PlainTextReader> reader_;
    QString piece_; ///< of the stretch
    QString text_;
    QTimer timer_;
};

} // namespace switchyard
