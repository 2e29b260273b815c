// Named system prompts, a text file each. What a chat has is its own copy.
#pragma once

#include "app/services/named_files.h"

#include <QObject>

namespace switchyard {

class SystemPrompts : public QObject {
    Q_OBJECT
  public:
    explicit SystemPrompts(const QString& folder, QObject* parent = nullptr);

    QStringList names() const { return files_.names(); }
    bool has(const QString& name) const { return files_.has(name); }
    // What goes wrong is a sentence in `error`.
    /// nullopt where it is gone or unreadable.
    std::optional<QString> load(const QString& name, QString* error = nullptr) const;
    /// In place of one of that name.
    bool save(const QString& name, const QString& text, QString* error = nullptr);
    bool rename(const QString& from, const QString& to, QString* error = nullptr);
    bool remove(const QString& name, QString* error = nullptr);

  Q_SIGNALS:
    void changed();

  private:
    NamedFiles files_;
};

} // namespace switchyard
