#include "ui/main_window.h"

#include "app/services/context_used.h"
#include "ui/chat/chat_page.h"
#include "ui/chat/field_text.h"
#include "ui/chat_columns.h"
#include "ui/closing_guard.h"
#include "ui/insight/insight_panel.h"
#include "ui/keys_window.h"
#include "ui/model_loading.h"
#include "ui/models/model_picker.h"
#include "ui/models/models_page.h"
#include "ui/notice_banner.h"
#include "ui/plain_text.h"
#include "ui/rail.h"
#include "ui/settings_page.h"
#include "ui/status_line.h"
#include "ui/theme.h"
#include "ui/tuning/tune_column.h"
#include "ui/window_actions.h"

#include <QApplication>
#include <QCloseEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMessageBox>
#include <QScreen>
#include <QStackedWidget>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kLayoutSettlesMs = 400;

/// A chat that is not begun yet starts with the preset that is chosen, but for the weights, which are all
/// chats'.
void beginWithPreset(const WindowServices& services) {
    ChatController& controller = services.controller;
    if (controller.current() != 0 || services.generator.modelState() != ModelState::Ready)
        return;
    const std::optional<Tuning> preset = services.presets.load(services.settings.get<Setting::Preset>());
    Tuning tuning = controller.tuning();
    if (!preset || tuning.sequence != services.generator.capabilities().defaults.sequence)
        return; // a dial was moved while the model loaded
    tuning.sequence = preset->sequence;
    controller.setTuning(tuning);
}

/// As large as is comfortable, and never larger than what the screen has beside its panels.
QSize firstSize(const QScreen* screen) {
    constexpr QSize kComfortable(1320, 860), kFrame(16, 48);
    return screen ? kComfortable.boundedTo(screen->availableSize() - kFrame) : kComfortable;
}
} // namespace

MainWindow::MainWindow(const WindowServices& services, QWidget* parent)
    : QMainWindow(parent), services_(services) {
    boundLineFields();
    setObjectName(u"window"_s);
    setWindowTitle(u"Switchyard"_s);
    setWindowIcon(QIcon(u":/icons/switchyard.svg"_s));
    setMinimumSize(760, 480);
    actions_ = new WindowActions(*this);
    buildPages();
    status_ = new StatusLine(this);
    setStatusBar(status_);

    connectActions();
    connectModel();
    connectTuning();
    connectChat();
    connectInsight();

    closing_ = new ClosingGuard(services_.controller, *this);
    connect(closing_, &ClosingGuard::ended, this, &MainWindow::closed);
    layout_timer_.setSingleShot(true);
    layout_timer_.setInterval(kLayoutSettlesMs);
    connect(&layout_timer_, &QTimer::timeout, this, &MainWindow::rememberLayout);
    if (!restoreGeometry(services_.settings.get<Setting::Geometry>()))
        resize(firstSize(screen()));
    services_.controller.setBeginning([this](Tuning tuning) {
        if (const auto preset = services_.presets.load(services_.settings.get<Setting::Preset>()))
            tuning.sequence = preset->sequence;
        return tuning;
    });
    showPage(Chat);
    picker_->setModels(services_.library.models());
    showModel();
    tune_->setTuning(services_.controller.tuning());
    showThreadInInsight();
    chat_->focusComposer();
}

MainWindow::~MainWindow() {
    services_.controller.setBeginning([](const Tuning& tuning) { return tuning; });
}

void MainWindow::buildPages() {
    picker_ = new ModelPicker(this);
    chat_ = new ChatPage(services_.controller, services_.generator, services_.settings, this);
    insight_ = new InsightPanel(this);
    tune_ = new TuneColumn(controls(), services_.presets, services_.settings, this);
    models_ = new ModelsPage(services_.library, services_.settings, services_.paths.models, this);
    settings_page_ = new SettingsPage(services_.settings, services_.paths, this);

    banner_ = new NoticeBanner(this);
    columns_ = new ChatColumns(services_.settings, picker_, chat_->list(), chat_, insight_, tune_, this);
    pages_ = new QStackedWidget(this);
    pages_->addWidget(columns_);
    pages_->addWidget(models_);
    pages_->addWidget(settings_page_);
    rail_ = new Rail(this);
    rail_->addPage(u"chat"_s, u"chat"_s, tr("Chat"), tr("Chat with the model (Ctrl+1)"));
    rail_->addPage(u"models"_s, u"models"_s, tr("Models"), tr("The models on this machine (Ctrl+2)"));
    rail_->addStretch();
    rail_->addPage(u"settings"_s, u"settings"_s, tr("Settings"), tr("Settings (Ctrl+,)"));
    connect(rail_, &Rail::chosen, this, &MainWindow::showPage);

    auto* content = new QWidget(this);
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(banner_);
    column->addWidget(pages_, 1);
    auto* centre = new QWidget(this);
    auto* layout = new QHBoxLayout(centre);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(rail_);
    layout->addWidget(content, 1);
    setCentralWidget(centre);
}

// ---- Menus and keys ----

void MainWindow::connectActions() {
    const WindowActions& a = *actions_;
    const auto on = [this, &a](const QString& name, auto slot) {
        connect(&a[name], &QAction::triggered, this, slot);
    };
    const auto on_chat = [this, &on](const QString& name, auto slot) {
        on(name, [this, slot] {
            showPage(Chat);
            slot();
        });
    };
    on_chat(u"new"_s, [this] { chat_->newChat(); });
    on_chat(u"undo"_s, [this] { chat_->undoDelete(); });
    const auto undoable = [this] { (*actions_)[u"undo"_s].setEnabled(services_.controller.canUndo()); };
    connect(&services_.controller, &ChatController::undoChanged, this, undoable);
    undoable();
    on_chat(u"find_chat"_s, [this] {
        columns_->showList(true);
        chat_->focusSearch();
    });
    on_chat(u"find"_s, [this] { chat_->openFind(); });
    on_chat(u"send"_s, [this] { chat_->send(); });
    on_chat(u"composer"_s, [this] { chat_->focusComposer(); });
    on_chat(u"regenerate"_s, [this] { chat_->regenerateLast(); });
    on_chat(u"edit_last"_s, [this] { chat_->editLastQuestion(); });
    on_chat(u"previous_branch"_s, [this] { chat_->switchBranch(-1); });
    on_chat(u"next_branch"_s, [this] { chat_->switchBranch(+1); });
    on(u"stop"_s, [this] { chat_->handleEscape(); });
    on(u"copy_answer"_s, [this] { chat_->copyLastAnswer(); });
    on(u"open_model"_s, [this] { openModelFile(); });
    on(u"settings"_s, [this] { showPage(SettingsPageIndex); });
    on(u"page_chat"_s, [this] { showPage(Chat); });
    on(u"page_models"_s, [this] { showPage(Models); });
    on(u"quit"_s, [this] { close(); });
    on(u"list"_s, [this](bool shown) { columns_->showList(shown); });
    on(u"tune"_s, [this](bool shown) { columns_->showTune(shown); });
    on(u"insight"_s, [this](bool shown) { columns_->showInsight(shown); });
    on(u"larger"_s, [this] { changeFontSize(+1); });
    on(u"smaller"_s, [this] { changeFontSize(-1); });
    on(u"normal_size"_s, [this] { changeFontSize(0); });
    on(u"keys"_s, [this] { showKeys(); });
    on(u"about"_s, [this] { showAbout(); });

    const auto follow = [this] {
        (*actions_)[u"list"_s].setChecked(columns_->isListShown());
        (*actions_)[u"tune"_s].setChecked(columns_->isTuneShown());
        (*actions_)[u"insight"_s].setChecked(columns_->isInsightShown());
    };
    connect(columns_, &ChatColumns::foldingChanged, this, follow);
    follow();
    connect(tune_, &TuneColumn::closeRequested, this, [this] { columns_->showTune(false); });
    connect(insight_, &InsightPanel::closeRequested, this, [this] { columns_->showInsight(false); });
}

void MainWindow::showPage(int page) {
    pages_->setCurrentIndex(page);
    rail_->setCurrent(page);
}

void MainWindow::raiseWindow() {
    setWindowState((windowState() & ~Qt::WindowMinimized) | Qt::WindowActive);
    show();
    raise();
    activateWindow();
}

void MainWindow::ask(const QString& prompt) {
    if (services_.generator.modelState() != ModelState::Ready)
        return propose(prompt);
    showPage(Chat);
    chat_->newChat();
    services_.controller.send(prompt);
}

void MainWindow::propose(const QString& prompt) {
    showPage(Chat);
    chat_->propose(prompt);
}

void MainWindow::changeFontSize(int step) {
    int points = 0;
    if (step != 0)
        points = std::clamp(QApplication::font().pointSize() + step, kSmallestFont, kLargestFont);
    services_.settings.set<Setting::FontSize>(points);
    services_.theme.setFontSize(points);
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
                    "runs on this machine; nothing is sent anywhere.\n\nGPL-3.0-or-later."),
                 this);
    box->setModal(false);
    box->setIconPixmap(windowIcon().pixmap(64, 64));
    box->show();
}

// ---- The model ----

void MainWindow::connectModel() {
    Generator& generator = services_.generator;
    loading_ = new ModelLoading(generator, services_.controller, *picker_, this);
    connect(&generator, &Generator::capabilitiesChanged, this,
            [this, &generator] { tune_->setExpectedSpeeds(generator.capabilities()); });
    connect(&generator, &Generator::modelStateChanged, this, [this](ModelState state, const QString& error) {
        picker_->setState(state, loading_->path());
        models_->setError(state == ModelState::Failed ? error : QString());
        if (state == ModelState::Ready)
            services_.settings.set<Setting::LastModel>(services_.generator.capabilities().model_path);
        showModel(); // the presets learn the model's defaults, with which the next may begin
        beginWithPreset(services_);
    });
    connect(&generator, &Generator::loadProgress, this, [this](double share) {
        picker_->setProgress(share);
        status_->setLoading(share);
    });
    connect(&services_.library, &ModelLibrary::changed, this,
            [this] { picker_->setModels(services_.library.models()); });
    connect(picker_, &ModelPicker::loadRequested, this, &MainWindow::loadModel);
    connect(picker_, &ModelPicker::openFileRequested, this, &MainWindow::openModelFile);
    connect(picker_, &ModelPicker::modelsPageRequested, this, [this] { showPage(Models); });
    connect(models_, &ModelsPage::loadRequested, this, &MainWindow::loadModel);
    connect(models_, &ModelsPage::openFileRequested, this, &MainWindow::openModelFile);
    connect(&generator, &Generator::carveProgress, this, [this](double share, const QString& stage) {
        tune_->setCarveProgress(share, stage);
        status_->setCarving(true, share);
    });
    connect(&generator, &Generator::carveFinished, this, [this](const QString& path, const QString& error) {
        tune_->setCarveFinished(path, error);
        status_->setCarving(false, 0);
        services_.library.rescan();
    });
}

void MainWindow::loadModel(const QString& path) { loading_->load(path); }

void MainWindow::openModelFile() {
    const QString last = services_.settings.get<Setting::LastModel>();
    auto* dialog = new QFileDialog(this, tr("Open a model file"),
                                   last.isEmpty() ? services_.paths.models : QFileInfo(last).path(),
                                   tr("Models (*.gguf)"));
    dialog->setObjectName(u"dialog.openModel"_s);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::loadModel);
    dialog->open();
}

void MainWindow::showModel() {
    const Capabilities& capabilities = services_.generator.capabilities();
    const ModelState state = services_.generator.modelState();
    picker_->setCapabilities(capabilities);
    tune_->setCapabilities(capabilities);
    tune_->setTuning(services_.controller.tuning());
    models_->setLoaded(state == ModelState::Ready ? capabilities.model_path : QString(),
                       capabilities.weights_bytes);
    QString hint;
    if (state == ModelState::Ready &&
        capabilities.model_name.contains(u"SmolLM2-135M"_s, Qt::CaseInsensitive))
        hint = tr("%1 is small: quick to try the dials with, often wrong, and weak in Chinese. Any GGUF file "
                  "can "
                  "be opened above.")
                   .arg(shownModelName(capabilities.model_name));
    else if (state == ModelState::None || state == ModelState::Failed)
        hint = tr("Choose a model above, or open a GGUF file with Ctrl+O.");
    chat_->setModelHint(hint);
    status_->setModel(state, capabilities);
}

void MainWindow::carve() {
    const QFileInfo model(services_.generator.capabilities().model_path);
    services_.generator.carve(services_.paths.models + u'/' + model.completeBaseName() + u"-carved.gguf"_s);
}

// ---- Dials ----

void MainWindow::connectTuning() {
    connect(tune_, &TuneColumn::tuningMoved, this, [this](const Tuning& tuning) {
        services_.controller.setTuning(tuning);
        picker_->setTuning(tuning);
    });
    connect(&services_.controller, &ChatController::tuningChanged, this, [this] {
        tune_->setTuning(services_.controller.tuning());
        picker_->setTuning(services_.controller.tuning());
    });
    connect(&services_.generator, &Generator::recodeProgress, this, [this](quint32 done, quint32 total) {
        tune_->setRecodeProgress(done, total);
        status_->setRecoding(done, total);
    });
    connect(&services_.generator, &Generator::recodeFailed, this, [this](const QString& error) {
        banner_->add(error);
        tune_->setRecodeProgress(0, 0); // it does not go on by itself
        status_->setRecoding(0, 0);
    });
    connect(tune_, &TuneColumn::carveRequested, this, &MainWindow::carve);
    connect(tune_, &TuneColumn::carveCancelled, &services_.generator, &Generator::cancelCarve);
    connect(tune_, &TuneColumn::openModelRequested, this, &MainWindow::loadModel);
}

// ---- The chat and its plots ----

void MainWindow::connectChat() {
    ChatController& controller = services_.controller;
    connect(&controller, &ChatController::threadChanged, this, [this] {
        beginWithPreset(services_);
        tune_->setTuning(services_.controller.tuning());
        picker_->setTuning(services_.controller.tuning());
        showThreadInInsight();
        showRun();
    });
    connect(&controller, &ChatController::messageChanged, this,
            [this] { status_->setContextUsed(contextUsed(services_.controller.conversation())); });
    connect(&controller.list(), &ChatListService::changed, this, &MainWindow::showTitle);
    connect(&controller, &ChatController::problem, banner_,
            [this](const QString& sentence, bool, bool stays) {
                if (stays)
                    banner_->add(sentence);
            });
    connect(&controller, &ChatController::runChanged, this, &MainWindow::showRun);
    connect(&controller, &ChatController::runEvents, this,
            [this](ConversationId id, const std::vector<RunEvent>& events) {
                if (id != services_.controller.current())
                    return;
                insight_->addEvents(events);
                status_->addEvents(events);
            });
}

void MainWindow::showRun() {
    const ChatController& controller = services_.controller;
    const RunStatus* run = controller.run(controller.current());
    int elsewhere = 0;
    for (const ConversationSummary& chat : controller.list().chats())
        elsewhere += chat.generating && chat.id != controller.current() ? 1 : 0;
    status_->setRun(run, elsewhere);
    if (run)
        insight_->beginAnswer(run->message);
}

void MainWindow::showTitle() {
    const QString& title = services_.controller.conversation().summary.title;
    setWindowTitle(title.isEmpty() ? u"Switchyard"_s : titleText(title) + u" – Switchyard"_s);
}

void MainWindow::showThreadInInsight() {
    const Conversation& conversation = services_.controller.conversation();
    showTitle();
    insight_->showThread(conversation);
    status_->setContextUsed(contextUsed(conversation));
}

void MainWindow::connectInsight() {
    Settings& settings = services_.settings;
    insight_->setCurrentTab(settings.get<Setting::InsightTab>());
    insight_->setXAxis(static_cast<LivePlot::XAxis>(settings.get<Setting::InsightAxis>()));
    connect(insight_, &InsightPanel::tabChosen, this,
            [&settings](int tab) { settings.set<Setting::InsightTab>(tab); });
    connect(insight_, &InsightPanel::xAxisChosen, this,
            [&settings](int axis) { settings.set<Setting::InsightAxis>(axis); });
    connect(insight_, &InsightPanel::tokensNeeded, &services_.controller, &ChatController::needTokens);
    connect(&services_.controller, &ChatController::tokensRead, insight_,
            [this] { insight_->showThread(services_.controller.conversation()); });
    connect(insight_, &InsightPanel::problem, banner_, &NoticeBanner::add);
    connect(insight_, &InsightPanel::tokenClicked, this,
            [this](MessageId message, int index) { chat_->highlightToken(message, index); });
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
}

void MainWindow::rememberLayout() {
    layout_timer_.stop();
    columns_->remember();
    services_.settings.set<Setting::Geometry>(saveGeometry());
}

void MainWindow::saveAll() {
    Q_EMIT aboutToSave();
    rememberLayout();
    chat_->keepUnsent();
    services_.controller.saveRuns();
}

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
    services_.controller.stop();
    saveAll();
    event->setAccepted(closing_->begin());
}

} // namespace switchyard
