// A download on screen: what it is, how far it is, and what can be done with it. The same wherever it stands.
#pragma once

#include "app/services/hub/downloads.h"

#include <QWidget>

#include <map>

class QLabel;
class QProgressBar;
class QToolButton;
class QVBoxLayout;

namespace switchyard {

/// "212 MB of 491 MB · 12 MB/s · 23 s left", or how it ended; its error whole.
QString downloadStateText(const Download& download);

class DownloadRow : public QWidget {
    Q_OBJECT
  public:
    /// `name` opens the object names of its parts. Loading is offered where somebody hears it.
    DownloadRow(Downloads& downloads, DownloadId id, const QString& name, bool may_load,
                QWidget* parent = nullptr);
    DownloadId id() const { return id_; }
    void takeFocus(); ///< on the first of its buttons

  Q_SIGNALS:
    void loadRequested(const QString& path);

  private:
    void showState();
    QToolButton* addButton(const QString& name, const QString& text);

    Downloads& downloads_;
    const DownloadId id_;
    const bool may_load_;
    QLabel *title_, *state_;
    QProgressBar* bar_;
    QToolButton *pause_, *resume_, *cancel_, *close_, *load_;
};

/// All that are under way or ended just now; hidden while there are none.
class DownloadList : public QWidget {
    Q_OBJECT
  public:
    DownloadList(Downloads& downloads, const QString& name, bool may_load, QWidget* parent = nullptr);

  Q_SIGNALS:
    void loadRequested(const QString& path);

  private:
    void show(DownloadId id);

    Downloads& downloads_;
    const QString name_;
    const bool may_load_;
    QVBoxLayout* layout_;
    std::map<DownloadId, DownloadRow*> rows_;
};

} // namespace switchyard
