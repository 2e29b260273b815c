#include "ui/tuning/tune_column.h"

#include "app/services/engine_sentence.h"
#include "engine/base/error.h"
#include "ui/plain_text.h"
#include "ui/theme.h"
#include "ui/tuning/carve_panel.h"
#include "ui/tuning/control_row.h"
#include "ui/tuning/device_picker.h"
#include "ui/tuning/preset_bar.h"
#include "ui/tuning/section.h"

#include <QEvent>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QScrollArea>
#include <QToolButton>
#include <QVBoxLayout>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

QLabel* heading(const QString& text, QWidget* parent) {
    auto* label = new PlainLabel(text, parent);
    label->setProperty("heading", true);
    label->setContentsMargins(10, 0, 0, 0);
    return label;
}

} // namespace

TuneColumn::TuneColumn(std::span<const ControlSpec> specs, Presets& presets, Settings& settings,
                       QWidget* parent)
    : QWidget(parent), presets_(presets), settings_(settings) {
    setObjectName(u"tune"_s);
    setProperty("surface", true);
    setAttribute(Qt::WA_StyledBackground);
    keepReadable();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    buildHeader(layout);

    auto* content = new QWidget(this);
    content->setObjectName(u"tune.content"_s);
    list_ = new QVBoxLayout(content);
    list_->setContentsMargins(5, 4, 12, 16);
    list_->setSpacing(8);
    scroll_ = new QScrollArea(this);
    scroll_->setObjectName(u"tune.scroll"_s);
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setFocusPolicy(Qt::NoFocus);
    scroll_->setWidget(content);
    scroll_->viewport()->setAutoFillBackground(false);
    content->setAutoFillBackground(false); // the column's own background shows
    layout->addWidget(scroll_, 1);

    buildRows(specs);
    list_->addStretch(1);
    connect(preset_bar_, &PresetBar::chosen, this, [this](const QString& name, const Tuning& preset) {
        applyPreset(name, Presets::chosen(name, preset, tuning_));
    });
    connect(preset_bar_, &PresetBar::resetRequested, this,
            [this] { applyPreset(preset_bar_->current(), preset_); });
    preset_bar_->setCurrent(settings_.get<Setting::Preset>());
    setCapabilities({});
}

/// With larger letters names and boxes need more room beside one another.
void TuneColumn::keepReadable() { setMinimumWidth(std::max(240, fontMetrics().averageCharWidth() * 32)); }

void TuneColumn::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        keepReadable();
}

void TuneColumn::buildHeader(QVBoxLayout* layout) {
    auto* title = new PlainLabel(tr("Tune"), this);
    title->setProperty("title", true);
    preset_bar_ = new PresetBar(presets_, this);
    fold_ = new QToolButton(this);
    fold_->setObjectName(u"tune.close"_s);
    fold_->setIcon(themedIcon(u"close"_s));
    fold_->setAccessibleName(tr("Fold the Tune column"));
    auto* row = new QHBoxLayout;
    row->setContentsMargins(14, 8, 8, 8);
    row->setSpacing(6);
    row->addWidget(title);
    row->addWidget(preset_bar_, 1);
    row->addWidget(fold_);
    layout->addLayout(row);
}

void TuneColumn::addScope(const QString& title, const QString& name) {
    QLabel* label = heading(title, this);
    label->setObjectName(u"tune.scope."_s + name);
    list_->addWidget(label);
}

Section* TuneColumn::addGroup(const QString& name, const QString& title, Setting folded) {
    auto* section = new Section(name, title, this);
    section->setFolded(settings_.read(settingRow(folded)).toBool());
    connect(section, &Section::foldedChanged, this,
            [this, folded](bool on) { settings_.write(settingRow(folded), on); });
    list_->addWidget(section);
    return section;
}

void TuneColumn::buildRows(std::span<const ControlSpec> specs) {
    const auto add = [this](const ControlSpec& spec, QVBoxLayout* layout) {
        auto* row = new ControlRow(spec, this);
        rows_[std::string(spec.name)] = row;
        layout->addWidget(row);
        connect(row, &ControlRow::moved, this,
                [this, &spec](const ControlValue& value) { moved(spec, value); });
    };
    for (const ControlScope scope : {ControlScope::Chat, ControlScope::Model}) {
        const bool chat = scope == ControlScope::Chat;
        addScope(chat ? tr("this chat") : tr("all chats of this model"), chat ? u"chat"_s : u"model"_s);
        for (const ControlSpec& spec : specs) {
            if (spec.primary && spec.scope == scope)
                add(spec, list_);
        }
    }
    const std::tuple<ControlGroup, QString, QString, Setting> groups[] = {
        {ControlGroup::Base, u"base"_s, tr("Base"), Setting::FoldedBase},
        {ControlGroup::Extension, u"extension"_s, tr("Extension"), Setting::FoldedExtension},
        {ControlGroup::Dynamic, u"dynamic"_s, tr("Dynamic"), Setting::FoldedDynamic}};
    for (const auto& [group, name, group_title, folded] : groups) {
        Section* section = addGroup(name, group_title, folded);
        if (group == ControlGroup::Base) {
            device_ = new DevicePicker(section);
            section->body()->addWidget(device_);
            auto* facts = new QWidget(section);
            facts_ = new QFormLayout(facts);
            section->body()->addWidget(facts);
            buildFacts();
        }
        for (const ControlSpec& spec : specs) {
            if (!spec.primary && spec.group == group)
                add(spec, section->body());
        }
        sections_.push_back(section);
    }
    carve_ = new CarvePanel(this); // stands under the dial that is off for want of it
    carve_->hide();
    connect(carve_, &CarvePanel::carveRequested, this, &TuneColumn::carveRequested);
    connect(carve_, &CarvePanel::cancelRequested, this, &TuneColumn::carveCancelled);
    connect(carve_, &CarvePanel::openRequested, this, &TuneColumn::openModelRequested);
}

void TuneColumn::buildFacts() {
    facts_->setContentsMargins(10, 0, 0, 0);
    facts_->setHorizontalSpacing(12);
    facts_->setVerticalSpacing(3);
    const std::pair<QString, QString> facts[] = {
        {u"model"_s, tr("Model")},           {u"architecture"_s, tr("Architecture")},
        {u"device"_s, tr("Device")},         {u"context"_s, tr("Context")},
        {u"file"_s, tr("File's precision")}, {u"weights"_s, tr("Weights in memory")}};
    for (const auto& [name, title] : facts) {
        auto* key = new PlainLabel(title, this);
        key->setProperty("muted", true);
        key->setProperty("small", true);
        auto* value = new PlainLabel(this);
        value->setObjectName(u"tune.fact."_s + name);
        value->setProperty("small", true);
        value->setWordWrap(true);
        value->setTextInteractionFlags(Qt::TextSelectableByMouse);
        facts_->addRow(key, value);
        fact_labels_[name] = value;
    }
}

void TuneColumn::showFacts() {
    const Capabilities& c = capabilities_;
    const QLocale locale;
    const auto set = [this](const QString& name, const QString& text) {
        fact_labels_[name]->setText(text.isEmpty() ? u"–"_s : oneLine(text));
    };
    set(u"model"_s, c.model_name);
    set(u"architecture"_s,
        c.experts > 0 ? tr("%1, %2 experts").arg(c.architecture).arg(c.experts) : c.architecture);
    set(u"device"_s, c.device);
    set(u"context"_s, c.context > 0 ? tr("%1 tokens").arg(locale.toString(c.context)) : QString());
    set(u"file"_s, c.file_precision);
    set(u"weights"_s,
        c.weights_bytes > 0 ? locale.formattedDataSize(static_cast<qint64>(c.weights_bytes), 1) : QString());
}

ControlRow* TuneColumn::row(std::string_view name) const {
    const auto it = rows_.find(name);
    return it == rows_.end() ? nullptr : it->second;
}

void TuneColumn::setCapabilities(const Capabilities& capabilities) {
    capabilities_ = capabilities;
    showStates();
    for (Section* section : sections_)
        section->setVisible(section->hasContent());
    presets_.setModelDefaults(capabilities.defaults);
    showFacts();
    showPreset();
    showTuning();
}

void TuneColumn::setExpectedSpeeds(const Capabilities& capabilities) {
    capabilities_.weights = capabilities.weights;
    showStates();
}

void TuneColumn::showStates() {
    bool carves = false;
    for (const auto& [name, row] : rows_) {
        const DialState state = dialState(capabilities_, row->spec());
        row->setState(state);
        row->setVisible(state.shown);
        if (state.offer != DialOffer::Carve)
            continue;
        carves = true;
        carve_->setReason(capabilities_.model_path, state.why);
        auto* column = static_cast<QVBoxLayout*>(row->parentWidget()->layout());
        if (column->indexOf(carve_) != column->indexOf(row) + 1)
            column->insertWidget(column->indexOf(row) + 1, carve_);
    }
    carve_->setVisible(carves);
}

void TuneColumn::setTuning(const Tuning& tuning) {
    tuning_ = tuning;
    showTuning();
}

/// A default that stands for the model's own number is shown as that.
ControlValue TuneColumn::shownValue(const Tuning& tuning, const ControlRow& row) const {
    const ControlValue value = control_value(tuning, row.spec());
    return row.state().own && value == row.spec().fallback ? ControlValue(*row.state().own) : value;
}

void TuneColumn::showTuning() {
    bool changed = false;
    for (const auto& [name, row] : rows_) {
        row->setValue(shownValue(tuning_, *row));
        changed = changed || (row->isEnabled() && row->state().shown && row->differsFromPreset());
    }
    preset_bar_->setTuning(tuning_);
    preset_bar_->setChanged(changed);
}

void TuneColumn::showPreset() {
    preset_ = presets_.load(preset_bar_->current()).value_or(capabilities_.defaults);
    for (const auto& [name, row] : rows_)
        row->setPresetValue(shownValue(preset_, *row));
}

void TuneColumn::moved(const ControlSpec& spec, const ControlValue& value) {
    ControlRow* moved_row = row(spec.name);
    try {
        tuning_ = with_control(tuning_, spec, value);
        moved_row->setNote({});
    } catch (const Error& error) {
        moved_row->setNote(engineSentence(QString::fromUtf8(error.what())), true);
        return;
    }
    showTuning();
    Q_EMIT tuningMoved(tuning_);
}

void TuneColumn::applyPreset(const QString& name, const Tuning& preset) {
    settings_.set<Setting::Preset>(name);
    tuning_ = preset;
    showPreset();
    showTuning();
    Q_EMIT tuningMoved(tuning_);
}

void TuneColumn::setRecodeProgress(quint32 done, quint32 total) {
    for (const auto& [name, row] : rows_) {
        if (row->spec().scope == ControlScope::Model)
            row->setProgress(done, total);
    }
}

void TuneColumn::showCarving(const Job& job) { carve_->show(job); }

} // namespace switchyard
