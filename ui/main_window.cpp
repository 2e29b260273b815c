#include "ui/main_window.h"

#include "ui/answer_notices.h"
#include "ui/chat/field_text.h"
#include "ui/chats_page.h"
#include "ui/closing_guard.h"
#include "ui/download_row.h"
#include "ui/first_model.h"
#include "ui/hub_settings.h"
#include "ui/keys_window.h"
#include "ui/model_loading.h"
#include "ui/models/find_models.h"
#include "ui/models/models_page.h"
#include "ui/notice_banner.h"
#include "ui/page_stack.h"
#include "ui/plain_text.h"
#include "ui/settings_page.h"
#include "ui/status_line.h"
#include "ui/theme.h"
#include "ui/window_actions.h"

#include <QApplication>
#include <QCloseEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenuBar>
#include <QMessageBox>
#include <QScreen>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kLayoutSettlesMs = 400;

/// As large as is comfortable, and never larger than what the screen has beside its panels.
QSize firstSize(const QScreen* screen) {
    constexpr QSize kComfortable(1320, 860), kFrame(16, 48);
    return screen ? kComfortable.boundedTo(screen->availableSize() - kFrame) : kComfortable;
}
} // namespace

MainWindow::MainWindow(const WindowServices& services, ModelLoading& loading, QWidget* parent)
    : QMainWindow(parent), services_(services), loading_(loading) {
    boundLineFields();
    setObjectName(u"window"_s);
    setWindowIcon(QIcon(u":/icons/switchyard.svg"_s));
    setMinimumSize(760, 480);
    actions_ = new WindowActions(*this);
    buildPages();
    connectActions();
    actions_->fill(*menuBar());

    closing_ = new ClosingGuard(services_.controller, *this);
    connect(closing_, &ClosingGuard::ended, this, &MainWindow::closed);
    connect(&services_.controller, &ChatController::threadChanged, this, &MainWindow::showTitle);
    connect(&services_.controller.list(), &ChatListService::changed, this, &MainWindow::showTitle);
    showTitle();
    layout_timer_.setSingleShot(true);
    layout_timer_.setInterval(kLayoutSettlesMs);
    connect(&layout_timer_, &QTimer::timeout, this, &MainWindow::rememberLayout);
    if (!restoreGeometry(services_.settings.get<Setting::Geometry>()))
        resize(firstSize(screen()));
    pages_->current()->firstFocus()->setFocus();
}

void MainWindow::buildPages() {
    status_ = new StatusLine(services_.model, services_.devices, services_.controller, services_.jobs,
                             services_.downloads, this);
    setStatusBar(status_);
    banner_ = new NoticeBanner(this);
    pages_ = new PageStack(*actions_, banner_, this);
    connect(pages_, &PageStack::changed, this, [this](Page* page) { status_->setPart(page->statusPart()); });
    setCentralWidget(pages_);

    chats_ = new ChatsPage(services_, *actions_, loading_);
    auto* models = new ModelsPage(services_.library, services_.settings, (*actions_)[Act::OpenModel],
                                  services_.paths.models);
    addFinding(*models);
    auto* settings = new SettingsPage(services_.settings, services_.prompts, services_.paths);
    settings->append(new HubSettings(services_.settings, services_.hub));
    pages_->add(chats_);
    pages_->add(models);
    pages_->add(settings);
    auto* notices = new AnswerNotices(services_.controller, services_.settings, *chats_, *pages_, this);
    connect(notices, &AnswerNotices::showRequested, chats_, &ChatsPage::openChat);
    connect(chats_, &ChatsPage::problem, banner_, &NoticeBanner::add);
    connect(models, &ModelsPage::loadRequested, &loading_, &ModelLoading::load);
    models->follow(services_.model, services_.devices);
    chats_->setOtherModels({&(*actions_)[Act::OpenModel], pages_->action(models)});
}

void MainWindow::addFinding(ModelsPage& models) {
    models.addFinding({services_.hub, services_.downloads, services_.library, services_.settings,
                       services_.paths.models, services_.paths.data + u"/speeds.json"_s});
    models.setOffer(new FirstModel(services_.downloads, services_.library, services_.model,
                                   services_.paths.models, u"models.first"_s));
    auto* fetching = new DownloadList(services_.downloads, u"models.download"_s, true);
    models.setBelow(fetching);
    connect(fetching, &DownloadList::loadRequested, &loading_, &ModelLoading::load);
}

void MainWindow::connectActions() {
    const auto on = [this](Act act, auto slot) {
        connect(&(*actions_)[act], &QAction::triggered, this, slot);
    };
    on(Act::OpenModel, &MainWindow::openModelFile);
    on(Act::Quit, [this] { close(); });
    on(Act::Larger, [this] { changeFontSize(+1); });
    on(Act::Smaller, [this] { changeFontSize(-1); });
    on(Act::NormalSize, [this] { changeFontSize(0); });
    on(Act::Keys, &MainWindow::showKeys);
    on(Act::About, &MainWindow::showAbout);
    connect(&services_.settings, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::FontSize)
            showFontSize();
    });
    showFontSize();
}

void MainWindow::raiseWindow() {
    setWindowState((windowState() & ~Qt::WindowMinimized) | Qt::WindowActive);
    show();
    raise();
    activateWindow();
}

void MainWindow::ask(const QString& prompt) { chats_->ask(prompt); }

void MainWindow::propose(const QString& prompt) { chats_->propose(prompt); }

void MainWindow::loadModel(const QString& path) { loading_.load(path); }

void MainWindow::changeFontSize(int step) {
    int points = 0;
    if (step != 0)
        points = std::clamp(QApplication::font().pointSize() + step, kSmallestFont, kLargestFont);
    services_.settings.set<Setting::FontSize>(points);
    services_.theme.setFontSize(points);
    showFontSize();
}

void MainWindow::showFontSize() {
    const int points = QApplication::font().pointSize();
    (*actions_)[Act::Larger].setEnabled(points < kLargestFont);
    (*actions_)[Act::Smaller].setEnabled(points > kSmallestFont);
    (*actions_)[Act::NormalSize].setEnabled(services_.settings.get<Setting::FontSize>() != 0);
}

void MainWindow::openModelFile() {
    const QString last = services_.settings.get<Setting::LastModel>();
    auto* dialog = new QFileDialog(this, tr("Open a model file"),
                                   last.isEmpty() ? services_.paths.models : QFileInfo(last).path(),
                                   tr("Models (*.gguf)"));
    dialog->setObjectName(u"dialog.openModel"_s);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, &loading_, &ModelLoading::load);
    dialog->open();
}

void MainWindow::showTitle() {
    const QString& title = services_.controller.conversation().summary.title;
    setWindowTitle(title.isEmpty() ? u"Switchyard"_s : titleText(title) + u" – Switchyard"_s);
}

void MainWindow::showKeys() {
    if (!keys_)
        keys_ = new KeysWindow(actions_->withKeys(), this);
    keys_->show();
    keys_->raise();
}

void MainWindow::showAbout() {
    QMessageBox* box =
        plainBox(QMessageBox::NoIcon, tr("About Switchyard"),
                 u"Switchyard %1"_s.arg(QApplication::applicationVersion()),
                 tr("Chat with mixture-of-experts models and tune them while they talk. Everything "
                    "runs on this machine. The network is asked only for models that you search for or "
                    "download.\n\nGPL-3.0-or-later."),
                 this);
    box->setModal(false);
    box->setIconPixmap(windowIcon().pixmap(64, 64));
    box->show();
}

// ---- The window itself ----

void MainWindow::paintEvent(QPaintEvent* event) {
    QMainWindow::paintEvent(event);
    if (painted_)
        return;
    painted_ = true;
    // After the children have painted too.
    QMetaObject::invokeMethod(this, &MainWindow::firstPainted, Qt::QueuedConnection);
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    layout_timer_.start();
}

void MainWindow::moveEvent(QMoveEvent* event) {
    QMainWindow::moveEvent(event);
    layout_timer_.start();
}

void MainWindow::changeEvent(QEvent* event) {
    QMainWindow::changeEvent(event);
    if (event->type() == QEvent::WindowStateChange)
        layout_timer_.start();
    if (event->type() == QEvent::FontChange)
        showFontSize();
}

void MainWindow::rememberLayout() {
    layout_timer_.stop();
    chats_->rememberLayout();
    services_.settings.set<Setting::Geometry>(saveGeometry());
}

void MainWindow::saveAll() {
    Q_EMIT aboutToSave();
    rememberLayout();
    chats_->keepUnsent();
    services_.controller.saveRuns();
}

MainWindow::State MainWindow::takeState() {
    rememberLayout();
    chats_->keepUnsent();
    return {pages_->current()->sign().name, banner_->sentences()};
}

void MainWindow::restore(const State& state) {
    pages_->show(state.page);
    for (const QString& notice : state.notices)
        banner_->add(notice);
}

bool MainWindow::isEnding() const { return closing_->begun(); }

void MainWindow::saveForSession() {
    saveAll();
    constexpr int kLongest = 3000; // ms; the session waits for us
    services_.controller.waitSaved(kLongest);
}

void MainWindow::closeForSystem() { closing_->beginForSystem(); }

void MainWindow::closeEvent(QCloseEvent* event) {
    for (const ConversationSummary& chat : services_.controller.list().chats()) {
        if (chat.generating)
            services_.controller.stop(chat.id);
    }
    services_.controller.chat().stop();
    saveAll();
    event->setAccepted(closing_->begin());
}

} // namespace switchyard
