// The main window for as long as the program runs: in another language it is made anew, at the same place and
// with the same chat, page and unsent words. Whoever asks something of the window asks for it here each time.
#pragma once

#include "ui/main_window.h"
#include "ui/model_loading.h"

#include <memory>

namespace switchyard {

class WindowHost : public QObject {
    Q_OBJECT
  public:
    /// All services must outlive the host. The window speaks the language that is installed.
    explicit WindowHost(const WindowServices& services, QObject* parent = nullptr);
    ~WindowHost() override;

    MainWindow& window() { return *window_; }

  Q_SIGNALS:
    // Of the window that is there, as MainWindow has them.
    void firstPainted(); ///< of the first one only
    void closed();
    void aboutToSave();

  private:
    void make();
    void makeAnew();

    WindowServices services_;
    ModelLoading loading_; ///< goes on whatever the window speaks
    std::unique_ptr<MainWindow> window_;
};

} // namespace switchyard
