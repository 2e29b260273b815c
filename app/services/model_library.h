// The models on this machine: what the providers find, each read as far as its table says of it.
#pragma once

#include "app/services/model_provider.h"

#include <QFileSystemWatcher>
#include <QList>
#include <QObject>
#include <QStringList>
#include <QTimer>

#include <memory>
#include <stop_token>

namespace switchyard {

struct ModelEntry {
    QString path;
    QString name;   ///< as its users know it: a file's own, "NAME:TAG"
    QString source; ///< the provider's name
    int rank = 0;   ///< the provider's: the user's own folders come first
    int parts = 1;  ///< files of weights
    quint64 bytes = 0;
    QString architecture;
    QString licence;        ///< as its files say: "apache-2.0"; "": not said
    QString precision;      ///< of most of its weights: "Q4_1"
    quint64 parameters = 0; ///< total
    int context = 0, experts = 0, experts_active = 0;
    QString error; ///< not empty: it cannot be used, and why
    bool folder = false;
    qint64 changed = 0; ///< ms since 1970, when its first file or its folder was written
};

class Background;

class ModelLibrary : public QObject {
    Q_OBJECT
  public:
    explicit ModelLibrary(ModelProviders providers, QObject* parent = nullptr);
    ~ModelLibrary() override;

    void setProviders(ModelProviders providers); ///< and scans
    /// Looks again, in a thread of its own; changed() follows. Also done where a model came or went.
    void rescan();
    bool scanning() const { return scanning_; }
    const QList<ModelEntry>& models() const { return models_; } ///< by source, then by name

    /// The path of the model that a first start opens; "" where none can be used. One of the user's folders,
    /// a dense one, as its authors made it, before one with experts, and the largest that leaves half of
    /// `memory` (bytes, 0: not known) free.
    static QString toBeginWith(const QList<ModelEntry>& models, quint64 memory);

    /// Reads the header of a file or of a folder's files. Never throws: what is wrong stands in `error`.
    static ModelEntry inspect(const FoundModel& model);

  Q_SIGNALS:
    void changed();

  private:
    struct Scan {
        QList<ModelEntry> found;
        QStringList watched; ///< folders that are there
    };
    static Scan scan(const ModelProviders& providers, const std::stop_token& stop);
    void take(const Scan& scan);
    void watch(const QStringList& folders);
    ModelProviders providers_;
    QFileSystemWatcher watcher_;
    QTimer settled_; ///< something came or went, and nothing more for a while
    QList<ModelEntry> models_;
    bool scanning_ = false, again_ = false;
    std::unique_ptr<Background> scanner_; ///< made with the first scan
};

} // namespace switchyard
