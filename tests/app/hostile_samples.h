// Files of chats that are not as they should be, made to order. (Apart from the tests, as moc does not read
// all of what stands here.)
#pragma once

#include <QByteArray>
#include <QList>

namespace switchyard {

inline QByteArray node(const QByteArray& id, const QByteArray& parent, const QByteArray& children,
                       const QByteArray& role) {
    return "\"" + id + "\": {\"id\": \"" + id + "\", \"parent\": " + parent + ", \"children\": [" + children +
           R"(], "message": {"author": {"role": ")" + role +
           R"("}, "content": {"content_type": "text", "parts": ["words of )" + id + "\"]}}}";
}

inline QByteArray conversation(const QList<QByteArray>& nodes, const QByteArray& current) {
    return R"([{"title": "T", "current_node": ")" + current + R"(", "mapping": {)" + nodes.join(", ") + "}}]";
}

/// A file of ours, made by hand.
inline QByteArray ownSample() {
    return R"({"format": "switchyard-chats", "version": 1, "folders": ["F"], "chats": [
{"id": 5, "title": "T", "created": "2026-01-02T03:04:05.678Z", "changed": "2026-01-02T03:04:06.000Z", "folder": 0,
 "pinned": true, "system_prompt": "S", "tuning": {"temperature": 0.5}, "draft": {"text": "d", "files": [{"kind": "file",
 "text": "x", "name": "n"}], "edits": [{"message": 1, "text": "e"}]}, "shown": 1, "messages": [
 {"number": 1, "author": "user", "state": "complete", "created": "2026-01-02T03:04:05.678Z", "parts": [{"kind": "text",
  "text": "q"}], "shown": 2},
 {"number": 2, "parent": 1, "author": "assistant", "state": "stopped", "created": "2026-01-02T03:04:05.999Z", "model": "m",
  "parts": [{"kind": "thinking", "text": "t", "milliseconds": 5}, {"kind": "text", "text": "a"}]}]}]})";
}

inline QByteArray openAiList(const QByteArray& answer) {
    return R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ")" + answer +
           "\"}]}";
}

/// Of ours, with as many messages.
inline QByteArray ownChain(int count) {
    QByteArray messages;
    for (int i = 1; i <= count; ++i)
        messages += (i == 1 ? "" : ",") + QByteArray(R"({"number": )") + QByteArray::number(i) +
                    R"(, "parent": )" + QByteArray::number(i - 1) +
                    R"(, "author": "user", "parts": [{"kind": "text", "text": "w"}]})";
    return R"({"format": "switchyard-chats", "version": 1, "folders": [], "chats": [{"id": 1, "messages": [)" +
           messages + R"(], "title": "T"}]})";
}

/// Of ours, with parents that come later, numbers that come twice, and what is no number.
inline QByteArray ownTangle() {
    return R"({"format": "switchyard-chats", "version": 1, "chats": [{"title": "T", "messages": [
{"number": 1, "parent": 2, "parts": [{"kind": "text", "text": "a"}]},
{"number": 2, "parent": 1, "parts": [{"kind": "text", "text": "b"}]},
{"number": 2, "parent": 2, "parts": [{"kind": "new", "text": "c"}]},
{"number": -7, "parent": 99999999999999999999, "parts": {}}], "shown": 77}]})";
}

} // namespace switchyard
