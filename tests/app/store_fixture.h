// Waiting for a store's answers, and messages to put into it.
#pragma once

#include "app/services/conversation_store.h"

#include <QEventLoop>
#include <QTest>
#include <QTimer>

#include <optional>

namespace switchyard {

/// Calls `ask` with a context and an answer callback, and waits for it.
template <typename T, typename Ask>
T wait(Ask ask) {
    auto result = std::make_shared<std::optional<T>>();
    QEventLoop loop; // wakes with the answer, so that waiting can be timed
    QTimer::singleShot(20000, &loop, &QEventLoop::quit);
    ask(&loop, [result, &loop](T value) {
        *result = std::move(value);
        loop.quit();
    });
    if (!result->has_value())
        loop.exec();
    if (!result->has_value())
        qFatal("the store did not answer");
    return **result;
}

inline QList<ConversationSummary> listOf(ConversationStore& store) {
    return wait<QList<ConversationSummary>>([&](auto* context, auto answer) { store.list(context, answer); });
}

inline QList<ChatFolder> foldersOf(ConversationStore& store) {
    return wait<QList<ChatFolder>>([&](auto* context, auto answer) { store.listFolders(context, answer); });
}

/// Of all chats, sorted.
inline QStringList titlesIn(ConversationStore& store) {
    QStringList titles;
    for (const ConversationSummary& chat : listOf(store))
        titles.append(chat.title);
    titles.sort();
    return titles;
}

inline Conversation openOf(ConversationStore& store, ConversationId id) {
    return wait<Conversation>([&](auto* context, auto answer) { store.open(id, context, answer); });
}

/// An answer's record with its tokens; an empty one where there is none.
inline RunRecord runOf(ConversationStore& store, MessageId id) {
    const auto runs = wait<ConversationStore::Runs>(
        [&](auto* context, auto answer) { store.readRuns({id}, context, answer); });
    const auto found = runs->find(id);
    return found != runs->end() ? found->second : RunRecord();
}

inline QList<SearchHit> searchOf(ConversationStore& store, const QString& text) {
    return wait<QList<SearchHit>>([&](auto* context, auto answer) { store.search(text, context, answer); });
}

inline Message messageOf(ConversationId conversation, MessageId parent, Author author, const QString& text) {
    Message message;
    message.id = ConversationStore::newId();
    message.conversation = conversation;
    message.parent = parent;
    message.author = author;
    message.parts = {{PartKind::Text, text, {}, 0}};
    return message;
}

/// Some conversation with this question in it.
inline ConversationId chatWith(ConversationStore& store, const QString& title, const QString& text) {
    const ConversationId id = ConversationStore::newId();
    store.create(id, title, {});
    store.append(messageOf(id, 0, Author::User, text));
    return id;
}

} // namespace switchyard
