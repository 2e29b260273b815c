// Export and import as the user does them: the dialogs, the progress, and what is said at the end.
#pragma once

#include "app/services/transfer/chat_transfer.h"

#include <QElapsedTimer>
#include <QObject>

namespace switchyard {

class ChatController;
class ChatPage;
class WindowActions;

class ChatFiles : public QObject {
    Q_OBJECT
  public:
    /// All must outlive it; `parent` is in the window.
    ChatFiles(ChatTransfer& transfer, ChatController& controller, ChatPage& page, WindowActions& actions,
              QWidget* parent);

  Q_SIGNALS:
    void problem(const QString& sentence); ///< that has to be read
    void wanted();                         ///< there is something to be seen on the page

  private:
    ConversationId chosen() const; ///< what "Export chat" is about; 0: nothing
    void showActions();
    void askForFile(const QList<ConversationId>& chats, const QString& name);
    void exportTo(const QString& file, const QString& filter, const QList<ConversationId>& chats);
    void askWhatToImport();
    void importFiles(const QStringList& files);
    void showProgress(double share, bool exporting);
    void endProgress();
    void showExported(const ExportResult& result);
    void showImported(const ImportResult& result);
    QWidget* window() const;

    ChatTransfer& transfer_;
    ChatController& controller_;
    ChatPage& page_;
    WindowActions& actions_;
    QString folder_; ///< where a file was chosen last
    QElapsedTimer since_, said_;
    QString progress_; ///< what was said of it last; empty: nothing
};

} // namespace switchyard
