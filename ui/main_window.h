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

class QLabel;
class QStackedWidget;

namespace switchyard {

class ChatColumns;
class ChatPage;
class InsightPanel;
class KeysWindow;
class ModelPicker;
class ModelsPage;
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

  Q_SIGNALS:
    void firstPainted();
    void closed();

  protected:
    void closeEvent(QCloseEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

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
    void changeFontSize(int step);
    void showKeys();
    void showAbout();
    void say(const QString& sentence);

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
    QWidget* banner_;
    QLabel* banner_text_;
    QPointer<KeysWindow> keys_;
    QString loading_; ///< the model being loaded
    bool painted_ = false;
};

} // namespace switchyard
