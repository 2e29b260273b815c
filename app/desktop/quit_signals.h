// SIGTERM, SIGHUP and SIGINT as a Qt signal, so that the program ends as it does by its own menu.
#pragma once

#include <QObject>

class QSocketNotifier;

namespace switchyard {

class QuitSignals : public QObject {
    Q_OBJECT
  public:
    /// From now on these signals no longer end the process. One that was ignored when the process began (as
    /// nohup does) stays so. One object a process.
    explicit QuitSignals(QObject* parent = nullptr);
    ~QuitSignals() override;

  Q_SIGNALS:
    void received();

  private:
    int read_end_ = -1;
    QSocketNotifier* notifier_ = nullptr;
};

} // namespace switchyard
