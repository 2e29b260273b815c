// What the command line asks the window to do after it is shown: load a model, send a prompt, save a picture,
// end.
#pragma once

#include "app/desktop/options.h"
#include "ui/main_window.h"

#include <QObject>

namespace switchyard {

class Errand : public QObject {
    Q_OBJECT
  public:
    Errand(const DesktopOptions& options, const WindowServices& services, MainWindow& window);

    /// Once the window is painted.
    void begin();
    int exitCode() const { return exit_code_; }

  private:
    void pickModel();
    void modelChanged(ModelState state, const QString& error);
    void runChanged(ConversationId id);
    void finish();

    DesktopOptions options_;
    WindowServices services_;
    MainWindow& window_;
    bool picked_ = false, asked_ = false, answering_ = false, done_ = false;
    int exit_code_ = 0;
};

} // namespace switchyard
