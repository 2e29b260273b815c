// Where models lie on this machine: the user's folders, and the stores that other programs keep.
#pragma once

#include <QList>
#include <QString>
#include <QStringList>

#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

namespace switchyard {

/// A model that was found and not yet read.
struct FoundModel {
    QString path;      ///< to open it by: a GGUF file, the first of several, or a folder
    QString name;      ///< as its users know it, never that of a blob
    quint64 bytes = 0; ///< of all its files
    int parts = 1;     ///< files of weights
};

/// How much of a store is looked at: it may be of any size, and its links may go in circles.
struct ScanLimits {
    int depth = 8;         ///< folders within each other
    int entries = 50'000;  ///< files and folders
    int models = 2'000;    ///< that are found
    int bytes = 1'000'000; ///< of a file that tells of a model
};

class ModelProvider {
  public:
    virtual ~ModelProvider() = default;
    /// What its models are listed under.
    virtual QString name() const = 0;
    /// Looks for them; of a store that is broken, what can be made out. Takes its time: for another thread.
    virtual QList<FoundModel> find(const std::stop_token& stop) const = 0;
    /// Folders in which something comes or goes when a model does.
    virtual QStringList watched() const = 0;
};

using ModelProviders = std::vector<std::shared_ptr<const ModelProvider>>;

/// GGUF files and Hugging Face folders (config.json beside weights or a tokenizer) under any of `folders`.
class FolderModels : public ModelProvider {
  public:
    explicit FolderModels(QStringList folders, const ScanLimits& limits = {});
    QString name() const override;
    QList<FoundModel> find(const std::stop_token& stop) const override;
    QStringList watched() const override { return folders_; }

  private:
    QStringList folders_;
    ScanLimits limits_;
};

/// Models that were opened by their paths, wherever they lie. Nothing is watched: such a place may be a
/// folder in which everything comes and goes.
class OpenedModels : public ModelProvider {
  public:
    explicit OpenedModels(QStringList paths) : paths_(std::move(paths)) {}
    QString name() const override;
    QList<FoundModel> find(const std::stop_token& stop) const override;
    QStringList watched() const override { return {}; }

  private:
    QStringList paths_;
};

/// Walks through a folder and what it holds, breadth first and by name: models are put into `found`. Folders
/// are not entered through links; of a file that is seen twice the first is taken.
class ModelWalk {
  public:
    /// `inside`: models with files that links lead out of it to are left out; empty: they may lead anywhere.
    ModelWalk(const ScanLimits& limits, const std::stop_token& stop, QString inside = {});
    void walk(const QString& folder, QList<FoundModel>& found);
    /// The model that a path is, if it is one: a file, the first part of a split one, or a folder.
    void take(const QString& path, QList<FoundModel>& found);

  private:
    bool takeFolder(const QString& folder, const QStringList& files, QList<FoundModel>& found);
    void takeFile(const QString& path, const QStringList& beside, QList<FoundModel>& found);
    bool mayLie(const QString& path) const;
    bool fresh(const QString& path);

    ScanLimits limits_;
    std::stop_token stop_;
    QString inside_;
    int left_; ///< entries that may still be looked at
    QStringList seen_;
};

} // namespace switchyard
