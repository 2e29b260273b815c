// The parts of the Settings page: a heading, and rows whose fields stand in one column over all parts.
#pragma once

class QFormLayout;
class QLabel;
class QLayout;
class QString;
class QVBoxLayout;
class QWidget;

namespace switchyard {

QFormLayout* addSettingsPart(QVBoxLayout* layout, const QString& title);
void addSettingsRow(QFormLayout* form, const QString& title, QWidget* field);
/// A row of several fields; `buddy` is the one that the title stands for.
void addSettingsRow(QFormLayout* form, const QString& title, QWidget* buddy, QLayout* fields);
/// A small line of its own under a row.
QLabel* addSettingsNote(QFormLayout* form, const QString& text);

} // namespace switchyard
