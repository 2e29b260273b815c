// The narrow rail at the left: one button a page.
#pragma once

#include <QWidget>

class QButtonGroup;
class QVBoxLayout;

namespace switchyard {

class Rail : public QWidget {
    Q_OBJECT
  public:
    explicit Rail(QWidget* parent = nullptr);

    /// Adds a page's button; pages are numbered in this order. Pages after addStretch() stand at the bottom.
    void addPage(const QString& name, const QString& icon, const QString& title, const QString& tip);
    void addStretch();
    int current() const;
    void setCurrent(int page);

  Q_SIGNALS:
    void chosen(int page);

  private:
    QVBoxLayout* layout_;
    QButtonGroup* group_;
};

} // namespace switchyard
