// The stores in which other programs keep models.
#pragma once

#include "app/services/model_provider.h"

namespace switchyard {

/// The cache of Hugging Face's libraries: models--ORG--NAME/snapshots/COMMIT holds links to files in blobs/.
/// Listed as ORG/NAME, as refs/main says or else as the newest snapshot is.
/// Source: "Hub Local Cache", huggingface.co/docs/hub/local-cache.
class HuggingFaceModels : public ModelProvider {
  public:
    explicit HuggingFaceModels(QString cache, const ScanLimits& limits = {});
    QString name() const override { return QStringLiteral("Hugging Face"); }
    QList<FoundModel> find(const std::stop_token& stop) const override;
    QStringList watched() const override { return {cache_}; }

  private:
    QString snapshotOf(const QString& repository) const;
    QString cache_;
    ScanLimits limits_;
};

/// Ollama's store: manifests/HOST/OWNER/NAME/TAG is JSON whose layer of the type
/// application/vnd.ollama.image.model names a file in blobs/. Listed as NAME:TAG.
/// Source: server/internal/manifest/manifest.go of ollama/ollama.
class OllamaModels : public ModelProvider {
  public:
    explicit OllamaModels(QString store, const ScanLimits& limits = {});
    QString name() const override { return QStringLiteral("Ollama"); }
    QList<FoundModel> find(const std::stop_token& stop) const override;
    QStringList watched() const override;

  private:
    QString store_;
    ScanLimits limits_;
};

/// LM Studio's folders: PUBLISHER/NAME/FILE.gguf. Listed as PUBLISHER/NAME.
/// Source: "Import Models", lmstudio.ai/docs/basics/import-model.
class LmStudioModels : public ModelProvider {
  public:
    explicit LmStudioModels(QStringList folders, const ScanLimits& limits = {});
    QString name() const override { return QStringLiteral("LM Studio"); }
    QList<FoundModel> find(const std::stop_token& stop) const override;
    QStringList watched() const override { return folders_; }

  private:
    QStringList folders_;
    ScanLimits limits_;
};

/// GPT4All's folders of files. One that is still downloaded begins with "incomplete-" and is left out.
/// Source: "Settings", docs.gpt4all.io/gpt4all_desktop/settings.html, and gpt4all_python.html.
class Gpt4AllModels : public FolderModels {
  public:
    using FolderModels::FolderModels;
    QString name() const override { return QStringLiteral("GPT4All"); }
    QList<FoundModel> find(const std::stop_token& stop) const override;
};

/// The user's folders, the stores where the environment or custom says that they lie, and what was opened by
/// its path.
ModelProviders modelProviders(const QStringList& folders, const QStringList& opened = {});

} // namespace switchyard
