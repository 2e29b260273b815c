#include "app/services/draft_text.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

constexpr QChar kDraftMark(0x0001);

} // namespace

QString draftToText(const Draft& draft) {
    if (draft.files.isEmpty() && draft.edits.isEmpty() && !draft.system_prompt &&
        !draft.text.startsWith(kDraftMark))
        return draft.text;
    QJsonArray files;
    for (const MessagePart& file : draft.files)
        files.append(QJsonObject{{u"name"_s, file.name}, {u"text"_s, file.text}});
    QJsonObject edits; // ids are larger than what a number in JSON holds exactly
    for (auto edit = draft.edits.cbegin(); edit != draft.edits.cend(); ++edit)
        edits.insert(QString::number(edit.key()), edit.value());
    QJsonObject all{{u"text"_s, draft.text}, {u"files"_s, files}, {u"edits"_s, edits}};
    if (draft.system_prompt)
        all.insert(u"system_prompt"_s, *draft.system_prompt);
    return kDraftMark + QString::fromUtf8(QJsonDocument(all).toJson(QJsonDocument::Compact));
}

Draft draftFromText(const QString& stored) {
    if (!stored.startsWith(kDraftMark))
        return {stored, {}, {}};
    const QJsonDocument json = QJsonDocument::fromJson(QStringView(stored).mid(1).toUtf8());
    if (!json.isObject())
        return {stored, {}, {}};
    Draft draft;
    draft.text = json[u"text"_s].toString();
    for (const QJsonValue& file : json[u"files"_s].toArray())
        draft.files.append({PartKind::File, file[u"text"_s].toString(), file[u"name"_s].toString(), 0});
    const QJsonObject edits = json[u"edits"_s].toObject();
    for (auto edit = edits.begin(); edit != edits.end(); ++edit)
        draft.edits.insert(edit.key().toLongLong(), edit.value().toString());
    if (const QJsonValue prompt = json[u"system_prompt"_s]; prompt.isString())
        draft.system_prompt = prompt.toString();
    return draft;
}

} // namespace switchyard
