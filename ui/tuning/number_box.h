// The number of a dial: typed freely, shown with a word where a value has one ("off").
#pragma once

#include <QDoubleSpinBox>

#include <optional>

namespace switchyard {

class NumberBox : public QDoubleSpinBox {
    Q_OBJECT
  public:
    using QDoubleSpinBox::QDoubleSpinBox;

    /// Shows `word` instead of `value`; the word can be typed, too.
    void setNamed(double value, const QString& word);

    QString textFromValue(double value) const override;
    double valueFromText(const QString& text) const override;
    QValidator::State validate(QString& text, int& position) const override;
    void fixup(QString& text) const override;

  Q_SIGNALS:
    /// A number outside the range was typed; the nearest end is taken.
    void limited(double typed) const;

  private:
    std::optional<double> numberOf(const QString& text) const;
    bool within(double number) const { return number >= minimum() && number <= maximum(); }

    double named_value_ = 0;
    QString word_;
};

} // namespace switchyard
