// What the command line asks the window to do after it is shown: load a model, send a prompt, save a picture,
// end; with no wish of its own, the chat that was shown last. And what a second start asks of it.
#pragma once

#include "app/desktop/options.h"
#include "app/services/last_chat.h"
#include "app/services/single_instance.h"
#include "ui/window_host.h"

#include <QObject>

#include <vector>

namespace switchyard {

class Errand : public QObject {
    Q_OBJECT
  public:
    Errand(const DesktopOptions& options, const WindowServices& services, WindowHost& host);

    /// Once the window is painted.
    void begin();
    /// From a second start: shows the window, loads the model and then sends the prompt in a new chat.
    void take(const StartRequest& request);
    int exitCode() const { return exit_code_; }

  private:
    void pickModel();
    void modelChanged(ModelState state, const QString& error);
    void runChanged(ConversationId id);
    void finish();
    void sendWaiting(const QString& refused = {});
    void keepWords();

    /// A prompt of a second start, until its model is there.
    struct Waiting {
        QString prompt, model; ///< model: empty: whichever there is
    };

    DesktopOptions options_;
    WindowServices services_;
    WindowHost& host_;
    LastChat last_chat_;
    std::vector<Waiting> waiting_;
    ConversationId own_chat_ = 0; ///< where the command line's own prompt was sent
    bool picked_ = false, asked_ = false, answering_ = false, done_ = false;
    int exit_code_ = 0;
};

} // namespace switchyard
