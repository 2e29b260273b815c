// A database of chats as version 3 of its tables had it: frozen here, whatever the program's own tables
// become.
#pragma once

#include "version2.h"

namespace switchyard {

class Version3 : public Version2 {
  public:
    explicit Version3(const QString& path) : Version2(path) {
        for (const char* statement :
             {"ALTER TABLE runs ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0",
              "ALTER TABLE runs ADD COLUMN told INTEGER NOT NULL DEFAULT 0",
              "ALTER TABLE runs ADD COLUMN experts TEXT NOT NULL DEFAULT ''",
              "ALTER TABLE runs ADD COLUMN precisions TEXT NOT NULL DEFAULT ''",
              "ALTER TABLE runs ADD COLUMN speed REAL NOT NULL DEFAULT 0",
              "CREATE INDEX runs_to_move ON runs(id) WHERE encoding < 2",
              "CREATE TABLE run_tokens (run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, kind"
              " INTEGER NOT NULL DEFAULT 0, first INTEGER NOT NULL, count INTEGER NOT NULL, bytes BLOB NOT"
              " NULL, PRIMARY KEY (run, kind, first))",
              "PRAGMA user_version = 3", "INSERT INTO folders(id, name, position) VALUES(5, 'Old folder', 0)",
              "UPDATE conversations SET folder = 5, pinned = 1"})
            run(QString::fromLatin1(statement));
    }
};

} // namespace switchyard
