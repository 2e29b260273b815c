// What the hub's API answers, read into plain data. Whatever an answer holds, the result is bounded and its
// names are plain. Fields as huggingface_hub has them (hf_api.py: ModelInfo, RepoFile, BlobLfsInfo).
#pragma once

#include "app/services/hub/download.h"

namespace switchyard {

struct HubModel {
    QString name;    ///< "owner/name"
    QString licence; ///< "apache-2.0"; "": not said
    quint64 downloads = 0, likes = 0;
    bool gated = false; ///< its licence has to be accepted there first
};

/// Files that are one model: a GGUF file, the parts of a split one, or the files of a folder.
struct HubFile {
    QString name;      ///< "qwen2.5-0.5b-instruct-q4_k_m.gguf", or "Folder (safetensors)"
    QString precision; ///< by its name: "Q4_K_M"; "": not said
    bool folder = false;
    QList<DownloadFile> files; ///< urls are relative to the repository's files
    quint64 bytes = 0;
    bool verifiable() const; ///< the list has the SHA-256 of every file of weights
};

struct HubListing {
    HubModel model;
    QString commit;         ///< that the files are of
    quint64 parameters = 0; ///< 0: not said
    int context = 0;        ///< tokens; 0: not said
    QString architecture;
    QList<HubFile> files; ///< the smallest first
};

/// Whether this is "owner/name" as the hub allows it.
bool isHubName(const QString& text);

/// An array of models; nothing where it is none.
std::optional<QList<HubModel>> readModels(const QByteArray& json);
/// What is said of one model; files are left out. Nothing where it makes no sense.
std::optional<HubListing> readModel(const QByteArray& json);
/// Its files, as the tree lists them. Nothing where it is no list.
std::optional<QList<HubFile>> readTree(const QByteArray& json);
/// The same of a list that came in several answers.
std::optional<QList<HubFile>> readTreePages(const QList<QByteArray>& pages);

} // namespace switchyard
