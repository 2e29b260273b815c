#include "ui/tuning/preset_bar.h"

#include "ui/plain_text.h"
#include "ui/theme.h"
#include "ui/wheel_guard.h"

#include <QAction>
#include <QComboBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>
#include <QShortcut>
#include <QStackedLayout>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace switchyard {

PresetBar::PresetBar(Presets& presets, QWidget* parent) : QWidget(parent), presets_(presets) {
    box_ = new QComboBox(this);
    box_->setObjectName(u"preset.box"_s);
    box_->setAccessibleName(tr("Preset"));
    box_->setAccessibleDescription(tr("Named settings of the dials"));
    box_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    leaveWheelToPage(box_);
    name_ = new QLineEdit(this);
    name_->setObjectName(u"preset.name"_s);
    name_->setAccessibleName(tr("Name of the preset"));
    name_->setMaxLength(80);
    auto* cancel = new QShortcut(
        Qt::Key_Escape, name_, this, [this] { stack_->setCurrentWidget(box_); }, Qt::WidgetShortcut);
    cancel->setObjectName(u"preset.cancel"_s);

    menu_button_ = new QToolButton(this);
    menu_button_->setObjectName(u"preset.menu"_s);
    menu_button_->setIcon(themedIcon(u"more"_s));
    menu_button_->setPopupMode(QToolButton::InstantPopup);
    menu_button_->setToolTip(tr("Save, rename or delete presets"));
    menu_button_->setAccessibleName(tr("Presets menu"));
    auto* menu = new QMenu(menu_button_);
    save_ = menu->addAction(tr("Save"), this, [this] {
        QString error;
        presets_.save(current(), tuning_, &error);
        say(error);
    });
    save_as_ =
        menu->addAction(tr("Save as…"), this, [this] { askName(tr("Name of the new preset"), {}, false); });
    reset_ =
        menu->addAction(themedIcon(u"reset"_s), tr("Put all dials back"), this, &PresetBar::resetRequested);
    menu->addSeparator();
    menu->addAction(tr("Import a preset…"), this, &PresetBar::askImport)->setObjectName(u"preset.import"_s);
    export_ = menu->addAction(tr("Share as a file…"), this, &PresetBar::askExport);
    export_->setObjectName(u"preset.export"_s);
    menu->addSeparator();
    rename_ = menu->addAction(tr("Rename…"), this, [this] { askName(tr("New name"), current(), true); });
    delete_ = menu->addAction(tr("Delete…"), this, &PresetBar::remove);
    save_->setObjectName(u"preset.save"_s);
    save_as_->setObjectName(u"preset.saveAs"_s);
    reset_->setObjectName(u"preset.reset"_s);
    rename_->setObjectName(u"preset.rename"_s);
    delete_->setObjectName(u"preset.delete"_s);
    menu_button_->setMenu(menu);

    error_ = new PlainLabel(this);
    error_->setObjectName(u"preset.error"_s);
    error_->setWordWrap(true);
    error_->setProperty("error", true);
    error_->hide();

    stack_ = new QStackedLayout;
    stack_->addWidget(box_);
    stack_->addWidget(name_);
    auto* row = new QHBoxLayout;
    row->setSpacing(4);
    row->addLayout(stack_, 1);
    row->addWidget(menu_button_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addLayout(row);
    layout->addWidget(error_);

    connect(box_, &QComboBox::activated, this, &PresetBar::choose);
    connect(name_, &QLineEdit::returnPressed, this, &PresetBar::takeName);
    connect(&presets_, &Presets::changed, this, &PresetBar::refresh);
    refresh();
}

QString PresetBar::current() const { return box_->currentData().toString(); }

void PresetBar::setCurrent(const QString& name) {
    box_->setCurrentIndex(std::max(0, box_->findData(name)));
    setChanged(changed_);
}

void PresetBar::setChanged(bool changed) {
    changed_ = changed;
    const bool fixed = Presets::isFixed(current());
    save_->setEnabled(changed && !fixed);
    reset_->setEnabled(changed);
    rename_->setEnabled(!fixed);
    delete_->setEnabled(!fixed);
    export_->setEnabled(!fixed);
}

void PresetBar::refresh() {
    const QString chosen = current();
    box_->clear();
    for (const QString& name : presets_.names())
        box_->addItem(oneLine(Presets::title(name)), name);
    setCurrent(chosen);
}

void PresetBar::choose(int index) {
    QString error;
    const QString name = box_->itemData(index).toString();
    const auto tuning = presets_.load(name, &error);
    say(error);
    if (tuning)
        Q_EMIT chosen(name, *tuning);
}

void PresetBar::askName(const QString& title, const QString& suggestion, bool rename) {
    renaming_ = rename;
    name_->setPlaceholderText(title);
    name_->setText(suggestion);
    name_->selectAll();
    stack_->setCurrentWidget(name_);
    name_->setFocus();
}

void PresetBar::takeName() {
    const QString name = name_->text().trimmed();
    if (name.isEmpty())
        return;
    QString error;
    const bool done =
        renaming_ ? presets_.rename(current(), name, &error) : presets_.save(name, tuning_, &error);
    say(error);
    if (!done)
        return;
    refresh();
    setCurrent(name);
    stack_->setCurrentWidget(box_);
    box_->setFocus();
    if (const auto tuning = presets_.load(name))
        Q_EMIT chosen(name, *tuning);
}

void PresetBar::askImport() {
    auto* dialog = new QFileDialog(this, tr("Import a preset"), {}, tr("Presets (*.json)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, &PresetBar::importFile);
    dialog->open();
}

void PresetBar::importFile(const QString& file) {
    QString error;
    const QString name = presets_.import(file, &error);
    say(error);
    const auto tuning = name.isEmpty() ? std::nullopt : presets_.load(name);
    if (!tuning)
        return;
    refresh();
    setCurrent(name);
    Q_EMIT chosen(name, *tuning);
}

void PresetBar::askExport() {
    auto* dialog = new QFileDialog(this, tr("Share the preset as a file"), {}, tr("Presets (*.json)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(u"json"_s);
    dialog->selectFile(current() + u".json"_s);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        QString error;
        presets_.exportTo(current(), file, &error);
        say(error);
    });
    dialog->open();
}

void PresetBar::remove() {
    const QString name = current();
    QMessageBox* question =
        plainBox(QMessageBox::Question, tr("Delete preset"),
                 tr("Delete the preset “%1”? The dials stay as they are.").arg(name), {}, this);
    question->addButton(QMessageBox::Cancel);
    question->setObjectName(u"preset.deleteQuestion"_s);
    QPushButton* yes = question->addButton(tr("Delete"), QMessageBox::DestructiveRole);
    connect(question, &QMessageBox::buttonClicked, this, [this, name, yes](QAbstractButton* button) {
        if (button != yes)
            return;
        QString error;
        presets_.remove(name, &error);
        say(error);
        setCurrent({});
        if (const auto own = presets_.load({}))
            Q_EMIT chosen({}, *own);
    });
    question->open();
}

void PresetBar::say(const QString& error) {
    error_->setText(fewLines(error));
    error_->setVisible(!error.isEmpty());
}

} // namespace switchyard
