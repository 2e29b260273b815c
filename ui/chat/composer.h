// Where the user writes: grows with the text, takes files, counts tokens, sends or stops.
#pragma once

#include "app/services/background.h"
#include "app/services/conversation.h"
#include "ui/chat/calm_button.h"

#include <QHash>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPointer>
#include <QPushButton>
#include <QScrollArea>
#include <QTimer>
#include <QWidget>

#include <functional>
#include <limits>
#include <memory>
#include <vector>

namespace switchyard {

/// The files of this machine among what is pasted or dropped.
QStringList localFiles(const QMimeData* source);

/// The text field. A composition of an input method is never sent, whatever key ends it.
class ComposerEdit : public QPlainTextEdit {
    Q_OBJECT
  public:
    explicit ComposerEdit(QWidget* parent);
    void setEnterSends(bool on) { enter_sends_ = on; }
    bool enterSends() const { return enter_sends_; }
    bool composing() const { return composing_; } ///< an input method is at work

    /// Asked before an edit is taken back: true where it took back something else, done after that edit.
    void setTakeBack(std::function<bool()> take_back) { take_back_ = std::move(take_back); }

  Q_SIGNALS:
    void sendRequested();
    void escapePressed();
    void filesDropped(const QStringList& paths);
    /// More than the field can take was pasted, dropped or committed; it is not in the field.
    void longTextPasted(const QString& text);
    void zoomRequested(int step);
    void nothingToUndo(); ///< it was asked for, and nothing was typed here

  protected:
    void keyPressEvent(QKeyEvent* event) override;
    void inputMethodEvent(QInputMethodEvent* event) override;
    bool canInsertFromMimeData(const QMimeData* source) const override;
    void insertFromMimeData(const QMimeData* source) override;

  private:
    bool fitsHere(const QString& text) const;

    std::function<bool()> take_back_;
    bool enter_sends_ = true;
    bool composing_ = false;
};

class Composer : public QWidget {
    Q_OBJECT
  public:
    /// Counts the tokens of a text; the answer comes later, -1: not known.
    using TokenCounter = std::function<void(const QString&, std::function<void(int)>)>;

    explicit Composer(QWidget* parent = nullptr);

    void setTokenCounter(TokenCounter counter);
    /// Tokens the thread holds already, and all there are; total 0: not known, nothing is shown.
    void setContext(int used, int total);
    /// A sentence on what sending would do to a context that is nearly full, and what to do otherwise; empty:
    /// none.
    void setContextNotice(const QString& sentence, const QString& choice);
    /// Counts again: another model was loaded.
    void recount();
    /// An answer streams: Send becomes Stop.
    void setGenerating(bool generating);
    bool generating() const { return generating_; }
    void setEnterSends(bool on);
    void setReady(bool ready, const QString& hint); ///< not ready: sending is off, and says why
    void setStopTip(const QString& tip);            ///< of the button while it stops
    bool canSend() const { return can_send_; }      ///< there is something to send, and it can be sent now

    QString text() const;
    void setText(const QString& text); ///< a draft; emits no draftChanged
    /// Puts `text` in place of what is there, as an edit that Ctrl+Z takes back.
    void replaceText(const QString& text);
    void clear();
    /// Shows the draft of another chat. What is being read for the chat before is told by fileRead().
    void showChat(ConversationId chat, const QString& text, const QList<MessagePart>& files);
    /// The chat that is shown was begun: it has an id now.
    void chatBegan(ConversationId chat) { *chat_ = chat; }
    /// Puts an earlier draft before what is there.
    void prepend(const Draft& earlier);
    /// Tells a draft that was not told yet: before another chat is shown.
    void flushDraft();
    QList<MessagePart> files() const { return files_; }
    /// What reads PDF and office files (app/services/document_reader.h).
    void setDocumentProgram(const QString& program) { document_program_ = program; }
    /// Reads text files, and the text of PDF and office files, in the background; others are refused with a
    /// sentence. They belong to the chat that is shown now.
    void addFiles(const QStringList& paths) { addFiles(paths, chat_); }
    /// The one way to send, for Enter, the button and the menu: refuses with a sentence while an answer runs
    /// or there is no model, and waits for files that are being read.
    void send();
    /// A sentence over the field, until the next key; empty: none.
    void say(const QString& sentence);
    /// It is no higher than so many pixels, where one line and one file can be seen in them.
    void setRoom(int pixels);
    void setFontPoints(qreal points);
    ComposerEdit* edit() const { return edit_; }
    int draftTokens() const { return draft_tokens_; }

  Q_SIGNALS:
    void sendRequested(const QString& text, const QList<switchyard::MessagePart>& files);
    void stopRequested();
    void draftCounted();           ///< draftTokens() are those of what is written now
    void contextChoiceTriggered(); ///< the choice of the notice on the context
    void canSendChanged();
    /// A moment after typing pauses or the files changed: text() and files() are to be kept.
    void draftChanged(const QString& text);
    /// A file that was read for a chat which is not shown any more.
    void fileRead(switchyard::ConversationId chat, const switchyard::MessagePart& file);
    void zoomRequested(int step);
    void escapePressed();
    void nothingToUndo(); ///< Undo was asked for, and nothing was typed

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* object, QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

  private:
    using Chat = std::shared_ptr<ConversationId>; ///< follows when a new chat gets its id
    void addFiles(const QStringList& paths, const Chat& chat);
    struct ReadFiles {
        QList<MessagePart> files;
        QStringList encodings; ///< of the files; "": nothing to be said
        QStringList problems;  ///< a sentence a file that could not be read
    };
    static ReadFiles readFiles(const QStringList& paths, const QString& document_program,
                               const std::stop_token& stop);
    void attach(const QString& text);
    bool takeBackPasted();
    MessagePart pastedPart(const QString& text) const;
    void takeRead(const Chat& chat, const ReadFiles& read);
    bool isReading() const; ///< files for the chat that is shown
    void chooseFiles();
    void fit();
    int chromeHeight() const;
    void updateButton();
    void updateCounter();
    void count();
    void countFiles();
    void showFileTokens(qsizetype file, int tokens);
    void showFiles();
    int fileRowHeight() const;
    void fitFiles();
    void filesChanged();

    ComposerEdit* edit_;
    CalmButton *attach_, *send_;
    QLabel *counter_, *notice_, *context_;
    QWidget *file_row_, *context_line_;
    QPushButton* context_choice_;
    QList<QLabel*> file_labels_; ///< of the files, in their order
    QScrollArea* file_area_;
    TokenCounter count_tokens_;
    QTimer count_timer_, draft_timer_;
    QList<MessagePart> files_;
    QHash<QString, QString> read_as_; ///< encodings of files, by name; "": nothing to be said
    Chat chat_ = std::make_shared<ConversationId>(0);
    /// The text pasted last as a file, and the field's state then: undo takes it back while that lasts.
    QString pasted_;
    int pasted_revision_ = -1;
    std::vector<Chat> reading_; ///< that lists of files are being read for
    bool send_when_read_ = false;
    int room_ = std::numeric_limits<int>::max();
    int used_ = 0, total_ = 0, draft_tokens_ = 0, count_serial_ = 0, file_serial_ = 0;
    bool generating_ = false, ready_ = true, loading_draft_ = false, can_send_ = false;
    QString not_ready_, stop_tip_, document_program_;
    std::unique_ptr<Background> reader_; ///< of files; made with the first
};

} // namespace switchyard
