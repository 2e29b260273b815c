// The Settings page. What is changed acts at once, or says that it acts at the next start.
#pragma once

#include "app/services/paths.h"
#include "app/services/settings.h"
#include "app/services/system_prompts.h"

#include "ui/page.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QSpinBox;
class QVBoxLayout;

namespace switchyard {

class SettingsPage : public Page {
    Q_OBJECT
  public:
    SettingsPage(Settings& settings, SystemPrompts& prompts, const Paths& paths, QWidget* parent = nullptr);

    PageSign sign() const override;
    QWidget* firstFocus() override;
    /// Puts a part behind those that there are; the page owns it.
    void append(QWidget* part);

  protected:
    void changeEvent(QEvent* event) override;

  private:
    void keepReadable();
    void buildAppearance(QVBoxLayout* layout);
    void buildChat(QVBoxLayout* layout);
    void buildFolders(QVBoxLayout* layout);
    void read();
    void showPrompts();

    Settings& settings_;
    SystemPrompts& prompts_;
    Paths paths_;
    QWidget* content_;
    QVBoxLayout* inner_;
    QComboBox *theme_, *contrast_, *language_, *prompt_;
    QSpinBox* font_;
    QCheckBox *enter_, *model_titles_, *notices_;
    QLabel *data_note_, *data_path_;
};

} // namespace switchyard
