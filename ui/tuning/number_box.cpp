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

QString NumberBox::textFromValue(double value) const {
    if (!word_.isEmpty() && std::abs(value - named_value_) < 0.5 * std::pow(10.0, -decimals()))
        return word_;
    return QDoubleSpinBox::textFromValue(value);
}

double NumberBox::valueFromText(const QString& text) const {
    if (!word_.isEmpty() && text.trimmed().compare(word_, Qt::CaseInsensitive) == 0)
        return named_value_;
    bool is_number = false;
    const double number = locale().toDouble(text.trimmed(), &is_number);
    return std::clamp(is_number ? number : value(), minimum(), maximum());
}

// Whatever may become a number or the word can be typed; what it is taken for is said when it is done.
QValidator::State NumberBox::validate(QString& text, int&) const {
    const QString typed = text.trimmed();
    if (!word_.isEmpty() && word_.startsWith(typed, Qt::CaseInsensitive))
        return typed.size() == word_.size() ? QValidator::Acceptable : QValidator::Intermediate;
    bool is_number = false;
    const double number = locale().toDouble(typed, &is_number);
    if (is_number && std::isfinite(number))
        return number >= minimum() && number <= maximum() ? QValidator::Acceptable : QValidator::Intermediate;
    const bool may_become = std::all_of(typed.begin(), typed.end(), [](QChar c) {
        return c.isDigit() || c == u'.' || c == u',' || c == u'-' || c == u'+';
    });
    return may_become ? QValidator::Intermediate : QValidator::Invalid;
}

void NumberBox::fixup(QString& text) const {
    bool is_number = false;
    const double number = locale().toDouble(text.trimmed(), &is_number);
    if (is_number && (number < minimum() || number > maximum()))
        Q_EMIT limited(number);
    text = textFromValue(is_number ? std::clamp(number, minimum(), maximum()) : value());
}

} // namespace switchyard
