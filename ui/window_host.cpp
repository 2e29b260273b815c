#include "ui/window_host.h"

#include "ui/language.h"

#include <QApplication>

namespace switchyard {

WindowHost::WindowHost(const WindowServices& services, QObject* parent)
    : QObject(parent), services_(services),
      loading_(services_.model, services_.devices, services_.controller) {
    make();
    connect(window_.get(), &MainWindow::firstPainted, this, &WindowHost::firstPainted);
    // Later: who chose the language is a part of the window.
    connect(
        &services_.settings, &Settings::changed, this,
        [this](Setting setting) {
            if (setting == Setting::Language)
                makeAnew();
        },
        Qt::QueuedConnection);
}

WindowHost::~WindowHost() = default;

void WindowHost::make() {
    window_ = std::make_unique<MainWindow>(services_, loading_);
    connect(window_.get(), &MainWindow::closed, this, &WindowHost::closed);
    connect(window_.get(), &MainWindow::aboutToSave, this, &WindowHost::aboutToSave);
}

void WindowHost::makeAnew() {
    if (window_->isEnding())
        return;
    const bool shown = window_->isVisible();
    const MainWindow::State state = window_->takeState();
    window_.reset(); // before its successor listens to the same services
    installLanguage(*QCoreApplication::instance(), services_.settings.get<Setting::Language>());
    make();
    // Those that it says once have been said.
    services_.controller.openChat(services_.controller.current());
    window_->restore(state);
    loading_.sayAgain();
    if (shown)
        window_->show();
}

} // namespace switchyard
