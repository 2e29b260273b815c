// The main window: the pages with their rail, menus, status bar, and its own size and end. What a page shows
// and does is the page's.
#pragma once

#include "ui/window_services.h"

#include <QMainWindow>
#include <QPointer>
#include <QTimer>

namespace switchyard {

class ChatsPage;
class ClosingGuard;
class KeysWindow;
class ModelLoading;
class ModelsPage;
class NoticeBanner;
class Page;
class PageStack;
class StatusLine;
class WindowActions;

class MainWindow : public QMainWindow {
    Q_OBJECT
  public:
    /// Both must outlive it.
    MainWindow(const WindowServices& services, ModelLoading& loading, QWidget* parent = nullptr);

    void loadModel(const QString& path);
    void raiseWindow();
    /// Sends the prompt in a new chat; without a model it waits in the composer.
    void ask(const QString& prompt);
    /// Puts the prompt into the composer of a new chat.
    void propose(const QString& prompt);
    /// Ends as by Ctrl+Q, but without a question and within some seconds: closed() follows.
    void closeForSystem();
    /// Writes everything and waits for it, some seconds at most: the system may end the process next.
    void saveForSession();

    /// What a window that takes this one's place goes on with, beside what settings and services keep.
    struct State {
        QString page; ///< its name
        QStringList notices;
    };
    /// Keeps size, columns and what is unsent, too.
    State takeState();
    void restore(const State& state);
    bool isEnding() const; ///< it was closed, and waits for the disk

  Q_SIGNALS:
    void firstPainted();
    void closed(); ///< nothing is left to be saved: the program may end
    /// What is unsent is about to be kept: who holds words yet hands them over.
    void aboutToSave();

  protected:
    void closeEvent(QCloseEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void moveEvent(QMoveEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void buildPages();
    void addFinding(ModelsPage& models);
    void connectActions();
    void openModelFile();
    void showTitle();
    void changeFontSize(int step);
    void showFontSize();
    void showKeys();
    void showAbout();
    void rememberLayout();
    void saveAll();

    WindowServices services_;
    WindowActions* actions_;
    ModelLoading& loading_;
    NoticeBanner* banner_;
    PageStack* pages_;
    ChatsPage* chats_;
    StatusLine* status_;
    ClosingGuard* closing_;
    QTimer layout_timer_; ///< after the window was moved or resized
    QPointer<KeysWindow> keys_;
    bool painted_ = false;
};

} // namespace switchyard
