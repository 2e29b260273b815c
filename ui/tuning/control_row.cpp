#include "ui/tuning/control_row.h"

#include "app/services/engine_sentence.h"
#include "ui/control_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"
#include "ui/tuning/dial_slider.h"
#include "ui/tuning/number_box.h"
#include "ui/wheel_guard.h"

#include <QCoreApplication>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QProgressBar>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kFineSteps = 1000;       ///< above this many steps the slider becomes coarse at its far end
constexpr double kNoSlider = 10000000; ///< ranges wider than this (a seed) have a number box only

QString fromView(std::string_view text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

/// The mark of a dial that differs from the preset. It has a name of its own, so that it is not colour alone.
class Dot : public PlainLabel {
  public:
    explicit Dot(QWidget* parent) : PlainLabel(parent) { setFixedSize(8, 14); }
    void setOn(bool on) {
        on_ = on;
        update();
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        if (!on_)
            return;
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(coloursOf(palette()).accent);
        painter.drawEllipse(QPointF(3, height() / 2.0), 3, 3);
    }

  private:
    bool on_ = false;
};

/// Beside the dial stands only what is not the rule, that it acts on the next token.
QString actsMark(ControlActs acts) { return acts == ControlActs::Now ? QString() : actsWord(acts); }

int decimalsOf(double step) {
    int decimals = 0;
    while (decimals < 4 && std::abs(step - std::round(step)) > 1e-9) {
        step *= 10;
        ++decimals;
    }
    return decimals;
}

/// One number where it is known well, else from which to which.
QString speedText(const SpeedRange& speed) {
    const auto whole = [](double value) { return QLocale().toString(value, 'f', value < 10 ? 1 : 0); };
    if (speed.high <= 1.25 * speed.low)
        return ControlRow::tr("about %1 tokens/s").arg(whole((speed.low + speed.high) / 2));
    return ControlRow::tr("%1 to %2 tokens/s").arg(whole(speed.low), whole(speed.high));
}

QString bytesText(quint64 bytes) { return QLocale().formattedDataSize(static_cast<qint64>(bytes), 1); }

} // namespace

QString actsWord(ControlActs acts) {
    switch (acts) {
    case ControlActs::Now:
        return QCoreApplication::translate("Controls", "now");
    case ControlActs::NextMessage:
        return QCoreApplication::translate("Controls", "next message");
    case ControlActs::Reload:
        return QCoreApplication::translate("Controls", "reload");
    }
    return {};
}

ControlRow::ControlRow(const ControlSpec& spec, QWidget* parent)
    : QWidget(parent), spec_(spec), value_(spec.fallback), preset_(spec.fallback), minimum_(spec.minimum),
      maximum_(spec.maximum) {
    const QString id = fromView(spec.name);
    setObjectName(u"tune."_s + id);
    dot_ = new Dot(this);
    dot_->setObjectName(u"tune.%1.dot"_s.arg(id));
    name_ = new PlainLabel(controlText(spec.label), this);
    acts_ = new PlainLabel(actsMark(spec.acts), this);
    acts_->setProperty("muted", true);
    acts_->setProperty("small", true);
    acts_->setObjectName(u"tune.%1.acts"_s.arg(id));
    note_ = new PlainLabel(this);
    note_->setWordWrap(true);
    note_->setProperty("small", true);
    note_->setObjectName(u"tune.%1.note"_s.arg(id));
    note_->hide();
    progress_ = new QProgressBar(this);
    progress_->setObjectName(u"tune.%1.progress"_s.arg(id));
    progress_->setTextVisible(false);
    progress_->setAccessibleName(tr("Progress of %1").arg(controlText(spec.label)));
    if (spec.kind == ControlKind::Choice) { // its room is kept, so that nothing below moves
        QSizePolicy policy = progress_->sizePolicy();
        policy.setRetainSizeWhenHidden(true);
        progress_->setSizePolicy(policy);
    }
    progress_->hide();
    if (spec.kind == ControlKind::Choice)
        buildChoice();
    else
        buildNumber();
    buildLayout();
    if (spec.kind == ControlKind::Choice) {
        std::vector<ChoiceForecast> plain;
        for (const std::string_view choice : spec.choices) { // the smallest on the left
            plain.insert(plain.begin(), ChoiceForecast());
            plain.front().name = fromView(choice);
        }
        setStops(plain);
    }
    showValue();
}

void ControlRow::buildNumber() {
    const QString id = fromView(spec_.name);
    box_ = new NumberBox(this);
    box_->setObjectName(u"tune.%1.box"_s.arg(id));
    box_->setButtonSymbols(QAbstractSpinBox::NoButtons);
    box_->setAlignment(Qt::AlignRight);
    box_->setKeyboardTracking(false);
    leaveWheelToPage(box_);
    box_->setDecimals(spec_.kind == ControlKind::Integer ? 0 : decimalsOf(spec_.step));
    box_->setSingleStep(spec_.step);
    if (!spec_.named.word.empty())
        box_->setNamed(spec_.named.value, controlText(spec_.named.word));
    box_->setGroupSeparatorShown(false);
    box_->setProperty("compact", true);
    connect(box_, &NumberBox::valueChanged, this, [this](double number) {
        if (!showing_)
            userMoved(number);
    });
    connect(box_, &NumberBox::limited, this, &ControlRow::showLimit, Qt::QueuedConnection);
    if (spec_.maximum - spec_.minimum <= kNoSlider) {
        slider_ = new DialSlider(this);
        slider_->setObjectName(u"tune.%1.slider"_s.arg(id));
        connect(slider_, &QSlider::valueChanged, this, [this](int position) {
            if (!showing_)
                userMoved(sliderNumber(position));
        });
        connect(slider_, &DialSlider::resetRequested, this, [this] { userMoved(preset_); });
    }
    setRange(spec_.minimum, spec_.maximum);
}

void ControlRow::buildChoice() {
    const QString id = fromView(spec_.name);
    chosen_ = new PlainLabel(this);
    chosen_->setObjectName(u"tune.%1.value"_s.arg(id));
    forecast_ = new PlainLabel(this);
    forecast_->setObjectName(u"tune.%1.forecast"_s.arg(id));
    forecast_->setProperty("muted", true);
    forecast_->setProperty("small", true);
    forecast_->setWordWrap(true);
    forecast_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    slider_ = new DialSlider(this);
    slider_->setObjectName(u"tune.%1.slider"_s.arg(id));
    // A choice may cost seconds of work: it is taken when the handle is let go, and shown before.
    slider_->setTracking(false);
    connect(slider_, &QSlider::valueChanged, this, [this](int stop) {
        if (!showing_ && stop < static_cast<int>(stops_.size()))
            userMoved(stops_[static_cast<std::size_t>(stop)].name.toStdString());
    });
    connect(slider_, &QSlider::sliderMoved, this, &ControlRow::showForecast);
    connect(slider_, &DialSlider::stopHovered, this, &ControlRow::showForecast);
    connect(slider_, &DialSlider::resetRequested, this, [this] { userMoved(preset_); });
}

void ControlRow::buildLayout() {
    auto* top = new QHBoxLayout;
    top->setSpacing(2);
    top->addWidget(dot_);
    top->addWidget(name_);
    top->addStretch();
    top->addWidget(acts_);
    top->addSpacing(4);
    if (box_) {
        const bool wide = !slider_;
        box_->setFixedWidth(wide ? 130 : 64);
        top->addWidget(box_);
    } else {
        top->addWidget(chosen_);
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(1);
    layout->addLayout(top);
    if (slider_)
        layout->addWidget(slider_);
    auto* bar = new QHBoxLayout;
    bar->setContentsMargins(10, 0, 10, 0);
    bar->addWidget(progress_);
    layout->addLayout(bar);
    for (QLabel* label : {forecast_, note_}) {
        if (!label)
            continue;
        label->setContentsMargins(10, 0, 0, 0);
        layout->addWidget(label);
    }
    setToolTip(wrappedTip(controlText(spec_.help)));
    name_->setBuddy(slider_ ? static_cast<QWidget*>(slider_) : box_);
}

void ControlRow::setRange(double minimum, double maximum) {
    if (!box_)
        return;
    showing_ = true;
    minimum_ = minimum;
    maximum_ = std::max(maximum, minimum);
    box_->setRange(minimum_, maximum_);
    if (slider_) {
        const double steps = std::round((maximum_ - minimum_) / spec_.step);
        slider_->setRange(0, static_cast<int>(std::min<double>(steps, kFineSteps)));
        slider_->setPageStep(std::max(1, slider_->maximum() / 10));
    }
    showing_ = false;
    showValue();
}

// Long ranges (tokens) go by the cube, so that small values can be hit as well as large ones.
int ControlRow::sliderPosition(double number) const {
    const double steps = std::round((maximum_ - minimum_) / spec_.step);
    if (steps <= kFineSteps)
        return static_cast<int>(std::round((number - minimum_) / spec_.step));
    const double share = (number - minimum_) / (maximum_ - minimum_);
    return static_cast<int>(std::round(std::cbrt(std::clamp(share, 0.0, 1.0)) * kFineSteps));
}

double ControlRow::sliderNumber(int position) const {
    const double steps = std::round((maximum_ - minimum_) / spec_.step);
    if (steps <= kFineSteps) {
        // A sum of steps misses 0.95 by a little.
        const double scale = std::pow(10.0, decimalsOf(spec_.step));
        return std::min(maximum_, std::round((minimum_ + position * spec_.step) * scale) / scale);
    }
    const double share = std::pow(static_cast<double>(position) / kFineSteps, 3);
    const double raw = minimum_ + share * (maximum_ - minimum_);
    return std::min(maximum_, minimum_ + std::round((raw - minimum_) / spec_.step) * spec_.step);
}

void ControlRow::setStops(const std::vector<ChoiceForecast>& stops) {
    stops_ = stops;
    QVector<bool> no_gain;
    for (const ChoiceForecast& choice : stops_)
        no_gain.push_back(choice.no_gain);
    showing_ = true;
    slider_->setStops(no_gain);
    showing_ = false;
    reserveForecast();
    showValue();
}

void ControlRow::setState(const DialState& state) {
    const bool said = note_->text() == hint();
    state_ = state;
    setEnabled(state.enabled);
    if (box_ && (state.minimum != minimum_ || state.maximum != maximum_))
        setRange(state.minimum, state.maximum);
    if (!box_ && !state.stops.empty())
        setStops(state.stops);
    if (said)
        setNote({});
    showValue();
}

QStringList ControlRow::stopNames() const {
    QStringList names;
    for (const ChoiceForecast& stop : stops_)
        names.push_back(stop.name);
    return names;
}

QString ControlRow::choiceLabel(int stop) const {
    const ChoiceForecast& choice = stops_[static_cast<std::size_t>(stop)];
    if (!choice.label.isEmpty())
        return choice.label;
    return choice.name == "file"_L1 ? tr("as in the file") : controlText(choice.name.toStdString());
}

QString ControlRow::forecastText(int stop, bool full) const {
    const ChoiceForecast& choice = stops_[static_cast<std::size_t>(stop)];
    QStringList parts;
    if (full)
        parts << choiceLabel(stop);
    if (choice.bytes > 0)
        parts << (choice.on_card ? tr("%1 of VRAM").arg(bytesText(choice.bytes)) : bytesText(choice.bytes));
    if (choice.speed.known())
        parts << speedText(choice.speed);
    if (choice.no_gain)
        parts << tr("no gain over the file");
    if (choice.experts_in_ram > 0)
        parts << tr("experts %1 in RAM").arg(bytesText(choice.experts_in_ram));
    if (!choice.note.isEmpty())
        parts << engineFallbacks(choice.note);
    const auto at = std::ranges::find(spec_.choices, choice.name.toStdString()) - spec_.choices.begin();
    if (at < std::ssize(spec_.costs) && !spec_.costs[static_cast<std::size_t>(at)].empty())
        parts << controlText(spec_.costs[static_cast<std::size_t>(at)]);
    if (spec_.name == "kv" && choice.bytes > 0)
        parts << tr("with a full context");
    return parts.join(u" · "_s);
}

void ControlRow::showForecast(int stop) {
    if (!forecast_ || stops_.empty())
        return;
    const int current = slider_->value();
    const bool other = stop >= 0 && stop < static_cast<int>(stops_.size()) && stop != current;
    const int shown = std::clamp(other ? stop : current, 0, static_cast<int>(stops_.size()) - 1);
    const QString text = forecastText(shown, other);
    forecast_->setText(other ? u"→ "_s + text : text);
    slider_->setToolTip(other ? plainTip(forecastText(shown, true)) : toolTip());
}

void ControlRow::userMoved(const ControlValue& value) {
    if (!note_->property("error").toBool())
        setNote({});
    if (value == value_)
        return showValue();
    value_ = value;
    showValue();
    Q_EMIT moved(value_);
}

void ControlRow::setValue(const ControlValue& value) {
    value_ = value;
    showValue();
}

void ControlRow::setPresetValue(const ControlValue& value) {
    preset_ = value;
    showValue();
}

bool ControlRow::differsFromPreset() const { return value_ != preset_; }

void ControlRow::showValue() {
    showing_ = true;
    const auto stop_of = [this](const ControlValue& value) {
        const auto* name = std::get_if<std::string>(&value);
        for (std::size_t i = 0; name && i < stops_.size(); ++i) {
            if (stops_[i].name.toStdString() == *name)
                return static_cast<int>(i);
        }
        return -1;
    };
    if (const auto* number = std::get_if<double>(&value_); number && box_) {
        box_->setValue(*number);
        if (slider_) {
            slider_->setValue(sliderPosition(*number));
            const auto* preset = std::get_if<double>(&preset_);
            slider_->setPresetPosition(preset ? sliderPosition(*preset) : -1);
        }
    } else if (chosen_ && !stops_.empty()) {
        int stop = stop_of(value_);
        const bool missing = stop < 0 && !state_.instead.isEmpty();
        if (missing) {
            stop = stop_of(state_.instead.toStdString());
            missing_ = tr("This device keeps no cache as %1: %2 is used instead.")
                           .arg(QString::fromStdString(format_control(spec_, value_)), state_.instead);
            setNote(missing_);
        } else if (!missing_.isEmpty()) {
            if (note_->text() == std::exchange(missing_, {}))
                setNote({});
        }
        if (stop >= 0)
            slider_->setValue(stop);
        slider_->setPresetPosition(stop_of(preset_));
        chosen_->setText(
            oneLine(stop >= 0 ? choiceLabel(stop) : QString::fromStdString(format_control(spec_, value_))));
        showForecast(-1);
    }
    static_cast<Dot*>(dot_)->setOn(isEnabled() && differsFromPreset());
    dot_->setToolTip(differsFromPreset() ? tr("Differs from the preset; double-click the slider to put the "
                                              "preset's value back")
                                         : QString());
    showing_ = false;
    updateAccessibility();
}

void ControlRow::updateAccessibility() {
    const QString label = controlText(spec_.label);
    QString name = chosen_ ? u"%1: %2"_s.arg(label, chosen_->text()) : label;
    if (differsFromPreset())
        name += u", "_s + tr("differs from the preset");
    const QString description = u"%1 %2: %3"_s.arg(controlText(spec_.help), tr("Acts"), actsWord(spec_.acts));
    for (QWidget* widget : {static_cast<QWidget*>(slider_), static_cast<QWidget*>(box_)}) {
        if (!widget)
            continue;
        widget->setAccessibleName(name);
        widget->setAccessibleDescription(description);
    }
}

/// Where something is offered, that says why the dial is off.
QString ControlRow::hint() const { return state_.offer == DialOffer::None ? state_.why : QString(); }

void ControlRow::setNote(const QString& sentence, bool is_error) {
    note_->setText(sentence.isEmpty() ? hint() : sentence);
    setLook(note_, "error", is_error);
    setLook(note_, "muted", !is_error);
    note_->setVisible(!note_->text().isEmpty());
}

void ControlRow::setProgress(quint32 done, quint32 total) {
    progress_->setVisible(total > 0 && done < total);
    progress_->setRange(0, static_cast<int>(total));
    progress_->setValue(static_cast<int>(done));
    recoding_ = total > 0 && done < total
                    ? tr("re-encoding %1 %").arg(100 * static_cast<qint64>(done) / total)
                    : QString();
    showAside();
}

void ControlRow::setEffect(const std::optional<DialEffect>& effect) {
    effect_ = effect;
    showAside();
}

/// As the dial shows it: 0 experts stand for the model's own number.
QString ControlRow::valueText(const ControlValue& value) const {
    if (state_.own && value == spec_.fallback)
        return QString::fromStdString(format_control(spec_, ControlValue(*state_.own)));
    for (int stop = 0; stop < static_cast<int>(stops_.size()); ++stop) {
        if (ControlValue(stops_[static_cast<std::size_t>(stop)].name.toStdString()) == value)
            return choiceLabel(stop);
    }
    return QString::fromStdString(format_control(spec_, value));
}

/// Beside the name: what is going on, or what the last move did, or that the dial does not act at once.
void ControlRow::showAside() {
    const bool told = effect_ && effect_->after > 0;
    QString text = actsMark(spec_.acts), tip;
    if (!recoding_.isEmpty()) {
        text = recoding_;
    } else if (told) {
        const auto speed = [](double rate) { return QLocale().toString(rate, 'f', rate < 10 ? 1 : 0); };
        text = tr("%1 → %2 t/s").arg(speed(effect_->before), speed(effect_->after));
        tip = tr("This answer ran at %1 tokens/s with %2, and at %3 with %4.")
                  .arg(speed(effect_->before), valueText(effect_->from), speed(effect_->after),
                       valueText(effect_->to));
    }
    acts_->setText(text);
    acts_->setToolTip(plainTip(tip));
    acts_->setAccessibleDescription(tip);
}

void ControlRow::showLimit(double typed) {
    const QString end = box_->textFromValue(typed > box_->maximum() ? box_->maximum() : box_->minimum());
    setNote(typed > box_->maximum() ? tr("%1 is the most this dial takes.").arg(end)
                                    : tr("%1 is the least this dial takes.").arg(end));
}

// The line has room for the longest of its texts, so that nothing below moves while choices are looked at.
void ControlRow::reserveForecast() {
    if (!forecast_ || stops_.empty())
        return;
    const int width = std::max(1, forecast_->width() - forecast_->contentsMargins().left());
    int height = 0;
    for (int stop = 0; stop < static_cast<int>(stops_.size()); ++stop) {
        const QString text = u"→ "_s + forecastText(stop, true);
        height = std::max(height, forecast_->fontMetrics()
                                      .boundingRect(QRect(0, 0, width, 10000), Qt::TextWordWrap, text)
                                      .height());
    }
    forecast_->setMinimumHeight(height);
}

void ControlRow::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    reserveForecast();
}

} // namespace switchyard
