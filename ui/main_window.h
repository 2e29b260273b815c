// The main window: the rail with its pages, the Chat page's columns, menus and status bar. It joins widgets
// and services and holds no logic of either.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/model_library.h"
#include "app/services/paths.h"
#include "app/services/presets.h"
#include "app/services/settings.h"

#include <QMainWindow>
#include <QPointer>
#include <QTimer>

class QStackedWidget;

namespace switchyard {

class ChatColumns;
class ChatPage;
class ClosingGuard;
class InsightPanel;
class KeysWindow;
class ModelLoading;
class ModelPicker;
class ModelsPage;
class NoticeBanner;
class Rail;
class SettingsPage;
class StatusLine;
class ThemeManager;
class TuneColumn;
class WindowActions;

/// What the window works with; all must outlive it.
struct WindowServices {
    Settings& settings;
    Generator& generator;
    ModelLibrary& library;
    ChatController& controller;
    Presets& presets;
    ThemeManager& theme;
    Paths paths;
};

class MainWindow : public QMainWindow {
    Q_OBJECT
  public:
    enum Page { Chat, Models, SettingsPageIndex };

    explicit MainWindow(const WindowServices& services, QWidget* parent = nullptr);
    ~MainWindow() override;

    void loadModel(const QString& path);
    void showPage(int page);
    void raiseWindow();
    /// Sends the prompt in a new chat; without a model it waits in the composer.
    void ask(const QString& prompt);
    /// Puts the prompt into the composer of a new chat.
    void propose(const QString& prompt);
    /// Ends as by Ctrl+Q, but without a question and within some seconds: closed() follows.
    void closeForSystem();
    /// Writes everything and waits for it, some seconds at most: the system may end the process next.
    void saveForSession();

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
    void connectActions();
    void connectModel();
    void connectTuning();
    void connectChat();
    void connectInsight();
    void openModelFile();
    void carve();
    void showModel();
    void showRun();
    void showThreadInInsight();
    void showTitle();
    void changeFontSize(int step);
    void showKeys();
    void showAbout();
    void rememberLayout();
    void saveAll();

    WindowServices services_;
    WindowActions* actions_;
    Rail* rail_;
    QStackedWidget* pages_;
    ChatColumns* columns_;
    ChatPage* chat_;
    ModelPicker* picker_;
    TuneColumn* tune_;
    InsightPanel* insight_;
    ModelsPage* models_;
    SettingsPage* settings_page_;
    StatusLine* status_;
    NoticeBanner* banner_;
    ClosingGuard* closing_;
    QTimer layout_timer_; ///< after the window was moved or resized
    QPointer<KeysWindow> keys_;
    ModelLoading* loading_;
    bool painted_ = false;
};

} // namespace switchyard
