// The row under a message: what can be done with it, and the line of what was in force.
#pragma once

#include "ui/chat/calm_button.h"
#include "ui/chat/message_content.h"

#include <QLabel>
#include <QMenu>
#include <QVariantAnimation>
#include <QWidget>

namespace switchyard {

enum class MessageAction {
    Copy,     ///< as Markdown
    CopyText, ///< as it is shown
    Regenerate,
    RunAgain,
    Edit,
    PreviousBranch,
    NextBranch,
    Continue,
    Delete,
    ShowPrompt
};

class MessageTools : public QWidget {
    Q_OBJECT
  public:
    explicit MessageTools(QWidget* parent);

    /// Shows what fits this message. `busy`: the chat is answering, so nothing that asks again is offered.
    /// `unanswered`: a question without an answer under it. `draft`: it was changed and not saved.
    void bind(const MessageContent& content, bool busy, bool unanswered = false, bool draft = false);
    MessageId message() const { return message_; }
    /// Fades the buttons in or out.
    void setRevealed(bool revealed);
    bool revealed() const { return revealed_; }
    /// Hides the buttons at once: before the tools are used for another message.
    void conceal();
    /// Says for a moment that the text was copied.
    void confirmCopy();
    QString line() const { return line_; }

  Q_SIGNALS:
    void triggered(switchyard::MessageAction action, switchyard::MessageId message);
    /// The models that can answer again are to be put into this menu, which is about to show.
    void modelsWanted(QMenu* menu, switchyard::MessageId message);

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    CalmButton* addButton(const QString& icon, const QString& name, const QString& object_name,
                          MessageAction action);
    void showVersion(const MessageContent& content);
    void arrange();
    void setReveal(qreal reveal);

    MessageId message_ = 0;
    bool question_ = false, revealed_ = false;
    QString line_;
    CalmButton *copy_, *answer_, *regenerate_, *edit_, *previous_, *next_, *continue_, *delete_, *more_;
    QLabel *branch_, *run_line_;
    QAction *run_again_, *copy_text_, *copy_markdown_;
    QMenu* answer_with_;
    QVariantAnimation fade_;
};

} // namespace switchyard
