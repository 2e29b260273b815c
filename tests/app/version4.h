// A database of chats as version 4 of its tables had it: frozen here, whatever the program's own tables
// become.
#pragma once

#include "version3.h"

namespace switchyard {

class Version4 : public Version3 {
  public:
    explicit Version4(const QString& path) : Version3(path) {
        run(QStringLiteral("ALTER TABLE conversations ADD COLUMN system_prompt TEXT NOT NULL DEFAULT ''"));
        run(QStringLiteral("PRAGMA user_version = 4"));
        run(QStringLiteral("UPDATE conversations SET system_prompt = 'Be brief.'"));
    }

    /// An answer (see add()) by this model.
    void addBy(const QString& model, const QString& fingerprint, qint64 id, const RunRecord& record,
               const QString& text) {
        add(id, record, text);
        run(QStringLiteral("UPDATE messages SET model = ? WHERE id = ?"), {model, id});
        run(QStringLiteral("UPDATE runs SET model = ?, model_hash = ? WHERE message = ?"),
            {model, fingerprint, id});
    }
};

} // namespace switchyard
