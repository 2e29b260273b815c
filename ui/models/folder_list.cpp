#include "ui/models/folder_list.h"

#include "ui/theme.h"

#include <QDir>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QListWidget>
#include <QPushButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {

FolderList::FolderList(Settings& settings, const QString& own, const QString& name, QWidget* parent)
    : QWidget(parent), settings_(settings), own_(own) {
    list_ = new QListWidget(this);
    list_->setObjectName(name + u".folders"_s);
    list_->setAccessibleName(tr("Model folders"));
    list_->setMaximumHeight(96);
    auto* add = new QPushButton(themedIcon(u"new"_s), tr("Add folder…"), this);
    add->setObjectName(name + u".addFolder"_s);
    remove_ = new QPushButton(tr("Remove"), this);
    remove_->setObjectName(name + u".removeFolder"_s);
    remove_->setAccessibleDescription(tr("Takes the folder off the list; its files stay"));
    auto* buttons = new QVBoxLayout;
    buttons->addWidget(add);
    buttons->addWidget(remove_);
    buttons->addStretch();
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(list_, 1, Qt::AlignTop);
    layout->addLayout(buttons);
    connect(add, &QPushButton::clicked, this, [this] {
        auto* dialog = new QFileDialog(this, tr("Folder with models"), QDir::homePath());
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->setFileMode(QFileDialog::Directory);
        connect(dialog, &QFileDialog::fileSelected, this, &FolderList::addFolder);
        dialog->open();
    });
    connect(remove_, &QPushButton::clicked, this, &FolderList::removeChosen);
    connect(list_, &QListWidget::currentRowChanged, this, [this](int row) { remove_->setEnabled(row > 0); });
    connect(&settings_, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::ModelFolders)
            refresh();
    });
    refresh();
}

void FolderList::refresh() {
    list_->clear();
    list_->addItem(tr("%1 (always searched)").arg(QDir::toNativeSeparators(own_)));
    for (const QString& folder : settings_.get<Setting::ModelFolders>())
        list_->addItem(QDir::toNativeSeparators(folder));
    remove_->setEnabled(false);
}

void FolderList::addFolder(const QString& folder) {
    QStringList folders = settings_.get<Setting::ModelFolders>();
    if (folder.isEmpty() || folder == own_ || folders.contains(folder))
        return;
    settings_.set<Setting::ModelFolders>(folders << folder);
}

void FolderList::removeChosen() {
    QStringList folders = settings_.get<Setting::ModelFolders>();
    const int at = list_->currentRow() - 1;
    if (at < 0 || at >= folders.size())
        return;
    folders.removeAt(at);
    settings_.set<Setting::ModelFolders>(folders);
}

} // namespace switchyard
