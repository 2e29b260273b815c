// The list of chats in words.
#pragma once

#include <QAbstractItemModel>
#include <QStringList>

namespace switchyard {

/// A line a group: its name and the titles in it.
inline QStringList described(const QAbstractItemModel& model) {
    QStringList lines;
    for (int g = 0; g < model.rowCount(); ++g) {
        const QModelIndex group = model.index(g, 0);
        QStringList titles;
        for (int i = 0; i < model.rowCount(group); ++i)
            titles += model.index(i, 0, group).data().toString();
        lines += group.data().toString() + QStringLiteral(": ") + titles.join(QStringLiteral(", "));
    }
    return lines;
}

} // namespace switchyard
