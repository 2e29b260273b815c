#include "ui/tuning/number_box.h"

#include <algorithm>
#include <cmath>

namespace switchyard {

void NumberBox::setNamed(double value, const QString& word) {
    named_value_ = value;
    word_ = word;
    setValue(this->value()); // shown anew
    update();
}

// A keypad has one of the two decimal signs, whatever the language: where the user's own gives no number, or
// one that this dial cannot have, the other is tried.
std::optional<double> NumberBox::numberOf(const QString& text) const {
    const QString typed = text.trimmed();
    bool is_own = false, is_other = false;
    const double own = locale().toDouble(typed, &is_own);
    const double other = QLocale::c().toDouble(QString(typed).replace(u',', u'.'), &is_other);
    is_own = is_own && std::isfinite(own);
    is_other = is_other && std::isfinite(other);
    if (is_other && (!is_own || (!within(own) && within(other))))
        return other;
    return is_own ? std::optional(own) : std::nullopt;
}

QString NumberBox::textFromValue(double value) const {
    if (!word_.isEmpty() && std::abs(value - named_value_) < 0.5 * std::pow(10.0, -decimals()))
        return word_;
    return QDoubleSpinBox::textFromValue(value);
}

double NumberBox::valueFromText(const QString& text) const {
    if (!word_.isEmpty() && text.trimmed().compare(word_, Qt::CaseInsensitive) == 0)
        return named_value_;
    return std::clamp(numberOf(text).value_or(value()), minimum(), maximum());
}

// Whatever may become a number or the word can be typed; what it is taken for is said when it is done.
QValidator::State NumberBox::validate(QString& text, int&) const {
    const QString typed = text.trimmed();
    if (!word_.isEmpty() && word_.startsWith(typed, Qt::CaseInsensitive))
        return typed.size() == word_.size() ? QValidator::Acceptable : QValidator::Intermediate;
    if (const std::optional<double> number = numberOf(typed))
        return within(*number) ? QValidator::Acceptable : QValidator::Intermediate;
    const bool may_become = std::all_of(typed.begin(), typed.end(), [](QChar c) {
        return c.isDigit() || c == u'.' || c == u',' || c == u'-' || c == u'+';
    });
    return may_become ? QValidator::Intermediate : QValidator::Invalid;
}

void NumberBox::fixup(QString& text) const {
    const std::optional<double> number = numberOf(text);
    if (number && !within(*number))
        Q_EMIT limited(*number);
    text = textFromValue(number ? std::clamp(*number, minimum(), maximum()) : value());
}

} // namespace switchyard
