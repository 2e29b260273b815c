#include "ui/models/models_page.h"

#include "ui/models/folder_list.h"
#include "ui/models/model_picker.h"
#include "ui/models/model_table.h"
#include "ui/theme.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

ModelsPage::ModelsPage(ModelLibrary& library, Settings& settings, const QString& own_folder, QWidget* parent)
    : QWidget(parent), library_(library) {
    setObjectName(u"models"_s);
    auto* title = new QLabel(tr("Models"), this);
    title->setProperty("title", true);
    line_ = new QLabel(this);
    line_->setObjectName(u"models.line"_s);
    line_->setProperty("muted", true);
    line_->setWordWrap(true);
    model_ = new ModelTable(this);
    table_ = new QTableView(this);
    table_->setObjectName(u"models.table"_s);
    table_->setAccessibleName(tr("Models in your folders"));
    table_->setModel(model_);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setShowGrid(false);
    table_->setTabKeyNavigation(false);
    table_->setWordWrap(false);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(32);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    table_->horizontalHeader()->setSectionResizeMode(ModelTable::Name, QHeaderView::Interactive);
    table_->horizontalHeader()->setStretchLastSection(true);
    table_->setColumnWidth(ModelTable::Name, 320);
    detail_ = new QLabel(this);
    detail_->setObjectName(u"models.detail"_s);
    detail_->setWordWrap(true);
    detail_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    detail_->hide();

    load_ = new QPushButton(tr("Load"), this);
    load_->setObjectName(u"models.load"_s);
    load_->setProperty("primary", true);
    auto* open = new QPushButton(themedIcon(u"folder"_s), tr("Open a model file…"), this);
    open->setObjectName(u"models.openFile"_s);
    auto* rescan = new QPushButton(themedIcon(u"refresh"_s), tr("Look again"), this);
    rescan->setObjectName(u"models.rescan"_s);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(load_);
    buttons->addWidget(open);
    buttons->addWidget(rescan);
    buttons->addStretch();
    auto* folders_title = new QLabel(tr("Folders that are searched"), this);
    folders_title->setProperty("heading", true);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 18, 24, 18);
    layout->setSpacing(10);
    layout->addWidget(title);
    layout->addWidget(line_);
    layout->addWidget(table_, 1);
    layout->addWidget(detail_);
    layout->addLayout(buttons);
    layout->addSpacing(6);
    layout->addWidget(folders_title);
    layout->addWidget(new FolderList(settings, own_folder, u"models"_s, this));

    connect(load_, &QPushButton::clicked, this, &ModelsPage::loadChosen);
    connect(table_, &QTableView::activated, this, &ModelsPage::loadChosen);
    connect(open, &QPushButton::clicked, this, &ModelsPage::openFileRequested);
    connect(rescan, &QPushButton::clicked, &library_, &ModelLibrary::rescan);
    connect(&library_, &ModelLibrary::changed, this, &ModelsPage::refresh);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &ModelsPage::showChosen);
    refresh();
}

void ModelsPage::refresh() {
    const ModelEntry* chosen = model_->entry(table_->currentIndex());
    const QString path = chosen ? chosen->path : loaded_;
    model_->setModels(library_.models());
    for (int row = 0; row < model_->rowCount(); ++row) {
        if (library_.models()[row].path == path)
            table_->selectRow(row);
    }
    table_->setColumnHidden(ModelTable::Note,
                            std::none_of(library_.models().begin(), library_.models().end(),
                                         [](const ModelEntry& m) { return !m.error.isEmpty(); }));
    showChosen();
}

void ModelsPage::showChosen() {
    const ModelEntry* chosen = model_->entry(table_->currentIndex());
    load_->setEnabled(chosen && chosen->error.isEmpty());
    setLook(detail_, "error", chosen && !chosen->error.isEmpty());
    detail_->setText(!chosen ? QString() : !chosen->error.isEmpty() ? chosen->error : chosen->path);
    detail_->setVisible(!detail_->text().isEmpty());
    const auto count = static_cast<int>(library_.models().size());
    QString line = library_.scanning() ? tr("Looking through the folders…")
                   : count == 0
                       ? tr("No model files were found. Open one, or add a folder that has GGUF files.")
                       : tr("%n model file(s) in your folders.", nullptr, count);
    if (!loaded_.isEmpty())
        line += u" "_s + tr("In use: %1.").arg(loaded_.section(u'/', -1));
    line_->setText(line);
}

void ModelsPage::loadChosen() {
    const ModelEntry* chosen = model_->entry(table_->currentIndex());
    if (chosen && chosen->error.isEmpty())
        Q_EMIT loadRequested(chosen->path);
}

void ModelsPage::setLoaded(const QString& path) {
    loaded_ = path;
    refresh();
}

void ModelsPage::setError(const QString& sentence) {
    setLook(detail_, "error", true);
    detail_->setText(sentence);
    detail_->setVisible(!sentence.isEmpty());
}

} // namespace switchyard
