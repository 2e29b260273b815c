// One program a data folder: a second start asks the first to show its window.
#pragma once

#include <QLocalServer>
#include <QLockFile>
#include <QObject>

#include <memory>

namespace switchyard {

class SingleInstance : public QObject {
    Q_OBJECT
  public:
    explicit SingleInstance(const QString& data_folder, QObject* parent = nullptr);
    /// True where this is the first program of the folder. False: the first was asked to come to the front.
    /// A folder that cannot be written counts as free.
    bool claim();

  Q_SIGNALS:
    void raiseRequested();

  private:
    QString folder_, server_name_;
    std::unique_ptr<QLockFile> lock_;
    QLocalServer server_;
};

} // namespace switchyard
