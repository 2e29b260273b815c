#include "ui/models/models_page.h"

#include "app/services/engine_sentence.h"
#include "ui/models/anatomy_view.h"
#include "ui/models/find_models.h"
#include "ui/models/folder_list.h"
#include "ui/models/model_card.h"
#include "ui/models/model_list.h"
#include "ui/models/model_table.h"
#include "ui/models/shape_calculator.h"
#include "ui/plain_text.h"
#include "ui/theme.h"
#include "ui/window_actions.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabBar>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

ModelsPage::ModelsPage(ModelLibrary& library, Settings& settings, QAction& open_file,
                       const QString& own_folder, QWidget* parent)
    : Page(parent), library_(library) {
    setObjectName(u"models"_s);
    auto* title = new PlainLabel(tr("Models"), this);
    title->setProperty("title", true);
    tabs_ = new QTabBar(this);
    tabs_->setObjectName(u"models.tabs"_s);
    tabs_->setAccessibleName(tr("Parts of the Models page"));
    tabs_->setDrawBase(false);
    tabs_->setExpanding(false);
    tabs_->addTab(tr("On this machine"));
    tabs_->addTab(tr("Shape calculator"));
    pages_ = new QStackedWidget(this);
    pages_->addWidget(buildFiles(settings, open_file, own_folder));
    calculator_ = new ShapeCalculator;
    pages_->addWidget(calculator_);
    connect(tabs_, &QTabBar::currentChanged, pages_, &QStackedWidget::setCurrentIndex);

    auto* layout = layout_ = new QVBoxLayout(this);
    layout->setContentsMargins(24, 18, 24, 18);
    layout->setSpacing(10);
    layout->addWidget(title);
    layout->addWidget(tabs_);
    layout->addWidget(pages_, 1);
    refresh();
}

PageSign ModelsPage::sign() const {
    return {u"models"_s,
            u"models"_s,
            tr("Models"),
            tr("Models page"),
            tr("The models on this machine"),
            QKeySequence(Qt::CTRL | Qt::Key_2)};
}

QWidget* ModelsPage::firstFocus() { return table_; }

/// What is free on the cards is another every time.
void ModelsPage::setShown(bool shown) {
    if (shown && devices_)
        devices_->look();
    if (shown && find_)
        find_->measure(devices_ ? devices_->cards() : Cards());
}

void ModelsPage::addFinding(const FindServices& services) {
    constexpr int kPlace = 1; // behind what is here
    find_ = new FindModels(services);
    pages_->insertWidget(kPlace, find_);
    tabs_->insertTab(kPlace, tr("Find models"));
    connect(tabs_, &QTabBar::tabBarClicked, find_, [this](int tab) {
        if (tab == kPlace) // after the page was changed
            QMetaObject::invokeMethod(find_->firstFocus(), qOverload<>(&QWidget::setFocus),
                                      Qt::QueuedConnection);
    });
}

void ModelsPage::setOffer(QWidget* offer) { left_->insertWidget(1, offer); }

void ModelsPage::setBelow(QWidget* below) { layout_->addWidget(below); }

void ModelsPage::follow(const CurrentModel& model, Devices& devices) {
    devices_ = &devices;
    card_->setNeeded([&model](const QString& path) { return model.needs(path); });
    connect(&devices, &Devices::cardsChanged, this, [this] {
        anatomy_->setCards(devices_->cards());
        calculator_->setCards(devices_->cards());
        if (find_)
            find_->measure(devices_->cards());
    });
    const auto show = [this, &model](ModelState state) {
        const Capabilities& capabilities = model.capabilities();
        setLoaded(state == ModelState::Ready ? capabilities.model_path : QString(),
                  capabilities.weights_bytes, capabilities.card >= 0 ? capabilities.device : QString());
    };
    connect(&model, &CurrentModel::stateChanged, this,
            [this, &model, show](ModelState state, const QString& error) {
                show(state);
                setError(state == ModelState::Failed ? engineSentence(error, model.key()) : QString());
            });
    show(model.state());
    if (model.state() == ModelState::Failed) // before this page was made, as in another language
        setError(engineSentence(model.error(), model.key()));
}

void ModelsPage::buildTable() {
    model_ = new ModelTable(this);
    table_ = new ModelList(model_);
    table_->setObjectName(u"models.table"_s);
    table_->setAccessibleName(tr("Models in your folders"));
}

QWidget* ModelsPage::buildFiles(Settings& settings, QAction& open_file, const QString& own_folder) {
    line_ = new PlainLabel;
    line_->setObjectName(u"models.line"_s);
    line_->setProperty("muted", true);
    line_->setWordWrap(true);
    buildTable();
    detail_ = new PlainLabel;
    detail_->setObjectName(u"models.detail"_s);
    detail_->setWordWrap(true);
    detail_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    detail_->hide();

    load_ = new QPushButton(tr("Load"));
    load_->setObjectName(u"models.load"_s);
    load_->setProperty("primary", true);
    auto* open = new QPushButton(open_file.text());
    open->setObjectName(u"models.openFile"_s);
    bindButton(*open, open_file);
    auto* rescan = new QPushButton(themedIcon(u"refresh"_s), tr("Look again"));
    rescan->setObjectName(u"models.rescan"_s);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(load_);
    buttons->addWidget(open);
    buttons->addWidget(rescan);
    delete_ = new QPushButton(themedIcon(u"trash"_s), tr("Delete…"));
    delete_->setObjectName(u"models.delete"_s);
    card_ = new ModelCard(settings);
    buttons->addWidget(delete_);
    buttons->addStretch();
    auto* folders_title = new PlainLabel(tr("Folders that are searched"));
    folders_title->setProperty("heading", true);

    auto* files = new QWidget;
    auto* left = left_ = new QVBoxLayout(files);
    left->setContentsMargins(0, 8, 12, 0);
    left->setSpacing(10);
    left->addWidget(line_);
    left->addWidget(table_, 1);
    left->addWidget(detail_);
    left->addWidget(card_);
    left->addLayout(buttons);
    left->addWidget(folders_title);
    auto* folders = new FolderList(settings, own_folder, u"models"_s);
    left->addWidget(folders);
    connect(card_, &ModelCard::opened, this,
            [folders, folders_title](bool open) { // where there is little room
                folders->setHidden(open);
                folders_title->setHidden(open);
            });

    anatomy_ = new AnatomyView(u"models.anatomy"_s);
    auto* right = new QScrollArea;
    right->setObjectName(u"models.anatomy"_s);
    right->setAccessibleName(tr("What the chosen model is made of"));
    right->setWidgetResizable(true);
    right->setFrameShape(QFrame::NoFrame);
    right->setFocusPolicy(Qt::NoFocus);
    right->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    anatomy_->setContentsMargins(14, 8, 8, 0);
    right->setWidget(anatomy_);
    auto* halves = new QSplitter(Qt::Horizontal);
    halves->setChildrenCollapsible(false);
    halves->addWidget(files);
    halves->addWidget(right);
    halves->setStretchFactor(0, 3);
    halves->setStretchFactor(1, 2);
    right->setMinimumWidth(330);

    connect(load_, &QPushButton::clicked, this, &ModelsPage::loadChosen);
    connect(table_, &QTableView::activated, this, &ModelsPage::loadChosen);
    connect(rescan, &QPushButton::clicked, &library_, &ModelLibrary::rescan);
    connect(delete_, &QPushButton::clicked, card_, &ModelCard::askDelete);
    connect(card_, &ModelCard::deleted, &library_, &ModelLibrary::rescan);
    connect(&library_, &ModelLibrary::changed, this, &ModelsPage::refresh);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this] {
        if (!refreshing_)
            failure_.clear(); // it was read
        showChosen();
    });
    connect(&reader_, &AnatomyReader::read, this, [this](const AnatomyReport& report) {
        if (report.source == read_path_) // else another was chosen meanwhile, or none
            anatomy_->setReport(report);
    });
    return halves;
}

void ModelsPage::refresh() {
    const ModelEntry* chosen = model_->entry(table_->currentIndex());
    const QString path = chosen ? chosen->path : loaded_;
    refreshing_ = true;
    model_->setModels(library_.models());
    read_path_.clear(); // the file may have changed
    for (int row = 0; row < model_->rowCount(); ++row) {
        if (library_.models()[row].path == path)
            table_->selectRow(row);
    }
    refreshing_ = false;
    showChosen();
}

void ModelsPage::showChosen() {
    const ModelEntry* chosen = model_->entry(table_->currentIndex());
    load_->setEnabled(chosen && chosen->error.isEmpty());
    const QString wrong = !failure_.isEmpty() ? failure_ : chosen ? chosen->error : QString();
    setLook(detail_, "error", !wrong.isEmpty());
    detail_->setText(fewLines(wrong.isEmpty() && chosen ? chosen->path : wrong));
    detail_->setVisible(!detail_->text().isEmpty());
    readChosen();
    card_->setModel(chosen, chosen && chosen->path == loaded_);
    const QString refusal = card_->deleteRefusal();
    delete_->setEnabled(refusal.isEmpty());
    delete_->setToolTip(chosen ? plainTip(refusal) : QString());
    const auto count = static_cast<int>(library_.models().size());
    QString line = library_.scanning() ? tr("Looking through the folders…")
                   : count == 0
                       ? tr("No model files were found. Open one, or add a folder that has GGUF files.")
                       : countText();
    if (!loaded_.isEmpty())
        line += u" "_s + tr("In use: %1.").arg(oneLine(loaded_.section(u'/', -1)));
    line_->setText(line);
}

/// "3 model(s) in your folders. Ollama: 2."
QString ModelsPage::countText() const {
    QString line;
    const QList<ModelEntry>& models = library_.models();
    for (auto from = models.begin(); from != models.end();) {
        const auto to = std::find_if(from, models.end(),
                                     [&](const ModelEntry& model) { return model.rank != from->rank; });
        const auto count = static_cast<int>(to - from);
        line += line.isEmpty() ? QString() : u" "_s;
        line += from->rank == 0 ? tr("%n model file(s) in your folders.", nullptr, count)
                                : tr("%1: %n.", nullptr, count).arg(from->source);
        from = to;
    }
    return line;
}

void ModelsPage::readChosen() {
    const ModelEntry* chosen = model_->entry(table_->currentIndex());
    const QString path = chosen && chosen->error.isEmpty() ? chosen->path : QString();
    if (path == read_path_)
        return;
    read_path_ = path;
    if (path.isEmpty()) {
        anatomy_->setSentence(tr("Choose a model to see what it is made of."));
        return;
    }
    if (anatomy_->report().source != path)
        anatomy_->setSentence(tr("Reading %1…").arg(oneLine(chosen->name)));
    reader_.readFile(path);
}

void ModelsPage::loadChosen() {
    const ModelEntry* chosen = model_->entry(table_->currentIndex());
    if (chosen && chosen->error.isEmpty())
        Q_EMIT loadRequested(chosen->path);
}

void ModelsPage::setLoaded(const QString& path, quint64 weights_bytes, const QString& card) {
    loaded_ = path;
    anatomy_->setMeasured(path, weights_bytes, card);
    refresh();
}

void ModelsPage::setError(const QString& sentence) {
    failure_ = sentence;
    showChosen();
}

} // namespace switchyard
