#include "ui/settings_form.h"

#include "ui/plain_text.h"

#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QSpinBox>
#include <QVBoxLayout>

namespace switchyard {

/// All are as wide, so that the fields stand in one column.
static QLabel* titleOf(const QString& title, QWidget* buddy) {
    auto* label = new PlainLabel(title);
    label->setMinimumWidth(label->fontMetrics().averageCharWidth() * 20);
    label->setBuddy(buddy);
    return label;
}

QFormLayout* addSettingsPart(QVBoxLayout* layout, const QString& title) {
    auto* heading = new PlainLabel(title);
    heading->setProperty("heading", true);
    layout->addSpacing(8);
    layout->addWidget(heading);
    auto* form = new QFormLayout;
    form->setLabelAlignment(Qt::AlignLeft);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->setHorizontalSpacing(24);
    form->setVerticalSpacing(10);
    layout->addLayout(form);
    return form;
}

void addSettingsRow(QFormLayout* form, const QString& title, QWidget* field) {
    if (qobject_cast<QComboBox*>(field) || qobject_cast<QSpinBox*>(field))
        field->setMaximumWidth(280);
    form->addRow(titleOf(title, field), field);
}

void addSettingsRow(QFormLayout* form, const QString& title, QWidget* buddy, QLayout* fields) {
    form->addRow(titleOf(title, buddy), fields);
}

QLabel* addSettingsNote(QFormLayout* form, const QString& text) {
    auto* note = new PlainLabel(text);
    note->setProperty("muted", true);
    note->setProperty("small", true);
    note->setWordWrap(true);
    note->setMinimumWidth(460); // else room is kept for the lines of a narrow one
    form->addRow(QString(), note);
    return note;
}

} // namespace switchyard
