// The system prompt of the chat, over its thread: a line that says what it is, and unfolds into a field where
// it is written, chosen among named ones, and named.
#pragma once

#include "app/services/background.h"
#include "app/services/system_prompts.h"
#include "engine/text/template_traits.h"
#include "ui/chat/calm_button.h"

#include <QLabel>
#include <QTimer>
#include <QWidget>

#include <memory>
#include <optional>

class QLineEdit;
class QMenu;
class QStackedLayout;

namespace switchyard {

class PagedEdit;

class SystemPromptBar : public QWidget {
    Q_OBJECT
  public:
    /// The prompts must outlive it.
    explicit SystemPromptBar(SystemPrompts& prompts, QWidget* parent = nullptr);

    /// That of another chat. What was written for the one before is to be taken by flush() first.
    void showChat(const QString& text);
    /// It was changed elsewhere, in the chat that is shown.
    void setText(const QString& text);
    QString text() const;
    /// What the model makes of a system prompt.
    void setSystemRole(SystemRole role);
    /// The named one that new chats begin with; empty: none.
    void setNewChats(const QString& name);
    /// Tells of what was written and not told yet.
    void flush();
    /// What is being written is done, in this chat.
    void finish();
    void unfold(bool open);
    bool isUnfolded() const;
    /// Whether it is not known yet which named one this is.
    bool isLooking() const { return looking_; }
    PagedEdit* edit() const { return edit_; }

  Q_SIGNALS:
    /// A moment after typing pauses, or at once where another was chosen.
    void changed(const QString& text);
    /// The writer is done, and it is not what it was: for undo.
    void finished(const QString& before);
    void newChatsChosen(const QString& name); ///< new chats are to begin with this one; empty: with none
    void renamed(const QString& from, const QString& to);
    void deleted(const QString& name, const QString& text); ///< for undo

  protected:
    bool eventFilter(QObject* object, QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void buildHeader();
    void buildMenu();
    void fillMenu();
    void showStates();
    void lookForName();
    void setName(const QString& name, const QString& text);
    void choose(const QString& name);
    void save(const QString& name);
    void askName(bool rename);
    void takeName();
    void remove();
    void say(const QString& error);
    void showSummary();
    void fit();

    SystemPrompts& prompts_;
    QToolButton* header_;
    QLabel *summary_, *note_, *error_;
    QLineEdit* name_field_;
    QStackedLayout* line_;
    CalmButton* menu_button_;
    QMenu* menu_;
    PagedEdit* edit_;
    QWidget* body_;
    QTimer timer_;
    QString before_;    ///< as it was when the writer began
    QString name_;      ///< of the named one that was chosen or saved last in this chat
    QString named_;     ///< its text
    QString new_chats_; ///< named one of new chats
    bool renaming_ = false, showing_ = false, looking_ = false;
    int look_ = 0;                       ///< the latest one
    std::unique_ptr<Background> reader_; ///< of named ones; made with the first look
};

} // namespace switchyard
