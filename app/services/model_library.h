// The model files in the user's folders.
#pragma once

#include <QList>
#include <QObject>
#include <QStringList>

#include <memory>
#include <stop_token>

namespace switchyard {

struct ModelEntry {
    QString path;
    QString name; ///< file name
    quint64 bytes = 0;
    QString architecture;
    QString precision;      ///< of most of its weights: "Q4_1"
    quint64 parameters = 0; ///< total
    int context = 0, experts = 0, experts_active = 0;
    QString error; ///< not empty: it cannot be used, and why
};

class Background;

class ModelLibrary : public QObject {
    Q_OBJECT
  public:
    explicit ModelLibrary(const QStringList& folders, QObject* parent = nullptr);
    ~ModelLibrary() override;

    void setFolders(const QStringList& folders); ///< and scans
    QStringList folders() const { return folders_; }
    /// Looks again, in a thread of its own; changed() follows.
    void rescan();
    bool scanning() const { return scanning_; }
    const QList<ModelEntry>& models() const { return models_; } ///< by name

    /// The path of the model that a first start opens; "" where none can be used. A dense one, as its authors
    /// made it, before one with experts, and the largest that leaves half of `memory` (bytes, 0: not known)
    /// free.
    static QString toBeginWith(const QList<ModelEntry>& models, quint64 memory);

    /// Reads one file's header. Never throws: what is wrong stands in `error`.
    static ModelEntry inspect(const QString& path);

  Q_SIGNALS:
    void changed();

  private:
    static QList<ModelEntry> scan(const QStringList& folders, const std::stop_token& stop);
    void take(const QList<ModelEntry>& found);
    QStringList folders_;
    QList<ModelEntry> models_;
    bool scanning_ = false, again_ = false;
    std::unique_ptr<Background> scanner_; ///< made with the first scan
};

} // namespace switchyard
