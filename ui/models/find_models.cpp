#include "ui/models/find_models.h"

#include "ui/models/anatomy_text.h"
#include "ui/models/hub_files.h"
#include "ui/models/hub_results.h"
#include "ui/models/known_list.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kFileRow = 32, kBesideList = 14; ///< pixels

QLabel* addLabel(QVBoxLayout* layout, const QString& name, bool muted) {
    auto* label = new PlainLabel;
    label->setObjectName(name);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    if (muted)
        label->setProperty("muted", true);
    layout->addWidget(label);
    return label;
}

} // namespace

FindModels::FindModels(const FindServices& services, QWidget* parent) : QWidget(parent), services_(services) {
    setObjectName(u"find"_s);
    words_ = new QLineEdit;
    words_->setObjectName(u"find.words"_s);
    words_->setAccessibleName(tr("Words, a model's name, or an address"));
    words_->setPlaceholderText(tr("Words (qwen3 coder), a name (owner/model), or an address (https://…)"));
    words_->setClearButtonEnabled(true);
    words_->addAction(themedIcon(u"search"_s), QLineEdit::LeadingPosition);
    words_->setMaxLength(300);
    search_ = new QPushButton(tr("Search"));
    search_->setObjectName(u"find.search"_s);
    search_->setProperty("primary", true);
    auto* top = new QHBoxLayout;
    top->addWidget(words_, 1);
    top->addWidget(search_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 8, 0, 0);
    layout->setSpacing(10);
    layout->addLayout(top);
    line_ = addLabel(layout, u"find.line"_s, true);

    auto* home = new QWidget;
    auto* home_layout = new QVBoxLayout(home);
    home_layout->setContentsMargins(0, 4, 8, 0);
    auto* heading = new PlainLabel(tr("Well known, one click away"));
    heading->setProperty("heading", true);
    known_ = new KnownList(services_.downloads, services_.library, services_.models_folder);
    home_layout->addWidget(heading);
    home_layout->addWidget(known_);
    home_layout->addStretch();
    home->setMaximumWidth(860);
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setWidget(home);
    pages_ = new QStackedWidget;
    pages_->addWidget(scroll);
    pages_->addWidget(buildFound());
    layout->addWidget(pages_, 1);

    connect(search_, &QPushButton::clicked, this, &FindModels::search);
    connect(words_, &QLineEdit::returnPressed, this, &FindModels::search);
    connect(words_, &QLineEdit::textChanged, this, [this](const QString& text) {
        if (text.isEmpty())
            showHome();
    });
    connect(&services_.settings, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::HubAddress)
            showHome();
    });
    connectHub();
    showHome();
}

QWidget* FindModels::buildFound() {
    results_ = new HubResults(this);
    list_ = new QListView;
    list_->setObjectName(u"find.models"_s);
    list_->setAccessibleName(tr("Models that were found"));
    list_->setModel(results_);
    list_->setItemDelegate(new HubResultDelegate(list_));
    list_->setUniformItemSizes(true);
    list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    list_->setMinimumWidth(220);
    list_->setProperty("results", true);

    auto* side = new QWidget;
    auto* lines = new QVBoxLayout(side);
    lines->setContentsMargins(kBesideList, 0, 0, 0);
    lines->setSpacing(6);
    title_ = addLabel(lines, u"find.title"_s, false);
    title_->setProperty("strong", true);
    facts_ = addLabel(lines, u"find.facts"_s, true);
    files_ = new HubFiles(this);
    table_ = new QTableView;
    table_->setObjectName(u"find.files"_s);
    table_->setAccessibleName(tr("Files of the model"));
    table_->setModel(files_);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setShowGrid(false);
    table_->setTabKeyNavigation(false);
    table_->setWordWrap(false);
    table_->setTextElideMode(Qt::ElideMiddle);
    table_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    table_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(kFileRow);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    table_->horizontalHeader()->setSectionResizeMode(HubFiles::Name, QHeaderView::Stretch);
    table_->horizontalHeader()->setMinimumSectionSize(60);
    lines->addWidget(table_, 1);
    detail_ = addLabel(lines, u"find.detail"_s, true);
    detail_->setProperty("small", true);
    fetch_ = new QPushButton(tr("Download"));
    fetch_->setObjectName(u"find.download"_s);
    fetch_->setProperty("primary", true);
    lines->addWidget(fetch_, 0, Qt::AlignLeft);

    auto* nothing =
        new PlainLabel(tr("Choose a model to see its files, and which of them fit this machine."));
    nothing->setObjectName(u"find.nothing"_s);
    nothing->setAlignment(Qt::AlignCenter);
    nothing->setWordWrap(true);
    nothing->setProperty("muted", true);
    right_ = new QStackedWidget;
    right_->addWidget(nothing);
    right_->addWidget(side);
    auto* halves = new QSplitter(Qt::Horizontal);
    halves->setChildrenCollapsible(false);
    halves->addWidget(list_);
    halves->addWidget(right_);
    halves->setStretchFactor(0, 1);
    halves->setStretchFactor(1, 4);
    halves->setSizes({280, 620});

    // What is selected, not what the keyboard stands on: nothing is asked for by coming here.
    connect(list_->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            [this](const QItemSelection& selected) {
                const HubModel* model = results_->at(selected.indexes().value(0));
                if (!model)
                    return;
                wanted_file_.clear();
                say(tr("Asking for the files of %1…").arg(oneLine(model->name)));
                services_.hub.list(model->name);
            });
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &FindModels::showFile);
    connect(table_, &QTableView::activated, this, &FindModels::fetch);
    connect(fetch_, &QPushButton::clicked, this, &FindModels::fetch);
    connect(&services_.downloads, &Downloads::changed, this, &FindModels::showFile);
    connect(&services_.library, &ModelLibrary::changed, this, &FindModels::showFile);
    return halves;
}

QWidget* FindModels::firstFocus() const { return words_; }

void FindModels::connectHub() {
    connect(&services_.hub, &Hub::found, this, &FindModels::showModels);
    connect(&services_.hub, &Hub::listed, this, &FindModels::showListing);
    connect(&services_.hub, &Hub::failed, this, [this](const QString& error) { say(error, true); });
}

void FindModels::measure(const Cards& cards) {
    background_.run(
        this,
        [file = services_.speeds_file, cards, bandwidth = bandwidth_] {
            return readMachineRoom(file, cards, bandwidth);
        },
        [this](const MachineRoom& room) {
            bandwidth_ = room.bandwidth;
            known_->setRoom(room);
            files_->setRoom(room);
            showFile();
        });
}

void FindModels::say(const QString& sentence, bool error) {
    setLook(line_, "error", error);
    setLook(line_, "muted", !error);
    line_->setText(fewLines(sentence));
}

void FindModels::sayHow() {
    say(tr("Search asks %1, and only when you press it. Downloads come to %2.")
            .arg(services_.hub.base().host(), services_.models_folder));
}

void FindModels::showHome() {
    services_.hub.stop();
    pages_->setCurrentIndex(0);
    sayHow();
}

void FindModels::search() {
    const HubQuery query = services_.hub.understand(words_->text());
    services_.hub.token().ask(); // for the downloads that may follow
    wanted_file_ = query.file;
    switch (query.kind) {
    case HubQuery::Kind::Nothing:
        words_->setFocus();
        return showHome();
    case HubQuery::Kind::Refused:
        return say(query.refusal, true);
    case HubQuery::Kind::Words:
        say(tr("Searching %1 for “%2”…").arg(services_.hub.base().host(), oneLine(query.text, 80)));
        return services_.hub.search(query.text);
    case HubQuery::Kind::Name:
        say(tr("Asking for the files of %1…").arg(oneLine(query.text)));
        return services_.hub.list(query.text, query.revision);
    case HubQuery::Kind::Address: {
        const DownloadOrder order = services_.hub.order(query.address, services_.models_folder);
        const DownloadId id = services_.downloads.add(order);
        if (const Download* refused = services_.downloads.find(id); refused && refused->ended())
            return say(refused->error, true);
        return say(tr("%1 is fetched from %2. Its size and place are looked at first.")
                       .arg(oneLine(order.name), query.address.host()));
    }
    }
}

void FindModels::showModels(const QString& words, const QList<HubModel>& models) {
    results_->setModels(models);
    right_->setCurrentIndex(0);
    pages_->setCurrentIndex(models.isEmpty() ? 0 : 1);
    list_->show();
    if (models.isEmpty())
        return say(tr("%1 has no GGUF models for “%2”. Try fewer or other words.")
                       .arg(services_.hub.base().host(), oneLine(words, 80)));
    say(tr("%n model(s) for “%1”, the most used first.", nullptr, static_cast<int>(models.size()))
            .arg(oneLine(words, 80)));
}

void FindModels::showListing(const HubListing& listing) {
    const bool of_list = results_->at(list_->currentIndex()) &&
                         results_->at(list_->currentIndex())->name == listing.model.name;
    list_->setVisible(of_list);
    table_->parentWidget()->layout()->setContentsMargins(of_list ? kBesideList : 0, 0, 0, 0);
    pages_->setCurrentIndex(1);
    files_->setListing(listing);
    title_->setText(oneLine(listing.model.name));
    QStringList facts;
    if (listing.parameters > 0)
        facts.append(tr("%1 parameters").arg(countText(listing.parameters)));
    if (!listing.architecture.isEmpty())
        facts.append(oneLine(listing.architecture));
    if (listing.context > 0)
        facts.append(tr("context %1").arg(QLocale().toString(listing.context)));
    facts.append(listing.model.licence.isEmpty() ? tr("licence not said")
                                                 : tr("licence: %1").arg(oneLine(listing.model.licence, 60)));
    if (listing.model.gated)
        facts.append(tr("its licence has to be accepted on its page first"));
    facts_->setText(facts.join(u" · "_s));
    right_->setCurrentIndex(1);
    if (listing.files.isEmpty())
        say(tr("%1 has no GGUF or safetensors files that can be used here.").arg(oneLine(listing.model.name)),
            true);
    else
        say(tr("%n file(s) of %1.", nullptr, static_cast<int>(listing.files.size()))
                .arg(oneLine(listing.model.name)));
    int row = files_->best();
    for (int i = 0; i < listing.files.size() && !wanted_file_.isEmpty(); ++i) {
        if (listing.files[i].files.first().url.path() == wanted_file_)
            row = i;
    }
    if (!listing.files.isEmpty())
        table_->selectRow(std::max(0, row));
    QMetaObject::invokeMethod(
        table_, [this] { table_->scrollTo(table_->currentIndex()); }, Qt::QueuedConnection);
    showFile();
}

void FindModels::showFile() {
    const HubFile* file = files_->at(table_->currentIndex());
    fetch_->setVisible(file != nullptr);
    detail_->setVisible(file != nullptr);
    if (!file)
        return;
    const DownloadOrder order = services_.hub.order(files_->listing(), *file, services_.models_folder);
    const bool under_way = services_.downloads.running(order.targets().value(0)) != nullptr;
    bool there = false;
    for (const ModelEntry& model : services_.library.models())
        there = there || model.path == order.opens();
    fetch_->setEnabled(!there && !under_way);
    fetch_->setText(there       ? tr("On this machine")
                    : under_way ? tr("Downloading…")
                                : tr("Download %1").arg(downloadSize(file->bytes)));
    const QByteArray sum = file->files.first().sha256;
    detail_->setText(
        !file->verifiable()       ? tr("The hub has no SHA-256 of it: what comes cannot be checked by one.")
        : file->files.size() == 1 ? tr("SHA-256: %1").arg(QLatin1String(sum))
                                  : tr("Each of its files of weights is checked by the hub's SHA-256."));
}

void FindModels::fetch() {
    const HubFile* file = files_->at(table_->currentIndex());
    if (!file || !fetch_->isEnabled())
        return;
    services_.downloads.add(services_.hub.order(files_->listing(), *file, services_.models_folder));
    showFile();
}

} // namespace switchyard
