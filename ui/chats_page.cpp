#include "ui/chats_page.h"

#include "app/services/engine_sentence.h"
#include "ui/answer_elsewhere.h"
#include "ui/chat/chat_page.h"
#include "ui/chat_columns.h"
#include "ui/chat_files.h"
#include "ui/chat_model_offer.h"
#include "ui/first_model.h"
#include "ui/insight/insight_panel.h"
#include "ui/model_loading.h"
#include "ui/models/model_picker.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/tuning/control_row.h"
#include "ui/tuning/device_picker.h"
#include "ui/tuning/tune_column.h"
#include "ui/window_actions.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// A chat that is not begun yet starts with the preset that is chosen, but for the weights, which are all
/// chats'.
void beginWithPreset(const WindowServices& services) {
    ChatController& controller = services.controller;
    const bool begins = controller.current() == 0 ||
                        (controller.isTemporary() && controller.conversation().thread().isEmpty());
    if (!begins || services.model.state() != ModelState::Ready)
        return;
    const std::optional<Tuning> preset = services.presets.load(services.settings.get<Setting::Preset>());
    Tuning tuning = controller.tuning();
    if (!preset || tuning.sequence != services.model.capabilities().defaults.sequence)
        return; // a dial was moved while the model loaded
    tuning.sequence = preset->sequence;
    controller.setTuning(tuning);
}

} // namespace

ChatsPage::ChatsPage(const WindowServices& services, WindowActions& actions, ModelLoading& loading,
                     QWidget* parent)
    : Page(parent), services_(services), actions_(actions), loading_(loading) {
    picker_ = new ModelPicker(this);
    chat_ = new ChatPage(services_.controller, services_.model, services_.settings, services_.prompts,
                         actions_, this);
    elsewhere_ = new AnswerElsewhere(services_, loading_, this);
    first_ = new FirstModel(services_.downloads, services_.library, services_.model, services_.paths.models,
                            u"first"_s);
    first_->centre();
    chat_->setOffer(first_);
    files_ = new ChatFiles(services_.transfer, services_.controller, *chat_, actions_, this);
    connect(files_, &ChatFiles::problem, this, &ChatsPage::problem);
    connect(files_, &ChatFiles::wanted, this, &Page::wanted);
    insight_ = new InsightPanel(this);
    tune_ = new TuneColumn(controls(), services_.presets, services_.settings, this);
    columns_ =
        new ChatColumns(services_.settings, actions_, picker_, chat_->list(), chat_, insight_, tune_, this);
    bindButton(tune_->foldButton(), actions_[Act::ShowTune]);
    bindButton(insight_->foldButton(), actions_[Act::ShowInsight]);
    status_ = new QWidget(this);
    context_ = new PlainLabel(status_);
    auto* status_row = new QHBoxLayout(status_);
    status_row->setContentsMargins(0, 0, 0, 0);
    status_row->addWidget(context_);
    context_->setObjectName(u"status.context"_s);
    context_->setAccessibleName(tr("Context used"));
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(columns_);

    connect(chat_, &ChatPage::wanted, this, &Page::wanted);
    connect(&actions_[Act::FindChat], &QAction::triggered, this, [this] {
        Q_EMIT wanted();
        columns_->showList(true);
        chat_->focusSearch();
    });
    connect(&actions_[Act::ShowDeleted], &QAction::triggered, this, [this](bool shown) {
        if (shown)
            columns_->showList(true);
    });
    for (const Act act : {Act::NewChat, Act::TemporaryChat, Act::Write})
        connect(&actions_[act], &QAction::triggered, columns_, &ChatColumns::showThread);
    connect(chat_->list(), &ChatList::chatActivated, columns_, &ChatColumns::showThread);
    connectModel();
    connectTuning();
    connectChat();
    connectInsight();
    connectDevice();
    services_.controller.setBeginning([this](Tuning tuning) {
        if (const auto preset = services_.presets.load(services_.settings.get<Setting::Preset>()))
            tuning.sequence = preset->sequence;
        return tuning;
    });
    picker_->setModels(services_.library.models());
    picker_->setState(services_.model.state(), loading_.path());
    showModel();
    showTuning();
    showThread();
}

ChatsPage::~ChatsPage() {
    services_.controller.setBeginning([](const Tuning& tuning) { return tuning; });
}

PageSign ChatsPage::sign() const {
    return {u"chat"_s,
            u"chat"_s,
            tr("Chat"),
            tr("Chat page"),
            tr("Chat with the model"),
            QKeySequence(Qt::CTRL | Qt::Key_1)};
}

QWidget* ChatsPage::statusPart() { return status_; }

QWidget* ChatsPage::firstFocus() { return chat_; }

void ChatsPage::setShown(bool shown) {
    for (const Act act : {Act::ShowList, Act::ShowTune, Act::ShowInsight})
        actions_[act].setEnabled(shown);
}

void ChatsPage::setOtherModels(const QList<QAction*>& actions) { picker_->setOtherWays(actions); }

void ChatsPage::ask(const QString& prompt) {
    if (services_.model.state() != ModelState::Ready)
        return propose(prompt);
    Q_EMIT wanted();
    chat_->newChat();
    services_.controller.send(prompt);
}

void ChatsPage::propose(const QString& prompt) {
    Q_EMIT wanted();
    chat_->propose(prompt);
}

void ChatsPage::openChat(ConversationId id) {
    Q_EMIT wanted();
    chat_->open(id);
}

void ChatsPage::keepUnsent() { chat_->keepUnsent(); }

void ChatsPage::rememberLayout() { columns_->remember(); }

/// Esc ends what was opened last, wherever the keyboard is; the answer comes after it, by its own action.
bool ChatsPage::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride &&
        static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape && chat_->hasOpened()) {
        event->accept();
        return true;
    }
    return Page::event(event);
}

void ChatsPage::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape && chat_->hasOpened())
        chat_->handleEscape();
    else
        Page::keyPressEvent(event);
}

// ---- The model ----

void ChatsPage::connectModel() {
    CurrentModel& model = services_.model;
    connect(&model, &CurrentModel::capabilitiesChanged, this,
            [this, &model] { tune_->setExpectedSpeeds(model.capabilities()); });
    connect(&model, &CurrentModel::stateChanged, this, [this](ModelState state) {
        picker_->setState(state, loading_.path());
        if (state == ModelState::Ready)
            services_.settings.set<Setting::LastModel>(services_.model.capabilities().model_path);
        showModel(); // the presets learn the model's defaults, with which the next may begin
        beginWithPreset(services_);
    });
    connect(&model, &CurrentModel::loadProgress, picker_, &ModelPicker::setProgress);
    connect(&services_.library, &ModelLibrary::changed, this, [this] {
        picker_->setModels(services_.library.models());
        place_.lookAgain();
        showModelOffer();
    });
    connect(&place_, &PlaceOfModel::found, this, &ChatsPage::showModelOffer);
    connect(chat_->modelOffer(), &ModelOffer::taken, this, [this] { loading_.load(offered_); });
    connect(chat_->thread(), &ThreadView::modelsWanted, elsewhere_,
            [this](QMenu* menu, MessageId answer) { elsewhere_->fill(*menu, answer); });
    connect(elsewhere_, &AnswerElsewhere::said, this,
            [this](const QString& sentence) { chat_->toast()->show(sentence, {}, 10000); });
    connect(first_, &FirstModel::changed, this, [this] {
        showHint();
        chat_->fitOffer();
    });
    connect(first_, &FirstModel::ready, &loading_, &ModelLoading::load);
    connect(first_, &FirstModel::left, this, [this] { chat_->composer()->edit()->setFocus(); });
    const auto show_sleep = [this] {
        chat_->setSleeping(!services_.idle.sleeping().isEmpty());
        showHint();
    };
    connect(&services_.idle, &IdleUnload::changed, this, show_sleep);
    show_sleep();
    chat_->setWake([this] {
        if (const QString path = services_.idle.sleeping(); !path.isEmpty())
            loading_.load(path);
    });
    connect(&loading_, &ModelLoading::notice, picker_, &ModelPicker::setNotice);
    connect(&loading_, &ModelLoading::notice, this, &ChatsPage::showDevice);
    connect(picker_, &ModelPicker::noticeTriggered, &loading_, &ModelLoading::act);
    connect(picker_, &ModelPicker::loadRequested, &loading_, &ModelLoading::load);
    connect(&services_.jobs, &JobQueue::changed, this, &ChatsPage::showJob);
}

void ChatsPage::showModel() {
    const Capabilities& capabilities = services_.model.capabilities();
    picker_->setCapabilities(capabilities);
    tune_->setCapabilities(capabilities);
    showDevice();
    tune_->setTuning(services_.controller.tuning());
    showHint();
    showContext();
}

void ChatsPage::showHint() {
    const Capabilities& capabilities = services_.model.capabilities();
    const ModelState state = services_.model.state();
    QString hint;
    if (state == ModelState::Ready &&
        capabilities.model_name.contains(u"SmolLM2-135M"_s, Qt::CaseInsensitive))
        hint = tr("%1 is small: quick to try the dials with, often wrong, and weak in Chinese. Any GGUF file "
                  "can be opened above.")
                   .arg(shownModelName(capabilities.model_name));
    else if (state == ModelState::None && !services_.idle.sleeping().isEmpty())
        hint =
            tr("%1 gave its memory back, as nothing was asked for a while. It is loaded again with the next "
               "message.")
                .arg(shownModelName(services_.idle.sleeping().section(u'/', -1)));
    else if ((state == ModelState::None || state == ModelState::Failed) && !first_->wanted())
        hint = tr("Choose a model above, or open a GGUF file with %1.")
                   .arg(actions_[Act::OpenModel].shortcut().toString(QKeySequence::NativeText));
    chat_->setModelHint(hint);
    showModelOffer();
}

/// Nothing is loaded by itself.
void ChatsPage::showModelOffer() {
    const ChatModelOffer offer =
        offerModel(services_.controller.conversation(), services_.model, services_.library, place_);
    offered_ = offer.path;
    chat_->modelOffer()->set(offer.sentence, offer.action);
}

void ChatsPage::carve() {
    const QString dense = services_.model.capabilities().model_path;
    const QString start = services_.paths.models + u'/' + QFileInfo(dense).completeBaseName() + u"-carved"_s;
    QString out = start + u".gguf"_s;
    // What was carved before, with other experts perhaps, stays.
    const auto taken = [&] {
        const QList<Job>& jobs = services_.jobs.jobs();
        return QFileInfo::exists(out) || std::any_of(jobs.begin(), jobs.end(), [&](const Job& job) {
                   return !job.ended() && outputOf(job.task) == out;
               });
    };
    for (int number = 2; taken(); ++number)
        out = u"%1-%2.gguf"_s.arg(start).arg(number);
    carving_ = services_.jobs.add(CarveTask{dense, out});
    showJob(carving_);
}

void ChatsPage::showJob(JobId id) {
    const Job* job = services_.jobs.job(id);
    if (!job || id != carving_)
        return;
    tune_->showCarving(*job);
    if (job->ended())
        services_.library.rescan();
}

// ---- Dials ----

void ChatsPage::connectTuning() {
    connect(tune_, &TuneColumn::tuningMoved, this, [this](const Tuning& tuning) {
        services_.controller.setTuning(tuning);
        picker_->setTuning(tuning);
    });
    connect(&services_.controller, &ChatController::tuningChanged, this, &ChatsPage::showTuning);
    connect(&services_.model, &CurrentModel::recodeProgress, tune_, &TuneColumn::setRecodeProgress);
    connect(&services_.model, &CurrentModel::recodeFailed, this, [this](const QString& error) {
        Q_EMIT problem(error);
        tune_->setRecodeProgress(0, 0); // it does not go on by itself
    });
    connect(tune_, &TuneColumn::carveRequested, this, &ChatsPage::carve);
    connect(tune_, &TuneColumn::carveCancelled, this, [this] { services_.jobs.cancel(carving_); });
    connect(tune_, &TuneColumn::openModelRequested, &loading_, &ModelLoading::load);
}

void ChatsPage::showTuning() {
    tune_->setTuning(services_.controller.tuning());
    picker_->setTuning(services_.controller.tuning());
}

// ---- The device ----

void ChatsPage::connectDevice() {
    Devices& devices = services_.devices;
    DevicePicker& picker = tune_->device();
    connect(&devices, &Devices::cardsChanged, this, &ChatsPage::showDevice);
    connect(&services_.model, &CurrentModel::capabilitiesChanged, this, &ChatsPage::showDevice);
    connect(&devices, &Devices::choiceChanged, this, &ChatsPage::showDevice);
    picker_->setDevices(picker.menu());
    connect(&picker, &DevicePicker::lookedAt, &devices, &Devices::look);
    connect(&picker, &DevicePicker::chosen, &loading_, &ModelLoading::choose);
    connect(&devices, &Devices::readingChanged, this,
            [this] { insight_->setCard(services_.devices.reading()); });
}

/// What answers by the model took on its card, beside the processor.
static QString speedSentence(const Capabilities& model) {
    const auto about = [](const SpeedRange& speed) {
        const double middle = (speed.low + speed.high) / 2;
        return QLocale().toString(middle, 'f', middle < 10 ? 1 : 0);
    };
    if (model.card < 0 || !model.speed.known())
        return {};
    if (model.speed_on_cpu.known())
        return ChatsPage::tr("About %1 tokens/s here, and %2 on the CPU.")
            .arg(about(model.speed), about(model.speed_on_cpu));
    return ChatsPage::tr("About %1 tokens/s here.").arg(about(model.speed));
}

void ChatsPage::showDevice() {
    const Devices& devices = services_.devices;
    const Capabilities& model = services_.model.capabilities();
    const QString& path = loading_.path();
    const DeviceChoice choice = devices.choice(path);
    DevicePicker& picker = tune_->device();
    picker.setCards(devices.cards());
    picker.setHasModel(!path.isEmpty());
    picker.setChoice(choice, devices.hasOwn(path), devices.choiceOfAll());
    const bool elsewhere = model.ready && choice.kind == DeviceChoice::Kind::Cuda && model.card < 0;
    picker.setSentence(
        loading_.waits()
            ? tr("%1 computes until the answer has ended.").arg(model.card < 0 ? tr("The CPU") : model.device)
        : elsewhere ? tr("For now the model is opened on the CPU.")
                    : oneParagraph({engineSentence(model.device_why), speedSentence(model)}));
}

// ---- The chat and its plots ----

void ChatsPage::connectChat() {
    ChatController& controller = services_.controller;
    connect(&controller, &ChatController::threadChanged, this, [this] {
        if (const ConversationId now = services_.controller.current(); std::exchange(chat_seen_, now) != now)
            columns_->showThread();
        beginWithPreset(services_);
        showTuning();
        showThread();
        showRun();
    });
    connect(&controller, &ChatController::messageChanged, this, &ChatsPage::showContext);
    connect(&controller, &ChatController::contextCounted, this, &ChatsPage::showContext);
    connect(&controller, &ChatController::problem, this, [this](const QString& sentence, bool, bool stays) {
        if (stays)
            Q_EMIT problem(sentence);
    });
    connect(&controller, &ChatController::runChanged, this, &ChatsPage::showRun);
    connect(&controller, &ChatController::runEvents, this,
            [this](ConversationId id, const std::vector<RunEvent>& events) {
                if (id != services_.controller.current() || !answer_shown_)
                    return;
                insight_->addEvents(events);
                addEffects(events);
            });
}

void ChatsPage::showRun() {
    showModelOffer(); // it may have another model by its new answer
    const RunStatus* run = services_.controller.run(services_.controller.current());
    if (!run)
        return; // its last events may be still to come
    answer_shown_ = services_.controller.message(run->message) != nullptr;
    if (answer_shown_)
        insight_->beginAnswer(run->message);
    if (run->message != effects_of_) { // of a run that only went on, what was measured stays
        effects_of_ = run->message;
        effects_.begin();
        showEffects();
    }
}

/// "21 → 34 t/s" beside a dial that moved while the answer streamed.
void ChatsPage::addEffects(const std::vector<RunEvent>& events) {
    bool changed = false;
    for (const RunEvent& event : events)
        changed = effects_.add(event) || changed;
    if (changed)
        showEffects();
}

void ChatsPage::showEffects() {
    for (const ControlSpec& spec : controls()) {
        if (!spec.paces)
            continue;
        const auto effect = effects_.effects().find(spec.name);
        tune_->row(spec.name)->setEffect(effect == effects_.effects().end() ? std::nullopt
                                                                            : std::optional(effect->second));
    }
}

void ChatsPage::showThread() {
    if (effects_of_ != 0 && !services_.controller.message(effects_of_)) {
        effects_of_ = 0;
        effects_.begin();
        showEffects();
    }
    insight_->showThread(services_.controller.conversation());
    showModelOffer();
    showContext();
}

void ChatsPage::showContext() {
    const QLocale locale;
    const int total = services_.model.capabilities().context;
    const QString text =
        tr("context %1 / %2")
            .arg(locale.toString(services_.controller.chat().contextTokens()), locale.toString(total));
    context_->setVisible(total > 0);
    context_->setText(u"·\u2003"_s + text);
}

void ChatsPage::connectInsight() {
    Settings& settings = services_.settings;
    insight_->setCurrentTab(settings.get<Setting::InsightTab>());
    insight_->setXAxis(static_cast<PlotXAxis>(settings.get<Setting::InsightAxis>()));
    connect(insight_, &InsightPanel::tabChosen, this,
            [&settings](int tab) { settings.set<Setting::InsightTab>(tab); });
    connect(insight_, &InsightPanel::xAxisChosen, this,
            [&settings](int axis) { settings.set<Setting::InsightAxis>(axis); });
    connect(insight_, &InsightPanel::tokensNeeded, this,
            [this](const QList<MessageId>& messages) { services_.controller.chat().needTokens(messages); });
    connect(&services_.controller, &ChatController::tokensRead, insight_,
            [this] { insight_->showThread(services_.controller.conversation()); });
    connect(insight_, &InsightPanel::problem, this, &ChatsPage::problem);
    connect(insight_, &InsightPanel::tokenClicked, chat_, &ChatPage::highlightToken);
}

} // namespace switchyard
