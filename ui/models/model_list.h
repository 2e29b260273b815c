// The table of models on screen: a file that cannot be used says why over the columns it has nothing for, in
// as many lines as it takes.
#pragma once

#include <QTableView>

namespace switchyard {

class ModelTable;

class ModelList : public QTableView {
    Q_OBJECT
  public:
    explicit ModelList(ModelTable* models, QWidget* parent = nullptr);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void chooseColumns();
    void layOutRows();
    int heightOf(int row) const;

    ModelTable* models_;
};

} // namespace switchyard
